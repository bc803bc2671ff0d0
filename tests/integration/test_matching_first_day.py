"""What a page of matching reads does not grow with what is there."""

from uuid import UUID

import asyncpg
import pytest

from builders import REUTLINGEN, TUEBINGEN
from chassis.access.principal import Principal, Role, Tenant
from chassis.database import Database
from contracts.households import MAX_FAMILY
from contracts.vocabulary import CareStatus
from integration.conftest import OpenDatabase
from matching.store import handover
from matching.store.queries import query
from matching.web import store
from rows import PLANNED, rows_read

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
CARES_SOMEWHERE = """
insert into care (household, revision, household_revision, status, reason, municipality, district, registered_at,
                  decided_at, waiting_since, weight, needs)
select id, 1, 1, $2, 'no_capacity', $3, left($3, 5), now(), now(), now(), 0, 25 from unnest($1::uuid[]) as id
"""
MANAGERS = """
with p as (insert into provider (code, name) values ('P', 'P') returning code)
insert into manager (id, revision, code, provider, status, fte_hundredths, capacity, base_load, load, languages, skills,
                     service_area, active_from, changed_at)
select $1::uuid, 1, 'A', code, 'active', 100, 1200, 0, 0, '{}', '{}', '{08416041}', now(), now() from p
"""
MOVES = """
with h as (
    insert into handover (id, made_at, made_by, reason, status, moves_lower_bound)
    values ($1, now(), 'somebody', 'cut', 'proposed', 0)
    returning id
)
insert into handover_move (handover, household, care_revision, from_manager, cause, lost, status)
select h.id, household, 1, $2, 'grown', 0, 'uncovered' from h, unnest($3::uuid[]) as household
"""
DECISIONS = """
insert into decision (district, position, hash, receipt, decided_at)
select '08212', n, '', '', now() from generate_series(1, $1) as n
"""
LINKS = """
insert into decision_link (household, revision, district, position)
select case when n = 1 then $1::uuid else $2 end, n, '08212', n from generate_series(1, $3::bigint) as n
"""

A_PLAN, A_MANAGER = UUID(int=3), UUID(int=4)

FEW = 20


@pytest.fixture
async def worker(database: OpenDatabase) -> Database:
    return await database("matching")


@pytest.fixture
async def web(database: OpenDatabase) -> Database:
    return await database("matching", "web")


def who(role: Role, tenant: str) -> Principal:
    return Principal("1", "somebody", role, tenant, "session")


STATE = who(Role.STATE, "08")


async def live_in_two_districts(worker: Database) -> None:
    """Many wait in one of them, few in the other, where many have ended."""
    waiting, elsewhere, ended = (
        [UUID(int=first + number) for number in range(many)]
        for first, many in ((1, FEW), (THERE, THERE), (2 * THERE, THERE))
    )
    async with worker.transaction() as tx:
        await tx.execute(HOUSEHOLDS, waiting + elsewhere + ended)
        await tx.execute(CARES_SOMEWHERE, waiting, CareStatus.WAITING, TUEBINGEN)
        await tx.execute(CARES_SOMEWHERE, elsewhere, CareStatus.WAITING, REUTLINGEN)
        await tx.execute(CARES_SOMEWHERE, ended, CareStatus.ENDED, TUEBINGEN)


async def test_the_overview_counts_what_is_open_by_an_index_alone(
    worker: Database, web: Database, owner: asyncpg.Connection
) -> None:
    await live_in_two_districts(worker)
    await owner.execute("vacuum analyze matching.care")
    async with web.transaction(STATE.tenant) as tx:
        assert sum(row["households"] for row in await store.standing(tx, STATE)) == FEW + THERE
        await store.districts(tx, store.places_of(STATE))
        assert await rows_read(tx, "care") == 0


@pytest.mark.parametrize("asks", [who(Role.DISTRICT, TUEBINGEN[:5]), who(Role.MUNICIPALITY, TUEBINGEN)])
async def test_the_overview_reads_what_is_open_in_its_district(
    worker: Database, web: Database, asks: Principal
) -> None:
    await live_in_two_districts(worker)
    async with web.transaction(asks.tenant) as tx:
        assert sum(row["households"] for row in await store.standing(tx, asks)) == FEW
        await store.districts(tx, store.places_of(asks))
        assert await rows_read(tx, "care") <= FEW


@pytest.mark.parametrize("asks", [who(Role.DISTRICT, TUEBINGEN[:5]), who(Role.MUNICIPALITY, TUEBINGEN)])
async def test_a_waiting_list_reads_its_district_only(worker: Database, web: Database, asks: Principal) -> None:
    await live_in_two_districts(worker)
    async with web.transaction(asks.tenant) as tx:
        assert len(await store.waiting(tx, asks, None, None, after=None, limit=THERE)) == FEW
        assert await rows_read(tx, "care") <= 3 * FEW


async def test_a_plan_is_summed_up_without_the_households_that_somebody_takes(worker: Database, web: Database) -> None:
    many = [UUID(int=number) for number in range(1, THERE + 1)]
    async with worker.transaction() as tx:
        await tx.execute(HOUSEHOLDS, many)
        await tx.execute(CARES, many)
        await tx.execute(MANAGERS, A_MANAGER)
        await tx.execute(MOVES, A_PLAN, A_MANAGER, many)
    async with web.transaction(STATE.tenant) as tx:
        plan = await handover(tx, A_PLAN)
        assert plan is not None
        assert (plan["uncovered"], plan["persons_uncovered"]) == (THERE, 0)
        assert await rows_read(tx, "household") <= FEW


OF_CASES = ["household", "care", "assignment", "exclusion", "decision", "decision_link", "handover", "handover_move"]


@pytest.mark.parametrize("table", OF_CASES)
async def test_row_level_security_is_a_part_of_each_statement(web: Database, table: str) -> None:
    """A function that PostgreSQL does not take apart would be a statement of its own for each row."""
    async with web.transaction(STATE.tenant) as tx:
        plan = "\n".join(row[0] for row in await tx.fetch(f"explain (verbose) select from {table}"))
    assert "current_setting('geleit.role'" in plan
    assert "sees_" not in plan


async def test_whose_a_receipt_is_is_looked_up(worker: Database, web: Database) -> None:
    async with worker.transaction() as tx:
        await tx.execute(HOUSEHOLDS, [SHOWN, OTHER])
        await tx.execute(CARES, [SHOWN, OTHER])
        await tx.execute(DECISIONS, THERE)
        await tx.execute(LINKS, SHOWN, OTHER, THERE)
    async with web.transaction(Tenant(Role.STATE, "08")) as tx:
        assert len(await store.receipts(tx, SHOWN)) == 1
        assert await rows_read(tx, "decision_link") <= FEW


@pytest.mark.parametrize("reason", [None, "no_municipality"])
async def test_a_late_page_of_the_waiting_list_is_looked_up(
    worker: Database, web: Database, reason: str | None
) -> None:
    many = [UUID(int=number) for number in range(1, THERE + 1)]
    async with worker.transaction() as tx:
        await tx.execute(HOUSEHOLDS, many)
        await tx.execute(CARES, many)
        await tx.execute("update care set waiting_since = registered_at")
        since = await tx.fetchval("select min(waiting_since) from care")
    async with web.transaction(STATE.tenant) as tx:
        page = await store.waiting(tx, STATE, reason, None, after=(since, many[-FEW]), limit=5)
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
        assert await rows_read(tx, "household", "care") <= FEW
