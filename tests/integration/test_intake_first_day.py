"""What one request reads does not grow with what is there, though its plan was made when nothing was."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from builders import a_care
from chassis.access.principal import Role, Tenant
from chassis.database import Tx
from contracts.vocabulary import CareReason, CareStatus
from intake import store
from intake.store import Head, Kept, Place
from integration.conftest import OpenDatabase
from rows import PLANNED, rows_read

THERE = 10_000
KARLSRUHE = Tenant(Role.CENTRE, "karlsruhe")
"""As a centre's requests see the tables: its row-level security is part of each plan."""
FILL = """
insert into household (id, home, centre, reference, revision, status, change, version, facts, forms, registered_at,
                       changed_at, allotted)
select gen_random_uuid(), 0, 'karlsruhe', 'KA-' || n, 1, 'active', 'registered', null,
    jsonb_build_object('district', '08' || 200 + n % 20, 'municipality', '08212000'), '{}', now(), now(), false
from generate_series(1, $1) n;
"""
REFERENCES = """
insert into reference (centre, reference, household) select centre, reference, id from household
"""
CARES = """
insert into care (household, centre, revision, status, reason, changed_at, state)
select id, centre, 1, 'waiting', 'no_capacity', changed_at, '{}' from household
"""
KEYS = """
insert into idempotency (centre, key, digest, at)
select 'karlsruhe', 'key-' || n, '', now() from generate_series(1, $1) n
"""
VERDICTS = """
insert into verdict (at, centre, channel, outcome, problems, topic, partition, position, digest)
select now(), 'karlsruhe', 'kafka', 'rejected', '[]', 'submissions.karlsruhe', 0, n, '' from generate_series(1, $1) n
"""
FEW = 20
"""One row, and what is left of it from before."""

Work = Callable[[Tx], Awaitable[None]]


async def read_of_many(
    database: OpenDatabase,
    use: str,
    table: str,
    work: Work,
    *,
    as_who: Tenant = KARLSRUHE,
    vacuumed_by: asyncpg.Connection | None = None,
) -> int:
    """Rows of a table that some work reads once a day's households are there, begun on an empty table.

    `vacuumed_by`: the autovacuum has been there.
    """
    worker, user = await database("intake", "worker"), await database("intake", use)
    tenant = as_who if use == "web" else None
    for _ in range(PLANNED):
        async with user.transaction(tenant) as tx:
            await work(tx)
    async with worker.transaction() as tx:
        await tx.execute(FILL, THERE)
        await tx.execute(REFERENCES)
        await tx.execute(CARES)
        for statement in (KEYS, VERDICTS):
            await tx.execute(statement, THERE)
    if vacuumed_by:
        await vacuumed_by.execute("vacuum analyze intake.household, intake.care")
    async with user.transaction(tenant) as tx:
        await work(tx)
        return await rows_read(tx, table)


async def test_an_answer_is_kept_at_its_key(database: OpenDatabase) -> None:
    async def keep(tx: Tx) -> None:
        await store.keep_answers(tx, "karlsruhe", {"key-0": Kept(b"", 202, "/", {})})

    assert await read_of_many(database, "web", "idempotency", keep) <= FEW


async def test_a_reference_is_written_back_by_itself(database: OpenDatabase) -> None:
    async def save(tx: Tx) -> None:
        await store.save_heads(tx, "karlsruhe", {"KA-0": Head(None, 1)})

    assert await read_of_many(database, "web", "reference", save) <= FEW


async def test_a_reference_is_looked_up(database: OpenDatabase) -> None:
    async def look(tx: Tx) -> None:
        await store.heads(tx, "karlsruhe", ["KA-0", "KA-7"])

    assert await read_of_many(database, "web", "reference", look) <= FEW


async def test_the_centre_of_a_care_is_looked_up(database: OpenDatabase) -> None:
    async def apply(tx: Tx) -> None:
        care = a_care(household=UUID(int=7), status=CareStatus.WAITING, reason=CareReason.NO_CAPACITY)
        await store.apply_cares(tx, [care])

    assert await read_of_many(database, "worker", "household", apply) <= FEW


async def test_a_place_is_looked_up_in_the_book_of_verdicts(database: OpenDatabase) -> None:
    async def look(tx: Tx) -> None:
        await store.seen(tx, [Place("submissions.karlsruhe", 0, 7, b"")])

    assert await read_of_many(database, "worker", "verdict", look) <= FEW


@pytest.mark.parametrize("table", ["household", "care"])
async def test_what_has_changed_is_not_looked_for_among_all_of_them(
    database: OpenDatabase, owner: asyncpg.Connection, table: str
) -> None:
    since = datetime.now(UTC) + timedelta(hours=1)

    async def look(tx: Tx) -> None:
        await store.changed(tx, limit=50, since=since)

    assert await read_of_many(database, "web", table, look, vacuumed_by=owner) <= FEW


@pytest.mark.parametrize("table", ["household", "care"])
async def test_a_page_of_what_has_changed_is_looked_up_however_much_follows(
    database: OpenDatabase, owner: asyncpg.Connection, table: str
) -> None:
    async def look(tx: Tx) -> None:
        at = await tx.fetchval("select changed_at from household limit 1") or tx.now
        after = (at, UUID(int=1 << 127))
        await store.changed(tx, limit=2, since=at - timedelta(days=1), after=after)

    assert await read_of_many(database, "web", table, look, vacuumed_by=owner) <= FEW


async def test_a_household_is_shown_by_itself(database: OpenDatabase) -> None:
    async def look(tx: Tx) -> None:
        await store.shown(tx, limit=1, id=UUID(int=7))

    assert await read_of_many(database, "web", "household", look) <= FEW


async def test_the_references_of_households_are_looked_up(database: OpenDatabase) -> None:
    async def lock(tx: Tx) -> None:
        await store.lock_households(tx, [UUID(int=7)])

    assert await read_of_many(database, "web", "reference", lock, as_who=Tenant(Role.DISTRICT, "08212")) <= FEW


async def test_what_each_municipality_has_is_counted_in_an_index(
    database: OpenDatabase, owner: asyncpg.Connection
) -> None:
    district = Tenant(Role.DISTRICT, "08212")

    async def count(tx: Tx) -> None:
        await store.allotted_in(tx, "08212")

    assert await read_of_many(database, "web", "household", count, as_who=district, vacuumed_by=owner) <= FEW
