"""The naive way: FastStream as its tutorial has it, a message, a transaction and an awaited publish at a time."""

import asyncio
import time
from collections.abc import Sequence
from uuid import UUID

import asyncpg
from benchmarks.stream.given import Raw
from benchmarks.stream.parts import Servers, a_database, make_topics, produce
from faststream.kafka import KafkaBroker
from pydantic import BaseModel


class Facts(BaseModel):
    municipality: str
    size: int


class Household(BaseModel):
    id: UUID
    facts: Facts


SOURCE, TARGET = "naive-in", "naive-out"
_TABLES = """
create table household (id uuid primary key, municipality text not null, size int not null);
create table manager (id int primary key, load int not null default 0, capacity int not null);
create table care (household uuid primary key references household (id), manager int not null);
insert into manager (id, capacity) select n, 1000000 from generate_series(1, 1200) n;
"""


async def per_second(given: Servers, records: Sequence[Raw]) -> float:
    """Households a second."""
    await make_topics(given, SOURCE, TARGET)
    await produce(given.bootstrap, SOURCE, records)
    async with a_database(given, "naive") as url:
        return await _per_second(given, url, records)


async def _per_second(given: Servers, url: str, records: Sequence[Raw]) -> float:
    pool = await asyncpg.create_pool(url)
    await pool.execute(_TABLES)
    broker = KafkaBroker(given.bootstrap, logger=None)
    done = asyncio.Event()
    handled = 0
    began = 0.0

    @broker.subscriber(SOURCE, group_id="naive", auto_offset_reset="earliest")
    async def on_household(household: Household) -> None:
        nonlocal handled, began
        began = began or time.perf_counter()
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "insert into household values ($1, $2, $3)",
                household.id,
                household.facts.municipality,
                household.facts.size,
            )
            manager = await connection.fetchval(
                "select id from manager where load + $1 <= capacity order by load limit 1", household.facts.size
            )
            await connection.execute("update manager set load = load + $1 where id = $2", household.facts.size, manager)
            await connection.execute("insert into care values ($1, $2)", household.id, manager)
        await broker.publish({"household": str(household.id), "manager": manager}, TARGET, key=household.id.bytes)
        handled += 1
        if handled == len(records):
            done.set()

    async with broker:
        await broker.start()
        await done.wait()
        spent = time.perf_counter() - began
    await pool.close()
    return len(records) / spent
