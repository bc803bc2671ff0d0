"""What a centre is shown: its households with what became of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from chassis.database import Tx
from contracts.assignments import Care
from contracts.vocabulary import HouseholdStatus
from intake.store.query import query


async def apply_cares(tx: Tx, cares: Sequence[Care]) -> None:
    """Keep what became of households, unless something newer is kept; `cares` are sorted by household."""
    await tx.execute(
        query("apply_cares"),
        tx.now,
        [care.household for care in cares],
        [care.revision for care in cares],
        [care.status for care in cares],
        [care.reason for care in cares],
        [care.municipality for care in cares],
        [care.assignee.id if care.assignee else None for care in cares],
        [care.model_dump(mode="json", exclude_none=True) for care in cares],
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """A household as its centre sees it in a list, with what became of it; no names."""

    id: UUID
    reference: str
    revision: int
    status: HouseholdStatus
    registered_at: datetime
    changed_at: datetime
    facts: dict[str, Any]
    municipality_name: str | None
    care: dict[str, Any] | None
    """The newest state on `assignments`, as JSON."""
    last_change: datetime
    """Of itself or of its care."""


_SHOWN = frozenset(HouseholdStatus) - {HouseholdStatus.ERASED}
"""Whoever is erased has no reference any more."""


async def shown(
    tx: Tx,
    *,
    limit: int,
    after: tuple[datetime, UUID] | None = None,
    newest_first: bool = True,
    reference: str = "",
    status: str | None = None,
    care: str | None = None,
    same_persons_as: UUID | None = None,
    id: UUID | None = None,
) -> list[Shown]:
    """Households by registration, of the transaction's centre."""
    if status is not None and status not in _SHOWN:
        return []
    beyond, way = ("<", "desc") if newest_first else (">", "asc")
    # Only a plan for this call leaves out what nobody asks for, and finds what is asked for by its index.
    await tx.plan_anew()
    rows = await tx.fetch(
        query("shown") + f" and ($2::timestamptz is null or (h.registered_at, h.id) {beyond} ($2, $3::uuid))"
        f" order by h.registered_at {way}, h.id {way} limit $1",
        limit,
        *(after or (None, None)),
        reference,
        status,
        care,
        same_persons_as,
        id,
    )
    return [_shown(row) for row in rows]


MOST_TIMES = 2000
"""Changes that are looked at for a page: where others have followed them all, as when all cares of a centre change."""


_AT_TIMES = (
    "select t.at, t.id from unnest($2::timestamptz[], $3::uuid[]) as t (at, id)"
    " where t.at >= $1::timestamptz - interval '5 minutes'"
)


async def changed(
    tx: Tx,
    *,
    since: datetime,
    limit: int,
    after: tuple[datetime, UUID] | None = None,
    reference: str = "",
) -> tuple[list[Shown], tuple[datetime, UUID] | None]:
    """Households of the transaction's centre that have changed, or whose care has, by the last of their changes.

    If they are fewer than `limit`: also after what to go on, unless that was all.
    """
    await tx.plan_anew()
    told = query("told").replace("{most}", str(MOST_TIMES))
    statement = query("changed").replace("{shown}", query("shown"))
    seen, rest = (after or (None, UUID(int=0))), (reference, None, None, None, None, limit)
    rows = await tx.fetch(statement.replace("{told}", told), since, *seen, *rest)
    if len(rows) == limit:
        return [_shown(row) for row in rows], None
    # How far was looked: asked once more, and from these times on. Whoever has changed in between comes later.
    times = await tx.fetch(told, since, *seen, reference)
    at, ids = [row["at"] for row in times], [row["id"] for row in times]
    rows = await tx.fetch(statement.replace("{told}", _AT_TIMES), since, at, ids, *rest)
    further = (at[-1], ids[-1]) if len(rows) < limit and len(times) == MOST_TIMES else None
    return [_shown(row) for row in rows], further


def _shown(row: asyncpg.Record) -> Shown:
    return Shown(**{**row, "status": HouseholdStatus(row["status"])})
