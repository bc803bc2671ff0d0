"""One poll: what can be applied is, what cannot is parked, and a lost database loses nothing."""

import asyncio
import dataclasses
import os
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest
from aiokafka import ConsumerRecord
from prometheus_client import REGISTRY

from builders import a_municipality
from chassis import consumer as consuming
from chassis.consumer import Consumer, TooManyRefused
from chassis.database import UNFIT, Database, Tx
from chassis.health import Health
from chassis.parked import listed, opened, settle
from chassis.vault import Vault
from contracts.record import Record, State
from contracts.topics import MUNICIPALITIES, submissions
from probe import handlers
from stream import raw_bytes, raw_record

VAULT = Vault(os.urandom(32))
SUBMISSIONS = submissions("karlsruhe")


def a_consumer(probe: Database, handler: Any = handlers.on_municipalities) -> Consumer:
    return Consumer(probe, VAULT, {MUNICIPALITIES: handler}, Health())


async def seen(probe: Database) -> dict[str, int]:
    async with probe.transaction() as tx:
        return {row["ags"]: row["revision"] for row in await tx.fetch("select ags, revision from seen")}


async def parked(probe: Database) -> list[tuple[int, str]]:
    async with probe.transaction() as tx:
        return [(one.position, one.error) for one in await listed(tx)]


def records(*names: str) -> list[ConsumerRecord]:
    return [
        raw_record(a_municipality(ags=f"08{number:06d}", name=name), offset=number) for number, name in enumerate(names)
    ]


async def test_the_rest_of_a_batch_goes_on_around_what_is_poison(probe: Database) -> None:
    batch = [
        *records("a", handlers.POISON, "b", handlers.REFUSED, "c"),
        raw_bytes(b"{not json", offset=5, ce_type=b"geleit.municipality.v1"),
        raw_bytes(b"{}", offset=6, ce_type=b"geleit.municipality.v2"),
        raw_bytes(b"{}", offset=7, ce_type=b"\xff\xfe"),
        raw_bytes(b"{}", offset=8, ce_type=b"geleit.weather.v1"),
    ]
    await a_consumer(probe).consume(batch, asyncio.Event())
    assert sorted(await seen(probe)) == ["08000000", "08000002", "08000004"]
    assert sorted(await parked(probe)) == [
        (1, "error:ZeroDivisionError"),
        (3, "refused:by_name"),
        (5, "schema:json_invalid"),
        (6, "unknown_version"),
        (7, "type_not_ascii"),
    ]


async def test_headers_that_no_table_takes_do_not_stop_the_stream(probe: Database) -> None:
    hostile = [("ce_type", b"\xff\x00\x1b[31m"), ("traceparent", b"00-\x00-\x00-01"), ("x\x00", b"\x00"), ("y", None)]
    valid = records("a")[0]
    traced = dataclasses.replace(valid, headers=(*valid.headers, ("traceparent", b"\x00" * 55)), offset=1)
    batch = [dataclasses.replace(raw_bytes(b"\x00", offset=0), headers=tuple(hostile)), traced]
    await a_consumer(probe).consume(batch, asyncio.Event())
    assert await parked(probe) == [(0, "type_not_ascii")]
    assert sorted(await seen(probe)) == ["08000000"]
    async with probe.transaction() as tx:
        (one,) = await listed(tx)
        assert one.ce_type is not None
        assert one.ce_type.isprintable()
        raw = await opened(tx, VAULT, one.id)
    assert raw is not None
    assert list(raw.headers) == hostile


@pytest.mark.parametrize("without", ["ce_type", "ce_id", "ce_time", "traceparent"])
async def test_a_header_without_a_value_is_parked_or_missed_and_stops_nothing(probe: Database, without: str) -> None:
    first, second = records("a", "b")
    lacking = dataclasses.replace(
        first, headers=(*(one for one in first.headers if one[0] != without), (without, None))
    )
    await a_consumer(probe).consume([lacking, second], asyncio.Event())
    assert "08000001" in await seen(probe)
    assert len(await parked(probe)) + len(await seen(probe)) == 2


async def test_a_second_reading_changes_nothing(probe: Database) -> None:
    batch = records("a", handlers.POISON, "b")
    for _ in range(2):
        await a_consumer(probe).consume(batch, asyncio.Event())
    assert len(await parked(probe)) == 1
    async with probe.transaction() as tx:
        assert await tx.fetchval("select max(times) from seen") == 1


async def test_the_newest_revision_wins_whatever_the_order(probe: Database) -> None:
    late = [raw_record(a_municipality(revision=revision), offset=revision) for revision in (3, 1, 2)]
    for one in late:
        await a_consumer(probe).consume([one], asyncio.Event())
    assert list((await seen(probe)).values()) == [3]


