"""Reading topics again from their first record, through the same consumer and beside the running one."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition

from chassis.broker import Broker
from chassis.consumer import Consumer
from chassis.failpoint import failpoint
from chassis.polls import unpacked

POLLED = 4000
Progress = Callable[[int, int], None]
"""Called with how many records are read and how many there are."""


async def replay(
    consumer: Consumer,
    topics: Iterable[str],
    *,
    broker: Broker,
    begin: Callable[[], Awaitable[None]] | None = None,
    progress: Progress = lambda _read, _all: None,
) -> int:
    """Apply every record the topics hold now; how many that were. `begin` is called once it is known that they can
    be read.

    No group, no offsets: a newer revision wins, so a worker that goes on meanwhile does no harm and takes
    none. Raises KafkaError, Unreadable, one of TRANSIENT, TooManyRefused.
    """
    reader = AIOKafkaConsumer(**broker.client, group_id=None, enable_auto_commit=False, auto_offset_reset="earliest")
    stop = asyncio.Event()
    try:
        await reader.start()
        places = [
            TopicPartition(topic, number)
            for topic in sorted(topics)
            for number in sorted(await _partitions(reader, topic))
        ]
        reader.assign(places)
        begins, ends = await reader.beginning_offsets(places), await reader.end_offsets(places)
        await reader.seek_to_beginning(*places)
        total = sum(ends[place] - begins[place] for place in places)
        if begin:
            await begin()
        read = 0
        open_places = {place for place in places if begins[place] < ends[place]}
        while open_places:
            polled = await unpacked(reader.getmany(*open_places, timeout_ms=500, max_records=POLLED))
            if batch := [record for some in polled.values() for record in some]:
                await consumer.consume(batch, stop)
                failpoint("replay.applied")
                read += len(batch)
            open_places = {place for place in open_places if await reader.position(place) < ends[place]}
            # Compaction leaves gaps: what the positions say is the progress, not what was counted.
            positions = [await reader.position(place) for place in places]
            progress(sum(positions) - sum(begins.values()), total)
        return read
    finally:
        await reader.stop()


async def _partitions(reader: AIOKafkaConsumer, topic: str) -> set[int]:
    known = reader.partitions_for_topic(topic)
    if known is None:
        # The reader asks for metadata of topics it has never heard of only when it is told to.
        await reader._client.set_topics([*reader._client._topics, topic])
        known = reader.partitions_for_topic(topic)
    return set(known or ())
