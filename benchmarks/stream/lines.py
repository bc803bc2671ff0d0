"""Requests to one server over connections that are kept: what measures must not take the machine from what it measures.

With httpx the load generator took a third of a core for fifty requests a second, as much as the web process that
answers them; with these it takes a tenth.
"""

import asyncio
from collections.abc import Mapping

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Lines:
    """As many connections as there are requests at once; each serves one after the other."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._idle: list[Connection] = []

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body of the answer; OSError or IncompleteReadError if the line breaks."""
        stated = {"Host": self._host, "Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in stated.items())
        reader, writer = await self._free()
        writer.write(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        answered = dict(line.lower().split(": ", 1) for line in lines if line)
        content = await reader.readexactly(int(answered["content-length"]))
        self._idle.append((reader, writer))
        return int(status.split()[1]), content

    async def _free(self) -> Connection:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():  # the server hangs up on whoever is silent for a while
                return reader, writer
            writer.close()
        return await asyncio.open_connection(self._host, self._port)

    def close(self) -> None:
        """Hang up."""
        for _, writer in self._idle:
            writer.close()
