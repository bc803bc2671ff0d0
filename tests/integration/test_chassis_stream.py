"""The subscription on a real broker: offsets follow the commit, and a failing poll comes again."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError, UnknownTopicOrPartitionError
from aiokafka.protocol.metadata import MetadataRequest
from starlette.applications import Starlette

from builders import a_municipality
from chassis import stream, watch
from chassis.broker import Broker
from chassis.consumer import Consumer
from chassis.database import Database, Tx
from chassis.health import Health
from chassis.lag import measure_lag
from chassis.places import Places
from chassis.polls import POLL_MS
from chassis.stream import Poll, Subscription
from chassis.topics import create_topics
from chassis.vault import Vault
from contracts.municipalities import Municipality
from contracts.record import Record, State, encode
from contracts.topics import Topic
from gauged import sample
from probe import handlers
from stream import at_work, eventually, send, write_municipalities


@pytest.fixture
async def topic(kafka_bootstrap: str) -> Topic:
    topic = Topic(f"probe-{uuid4().hex[:8]}", Municipality, "probe")
    await create_topics(Broker(kafka_bootstrap), [topic])
    return topic


def a_subscription(
    probe: Database,
    topic: Topic,
    kafka_bootstrap: str,
    handler: Any,
    group: str,
    *more: Topic,
    health: Health | None = None,
    instance: str | None = None,
) -> Subscription:
    health = health or Health()
    topics = [topic, *more]
    return Subscription(
        Consumer(probe, Vault(os.urandom(32)), dict.fromkeys(topics, handler), health),
        [one.name for one in topics],
        broker=Broker(kafka_bootstrap),
        group=group,
        instance=instance,
        records=100,
        health=health,
    )


async def count(probe: Database) -> int:
    async with probe.transaction() as tx:
        return int(await tx.fetchval("select count(*) from seen"))


async def test_what_was_sent_before_the_first_start_is_read_and_a_restart_goes_on(
    probe: Database, topic: Topic, kafka_bootstrap: str
) -> None:
    group = uuid4().hex
    batches: list[int] = []

    async def counting(batch: Sequence[Record[Any]], tx: Tx) -> Sequence[State]:
        batches.append(len(batch))
        return await handlers.on_municipalities(batch, tx)

    for part in (range(50), range(50, 80)):
        await write_municipalities(probe, kafka_bootstrap, topic, part)

        async def all_there(expected: int = part.stop) -> bool:
            return await count(probe) == expected

        async with at_work(a_subscription(probe, topic, kafka_bootstrap, counting, group).run):
            await eventually(all_there)
    assert sum(batches) == 80, "a committed record was read again after a clean stop"


async def test_a_member_that_comes_back_with_one_more_topic_is_given_it(
    probe: Database, topic: Topic, kafka_bootstrap: str
) -> None:
    """A static member is given what it had, at once and whatever it asks for now: so it must be another one."""
    group, new = uuid4().hex, Topic(f"probe-{uuid4().hex[:8]}", Municipality, "probe")
    await create_topics(Broker(kafka_bootstrap), [new])
    for more, part in (((), range(5)), ((new,), range(5, 9))):
        await write_municipalities(probe, kafka_bootstrap, more[0] if more else topic, part)
        member = a_subscription(
            probe, topic, kafka_bootstrap, handlers.on_municipalities, group, *more, instance="a-name"
        )

        async def all_there(expected: int = part.stop) -> bool:
            return await count(probe) == expected

        async with at_work(member.run):
            await eventually(all_there)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (UnknownTopicOrPartitionError.errno, "topics_missing"),
        (TopicAuthorizationFailedError.errno, "TopicAuthorizationFailedError"),
    ],
)
async def test_a_topic_that_is_missing_is_told_from_one_that_must_not_be_read(
    probe: Database, kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch, code: int, said: str
) -> None:
    topic = Topic(f"probe-{uuid4().hex[:8]}", Municipality, "probe")
    describe = AIOKafkaAdminClient.describe_topics

    async def answered(self: AIOKafkaAdminClient, topics: list[str]) -> list[Any]:
        # Only a broker that asks for accounts refuses one: to such a topic it answers with a code, as to a missing one.
        return [one | {"error_code": code} for one in await describe(self, topics)]

    monkeypatch.setattr(AIOKafkaAdminClient, "describe_topics", answered)
    health = Health("stream")
    subscription = a_subscription(probe, topic, kafka_bootstrap, handlers.on_municipalities, uuid4().hex, health=health)

    async def is_said() -> bool:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(Starlette(routes=health.routes())), base_url="http://probe"
        ) as http:
            return bool((await http.get("/readyz")).json()["down"]["stream"] == said)

    async with at_work(subscription.run):
        await eventually(is_said)


async def test_only_the_places_of_what_came_are_committed(probe: Database, kafka_bootstrap: str) -> None:
    topic, group = Topic(f"probe-{uuid4().hex[:8]}", Municipality, "probe", 3), uuid4().hex
    await create_topics(Broker(kafka_bootstrap), [topic])
    await write_municipalities(probe, kafka_bootstrap, topic, range(1))

    async def there() -> bool:
        return await count(probe) == 1

    async with at_work(a_subscription(probe, topic, kafka_bootstrap, handlers.on_municipalities, group).run):
        await eventually(there)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    try:
        committed = await admin.list_consumer_group_offsets(group)
    finally:
        await admin.close()
    assert [place.offset for place in committed.values()] == [1]


@pytest.fixture
async def reader(probe: Database, topic: Topic, kafka_bootstrap: str) -> AsyncIterator[AIOKafkaConsumer]:
    """Of nine records, in a group of its own."""
    await write_municipalities(probe, kafka_bootstrap, topic, range(9))
    consumer = AIOKafkaConsumer(
        topic.name,
        bootstrap_servers=kafka_bootstrap,
        group_id=uuid4().hex,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    yield consumer
    await consumer.stop()


async def some(reader: AIOKafkaConsumer) -> tuple[TopicPartition, tuple[ConsumerRecord, ...]]:
    """Three records, and whence."""
    ((place, raws),) = (await reader.getmany(timeout_ms=30_000, max_records=3)).items()
    return place, tuple(raws)


async def test_a_place_that_somebody_else_has_left_further_on_is_not_taken_back(reader: AIOKafkaConsumer) -> None:
    place, raws = await some(reader)
    # As after a rebalance to somebody else and back while these were applied.
    reader.seek(place, 7)
    places = Places(asyncio.Event())
    await Poll(raws, reader, places).ack()
    await places.tell(reader)
    assert await reader.committed(place) == 7


async def test_of_a_partition_that_is_taken_away_the_group_is_told_nothing_more(reader: AIOKafkaConsumer) -> None:
    place, raws = await some(reader)
    places = Places(asyncio.Event())
    await Poll(raws, reader, places).ack()
    places.on_partitions_revoked([place])
    await places.tell(reader)
    assert await reader.committed(place) is None


async def test_a_place_of_a_partition_that_has_gone_keeps_none_of_the_others_from_being_told(
    kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.places.TOLD_AFTER", 3600)
    topic, group = Topic(f"probe-{uuid4().hex[:8]}", Municipality, "probe", 2), uuid4().hex
    await create_topics(Broker(kafka_bootstrap), [topic])

    def member() -> AIOKafkaConsumer:
        return AIOKafkaConsumer(topic.name, bootstrap_servers=kafka_bootstrap, group_id=group, enable_auto_commit=False)

    places, one, other = Places(asyncio.Event()), member(), member()
    await one.start()
    await places.reached(one, one.assignment())
    before = set(one.assignment())
    await other.start()
    try:

        async def is_shared() -> bool:
            return len(one.assignment()) == 1

        await eventually(is_shared)
        await places.tell(one)
        told = {place: await one.committed(place) for place in before}
        assert {place for place, at in told.items() if at is not None} == one.assignment()
    finally:
        await one.stop()
        await other.stop()
        await places.close()


async def test_a_group_that_could_not_be_told_is_told_again(
    reader: AIOKafkaConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, failures = reader.commit, [KafkaConnectionError(), RuntimeError("whatever a library lets out")]

    async def fails_at_first(places: Any) -> None:
        if failures:
            raise failures.pop()
        await commit(places)

    monkeypatch.setattr(reader, "commit", fails_at_first)
    place, raws = await some(reader)
    await Poll(raws, reader, Places(asyncio.Event())).ack()

    async def told() -> bool:
        return bool(await reader.committed(place) == 3)

    await eventually(told)
    assert not failures


async def test_many_polls_are_told_as_one(
    probe: Database, topic: Topic, kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.places.TOLD_AFTER", 3600)
    commit, told = AIOKafkaConsumer.commit, []

    async def noted(self: AIOKafkaConsumer, places: Any) -> None:
        told.append([*places.values()])
        await commit(self, places)

    monkeypatch.setattr(AIOKafkaConsumer, "commit", noted)
    await write_municipalities(probe, kafka_bootstrap, topic, range(250))

    async def all_there() -> bool:
        return await count(probe) == 250

    async with at_work(a_subscription(probe, topic, kafka_bootstrap, handlers.on_municipalities, uuid4().hex).run):
        await eventually(all_there)
    assert told[-1] == [250]
    assert len(told) <= 2, "once at the end, and by a poll that was under way then"


async def test_who_waits_for_records_asks_seldom(
    probe: Database, topic: Topic, kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    polls: list[int] = []
    getmany = AIOKafkaConsumer.getmany

    async def counted(self: AIOKafkaConsumer, *places: Any, **asked: Any) -> Any:
        polls.append(asked["timeout_ms"])
        return await getmany(self, *places, **asked)

    monkeypatch.setattr(AIOKafkaConsumer, "getmany", counted)

    async def three_times() -> bool:
        return polls.count(POLL_MS) >= 3

    async with at_work(a_subscription(probe, topic, kafka_bootstrap, handlers.on_municipalities, uuid4().hex).run):
        await eventually(three_times)
    assert set(polls) == {POLL_MS}


async def test_a_poll_whose_transaction_fails_comes_again(
    probe: Database, topic: Topic, kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.consumer.TRIES_IN_PLACE", 1)
    failures = 3

    async def fails_at_first(batch: Sequence[Record[Any]], tx: Tx) -> Sequence[State]:
        nonlocal failures
        if failures:
            failures -= 1
            raise asyncpg.CannotConnectNowError
        return await handlers.on_municipalities(batch, tx)

    await write_municipalities(probe, kafka_bootstrap, topic, range(20))

    async def all_there() -> bool:
        return await count(probe) == 20

    async with at_work(a_subscription(probe, topic, kafka_bootstrap, fails_at_first, uuid4().hex).run):
        await eventually(all_there)


@pytest.mark.parametrize("codec", ["gzip", "lz4", "snappy", "zstd"])
async def test_whatever_a_client_compresses_by_is_read(
    probe: Database, topic: Topic, kafka_bootstrap: str, codec: str
) -> None:
    state = a_municipality()
    async with AIOKafkaProducer(bootstrap_servers=kafka_bootstrap, compression_type=codec) as producer:
        told = [("ce_type", state.ce_type.encode())]
        await producer.send_and_wait(topic.name, encode(state), key=b"k", headers=told)

    async def applied() -> bool:
        return await count(probe) == 1

    async with at_work(a_subscription(probe, topic, kafka_bootstrap, handlers.on_municipalities, uuid4().hex).run):
        await eventually(applied)


async def test_a_header_that_is_not_text_costs_nothing(probe: Database, topic: Topic, kafka_bootstrap: str) -> None:
    state = a_municipality()
    good = [("ce_type", state.ce_type.encode())]
    await send(
        kafka_bootstrap,
        topic.name,
        [("a", encode(state), [*good, ("comment", b"\xff\xfe")]), ("b", None, good), ("c", b"\x00", good)],
    )

    async def parked() -> bool:
        async with probe.transaction() as tx:
            return bool(await tx.fetchval("select count(*) = 2 from parked"))

    async def applied() -> bool:
        return await count(probe) == 1

    async with at_work(a_subscription(probe, topic, kafka_bootstrap, handlers.on_municipalities, uuid4().hex).run):
        await eventually(parked)
        await eventually(applied)


async def test_a_consumer_that_stands_still_before_records_ends_its_process(
    probe: Database, topic: Topic, kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "LAG_SECONDS", 0.1)
    monkeypatch.setattr(stream, "DRAIN_SECONDS", 0.1)
    monkeypatch.setattr(watch, "STUCK_SECONDS", 1.0)

    async def for_ever(batch: Sequence[Record[Municipality]], tx: Tx) -> Sequence[State]:
        await asyncio.Event().wait()
        return ()

    await write_municipalities(probe, kafka_bootstrap, topic, range(3))
    subscription = a_subscription(probe, topic, kafka_bootstrap, for_ever, "stands-still")
    with pytest.raises(watch.Stuck, match="3 at hand"):
        await asyncio.wait_for(subscription.run(asyncio.Event()), 60)


async def test_a_consumer_that_never_learns_where_it_stands_ends_its_process(
    topic: Topic, kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its partitions are assigned, and what would tell it where to begin never answers."""
    monkeypatch.setattr("chassis.lag.POSITION_SECONDS", 0.05)
    monkeypatch.setattr(watch, "STUCK_SECONDS", 0.2)
    consumer = AIOKafkaConsumer(topic.name, bootstrap_servers=kafka_bootstrap, group_id=uuid4().hex)

    async def never(*_: object) -> int:
        await asyncio.Event().wait()
        return 0

    await consumer.start()
    try:
        await eventually(lambda: is_assigned(consumer))
        monkeypatch.setattr(consumer, "position", never)
        watching = watch.Watch(Broker(kafka_bootstrap))

        async def looked() -> bool:
            await watching.look(consumer, ())
            return False

        with pytest.raises(watch.Stuck, match="1 partitions without a position"):
            await eventually(looked)
    finally:
        await consumer.stop()


