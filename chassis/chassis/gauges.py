"""What only the tables know of a service: asked every few seconds, by each of its workers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from chassis import telemetry
from chassis.access.keys import keys_ending
from chassis.backoff import pause
from chassis.database import TRANSIENT, Database, Tx

log = logging.getLogger(__name__)

EVERY_SECONDS = 10.0

Measure = Callable[[Tx], Awaitable[None]]

_OLDEST = "select created_at from outbox where published_at is null order by id limit 1"
_PARKED = "select topic, count(*) as records from parked where resolved_at is null group by topic"


async def measure(database: Database, measures: Sequence[Measure]) -> None:
    """Set the gauges of every service, and by `measures` those of this one."""
    async with database.transaction() as tx:
        # Not by the relay: it knows nothing of its outbox while its broker is away.
        oldest = await tx.fetchval(_OLDEST)
        telemetry.outbox_age_seconds.set(max(0.0, (tx.now - oldest).total_seconds()) if oldest else 0)
        parked = await tx.fetch(_PARKED)
        telemetry.parked_records.clear()
        for row in parked:
            telemetry.parked_records.labels(row["topic"]).set(row["records"])
        ending = await keys_ending(tx)
        telemetry.keys_ending.clear()
        for role, keys in ending.items():
            telemetry.keys_ending.labels(role).set(keys)
        for one in measures:
            await one(tx)


async def keep_measuring(database: Database, measures: Sequence[Measure], stop: asyncio.Event) -> None:
    """`measure` until `stop`; while the database is away the gauges stay as they were."""
    while not stop.is_set():
        try:
            await measure(database, measures)
        except TRANSIENT as error:
            log.info("gauges: %s, trying again later", type(error).__name__)
        await pause(EVERY_SECONDS, stop)