async def test_when_most_of_a_large_batch_is_refused_nothing_is_parked(probe: Database) -> None:
    batch = [raw_bytes(b"?", offset=number, ce_type=b"geleit.municipality.v1") for number in range(300)]
    stop = asyncio.Event()
    stop.set()
    with pytest.raises(TooManyRefused):
        await a_consumer(probe).consume(batch, stop)
    assert await parked(probe) == []


@pytest.mark.parametrize("name", [handlers.REFUSED, handlers.POISON])
async def test_when_most_of_a_large_batch_cannot_be_applied_nothing_is_parked(probe: Database, name: str) -> None:
    stop = asyncio.Event()
    stop.set()
    with pytest.raises(TooManyRefused):
        await a_consumer(probe).consume(records(*[name, name, "a"] * 200), stop)
    assert await parked(probe) == []
    async with probe.transaction() as tx:
        assert await tx.fetchval("select count(*) from consumed") == 0


async def test_hundreds_of_refusals_among_others_are_parked_and_counted(probe: Database) -> None:
    """More than a program may call itself, and still less than half of all."""
    await a_consumer(probe).consume(records(*[handlers.REFUSED, "a", "b"] * 1100), asyncio.Event())
    assert len(await seen(probe)) == 2200
    async with probe.transaction() as tx:
        assert await tx.fetchval("select count(*) from parked") == 1100
        row = await tx.fetchrow("select handled, parked from consumed")
    assert row is not None
    assert (row["handled"], row["parked"]) == (2200, 1100)


async def test_a_centre_that_sends_only_garbage_stops_nobody(probe: Database) -> None:
    garbage = [
        raw_bytes(b"?", offset=number, topic=SUBMISSIONS.name, ce_type=b"geleit.submission.v1") for number in range(300)
    ]
    handlers_of = {SUBMISSIONS: handlers.on_municipalities, MUNICIPALITIES: handlers.on_municipalities}
    consumer = Consumer(probe, VAULT, handlers_of, Health())
    await consumer.consume([*garbage, *records("a")], asyncio.Event())
    assert sorted(await seen(probe)) == ["08000000"]
    async with probe.transaction() as tx:
        assert await tx.fetchval("select count(*) from parked") == len(garbage)


async def test_a_lost_connection_is_tried_again_until_it_works(probe: Database) -> None:
    tries: list[int] = []

    async def loses_its_connection_once(batch: Sequence[Record[Any]], tx: Tx) -> Sequence[State]:
        tries.append(len(batch))
        if len(tries) == 1:
            own = await tx.fetchval("select pg_backend_pid()")
            async with probe.transaction() as other:
                await other.execute("select pg_terminate_backend($1)", own)
        return await handlers.on_municipalities(batch, tx)

    await a_consumer(probe, loses_its_connection_once).consume(records("a", "b"), asyncio.Event())
    assert tries == [2, 2]
    assert len(await seen(probe)) == 2
    assert await parked(probe) == []


async def test_a_deadlock_is_nobodys_fault_and_not_parked(probe: Database) -> None:
    tries: list[int] = []

    async def deadlocks_once(batch: Sequence[Record[Any]], tx: Tx) -> Sequence[State]:
        tries.append(1)
        if len(tries) == 1:
            raise asyncpg.DeadlockDetectedError
        return []

    await a_consumer(probe, deadlocks_once).consume(records("a"), asyncio.Event())
    assert len(tries) == 2
    assert await parked(probe) == []


async def test_a_column_that_an_upgrade_adds_meanwhile_parks_nothing(
    probe: Database, owner: asyncpg.Connection
) -> None:
    async def reads_all(batch: Sequence[Record[Any]], tx: Tx) -> Sequence[State]:
        await tx.fetch("select * from seen")
        return await handlers.on_municipalities(batch, tx)

    consumer, (first, second) = a_consumer(probe, reads_all), records("a", "b")
    await consumer.consume([first], asyncio.Event())
    await owner.execute("alter table probe.seen add column of_the_next_release text")
    await consumer.consume([second], asyncio.Event())
    assert await parked(probe) == []
    assert len(await seen(probe)) == 2


async def test_a_parked_record_opens_as_it_was_and_is_destroyed_when_settled(probe: Database) -> None:
    (raw,) = records(handlers.POISON)
    await a_consumer(probe).consume([raw], asyncio.Event())
    async with probe.transaction() as tx:
        (one,) = await listed(tx)
        stored = await tx.fetchval("select payload from parked")
        assert raw.value is not None
        assert raw.value not in stored
        found = await opened(tx, VAULT, one.id)
        assert found is not None
        assert (found.value, found.key, found.headers) == (raw.value, raw.key, raw.headers)
        await settle(tx, one.id, "discarded: a test")
        assert await opened(tx, VAULT, one.id) is None
        assert await listed(tx) == []
        assert await tx.fetchval("select payload from parked") is None