class TwoPartitions:
    """A consumer of two partitions with records in both; `positions` say where it stands."""

    _coordinator = _client = SimpleNamespace(
        _coordination_task=SimpleNamespace(done=bool), _sync_task=SimpleNamespace(done=bool)
    )

    def __init__(self) -> None:
        self.positions: dict[TopicPartition, int | None] = {TopicPartition("t", 0): 5, TopicPartition("t", 1): 5}

    def assignment(self) -> set[TopicPartition]:
        return set(self.positions)

    def paused(self) -> set[TopicPartition]:
        return set()

    async def position(self, place: TopicPartition) -> int:
        if (at := self.positions[place]) is None:
            raise TimeoutError
        return at


@pytest.mark.parametrize(
    ("at", "why"), [(5, "995 records"), (0, "1000 records"), (None, "1 partitions without a position")]
)
async def test_one_partition_that_stands_still_while_others_go_on_ends_the_process(
    at: int | None, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer, watching, seconds = TwoPartitions(), watch.Watch(Broker("nowhere")), 0.0
    first, second = sorted(consumer.positions)

    async def ends(_: object, places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, 1000)

    monkeypatch.setattr(watch, "_ends", ends)
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: seconds)

    async def pass_time(until: float, *, going_on: bool) -> None:
        nonlocal seconds
        while seconds < until:
            seconds += 5.0
            watching.polls += 1
            if going_on:
                consumer.positions[second] = (consumer.positions[second] or 0) + 1
            await watching.look(consumer, ())

    consumer.positions[first] = at
    # A database that is away lets nobody go on.
    await pass_time(3600, going_on=False)
    await pass_time(3600 + watch.BEHIND_SECONDS - 5, going_on=True)
    with pytest.raises(watch.Stuck, match=why):
        await pass_time(7200, going_on=True)


