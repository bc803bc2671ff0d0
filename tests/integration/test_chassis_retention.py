"""Retention forgets what was sent long ago and what is past its expiry, and nothing else."""

import asyncio
import os
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from builders import NOW, a_municipality
from chassis import retention
from chassis.database import Database
from chassis.parked import KEPT, discard, listed, park, settle
from chassis.retention import PLACE_KEPT, forget
from chassis.vault import Vault
from stream import raw_bytes


async def test_only_what_is_past_its_time_goes(database: Any) -> None:
    probe: Database = await database("probe", clock=lambda: NOW)
    later: Database = await database("probe", clock=lambda: NOW + KEPT + timedelta(days=1))
    much_later: Database = await database("probe", clock=lambda: NOW + KEPT + PLACE_KEPT + timedelta(days=1))
    async with probe.transaction() as tx:
        await tx.publish([a_municipality(revision=revision) for revision in (1, 2, 3)])
        await tx.execute("update outbox set published_at = $1 where revision = 1", NOW - timedelta(days=8))
        await tx.execute("update outbox set published_at = $1 where revision = 2", NOW - timedelta(days=6))
        await park(tx, Vault(os.urandom(32)), raw_bytes(b"?"), "schema:json_invalid", None)
    assert await forget(probe, asyncio.Event()) == 1
    async with probe.transaction() as tx:
        assert [row["revision"] for row in await tx.fetch("select revision from outbox order by 1")] == [2, 3]
        assert len(await listed(tx)) == 1
    assert await forget(later, asyncio.Event()) == 1
    async with probe.transaction() as tx:
        assert [row["revision"] for row in await tx.fetch("select revision from outbox")] == [3], "never sent, kept"
        assert await listed(tx) == []
        (expired,) = await listed(tx, resolved=True)
        assert (expired.resolution, await tx.fetchval("select payload from parked")) == ("expired", None)
    assert await forget(much_later, asyncio.Event()) == 0
    async with probe.transaction() as tx:
        assert await listed(tx, resolved=True) == [expired], "as long as its topic has it, it explains what is missing"


async def test_what_cannot_be_sent_keeps_nothing_else_from_going(
    database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe: Database = await database("probe", clock=lambda: NOW)
    monkeypatch.setattr(retention, "BATCH", 2)
    async with probe.transaction() as tx:
        await tx.publish([a_municipality(revision=revision) for revision in (1, 2, 3)])
        await tx.execute("update outbox set published_at = $1 where revision = 3", NOW - timedelta(days=8))
    assert await forget(probe, asyncio.Event()) == 1
    async with probe.transaction() as tx:
        assert [row["revision"] for row in await tx.fetch("select revision from outbox order by 1")] == [1, 2]


async def test_a_process_that_is_to_stop_forgets_the_rest_another_time(
    database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe: Database = await database("probe", clock=lambda: NOW)
    stop = asyncio.Event()
    async with probe.transaction() as tx:
        await tx.publish([a_municipality(revision=revision) for revision in range(1, 11)])
        await tx.execute("update outbox set published_at = $1", NOW - timedelta(days=8))

    def told_to_stop(step: str) -> None:
        if step == "retention.deleted":
            stop.set()

    monkeypatch.setattr(retention, "BATCH", 1)
    monkeypatch.setattr(retention, "failpoint", told_to_stop)
    assert await forget(probe, stop) == 1
    assert await forget(probe, asyncio.Event()) == 9


async def test_of_what_was_settled_only_what_is_missing_somewhere_is_remembered(database: Any) -> None:
    probe: Database = await database("probe", clock=lambda: NOW)
    later: Database = await database("probe", clock=lambda: NOW + KEPT + timedelta(days=1))
    much_later: Database = await database("probe", clock=lambda: NOW + KEPT + PLACE_KEPT + timedelta(days=1))
    vault = Vault(os.urandom(32))
    async with probe.transaction() as tx:
        for offset, topic in enumerate(["municipalities", "municipalities", "submissions.karlsruhe"]):
            await park(tx, vault, replace(raw_bytes(b"?"), topic=topic, offset=offset), "error:KeyError", None)
        applied, discarded, offered = [one.id for one in await listed(tx)]
        await settle(tx, applied, "applied")
        await discard(tx, discarded, "of no use")
        await discard(tx, offered, "of no use")

    async def kept() -> list[int]:
        async with probe.transaction() as tx:
            return [one.id for one in await listed(tx, resolved=True)]

    await forget(later, asyncio.Event())
    assert await kept() == [discarded, offered]
    await forget(much_later, asyncio.Event())
    assert await kept() == [discarded]
