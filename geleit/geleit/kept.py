"""Keeps an embedded part running while geleit runs: a Kafka or PostgreSQL that dies is started again."""

import asyncio
from contextlib import suppress

import asyncpg

from geleit.embedded.part import Part
from geleit.failures import Failure
from geleit.progress import Steps

LOOK_EVERY = 0.2
PAUSE = 2.0
"""Seconds until a part that could not be started is tried once more."""


class KeptPart:
    """A part from `start` to `stop`; what kills it in between is put right, what stops it by `stop` is meant."""

    def __init__(self, part: Part, steps: Steps) -> None:
        self.name = part.name
        self.restarts = 0
        self._part = part
        self._steps = steps
        self._keeper: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return self._part.url

    @property
    def pid(self) -> int | None:
        return self._part.pid

    def alive(self) -> bool:
        return self._part.alive()

    def kill(self) -> None:
        """SIGKILL; it is started again on what it had written."""
        self._part.kill()

    async def start(self) -> None:
        await self._part.start()
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.name}")

    async def stop(self) -> None:
        try:
            if self._keeper is not None:
                self._keeper.cancel()
                with suppress(asyncio.CancelledError):
                    await self._keeper
                self._keeper = None
        finally:
            await self._part.stop()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            if not self._part.alive():
                self.restarts += 1
                self._steps.say(f"  {self.name} is gone; starting it again")
                try:
                    await self._part.start()
                except (Failure, OSError, asyncpg.PostgresError) as failure:
                    # A full disk, too: nobody else starts it again once there is room.
                    self._steps.say(f"  {failure}")
                    await asyncio.sleep(PAUSE)