async def test_a_consumer_that_will_never_join_its_group_again_ends_its_process(
    topic: Topic, kafka_bootstrap: str
) -> None:
    """As aiokafka loses it: a heartbeat that is cancelled before its first turn takes the coordination along."""
    consumer = AIOKafkaConsumer(topic.name, bootstrap_servers=kafka_bootstrap, group_id=uuid4().hex)
    await consumer.start()
    try:
        await eventually(lambda: is_assigned(consumer))
        await watch.Watch(Broker(kafka_bootstrap)).look(consumer, ())
        coordinator = consumer._coordinator
        coordinator._heartbeat_task.cancel()
        await asyncio.wait([coordinator._heartbeat_task])
        coordinator._heartbeat_task = None
        coordinator._start_heartbeat_task()
        with suppress(asyncio.CancelledError):
            await coordinator._stop_heartbeat_task()
            pytest.fail("aiokafka bears it now: look whether the watch is still needed")
        coordinator._coordination_task.cancel()
        await asyncio.wait([coordinator._coordination_task])
        with pytest.raises(watch.Stuck, match="place in the group"):
            await watch.Watch(Broker(kafka_bootstrap)).look(consumer, ())
    finally:
        await consumer._client.close()


def test_a_connection_that_the_broker_has_closed_is_one_that_is_broken(kafka_bootstrap: str) -> None:
    """On the loop of the processes: what it raises itself would end a client's task without a word."""

    async def ask_who_has_hung_up() -> None:
        host, _, port = kafka_bootstrap.partition(":")
        connection = await create_conn(host, int(port), client_id="test")
        connection._writer.transport.abort()
        await asyncio.sleep(0)
        with pytest.raises(KafkaConnectionError):
            await connection.send(MetadataRequest([]))
        assert not connection.connected()

    uvloop.run(ask_who_has_hung_up())


