"""Dues and errands: each is done, one that fails holds up nobody, and what is outside is told apart."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from opentelemetry import trace

from builders import NOW
from chassis import timers
from chassis.database import Database, Tx
from chassis.errands import Errand, Errands
from chassis.health import Health
from chassis.timers import Due, Timers, hasten, postponed
from contracts.record import State
from integration.conftest import OpenDatabase
from stream import at_work, eventually


@pytest.fixture
async def probe(database: OpenDatabase) -> Database:
    return await database("probe", clock=lambda: NOW)


async def waiting(probe: Database) -> dict[str, Any]:
    async with probe.transaction() as tx:
        return {row["aggregate"]: row["at"] for row in await tx.fetch("select aggregate, at from due")}


async def test_only_what_is_due_is_handled_in_time_order(probe: Database) -> None:
    handled: list[str] = []

    async def on_due(batch: Sequence[Due], _: Tx) -> Sequence[State]:
        handled.extend(due.aggregate for due in batch)
        return []

    async with probe.transaction() as tx:
        for name, minutes in (("later", 1), ("second", -1), ("first", -2)):
            await tx.due(NOW + timedelta(minutes=minutes), "remind", name)
        await tx.due(NOW - timedelta(minutes=3), "taken_back", "x")
        await tx.undue("taken_back", ["x"])
    assert await Timers(probe, {"remind": on_due}, Health()).tick() == 2
    assert handled == ["first", "second"]
    assert list(await waiting(probe)) == ["later"]


async def test_a_due_that_its_handler_sets_anew_stays(probe: Database) -> None:
    async def again(batch: Sequence[Due], tx: Tx) -> Sequence[State]:
        await tx.dues(batch[0].kind, {due.aggregate: tx.now + timedelta(days=1) for due in batch})
        return []

    async with probe.transaction() as tx:
        await tx.due(NOW, "remind", "a")
    await Timers(probe, {"remind": again}, Health()).tick()
    assert await waiting(probe) == {"a": NOW + timedelta(days=1)}


async def test_an_owner_that_stands_does_not_stop_the_clock(
    database: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process is frozen, or its host is gone and the connection is still there."""
    monkeypatch.setattr(timers, "STUCK_SECONDS", 0.1)
    frozen, probe = await database("probe"), await database("probe")
    stands = asyncio.Event()
    handled: list[str] = []

    async def stand(_: Sequence[Due], __: Tx) -> Sequence[State]:
        stands.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def handle(batch: Sequence[Due], _: Tx) -> Sequence[State]:
        handled.extend(due.aggregate for due in batch)
        return []

    async def done() -> bool:
        return sorted(handled) == ["a", "b"]

    async with probe.transaction() as tx:
        await tx.dues("remind", {"a": tx.now - timedelta(days=2)})
        await tx.dues("serve", {"b": tx.now - timedelta(days=1)})
    owner = asyncio.create_task(Timers(frozen, {"remind": stand}, Health()).tick())
    await stands.wait()
    async with at_work(Timers(probe, {"remind": handle, "serve": handle}, Health()).run):
        await eventually(done)
    owner.cancel()
    await asyncio.gather(owner, return_exceptions=True)


async def test_a_due_that_fails_comes_later_and_the_others_go_on(probe: Database) -> None:
    handled: set[str] = set()

    async def fails_for_one(batch: Sequence[Due], _: Tx) -> Sequence[State]:
        if any(due.aggregate == "bad" for due in batch):
            raise ZeroDivisionError
        handled.update(due.aggregate for due in batch)
        return []

    names = [f"good-{number}" for number in range(20)] + ["bad"]
    async with probe.transaction() as tx:
        await tx.dues("remind", dict.fromkeys(names, NOW))
    await Timers(probe, {"remind": fails_for_one}, Health()).tick()
    assert handled == set(names) - {"bad"}
    assert await waiting(probe) == {"bad": NOW + timedelta(minutes=1)}


async def test_what_has_failed_is_listed_and_comes_again_at_once_when_somebody_says_so(probe: Database) -> None:
    async def fails(_: Sequence[Due], __: Tx) -> Sequence[State]:
        raise ZeroDivisionError

    async with probe.transaction() as tx:
        await tx.dues("remind", {"bad": NOW, "later": NOW + timedelta(days=1)})
    timers = Timers(probe, {"remind": fails}, Health())
    await timers.tick()
    async with probe.transaction() as tx:
        assert await postponed(tx, 10) == [Due(NOW + timedelta(minutes=1), "remind", "bad", 1)]
        assert await hasten(tx) == 1
        assert await hasten(tx) == 0, "it comes now, and not even more so"
    assert await timers.tick() == 1
    async with probe.transaction() as tx:
        assert await postponed(tx, 10) == [Due(NOW + timedelta(minutes=2), "remind", "bad", 2)]


async def test_who_does_not_keep_the_clock_has_handled_nothing(probe: Database) -> None:
    async def handled(_: Sequence[Due], __: Tx) -> Sequence[State]:
        return []

    async with probe.transaction() as tx:
        await tx.dues("remind", dict.fromkeys(map(str, range(30)), NOW))
    timers = Timers(probe, {"remind": handled}, Health())
    async with probe.transaction() as tx:
        await tx.fetchval("select pg_advisory_xact_lock(hashtextextended('geleit.timers.' || current_schema(), 0))")
        assert await timers.tick() == 0
    assert await timers.tick() == 30


async def test_what_the_clock_repeats_keeps_the_date_it_has(probe: Database) -> None:
    async with probe.transaction() as tx:
        for days in (1, 2):
            await tx.first_due(NOW + timedelta(days=days), "remind", "all")
    assert await waiting(probe) == {"all": NOW + timedelta(days=1)}


async def test_what_fails_for_ever_is_never_put_off_for_more_than_six_hours(probe: Database) -> None:
    async def fails(_: Sequence[Due], __: Tx) -> Sequence[State]:
        raise ZeroDivisionError

    async with probe.transaction() as tx:
        await tx.due(NOW, "remind", "bad")
        await tx.execute("update due set attempts = 100")
    await Timers(probe, {"remind": fails}, Health()).tick()
    assert await waiting(probe) == {"bad": NOW + timedelta(hours=6)}


@dataclass(frozen=True)
class Letter:
    number: int
    traceparent: str | None = None


async def test_an_errand_is_settled_with_its_result_or_its_error_in_its_own_trace(probe: Database) -> None:
    traceparent = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
    settled: dict[int, Any] = {}
    traces: list[str] = []
    done = asyncio.Event()
    letters = [Letter(1, traceparent), Letter(2)]

    async def claim(_: Tx) -> Sequence[Letter]:
        taken, letters[:] = list(letters), []
        return taken

    async def perform(letter: Letter) -> str:
        if letter.number == 2:
            raise ConnectionRefusedError
        traces.append(format(trace.get_current_span().get_span_context().trace_id, "032x"))
        return "posted"

    async def settle(_: Tx, letter: Letter, result: Any) -> Sequence[State]:
        settled[letter.number] = result
        if len(settled) == 2:
            done.set()
        return []

    async with at_work(Errands(probe, Errand("send letter", claim, perform, settle), Health()).run):
        await asyncio.wait_for(done.wait(), 10)
    assert settled[1] == "posted"
    assert isinstance(settled[2], ConnectionRefusedError)
    assert traces == ["ab" * 16]
