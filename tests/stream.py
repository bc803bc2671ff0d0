"""Reading and writing the real stream in tests: everything ends by a deadline, nothing by a pause."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from builders import a_municipality
from chassis.database import Database
from contracts.record import State, encode, headers
from contracts.topics import Topic

DEADLINE = 30.0


def raw_record(state: State, *, offset: int = 0, topic: str = "municipalities", **headers: bytes) -> ConsumerRecord:
    """A record as the consumer would get it."""
    return raw_bytes(
        encode(state), offset=offset, topic=topic, key=state.key, ce_type=state.ce_type.encode(), **headers
    )


def raw_bytes(
    value: bytes | None, *, offset: int = 0, topic: str = "municipalities", key: str = "k", **headers: bytes
) -> ConsumerRecord:
    """Any bytes as the consumer would get them."""
    return ConsumerRecord(
        topic=topic,
        partition=0,
        offset=offset,
        timestamp=0,
        timestamp_type=0,
        key=key.encode(),
        value=value,
        checksum=None,
        serialized_key_size=1,
        serialized_value_size=len(value or b""),
        headers=tuple(headers.items()),
    )


async def send(
    bootstrap: str, topic: str, records: Iterable[tuple[str, bytes | None, Sequence[tuple[str, bytes | None]]]]
) -> None:
    """Write (key, value, headers) to partition 0."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    try:
        for key, value, headers in records:
            await producer.send_and_wait(topic, value, key=key.encode(), partition=0, headers=headers)
    finally:
        await producer.stop()


async def write_municipalities(database: Database, bootstrap: str, topic: Topic, numbers: range) -> None:
    """One for each number, written when the database says that it is."""
    async with database.transaction() as tx:
        now = tx.now
    states = [a_municipality(ags=f"08{number:06d}") for number in numbers]
    records = [(one.key, encode(one), headers(one, source="test", time=now)) for one in states]
    await send(bootstrap, topic.name, records)


class _NotUtf8(str):
    """A header's name as only other clients write it."""

    __slots__ = ()

    def encode(self, *_: Any) -> bytes:
        return b"\xff"


async def send_what_cannot_be_unpacked(bootstrap: str, topic: str) -> None:
    """A batch of one record, with a header whose name no library of ours reads."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        batch = producer.create_batch()
        batch._builder = _DefaultRecordBatchBuilderPy(
            magic=2,
            compression_type=0,
            is_transactional=0,
            producer_id=-1,
            producer_epoch=-1,
            base_sequence=-1,
            batch_size=1 << 16,
        )
        batch.append(timestamp=None, key=b"k", value=b"{}", headers=[(_NotUtf8(), b"x")])
        batch.close()
        await (await producer.send_batch(batch, topic, partition=0))


async def send_what_becomes_too_large(bootstrap: str, topic: str) -> None:
    """A batch of a few kilobytes that is a hundred times as large when it is unpacked."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, compression_type="zstd") as producer:
        await producer.send_and_wait(topic, b" " * 900_000, key=b"k", partition=0)


async def read_to_the_end(bootstrap: str, *topics: str) -> list[ConsumerRecord]:
    """All records the topics hold now."""
    # By the default a new consumer begins at the end, and takes itself there even after it is told to seek.
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=None, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        await consumer._client.force_metadata_update()
        places = [
            TopicPartition(topic, number) for topic in topics for number in consumer.partitions_for_topic(topic) or ()
        ]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        found: list[ConsumerRecord] = []
        for place, end in ends.items():
            while await consumer.position(place) < end:
                found.extend(await _some(consumer))
        return found
    finally:
        await consumer.stop()


async def _some(consumer: AIOKafkaConsumer) -> list[ConsumerRecord]:
    return [record for records in (await consumer.getmany(timeout_ms=200)).values() for record in records]


@asynccontextmanager
async def at_work(run: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """What runs until it is told to stop, as long as the block lasts; then it has come to its end."""
    stop = asyncio.Event()
    running = asyncio.create_task(run(stop))
    try:
        yield
        stop.set()
        await running
    finally:
        running.cancel()


async def eventually(check: Callable[[], Awaitable[Any]], *, within: float = DEADLINE) -> Any:
    """The first true result of `check`, asked every 50 ms. Raises TimeoutError with the last one."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within
    while not (result := await check()):
        if loop.time() > end:
            raise TimeoutError(f"still {result!r} after {within} s")
        await _turn()
    return result


async def _turn() -> None:
    await asyncio.sleep(0.05)  # the interval of a poll with a deadline, not a guess at how long something takes