async def is_assigned(consumer: AIOKafkaConsumer) -> bool:
    return bool(consumer.assignment())


async def test_a_consumer_without_records_may_stand_still(
    probe: Database, topic: Topic, kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "LAG_SECONDS", 0.1)
    monkeypatch.setattr(watch, "STUCK_SECONDS", 0.2)
    await write_municipalities(probe, kafka_bootstrap, topic, range(3))
    subscription = a_subscription(probe, topic, kafka_bootstrap, handlers.on_municipalities, "may-stand-still")
    looked, look = 0, watch.Watch.look

    async def counted(*asked: Any) -> None:
        nonlocal looked
        await look(*asked)
        looked += 1

    monkeypatch.setattr(watch.Watch, "look", counted)

    async def long_enough() -> bool:
        return looked > 10

    async with at_work(subscription.run):
        await eventually(long_enough)
        assert await count(probe) == 3


class Rebalanced:
    """A consumer that has fetched nothing yet of one of its partitions."""

    def __init__(self, topic: str) -> None:
        self.ends: dict[TopicPartition, int | None] = {TopicPartition(topic, 0): 7, TopicPartition(topic, 1): 900}
        self.standing: set[TopicPartition] = set()
        self.lost: set[TopicPartition] = set()

    def assignment(self) -> set[TopicPartition]:
        return set(self.ends)

    def paused(self) -> set[TopicPartition]:
        return self.standing

    async def position(self, place: TopicPartition) -> int:
        if place in self.lost:
            raise TimeoutError
        return 5

    def highwater(self, place: TopicPartition) -> int | None:
        return self.ends[place]


