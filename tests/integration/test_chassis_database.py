"""The pool under more requests than it has connections for, and the time of a transaction."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import pytest

from chassis.database import AWAY, MOST_WAITING, Database, columns


async def test_who_would_wait_too_long_for_a_connection_is_told_at_once(database: Any) -> None:
    pages = await database("probe", "web")
    connections = 4
    async with AsyncExitStack() as held:
        for _ in range(connections):
            await held.enter_async_context(pages.transaction())

        async def wait() -> int:
            async with pages.transaction() as tx:
                return int(await tx.fetchval("select 1"))

        waiting = [asyncio.create_task(wait()) for _ in range(MOST_WAITING * connections)]
        await asyncio.sleep(0)
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(wait(), 1)
        assert not any(one.done() for one in waiting)
    assert await asyncio.gather(*waiting) == [1] * len(waiting)
    assert await wait() == 1, "and afterwards there is room again"


async def test_a_worker_waits_for_its_own_connections(probe: Database) -> None:
    async with AsyncExitStack() as held:
        for _ in range(4):
            await held.enter_async_context(probe.transaction())

        async def wait() -> int:
            async with probe.transaction() as tx:
                return int(await tx.fetchval("select 1"))

        waiting = [asyncio.create_task(wait()) for _ in range(MOST_WAITING * 8)]
        await asyncio.sleep(0)
        assert not any(one.done() for one in waiting)
    assert len(await asyncio.gather(*waiting)) == len(waiting)


async def test_a_server_that_has_gone_keeps_nobody_from_closing(database: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way a socket says so depends on the moment: asyncpg lets a broken pipe out."""
    probe = await database("intake")

    async def gone(_: Any) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(asyncpg.Pool, "close", gone)
    await probe.close()
    with pytest.raises(asyncpg.InterfaceError):
        await probe.fetchrow("select 1")


async def test_all_processes_have_the_time_of_the_server(probe: Database) -> None:
    """By its own clock a slow machine would have things happen before what they follow from."""
    for begin in (probe.transaction, probe.trial, probe.snapshot):
        async with begin() as tx:
            assert tx.now == await tx.fetchval("select now()")


def test_rows_become_columns() -> None:
    assert columns([(1, "a"), (2, "b")]) == [[1, 2], ["a", "b"]]


async def test_a_server_that_takes_no_writes_is_away_for_services(database: Any, owner: asyncpg.Connection) -> None:
    name = await owner.fetchval("select current_database()")
    await owner.execute(f"alter database {name} set default_transaction_read_only = on")
    with pytest.raises(AWAY):
        await database("probe", "web")