async def test_a_parked_record_can_be_applied_later_once(probe: Database) -> None:
    tries: list[int] = []

    async def works_the_second_time(batch: Sequence[Record[Any]], tx: Tx) -> Sequence[State]:
        tries.append(len(batch))
        if len(tries) == 1:
            raise ZeroDivisionError
        return await handlers.on_municipalities(batch, tx)

    consumer = a_consumer(probe, works_the_second_time)
    await consumer.consume(records("a"), asyncio.Event())
    async with probe.transaction() as tx:
        (one,) = await listed(tx)
    assert await consumer.retry(one.id) == consuming.APPLIED
    assert await consumer.retry(one.id) is None
    assert len(await seen(probe)) == 1
    assert await parked(probe) == []


async def test_what_the_handler_returns_waits_in_the_outbox_with_the_trace_of_its_cause(probe: Database) -> None:
    traceparent = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-00"

    async def answers(batch: Sequence[Record[Any]], _: Tx) -> Sequence[State]:
        return [record.state.model_copy(update={"revision": 2}) for record in batch]

    await a_consumer(probe, answers).consume(
        [raw_record(a_municipality(), traceparent=traceparent.encode())], asyncio.Event()
    )
    async with probe.transaction() as tx:
        row = await tx.fetchrow("select topic, partition, revision, traceparent from outbox")
    assert row is not None
    assert tuple(row) == ("municipalities", 0, 2, traceparent)


def test_the_newest_of_each_key_comes_in_the_order_of_locks() -> None:
    batch = [
        Record(a_municipality(ags=ags, revision=revision), "municipalities", 0, number)
        for number, (ags, revision) in enumerate([("08000002", 1), ("08000001", 2), ("08000001", 1), ("08000002", 3)])
    ]
    assert [(one.state.ags, one.state.revision) for one in consuming.newest(batch)] == [
        ("08000001", 2),
        ("08000002", 3),
    ]


async def counted(probe: Database) -> tuple[int, int, int, int]:
    async with probe.transaction() as tx:
        row = await tx.fetchrow("select next, handled, parked, ignored from consumed")
    return tuple(row) if row else (0, 0, 0, 0)


async def test_every_record_is_counted_once_however_often_it_is_read(probe: Database) -> None:
    poison = raw_bytes(b"{not json", offset=3, ce_type=b"geleit.municipality.v1")
    foreign = raw_bytes(b"{}", offset=4, ce_type=b"geleit.weather.v1")
    batch = [*records("a", "b", handlers.POISON), poison, foreign]
    consumer, stop = a_consumer(probe), asyncio.Event()
    await consumer.consume(batch[:2], stop)
    assert await counted(probe) == (2, 2, 0, 0)
    await consumer.consume(batch[1:], stop)
    assert await counted(probe) == (5, 2, 2, 1)
    await consumer.consume(batch, stop)
    await consumer.consume([foreign], stop)
    assert await counted(probe) == (5, 2, 2, 1)


@pytest.mark.parametrize("missing", ["select not_yet_there from seen", "select * from not_yet_there", "truncate seen"])
async def test_what_a_migration_or_a_right_lacks_is_no_records_fault(
    probe: Database, owner: asyncpg.Connection, missing: str
) -> None:
    """A release that came before its migration, or a worker without a grant."""
    if missing.startswith("truncate"):
        await owner.execute("revoke truncate on probe.seen from probe_worker")

    async def of_another_release(batch: Sequence[Record[Any]], tx: Tx) -> Sequence[State]:
        await tx.execute(missing)
        return await handlers.on_municipalities(batch, tx)

    consumer, batch = a_consumer(probe, of_another_release), records("a", "b")
    stop = asyncio.Event()
    stop.set()
    with pytest.raises(UNFIT):
        await consumer.consume(batch, stop)
    assert (await parked(probe), consumer._health.ready) == ([], False)


async def test_a_server_that_takes_no_writes_any_more_is_left_for_one_that_does(probe: Database) -> None:
    """After a failover the old one may answer for a while."""
    async with probe.transaction() as tx:
        old = await tx.fetchval("select pg_backend_pid()")
        await tx.execute("set default_transaction_read_only = on")
    seen_by: list[int] = []

    async def handle(batch: Sequence[Record[Any]], tx: Tx) -> Sequence[State]:
        seen_by.append(await tx.fetchval("select pg_backend_pid()"))
        return await handlers.on_municipalities(batch, tx)

    await a_consumer(probe, handle).consume(records("a", "b"), asyncio.Event())
    assert seen_by[0] == old, "the pool hands out what came back last"
    assert old not in seen_by[1:]
    assert (len(await seen(probe)), await parked(probe)) == (2, [])


def test_what_is_applied_of_a_topic_is_counted_from_0(probe: Database) -> None:
    """Of a count that is first there as 1 nobody can say that it has risen."""
    topic = dataclasses.replace(MUNICIPALITIES, name="probe-counted")
    Consumer(probe, VAULT, {topic: handlers.on_municipalities}, Health())
    assert REGISTRY.get_sample_value("geleit_records_total", {"topic": topic.name, "fate": "applied"}) == 0
