"""Every input that was applied, in the order of commits among those that touch the same rows."""

from collections.abc import AsyncIterator, Sequence
from itertools import groupby
from operator import itemgetter
from uuid import UUID

import asyncpg

from chassis.database import Tx
from matching.stimuli import Batch, Stimulus

CHUNK = 500
"""Batches that are read at once."""


async def record(tx: Tx, batch: UUID, stimuli: Sequence[Stimulus]) -> None:
    """Append the inputs of a transaction. Last of all, under the locks of what they change."""
    if stimuli:
        await tx.execute(
            "insert into stimulus (at, batch, kind, aggregate, revision, payload)"
            " select $1, $2, k, a, r, p::jsonb from unnest($3::text[], $4::text[], $5::bigint[], $6::text[])"
            " with ordinality as s (k, a, r, p, n) order by n",
            tx.now,
            batch,
            [one.kind for one in stimuli],
            [one.aggregate for one in stimuli],
            [one.revision for one in stimuli],
            [one.payload.decode() for one in stimuli],
        )


async def how_many_batches(tx: Tx) -> int:
    """How many batches there are."""
    found: int = await tx.fetchval("select count(distinct batch) from stimulus")
    return found


async def chunks(tx: Tx) -> AsyncIterator[list[Batch]]:
    """All batches, some at a time, in an order in which their transactions could have run one after the other.

    Inputs are written under the locks of what they change: of two transactions that touch the same rows all inputs of
    one come before all of the other.
    """
    order = await tx.fetch("select batch, min(id) as first from stimulus group by batch order by first")
    ids = [row["batch"] for row in order]
    for begin in range(0, len(ids), CHUNK):
        rows = await tx.fetch(
            "select s.batch, s.at, s.kind, s.aggregate, s.payload::text as payload, s.revision from stimulus s"
            " join unnest($1::uuid[]) with ordinality as o (batch, n) using (batch) order by o.n, s.id",
            ids[begin : begin + CHUNK],
        )
        yield [_batch(batch, list(inputs)) for batch, inputs in groupby(rows, itemgetter("batch"))]


def _batch(batch: UUID, rows: Sequence[asyncpg.Record]) -> Batch:
    inputs = [Stimulus(row["kind"], row["aggregate"], row["payload"].encode(), row["revision"]) for row in rows]
    return Batch(batch, rows[0]["at"], tuple(inputs))