async def test_a_rebalance_is_no_catching_up() -> None:
    topic = uuid4().hex
    consumer = Rebalanced(topic)
    await measure_lag(consumer, [topic], ())
    assert sample("geleit_consumer_lag_records", topic=topic) == 897
    consumer.ends[TopicPartition(topic, 1)] = None
    await measure_lag(consumer, [topic], ())
    assert sample("geleit_consumer_lag_records", topic=topic) == 897


async def test_partitions_that_stand_still_are_counted() -> None:
    topic = uuid4().hex
    consumer = Rebalanced(topic)
    first, second = sorted(consumer.ends)
    consumer.standing, consumer.lost = {first}, {second}
    await measure_lag(consumer, [topic], ())
    assert sample("geleit_partitions_standing", topic=topic) == 2
    consumer.standing, consumer.lost = set(), set()
    await measure_lag(consumer, [topic], ())
    assert sample("geleit_partitions_standing", topic=topic) == 0


async def test_the_lag_counts_what_is_at_hand_and_what_came_after(
    probe: Database, topic: Topic, kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.stream.LAG_SECONDS", 0.05)
    may_go_on = asyncio.Event()

    async def waits(batch: Sequence[Record[Any]], tx: Tx) -> Sequence[State]:
        await may_go_on.wait()
        return await handlers.on_municipalities(batch, tx)

    async def lag() -> float | None:
        return sample("geleit_consumer_lag_records", topic=topic.name)

    async def at_hand() -> bool:
        return await lag() == 20

    async def more_than_at_hand() -> bool:
        # How much more depends on what one fetch found: after it nothing is fetched until the batch is done.
        return (await lag() or 0) > 20

    async def caught_up() -> bool:
        return await lag() == 0 and await count(probe) == 30

    await write_municipalities(probe, kafka_bootstrap, topic, range(20))
    async with at_work(a_subscription(probe, topic, kafka_bootstrap, waits, uuid4().hex).run):
        await eventually(at_hand)
        await write_municipalities(probe, kafka_bootstrap, topic, range(20, 30))
        await eventually(more_than_at_hand)
        may_go_on.set()
        await eventually(caught_up)
