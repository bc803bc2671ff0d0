"""The database's owner: for commands that change what no service's role may."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection by this URL, closed at the end. Raises one of AWAY, or asyncpg.PostgresError."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()
