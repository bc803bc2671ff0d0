"""Every input that was applied, in the order of commits among those that touch the same rows."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from chassis.database import Tx


class Stimulus(NamedTuple):
    """An input that was applied: what kind, to what (a household is its alias), and what it said, as JSON."""

    kind: str
    aggregate: str | None
    payload: bytes
    revision: int | None = None


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
