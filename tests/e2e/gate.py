"""A door in front of the mail server that tests shut, or behind which nobody answers."""

import asyncio
from contextlib import suppress

from geleit.probe import LOOPBACK, free_port


class Gate:
    """Forwards SMTP to the catcher; `hanging` connections are accepted and never answered."""

    def __init__(self) -> None:
        self.port = free_port()
        self.target = 0
        self.hanging = 0
        """How many of the next connections nobody answers."""
        self.hung = 0
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


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    sink.close()
