"""Parked records, as an operator settles them: one, by error or all; tried first; by hand or by page."""

import asyncio
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import asyncpg
import pytest

from builders import a_municipality
from chassis import parked
from chassis.access import Role
from chassis.consumer import APPLIED, Consumer
from chassis.database import Database, Tx
from chassis.health import Health
from chassis.parked import RETRY
from chassis.timers import Timers
from chassis.vault import Vault
from chassis.web.parked import router
from contracts.municipalities import Municipality
from contracts.record import LARGEST, Record, State
from contracts.topics import MUNICIPALITIES
from doors import Door, probe_door
from forms import told
from integration.conftest import OpenDatabase
from probe import handlers
from stream import raw_bytes, raw_record

VAULT = Vault(os.urandom(32))
REFUSED, FAILED = "refused:by_name", "error:ZeroDivisionError"


class Repaired:
    """A handler that does what the probe's does until somebody repairs it."""

    def __init__(self) -> None:
        self.is_whole = False
        self.lost: type[Exception] | None = None
        self.offered_at: list[datetime | None] = []

    async def __call__(self, batch: Sequence[Record[Any]], tx: Tx) -> Sequence[State]:
        if self.lost:
            raise self.lost
        if self.is_whole:
            self.offered_at = [one.offered_at for one in batch]
            batch = [Record(a_municipality(ags=one.state.ags), *_place(one)) for one in batch]
        return await handlers.on_municipalities(batch, tx)


def _place(record: Record[Any]) -> tuple[str, int, int, str | None]:
    return record.topic, record.partition, record.offset, record.traceparent


@pytest.fixture
async def door(probe: Database, database: OpenDatabase, database_url: str) -> Door:
    return probe_door(router, await database("probe", "web"), probe, database_url)


@pytest.fixture
def handler() -> Repaired:
    return Repaired()


@pytest.fixture
async def consumer(probe: Database, handler: Repaired) -> Consumer:
    """With two refused and one failed record in `parked`."""
    found = Consumer(probe, VAULT, {MUNICIPALITIES: handler}, Health())
    names = (handlers.REFUSED, handlers.POISON, handlers.REFUSED)
    batch = [raw_record(a_municipality(ags=f"0800000{n}", name=name), offset=n) for n, name in enumerate(names)]
    await found.consume(batch, asyncio.Event())
    return found


async def open_records(probe: Database) -> dict[int, str]:
    async with probe.transaction() as tx:
        return {one.id: one.error for one in await parked.listed(tx)}


async def seen(probe: Database) -> int:
    async with probe.transaction() as tx:
        return int(await tx.fetchval("select count(*) from seen"))


async def test_a_trial_says_what_would_become_of_a_record_and_leaves_nothing(
    probe: Database, consumer: Consumer, handler: Repaired
) -> None:
    before = await open_records(probe)
    first = min(before)
    assert await consumer.retry(first, trial=True) == REFUSED
    handler.is_whole = True
    assert await consumer.retry(first, trial=True) == APPLIED
    assert (await open_records(probe), await seen(probe)) == (before, 0)
    assert await consumer.retry(first) == APPLIED
    assert (first in await open_records(probe), await seen(probe)) == (False, 1)
    assert await consumer.retry(first) is None


async def test_who_applies_a_record_late_is_told_since_when_it_is_there(
    probe: Database, consumer: Consumer, handler: Repaired
) -> None:
    handler.is_whole = True
    assert await consumer.retry(min(await open_records(probe))) == APPLIED
    assert handler.offered_at == [datetime.fromtimestamp(0, UTC)]


async def test_a_record_that_fails_otherwise_now_stays_parked_with_the_new_error(
    probe: Database, consumer: Consumer, handler: Repaired
) -> None:
    first = min(await open_records(probe))
    handler.lost = KeyError
    assert await consumer.retry(first) == "error:KeyError"
    assert (await open_records(probe))[first] == "error:KeyError"


async def test_a_value_that_no_topic_would_take_is_not_kept(probe: Database, consumer: Consumer) -> None:
    huge = raw_bytes(b" " * (LARGEST + 1), offset=3, ce_type=Municipality.ce_type.encode())
    await consumer.consume([huge], asyncio.Event())
    assert (await open_records(probe)).popitem() == (4, "too_large")
    async with probe.transaction() as tx:
        assert await tx.fetchval("select max(length(payload)) < 10000 from parked")


async def test_a_database_that_goes_away_is_no_fault_of_the_record(
    probe: Database, consumer: Consumer, handler: Repaired
) -> None:
    before = await open_records(probe)
    handler.lost = asyncpg.DeadlockDetectedError
    with pytest.raises(asyncpg.DeadlockDetectedError):
        await consumer.retry(min(before))
    assert await open_records(probe) == before


