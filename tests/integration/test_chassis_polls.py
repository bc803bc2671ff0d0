"""A batch that cannot be unpacked stands in the way of its own partition, and costs no other a record."""

import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from chassis import polls
from chassis.broker import Broker
from chassis.consumer import Consumer
from chassis.database import Database
from chassis.health import Health
from chassis.replay import replay
from chassis.stream import Subscription
from chassis.topics import create_topics
from chassis.vault import Vault
from contracts.municipalities import Municipality
from contracts.topics import Topic
from probe import handlers
from stream import (
    at_work,
    eventually,
    send_what_becomes_too_large,
    send_what_cannot_be_unpacked,
    write_municipalities,
)


def a_consumer(probe: Database, *topics: Topic) -> Consumer:
    return Consumer(probe, Vault(os.urandom(32)), dict.fromkeys(topics, handlers.on_municipalities), Health())


def a_subscription(consumer: Consumer, bootstrap: str, gathers: float, *topics: Topic) -> Subscription:
    return Subscription(
        consumer,
        [topic.name for topic in topics],
        broker=Broker(bootstrap),
        group=uuid4().hex,
        instance=None,
        records=100,
        health=Health(),
        gathers=gathers,
    )


@pytest.mark.parametrize("send_it", [send_what_cannot_be_unpacked, send_what_becomes_too_large])
async def test_it_is_found_also_where_little_is_there_and_fetches_gather(
    probe: Database,
    kafka_bootstrap: str,
    caplog: pytest.LogCaptureFixture,
    send_it: Callable[[str, str], Awaitable[None]],
) -> None:
    torn = Topic(f"probe-{uuid4().hex[:8]}", Municipality, "probe", retention=timedelta(days=1))
    await create_topics(Broker(kafka_bootstrap), [torn])
    await write_municipalities(probe, kafka_bootstrap, torn, range(3))
    await send_it(kafka_bootstrap, torn.name)

    async def stands_still() -> bool:
        return "/0 cannot be unpacked from 3 on" in caplog.text

    async with at_work(a_subscription(a_consumer(probe, torn), kafka_bootstrap, 0.5, torn).run):
        await eventually(stands_still)


@pytest.mark.parametrize("gathers", [0.0, 0.5])
async def test_others_lose_nothing_by_it_and_its_own_partition_goes_on_once_it_is_gone(
    probe: Database,
    kafka_bootstrap: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    gathers: float,
) -> None:
    monkeypatch.setattr(polls, "AGAIN_SECONDS", 0.5)
    day = timedelta(days=1)
    whole, torn = (Topic(f"probe-{uuid4().hex[:8]}", Municipality, "probe", number, day) for number in (1, 2))
    await create_topics(Broker(kafka_bootstrap), [whole, torn])
    await write_municipalities(probe, kafka_bootstrap, torn, range(3))
    await send_what_cannot_be_unpacked(kafka_bootstrap, torn.name)
    await write_municipalities(probe, kafka_bootstrap, torn, range(3, 6))
    await write_municipalities(probe, kafka_bootstrap, whole, range(100, 350))

    consumer = a_consumer(probe, whole, torn)

    async def seen() -> set[str]:
        async with probe.transaction() as tx:
            return {row["ags"] for row in await tx.fetch("select ags from seen")}

    def towns(*numbers: int) -> set[str]:
        return {f"08{number:06d}" for number in numbers}

    async def stands_still() -> bool:
        return "/0 cannot be unpacked from 3 on" in caplog.text and await seen() == towns(*range(3), *range(100, 350))

    async def others_go_on() -> bool:
        return await seen() == towns(*range(3), *range(100, 360))

    async def all_there() -> bool:
        return await seen() == towns(*range(6), *range(100, 360))

    async with at_work(a_subscription(consumer, kafka_bootstrap, gathers, whole, torn).run):
        await eventually(stands_still)
        with pytest.raises(polls.Unreadable, match="UnicodeDecodeError"):
            await replay(consumer, [torn.name], broker=Broker(kafka_bootstrap))
        await write_municipalities(probe, kafka_bootstrap, whole, range(350, 360))
        await eventually(others_go_on)
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
        await admin.start()
        await admin.delete_records({TopicPartition(torn.name, 0): RecordsToDelete(before_offset=4)})
        await admin.close()
        await eventually(all_there)
