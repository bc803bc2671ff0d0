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
    asked = (since, *(after or (None, UUID(int=0))), reference)
    statement = query("changed").replace("{told}", told).replace("{shown}", query("shown"))
    rows = await tx.fetch(statement, *asked, None, None, None, None, limit)
    last = None if len(rows) == limit else await tx.fetchrow(f"{told} offset {MOST_TIMES - 1}", *asked)
    return [_shown(row) for row in rows], (last["at"], last["id"]) if last else None


def _shown(row: asyncpg.Record) -> Shown:
    return Shown(**{**row, "status": HouseholdStatus(row["status"])})
