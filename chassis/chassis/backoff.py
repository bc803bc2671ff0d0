"""Waiting until the process is to stop at the latest; after failures longer each time, with jitter."""

import asyncio
import random

FIRST_SECONDS = 0.1
LAST_SECONDS = 10.0


async def pause(seconds: float, *until: asyncio.Event) -> None:
    """Wait so long, or until one of these is set."""
    waits = [asyncio.create_task(event.wait()) for event in until]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waits:
            one.cancel()


class Backoff:
    """The pauses between tries: doubling from 0.1 s to 10 s, each shortened by chance by up to a half."""

    def __init__(self) -> None:
        self._seconds = FIRST_SECONDS

    def reset(self) -> None:
        """It worked: the next failure waits shortly again."""
        self._seconds = FIRST_SECONDS

    async def wait(self, stop: asyncio.Event) -> None:
        """Wait out the next pause, or until `stop`."""
        seconds = self._seconds * random.uniform(0.5, 1)  # noqa: S311 - jitter, not a secret
        self._seconds = min(self._seconds * 2, LAST_SECONDS)
        await pause(seconds, stop)
