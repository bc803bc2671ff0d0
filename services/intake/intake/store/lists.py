"""What a centre is shown: its households with what became of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

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
    since: datetime | None = None,
    same_persons_as: UUID | None = None,
    id: UUID | None = None,
) -> list[Shown]:
    """Households by registration, of the transaction's centre; `since` looks at the care's changes too."""
    if status is not None and status not in _SHOWN:
        return []
    changed = f" and h.id in ({query('changed')})" if since else ""
    beyond, way = ("<", "desc") if newest_first else (">", "asc")
    # Only a plan for this call leaves out what nobody asks for, and finds what is asked for by its index.
    await tx.plan_anew()
    rows = await tx.fetch(
        f"{query('shown')}{changed}"
        f" and ($2::timestamptz is null or (h.registered_at, h.id) {beyond} ($2, $3::uuid))"
        f" order by h.registered_at {way}, h.id {way} limit $1",
        limit,
        *(after or (None, None)),
        reference,
        status,
        care,
        same_persons_as,
        id,
        *([since] if since else []),
    )
    return [Shown(**{**row, "status": HouseholdStatus(row["status"])}) for row in rows]
