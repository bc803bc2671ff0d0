"""The HTTP client for what runs on this machine."""

import asyncio
import hashlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
import uvloop

from geleit import loopback


def test_server_that_ends_in_the_middle_of_a_connect_is_no_connection() -> None:
    """In a loop that is busy, so that the reset is there before anybody looks at the connection."""
    with _who_resets() as url:
        uvloop.run(_ask_while_busy(url))


@contextmanager
def _who_resets() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_reset_all, args=(server,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def _reset_all(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def _ask_while_busy(url: str) -> None:
    work = asyncio.create_task(_work())
    async with loopback.client(base_url=url) as http:
        for _ in range(20):
            with pytest.raises(httpx.TransportError):
                await http.get("/")
    work.cancel()


async def _work() -> None:
    while True:
        hashlib.pbkdf2_hmac("sha256", b"", b"", 10_000)
        await asyncio.sleep(0)
