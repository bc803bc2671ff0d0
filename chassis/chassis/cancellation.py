"""Cancellations that nobody of ours has asked for."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def not_of_others() -> Iterator[None]:
    """Go on after a cancellation that a library lets out of a task of its own; whoever is cancelled still ends."""
    try:
        yield
    except asyncio.CancelledError:
        if (this := asyncio.current_task()) and this.cancelling():
            raise
