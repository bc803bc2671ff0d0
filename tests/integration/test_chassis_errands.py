"""Errands when something goes wrong around them: the database for a moment, or the end of the process."""

import asyncio
from collections.abc import Sequence

import asyncpg

from chassis.database import Database, Tx
from chassis.errands import Errand, Errands, NotPerformed
from chassis.health import Health
from contracts.record import State


async def test_a_moment_without_the_database_ends_neither_the_loop_nor_what_is_under_way(probe: Database) -> None:
    stop = asyncio.Event()
    claims = iter([["first", "second"], ["first"]])
    tried: set[str] = set()
    settled: list[str] = []

    async def claim(_: Tx) -> Sequence[str]:
        return next(claims, [])

    async def perform(item: str) -> str:
        return item

    async def settle(_: Tx, item: str, __: object) -> Sequence[State]:
        if item == "first" and item not in tried:
            tried.add(item)
            raise asyncpg.DeadlockDetectedError
        settled.append(item)
        if item == "first":
            stop.set()
        return []

    errand = Errand("probe", claim, perform, settle)
    async with asyncio.timeout(20):
        await Errands(probe, errand, Health()).run(stop)
    assert settled == ["second", "first"]


async def test_what_was_claimed_when_the_process_stops_is_given_back_untried(probe: Database) -> None:
    stop = asyncio.Event()
    performed: list[int] = []
    results: dict[int, object] = {}

    async def claim(_: Tx) -> Sequence[int]:
        return range(5)

    async def perform(item: int) -> None:
        performed.append(item)
        stop.set()

    async def settle(_: Tx, item: int, result: object) -> Sequence[State]:
        results[item] = result
        return []

    errand = Errand("probe", claim, perform, settle, concurrency=1)
    async with asyncio.timeout(20):
        await Errands(probe, errand, Health()).run(stop)
    assert performed == [0]
    assert results[0] is None
    assert all(isinstance(results[item], NotPerformed) for item in range(1, 5))
