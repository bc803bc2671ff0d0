"""Every topic read again from its first record, twice; and 64 matchers that race for 100 places."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

from chassis.broker import Broker
from chassis.consumer import Consumer
from chassis.health import Health
from chassis.replay import replay
from contracts.record import Record, decode
from contracts.topics import HOUSEHOLDS
from e2e.rest import is_quiet
from e2e.test_replay import state
from e2e.world import World
from geleit.services import database_of
from stream import eventually, read_to_the_end

MATCHERS, PLACES, RIVALS = 64, 100, 256
UNITS = 25
"""Of the household of two persons that a centre registers."""
MANAGERS = 4


async def replayed(world: World) -> dict[str, Any]:
    """Twice, by consumers of each service: the same hashes, no mail, nothing published."""
    await eventually(lambda: is_quiet(world), within=120)
    before, records = await state(world), 0
    found = []
    for turn in range(2):
        for name, service in world.services.items():
            consumer = Consumer(world.databases[name], service.vault(), service.on, Health())
            records += await replay(consumer, [one.name for one in service.on], broker=Broker(world.bootstrap))
        after = await state(world)
        found += [f"doubled: replay {turn + 1} changed {name}" for name in before if before[name] != after[name]]
    return {"replayed": records, "faults": found}


async def raced(world: World) -> dict[str, Any]:
    """64 matchers with a connection each decide 256 households of one town at the same time; 100 have room."""
    town = world.town()
    for _ in range(MANAGERS):
        await world.manager(town, room=UNITS * PLACES // MANAGERS)
    workers = [world.running.process(name) for name in ("matching.0", "matching.1")]
    for worker in workers:
        worker.freeze()
    try:
        rivals = {await world.registered(town) for _ in range(RIVALS)}
        records = await eventually(lambda: _records_of(world, rivals), within=60)
        await _all_at_once(world, records)
    finally:
        for worker in workers:
            worker.thaw()
    await eventually(lambda: is_quiet(world), within=120)
    sql = "select count(*) from care where household = any($1::uuid[]) and status = 'proposed'"
    placed = await world.ask("matching", sql, list(rivals))
    return {"raced": placed, "faults": [] if placed == PLACES else [f"{placed} of {PLACES} places were given"]}


async def _records_of(world: World, households: set[UUID]) -> list[Record[Any]] | None:
    found = []
    for raw in await read_to_the_end(world.bootstrap, HOUSEHOLDS.name):
        read = decode(raw.value, raw.headers, HOUSEHOLDS.known)
        if read is not None and UUID(read.key) in households:
            found.append(Record(read, raw.topic, raw.partition, raw.offset, None))
    return found if len(found) == len(households) else None


async def _all_at_once(world: World, records: list[Record[Any]]) -> None:
    service = world.services["matching"]
    async with AsyncExitStack() as stack:
        matchers = []
        for _ in range(MATCHERS):
            database = await stack.enter_async_context(database_of(service))
            matchers.append(Consumer(database, service.vault(), service.on, Health()))
        # Interleaved: each one's managers are everybody's.
        await asyncio.gather(
            *(one.apply(HOUSEHOLDS.name, records[number::MATCHERS]) for number, one in enumerate(matchers))
        )
