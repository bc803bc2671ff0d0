"""What a test asks of a database itself."""

from typing import Any

from chassis.database import Database


async def rows(database: Database, sql: str, *args: object) -> list[tuple[Any, ...]]:
    """What a query of its own transaction finds."""
    async with database.transaction() as tx:
        return [tuple(row.values()) for row in await tx.fetch(sql, *args)]


async def somebody_waits(database: Database) -> bool:
    """Whether some transaction waits for another one's lock."""
    return bool(await rows(database, "select from pg_locks where not granted"))
