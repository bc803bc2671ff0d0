"""Waits until everything that was started has come to its end: nothing unread, unsent, undone or unanswered."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from chassis.broker import Broker
from geleit.demo import store
from geleit.demo.doors import Doors
from geleit.probe import until

WITHIN = 120.0
"""Seconds after which somebody has to look."""

Offsets = Mapping[TopicPartition, int]


@dataclass(frozen=True, slots=True)
class Stream:
    """The broker, as somebody sees it who only looks."""

    consumer: AIOKafkaConsumer
    admin: AIOKafkaAdminClient

    async def written(self, topics: Sequence[str]) -> dict[str, int]:
        """How many records these topics of one partition have ever had."""
        ends = await self.consumer.end_offsets([TopicPartition(topic, 0) for topic in topics])
        return {place.topic: end for place, end in ends.items()}

    async def ends(self, doors: Doors) -> Offsets:
        """The end of every partition that some service reads."""
        topics = sorted(
            {topic for service in doors.services.values() for topic in service.on}, key=lambda one: one.name
        )
        places = [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]
        found: Offsets = await self.consumer.end_offsets(places)
        return found

    async def unread(self, doors: Doors, ends: Offsets) -> int:
        """How many records before these ends some service has not committed."""
        unread = 0
        for service in doors.services.values():
            names = {topic.name for topic in service.on}
            committed = await self.admin.list_consumer_group_offsets(service.name)
            for place, end in ends.items():
                if place.topic in names:
                    unread += end - (committed[place].offset if place in committed else 0)
        return unread


@asynccontextmanager
async def open_stream(broker: Broker) -> AsyncIterator[Stream]:
    """Connect to the broker."""
    consumer, admin = AIOKafkaConsumer(**broker.client), AIOKafkaAdminClient(**broker.client)
    await consumer.start()
    try:
        await admin.start()
        try:
            yield Stream(consumer, admin)
        finally:
            await admin.close()
    finally:
        await consumer.stop()


async def settled(doors: Doors, stream: Stream, *, within: float = WITHIN) -> None:
    """Return once nothing is under way. Raises NotInTime.

    Work in flight is a record that is not committed, or a row that is not sent. Ends, then rows, then the same ends
    again, all of them read: then nothing was in flight at the moment the rows were looked at.
    """

    async def is_settled() -> bool:
        before = await stream.ends(doors)
        if await stream.unread(doors, before):
            return False
        for database in doors.databases.values():
            async with database.transaction() as tx:
                if await store.unfinished(tx):
                    return False
        async with doors["notifications"].transaction() as tx:
            if await store.unsent(tx):
                return False
        after = await stream.ends(doors)
        return before == after and not await stream.unread(doors, after)

    await until(is_settled, within=within, what="the end of all work", every=0.1)
