"""What a page of matching reads does not grow with what is there."""

from uuid import UUID

import pytest

from chassis.access.principal import Role, Tenant
from chassis.database import Tx
from contracts.households import MAX_FAMILY
from integration.conftest import OpenDatabase
from matching.store.queries import query
from matching.web import store

THERE = 10_000
SHOWN, OTHER = UUID(int=1), UUID(int=2)
HOUSEHOLDS = """
insert into household (id, home, revision, status, registered_at)
select id, 0, 1, 'active', now() from unnest($1::uuid[]) as id
"""
CARES = """
insert into care (household, revision, household_revision, status, reason, registered_at, decided_at, weight, needs)
select id, 1, 1, 'waiting', 'no_municipality', now(), now(), 0, 25 from unnest($1::uuid[]) as id
"""
DECISIONS = """
insert into decision (district, position, hash, receipt, decided_at)
select '08212', n, '', '', now() from generate_series(1, $1) as n
"""
LINKS = """
insert into decision_link (household, revision, district, position)
select case when n = 1 then $1::uuid else $2 end, n, '08212', n from generate_series(1, $3::bigint) as n
"""

FEW = 20
PLANNED = 10
"""PostgreSQL plans a statement anew for each of the first five times, and keeps the plan it then makes."""


async def rows_read(tx: Tx, table: str) -> int:
    """Rows of a table that this transaction has read."""
    return int(
        await tx.fetchval(
            "select coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables"
            " where schemaname = 'matching' and relname = $1",
            table,
        )
    )


async def test_whose_a_receipt_is_is_looked_up(database: OpenDatabase) -> None:
    worker, web = await database("matching", "worker"), await database("matching", "web")
    async with worker.transaction() as tx:
        await tx.execute(HOUSEHOLDS, [SHOWN, OTHER])
        await tx.execute(CARES, [SHOWN, OTHER])
        await tx.execute(DECISIONS, THERE)
        await tx.execute(LINKS, SHOWN, OTHER, THERE)
    async with web.transaction(Tenant(Role.STATE, "08")) as tx:
        assert len(await store.receipts(tx, SHOWN)) == 1
        assert await rows_read(tx, "decision_link") <= FEW


@pytest.mark.parametrize("reason", [None, "no_municipality"])
async def test_a_late_page_of_the_waiting_list_is_looked_up(database: OpenDatabase, reason: str | None) -> None:
    worker, web = await database("matching", "worker"), await database("matching", "web")
    many = [UUID(int=number) for number in range(1, THERE + 1)]
    async with worker.transaction() as tx:
        await tx.execute(HOUSEHOLDS, many)
        await tx.execute(CARES, many)
        await tx.execute("update care set waiting_since = registered_at")
        since = await tx.fetchval("select min(waiting_since) from care")
    async with web.transaction(Tenant(Role.STATE, "08")) as tx:
        page = await store.waiting(tx, reason, None, (since, many[-FEW]), 5)
        assert [row["household"] for row in page] == many[-FEW + 1 : -FEW + 6]
        assert await rows_read(tx, "care") <= 3 * FEW


@pytest.mark.parametrize(("use", "tenant"), [("worker", None), ("web", Tenant(Role.STATE, "08"))])
async def test_relatives_are_looked_up(database: OpenDatabase, use: str, tenant: Tenant | None) -> None:
    """Also by pages, which plan handovers: under row-level security not every index may be searched."""
    asking, before = await database("matching", use), await database("matching", "worker")
    for _ in range(PLANNED):
        async with asking.transaction(tenant) as tx:
            await tx.fetch(query("relatives"), [str(SHOWN)], MAX_FAMILY)
    many = [UUID(int=number) for number in range(1, THERE + 1)]
    async with before.transaction() as tx:
        await tx.execute(HOUSEHOLDS, many)
        await tx.execute(CARES, many)
        await tx.execute("update household set facts = jsonb_build_object('family_group', id)")
    async with asking.transaction(tenant) as tx:
        await tx.fetch(query("relatives"), [str(SHOWN)], MAX_FAMILY)
        assert max([await rows_read(tx, table) for table in ("household", "care")]) <= FEW
