"""Waiting for something to become true: a probe with a deadline, never a guess."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

from geleit.failures import Failure

LOOPBACK = "127.0.0.1"


class NotInTime(Failure):
    """What was waited for did not come true before its deadline."""


async def until(check: Callable[[], Awaitable[bool]], *, within: float, what: str, every: float = 0.05) -> None:
    """Return as soon as `check` says so; raise NotInTime after `within` seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                if await check():
                    return
        except TimeoutError:
            raise NotInTime(f"{what}: not within {within:g} s") from None
        if loop.time() + every > deadline:
            raise NotInTime(f"{what}: not within {within:g} s")
        await asyncio.sleep(every)


async def answers(port: int) -> bool:
    """Whether something accepts connections on this port of the loopback address."""
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    return True


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose last connections are in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port that nobody listens on, chosen by the operating system."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
