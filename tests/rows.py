"""What a test asks of a database itself."""

from typing import Any

from chassis.database import Database, Tx

PLANNED = 10
"""PostgreSQL plans a statement anew for each of the first five times, and keeps the plan it then makes."""


async def rows(database: Database, sql: str, *args: object) -> list[tuple[Any, ...]]:
    """What a query of its own transaction finds."""
    async with database.transaction() as tx:
        return [tuple(row.values()) for row in await tx.fetch(sql, *args)]


async def somebody_waits(database: Database) -> bool:
    """Whether some transaction waits for another one's lock."""
    return bool(await rows(database, "select from pg_locks where not granted"))


async def rows_read(tx: Tx, *tables: str) -> int:
    """Rows that this transaction has read of one of these tables of its service, the one it has read most of."""
    return int(
        await tx.fetchval(
            "select max(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) from pg_stat_xact_user_tables"
            " where schemaname = current_schema() and relname = any($1)",
            tables,
        )
    )
