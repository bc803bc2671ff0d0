"""A door in front of the mail server that tests shut, or behind which nobody answers, or only says no."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from geleit.probe import LOOPBACK, free_port


class Gate:
    """Forwards SMTP to the catcher; `hanging` connections are accepted and never answered, others by `refusal`."""

    def __init__(self) -> None:
        self.port = free_port()
        self.target = 0
        self.hanging = 0
        """How many of the next connections nobody answers."""
        self.hung = 0
        self.refusal: int | None = None
        """With which code every recipient is refused (4xx: for now, 5xx: for good); None: nobody."""
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._pass, LOOPBACK, self.port)

    async def shut(self) -> None:
        """Refuse connections, and end those that are open."""
        assert self._server is not None
        self._server.close()
        self.drop()
        await self._server.wait_closed()
        self._server = None

    def drop(self) -> None:
        """End the connections that are open."""
        for writer in self._open:
            writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            if self.hanging:
                self.hanging -= 1
                self.hung += 1
                await reader.read()
                return
            if self.refusal:
                await _refuse(reader, writer, self.refusal)
                return
            inner, outer = await asyncio.open_connection(LOOPBACK, self.target)
            self._open.add(outer)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(_copy(reader, outer))
                    group.create_task(_copy(inner, writer))
            finally:
                self._open.discard(outer)
                outer.close()
        except OSError:
            return
        finally:
            self._open.discard(writer)
            writer.close()


@asynccontextmanager
async def open_gate() -> AsyncIterator[Gate]:
    """One that listens as long as the block lasts."""
    gate = Gate()
    await gate.open()
    try:
        yield gate
    finally:
        await gate.shut()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    sink.close()


async def _refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, code: int) -> None:
    """A mail server that takes no recipient."""
    writer.write(b"220 gate\r\n")
    while line := await reader.readline():
        answer = {b"RCPT": f"{code} no", b"QUIT": "221 bye"}.get(line[:4].upper(), "250 gate")
        writer.write(answer.encode() + b"\r\n")
        await writer.drain()
