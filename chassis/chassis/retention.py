"""What may be forgotten after its time: sent outbox rows, parked records, and when people signed in."""

import asyncio
import logging
from datetime import timedelta

from chassis.backoff import pause
from chassis.database import TRANSIENT, Database
from chassis.failpoint import failpoint
from chassis.parked import expire

log = logging.getLogger(__name__)

EVERY_SECONDS = 600.0
BATCH = 10_000
"""Rows a transaction may delete: a long one would hold back the vacuum of everything else."""

OUTBOX_KEPT = timedelta(days=7)
"""From its sending on; what was not sent is kept until it is."""

PLACE_KEPT = timedelta(days=365)
"""From the day on that a submission was given up. Where another record stood is kept without an end, as its topic keeps
it: that explains what is missing since."""

_STATEMENTS = (
    (
        # Of the oldest only: to find no more than a few by their time, the whole table would be read. What waits for
        # a topic that is not there does not stand in front of them.
        "delete from outbox where id in (select id from (select id, published_at from outbox"
        " where published_at is not null order by id limit $2) as oldest where published_at < $1)",
        OUTBOX_KEPT,
    ),
    (
        "delete from parked where id in (select id from parked where expires_at < $1"
        " and resolution = 'applied' order by id limit $2)",
        timedelta(0),
    ),
    (
        "delete from parked where id in (select id from parked where expires_at < $1 and resolved_at is not null"
        " and topic like 'submissions.%' order by id limit $2)",
        PLACE_KEPT,
    ),
    # No service's own: whichever comes first does it, and access itself says after what time.
    ("select access.forget_sign_ins($1, $2)", timedelta(0)),
)


async def forget(database: Database, stop: asyncio.Event) -> int:
    """Delete what is past its time, until `stop`; how many rows that were."""
    forgotten = 0
    async with database.transaction() as tx:
        given_up = await expire(tx, BATCH)
        failpoint("retention.expired")
    if given_up:
        log.error("retention: %d parked records were not settled in time, their content is gone", given_up)
    for statement, kept in _STATEMENTS:
        while not stop.is_set():
            async with database.transaction() as tx:
                done = await tx.count(statement, tx.now - kept, BATCH)
                failpoint("retention.deleted")
            forgotten += done
            if not done:
                break
    return forgotten


async def keep_forgetting(database: Database, stop: asyncio.Event) -> None:
    """`forget` every ten minutes until `stop`; a database that is away is asked again next time."""
    while not stop.is_set():
        try:
            await forget(database, stop)
        except TRANSIENT as error:
            log.warning("retention: %s, trying again later", type(error).__name__)
        await pause(EVERY_SECONDS, stop)
