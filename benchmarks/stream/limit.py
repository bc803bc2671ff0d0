"""The limit: what Kafka and PostgreSQL take and give by one Python process that does nothing with it."""

import time
from collections.abc import Sequence

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from benchmarks.stream.given import Raw
from benchmarks.stream.parts import Servers, a_database, make_topics, produce, send

SOURCE, TARGET = "limit-in", "limit-out"
AT_ONCE = 4000


async def per_second(given: Servers, records: Sequence[Raw]) -> float:
    """Households a second by getmany, COPY, produce, commit."""
    await make_topics(given, SOURCE, TARGET)
    await produce(given.bootstrap, SOURCE, records)
    async with a_database(given, "limit") as url:
        return await _per_second(given, url, records)


async def _per_second(given: Servers, url: str, records: Sequence[Raw]) -> float:
    database = await asyncpg.connect(url)
    await database.execute("create table household (id text primary key, home int not null, body bytea not null)")
    consumer = AIOKafkaConsumer(
        SOURCE,
        bootstrap_servers=given.bootstrap,
        group_id="limit",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    producer = AIOKafkaProducer(bootstrap_servers=given.bootstrap, acks="all", max_batch_size=1 << 19)
    await producer.start()
    await consumer.start()
    handled, began = 0, 0.0
    while handled < len(records):
        polled = await consumer.getmany(timeout_ms=1000, max_records=AT_ONCE)
        began = began or time.perf_counter()
        rows = [one for some in polled.values() for one in some]
        await database.copy_records_to_table(
            "household", records=[(one.key.decode(), one.partition, one.value) for one in rows]
        )
        await send(producer, TARGET, [Raw(one.partition, one.key, one.value, one.headers) for one in rows])
        await consumer.commit()
        handled += len(rows)
    spent = time.perf_counter() - began
    await consumer.stop()
    await producer.stop()
    await database.close()
    return len(records) / spent
