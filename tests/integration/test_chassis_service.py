"""A worker as a whole: what nobody foresaw ends it, whatever its parts are doing."""

import asyncio
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from builders import NOW, a_municipality
from chassis import parked
from chassis.broker import Broker
from chassis.database import Database, RestoreUnfinished, Tx
from chassis.errands import Errand
from chassis.health import Health
from chassis.process import PartEnded, work
from chassis.service import Service, open_database
from chassis.settings import Settings
from chassis.timers import Timers
from chassis.topics import create_topics
from contracts.municipalities import Municipality
from contracts.record import Record, State, encode, headers
from contracts.topics import Topic, all_topics
from geleit.restore.reconcile import hold_back
from integration.conftest import NOBODY
from stream import eventually, send


async def test_nobody_works_on_a_backup_before_the_broker_has_been_told(
    database_url: str, services_password: str | None
) -> None:
    service = a_service(database_url, services_password)
    await hold_back(database_url)
    with pytest.raises(RestoreUnfinished):
        await open_database(service, "worker")
    await (await open_database(service, "worker", restoring=True)).close()


class Unforeseen(Exception):
    """No part of a worker expects it."""


def a_service(database_url: str, password: str | None, *errands: Errand) -> Service:
    settings = Settings(
        database_url=database_url,
        database_password=password,
        kafka_bootstrap_servers=NOBODY,
        vault_master_key=b64encode(bytes(32)).decode(),
    )
    return Service("probe", "probe", "/probe", settings, errands=errands)


async def returns(_: Timers, __: asyncio.Event) -> None:
    """A part that has forgotten to go on."""


async def lets_a_cancellation_out(_: Timers, __: asyncio.Event) -> None:
    """What libraries do with the cancellation of a task of their own."""
    raise asyncio.CancelledError


@pytest.mark.parametrize("run", [returns, lets_a_cancellation_out])
async def test_a_part_that_ends_by_itself_ends_the_worker(
    database_url: str, services_password: str | None, monkeypatch: pytest.MonkeyPatch, run: Any
) -> None:
    monkeypatch.setattr(Timers, "run", run)
    with pytest.raises(ExceptionGroup) as raised:
        await asyncio.wait_for(work(a_service(database_url, services_password), asyncio.Event(), Health()), 30)
    assert raised.group_contains(PartEnded)


async def test_a_fault_in_one_part_ends_the_worker_even_if_another_loses_its_cancellation(
    database_url: str, services_password: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    claiming, stop = asyncio.Event(), asyncio.Event()

    async def claim(_: Tx) -> Sequence[Any]:
        claiming.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return ()
        raise AssertionError

    async def perform(_: Any) -> None:
        raise AssertionError

    async def settle(_: Tx, __: Any, ___: Any) -> Sequence[Any]:
        raise AssertionError

    async def run(_: Timers, __: asyncio.Event) -> None:
        await claiming.wait()
        raise Unforeseen

    monkeypatch.setattr(Timers, "run", run)
    service = a_service(database_url, services_password, Errand("deaf", claim, perform, settle))
    with pytest.raises(ExceptionGroup) as raised:
        await asyncio.wait_for(work(service, stop, Health()), 30)
    assert raised.group_contains(Unforeseen)
    assert stop.is_set()


async def test_a_worker_with_the_fewest_connections_consumes_and_sends_and_applies_what_was_parked(
    probe: Database, database_url: str, services_password: str | None, kafka_bootstrap: str
) -> None:
    topic = Topic(f"probe-{uuid4().hex[:8]}", Municipality, "probe")
    await create_topics(Broker(kafka_bootstrap), [topic, *all_topics([])])
    broken, stop = asyncio.Event(), asyncio.Event()
    broken.set()

    async def passes_on(batch: Sequence[Record[Municipality]], tx: Tx) -> Sequence[State]:
        if broken.is_set():
            raise ZeroDivisionError
        return [record.state for record in batch]

    async def nothing(*_: Any) -> Sequence[Any]:
        return ()

    fewest = Settings.model_json_schema()["properties"]["database_connections"]["minimum"]
    given = {"kafka_bootstrap_servers": kafka_bootstrap, "database_connections": fewest}
    service = a_service(database_url, services_password, Errand("idle", nothing, nothing, nothing))
    service = replace(service, on={topic: passes_on}, settings=service.settings.model_copy(update=given))
    state = a_municipality()
    await send(kafka_bootstrap, topic.name, [(state.key, encode(state), headers(state, source="test", time=NOW))])

    async def asked(sql: str) -> Any:
        async with probe.transaction() as tx:
            return await tx.fetchval(sql)

    async with asyncio.TaskGroup() as group:
        group.create_task(work(service, stop, Health()))
        try:
            await eventually(lambda: asked("select exists (select from parked)"))
            broken.clear()
            async with probe.transaction() as tx:
                await parked.ask_for_retry(tx)
            await eventually(lambda: asked("select resolution = 'applied' from parked"))
            await eventually(lambda: asked("select published_at is not null from outbox"))
        finally:
            stop.set()
