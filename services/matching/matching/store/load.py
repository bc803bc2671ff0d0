"""What managers carry: locked, changed within their capacity."""

from collections.abc import Collection, Mapping
from uuid import UUID

from chassis.database import Tx, columns
from matching.days import monday_of
from matching.domain import Carried
from matching.settlement import Booking
from matching.store.queries import query


class CapacityExceeded(Exception):
    """A manager would carry more than she can: the loads that were decided on were not locked."""


async def loads(tx: Tx) -> dict[UUID, int]:
    """The units each manager carries, not locked: to see who has room, not to decide."""
    return {row["id"]: row["load"] for row in await tx.fetch("select id, load from manager")}


async def lock_managers(tx: Tx, ids: Collection[UUID]) -> dict[UUID, Carried]:
    """Lock managers in the order of their ids; what each carries."""
    if not ids:
        return {}
    rows = await tx.fetch(
        "select id, load, case when week = $2 then new_cases else 0 end as new from manager"
        " where id = any($1::uuid[]) order by id for no key update",
        sorted(ids),
        monday_of(tx.now),
    )
    return {row["id"]: Carried(row["load"], row["new"]) for row in rows}


async def write_loads(tx: Tx, booked: Mapping[UUID, Booking]) -> None:
    """Change what managers carry. Raises CapacityExceeded."""
    booked = {manager: booking for manager, booking in booked.items() if any(booking)}
    if not booked:
        return
    changed = await tx.count(query("write_loads"), list(booked), *columns(booked.values()), monday_of(tx.now))
    if changed != len(booked):
        raise CapacityExceeded
