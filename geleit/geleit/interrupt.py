"""Ctrl-C and SIGTERM end a run in order, and a second one does not hurt."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import TypeVar

import uvloop

T = TypeVar("T")
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_until_interrupted(main: Coroutine[object, object, T]) -> T | None:
    """Run `main`; the first signal cancels it, and None is returned once it has cleaned up."""
    return uvloop.run(_guarded(main))


async def _guarded(main: Coroutine[object, object, T]) -> T | None:
    task = asyncio.ensure_future(main)
    interrupted = asyncio.Event()

    def interrupt() -> None:
        # Later ones are heard and do nothing: the stop that the first began has its own time limits.
        if not interrupted.is_set():
            interrupted.set()
            task.cancel()

    loop = asyncio.get_running_loop()
    for number in ENDING:
        loop.add_signal_handler(number, interrupt)
    try:
        return await task
    except asyncio.CancelledError:
        if interrupted.is_set():
            return None
        raise
