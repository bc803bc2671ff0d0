"""What only the tables know shows as gauges, and what is counted has been committed."""

import asyncio
import os
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest

from builders import NOW, a_municipality
from chassis.database import Database, Tx
from chassis.errands import Errand, Errands, NotPerformed
from chassis.gauges import keep_measuring, measure
from chassis.health import Health
from chassis.parked import listed, park, settle
from chassis.timers import Timers
from chassis.vault import Vault
from clocks import SetClock
from gauged import figure, sample
from integration.conftest import OpenDatabase
from stream import eventually, raw_bytes


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOW)


@pytest.fixture
async def probe(database: OpenDatabase, clock: SetClock) -> Database:
    return await database("probe", clock=clock)


async def test_the_oldest_row_that_was_not_sent_has_an_age(probe: Database, clock: SetClock) -> None:
    async with probe.transaction() as tx:
        await tx.publish([a_municipality(revision=1)])
    clock.now += timedelta(seconds=90)
    async with probe.transaction() as tx:
        await tx.publish([a_municipality(revision=2)])
    await measure(probe, ())
    assert sample("geleit_outbox_age_seconds") == 90
    async with probe.transaction() as tx:
        await tx.execute("update outbox set published_at = $1", clock.now)
    await measure(probe, ())
    assert sample("geleit_outbox_age_seconds") == 0


async def test_parked_records_show_until_somebody_settles_them(probe: Database) -> None:
    async with probe.transaction() as tx:
        for offset in (1, 2):
            await park(tx, Vault(os.urandom(32)), raw_bytes(b"?", offset=offset), "schema:json_invalid", None)
    await measure(probe, ())
    assert sample("geleit_parked_records", topic="municipalities") == 2
    async with probe.transaction() as tx:
        for one in await listed(tx):
            await settle(tx, one.id, "discarded: a test")
    await measure(probe, ())
    assert sample("geleit_parked_records", topic="municipalities") is None


async def test_a_database_that_is_away_is_asked_again(probe: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chassis.gauges.EVERY_SECONDS", 0.01)
    asked = 0

    async def fails_at_first(_: Tx) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise ConnectionError

    async def asked_again() -> bool:
        return asked > 1

    stop = asyncio.Event()
    running = asyncio.create_task(keep_measuring(probe, [fails_at_first], stop))
    await eventually(asked_again)
    stop.set()
    await running


async def test_only_what_is_committed_is_told(probe: Database) -> None:
    told: list[datetime] = []
    with suppress(ZeroDivisionError):
        async with probe.transaction() as tx:
            tx.afterwards(told.append)
            raise ZeroDivisionError
    assert told == []
    async with probe.transaction() as tx:
        tx.afterwards(told.append)
        await tx.execute("select pg_sleep(0.01)")
        assert told == []
    assert len(told) == 1
    assert told[0] >= NOW + timedelta(milliseconds=10), "the time of the commit, not of the begin"


async def test_faults_are_there_as_zero_before_the_first_one(probe: Database) -> None:
    """`increase` sees nothing of a series that begins with 1."""

    async def nothing(*_: Any) -> Any:
        return []

    Timers(probe, {"first_fault": nothing}, Health())
    Errands(probe, Errand("first fault", nothing, nothing, nothing), Health())
    assert sample("geleit_dues_total", kind="first_fault", fate="postponed") == 0
    assert sample("geleit_errands_total", name="first fault", fate="failed") == 0


async def test_what_was_given_back_has_not_failed(probe: Database) -> None:
    settled: list[Any] = []

    async def claim(_: Tx) -> list[int]:
        stop.set()
        return [1]

    async def perform(_: int) -> None: ...

    async def settle_one(_: Tx, __: int, result: Any) -> list[Any]:
        settled.append(result)
        return []

    stop = asyncio.Event()
    await Errands(probe, Errand("stopped", claim, perform, settle_one), Health()).run(stop)
    assert isinstance(settled[0], NotPerformed)
    assert figure("geleit_errands_total", name="stopped", fate="failed") == 0
    assert figure("geleit_errands_total", name="stopped", fate="given_back") == 1
