"""The outbox: states written in the transaction that made them, for the relay to send."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from chassis.failpoint import failpoint
from chassis.telemetry import current_traceparent
from contracts.record import State, encode, event_id
from contracts.topics import topic_of

LARGEST = 900_000
"""Bytes of a state. Above a mebibyte no broker takes its record, and who is refused for good holds all behind it."""

_INSERT = """
with written as (
    insert into outbox (topic, partition, key, ce_id, ce_type, revision, payload, traceparent, created_at)
    select t, p, k, i, y, r, v, c, $9
    from unnest($1::text[], $2::int[], $3::text[], $4::uuid[], $5::text[], $6::int[], $7::bytea[], $8::text[])
         with ordinality as o(t, p, k, i, y, r, v, c, n)
    order by n
)
select pg_notify('outbox_' || current_schema(), '')
"""


class StateTooLarge(ValueError):
    """A state that could not be sent: whatever made it has to be refused."""


async def insert(
    connection: "PoolConnectionProxy[asyncpg.Record]", states: Sequence[State], traces: Mapping[str, str], now: datetime
) -> None:
    """Insert states in their order and wake the relay at commit.

    The caller holds the lock of each aggregate's row: it makes the order of ids the order of revisions.
    A state continues the trace `traces` names for its key, else the trace of what runs now. Raises StateTooLarge.
    """
    if not states:
        return
    payloads = [encode(state) for state in states]
    if max(map(len, payloads)) > LARGEST:
        raise StateTooLarge
    here = current_traceparent()
    await connection.execute(
        _INSERT,
        [topic_of(state).name for state in states],
        [state.partition for state in states],
        [state.key for state in states],
        [event_id(state) for state in states],
        [state.ce_type for state in states],
        [state.revision for state in states],
        payloads,
        [traces.get(state.key, here) for state in states],
        now,
    )
    failpoint("outbox.inserted")
