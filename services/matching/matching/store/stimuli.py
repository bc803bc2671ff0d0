"""Every input that was applied, in the order of commits."""

from collections.abc import Sequence

from chassis.database import Tx


async def record(tx: Tx, kind: str, stimuli: Sequence[tuple[str, int | None, bytes]]) -> None:
    """Append inputs that were applied: aggregate, revision, JSON. Last of all, under the locks of what they change."""
    if stimuli:
        await tx.execute(
            "insert into stimulus (at, kind, aggregate, revision, payload)"
            " select $1, $2, a, r, p::jsonb from unnest($3::text[], $4::bigint[], $5::text[])"
            " with ordinality as s (a, r, p, n) order by n",
            tx.now,
            kind,
            [aggregate for aggregate, _, _ in stimuli],
            [revision for _, revision, _ in stimuli],
            [payload.decode() for _, _, payload in stimuli],
        )