async def test_an_operator_has_those_of_an_error_applied_again(
    door: Door, probe: Database, consumer: Consumer, handler: Repaired
) -> None:
    timers = Timers(probe, {RETRY: partial(consumer.on_retry, asyncio.Event())}, Health())
    handler.is_whole = True
    async with door.person(Role.OPERATOR, "08") as browser:
        page = (await browser.get("/probe/parked")).text
        assert page.count(REFUSED) > page.count(FAILED) > 0
        only = (await browser.get("/probe/parked", params={"error": FAILED})).text
        assert "municipalities/0/1" in only
        assert "municipalities/0/0" not in only
        assert (await browser.get("/probe/parked", params={"error": "\0"})).status_code == 422
        assert (await browser.send("/probe/parked/retry", error=REFUSED)).status_code == 303
        asked = (await browser.get("/probe/parked")).text
        assert told(asked) == [("success", "Records that are applied again: 2")]
        assert asked.count("is applied again") == 2
        assert await timers.tick() == 2
        assert list((await open_records(probe)).values()) == [FAILED]
        assert (await browser.send("/probe/parked/retry")).status_code == 303
        assert await timers.tick() == 1
        assert "Nothing is parked" in (await browser.get("/probe/parked")).text
        assert (await browser.send("/probe/parked/retry")).status_code == 303
        nothing = (await browser.get("/probe/parked")).text
        assert told(nothing) == [("warning", "Records that are applied again: 0")]
    assert await seen(probe) == 3
    async with probe.transaction() as tx:
        assert await tx.fetchval("select count(*) from due") == 0
    async with door._owner() as tx:
        rows = await tx.fetch("select action, subject, role from probe.audit order by id")
    assert [tuple(row) for row in rows] == [
        ("parked.retry", REFUSED, "operator"),
        *[("parked.applied", str(one), "system") for one in (1, 3)],
        ("parked.retry", "all", "operator"),
        ("parked.applied", "2", "system"),
    ]


async def test_a_process_that_is_to_stop_leaves_the_rest_of_what_was_asked_for_to_the_next(
    probe: Database, consumer: Consumer, handler: Repaired
) -> None:
    async with probe.transaction() as tx:
        await parked.ask_for_retry(tx)
    stop = asyncio.Event()

    async def told_to_stop(batch: Sequence[Record[Any]], tx: Tx) -> Sequence[State]:
        stop.set()
        return await handler(batch, tx)

    handler.is_whole = True
    stopping = Consumer(probe, VAULT, {MUNICIPALITIES: told_to_stop}, Health())
    await Timers(probe, {RETRY: partial(stopping.on_retry, stop)}, Health()).tick()
    assert len(await open_records(probe)) == 2
    await Timers(probe, {RETRY: partial(consumer.on_retry, asyncio.Event())}, Health()).tick()
    assert await open_records(probe) == {}


async def test_what_fails_again_is_not_tried_for_ever(door: Door, probe: Database, consumer: Consumer) -> None:
    timers = Timers(probe, {RETRY: partial(consumer.on_retry, asyncio.Event())}, Health())
    first = min(await open_records(probe))
    async with door.person(Role.OPERATOR, "08") as browser:
        await browser.send("/probe/parked/retry", id=first)
        assert await timers.tick() == 1
        assert await timers.tick() == 0
        page = (await browser.get("/probe/parked")).text
        tried, never = [
            re.search(r"Last tried</dt>\s*<dd[^>]*>([^<]*)", (await browser.get(f"/probe/parked/{one}")).text)
            for one in (first, first + 1)
        ]
    assert page.count("waits for a decision") == 3
    assert tried
    assert never
    assert (tried[1] == "–", never[1]) == (False, "–"), "who asked for it sees that it was done"


async def test_a_record_is_discarded_with_a_reason_by_who_may_not_read_it(
    door: Door, probe: Database, consumer: Consumer
) -> None:
    first = min(await open_records(probe))
    async with door.person(Role.OPERATOR, "08") as browser:
        without = await browser.send(f"/probe/parked/{first}/discard", reason=" ")
        assert without.status_code == 422
        assert first in await open_records(probe)
        done = await browser.send(f"/probe/parked/{first}/discard", reason="a test's")
        assert done.status_code == 303
        assert first not in await open_records(probe)
        assert "discarded: a test" in (await browser.get(f"/probe/parked/{first}")).text
        again = await browser.send(f"/probe/parked/{first}/discard", reason="once more")
        assert again.status_code == 303
        settled = (await browser.get("/probe/parked")).text
        assert told(settled) == [("warning", "This record is settled already.")]
        assert (await browser.get("/probe/parked/999")).status_code == 404
    async with probe.transaction() as tx:
        assert await tx.fetchval("select payload from parked where id = $1", first) is None
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with door.web.transaction() as tx:
            await tx.fetchval("select payload from parked")


async def test_who_only_looks_settles_nothing(door: Door, probe: Database, consumer: Consumer) -> None:
    before = await open_records(probe)
    first = min(before)
    async with door.person(Role.AUDITOR, "08") as browser:
        page = (await browser.get("/probe/parked")).text
        assert REFUSED in page
        assert "<form" not in page[page.index("By error") :].replace('<form class="filters"', "")
        assert (await browser.send("/probe/parked/retry")).status_code == 403
        assert (await browser.send(f"/probe/parked/{first}/discard", reason="no")).status_code == 403
    async with door.person(Role.STATE, "08") as browser:
        assert (await browser.get("/probe/parked")).status_code == 403
    assert await open_records(probe) == before


async def test_a_list_goes_on_where_it_ended(door: Door, probe: Database, consumer: Consumer) -> None:
    async with door.person(Role.OPERATOR, "08") as browser:
        first = (await browser.get("/probe/parked?limit=2")).text
        assert first.count("municipalities/0/") == 2
        cursor = first.partition("cursor=")[2].partition('"')[0]
        assert (await browser.get(f"/probe/parked?limit=2&cursor={cursor}")).text.count("municipalities/0/") == 1
    async with probe.transaction() as tx:
        rows = await parked.listed(tx, after=1, limit=1)
        assert [one.id for one in rows] == [2]
        assert rows[0].expires_at - rows[0].parked_at == timedelta(days=30)
