"""What managers carry: locked, changed within their capacity."""

from collections.abc import Collection
from uuid import UUID

from chassis.database import Tx
from matching.store.queries import query


class CapacityExceeded(Exception):
    """A manager would carry more than she can: the loads that were decided on were not locked."""


async def loads(tx: Tx) -> dict[UUID, int]:
    """The units each manager carries, not locked: to see who has room, not to decide."""
    return {row["id"]: row["load"] for row in await tx.fetch("select id, load from manager")}


async def lock_managers(tx: Tx, ids: Collection[UUID]) -> dict[UUID, int]:
    """Lock managers in the order of their ids; the units each carries."""
    if not ids:
        return {}
    rows = await tx.fetch(
        "select id, load from manager where id = any($1::uuid[]) order by id for no key update", sorted(ids)
    )
    return {row["id"]: row["load"] for row in rows}


async def write_loads(tx: Tx, changes: dict[UUID, tuple[int, int, int]]) -> None:
    """Change loads by (delta, of which matching took, of which was forced). Raises CapacityExceeded."""
    changes = {manager: change for manager, change in changes.items() if any(change)}
    if not changes:
        return
    done = await tx.execute(query("write_loads"), list(changes), *map(list, zip(*changes.values(), strict=True)))
    if done != f"UPDATE {len(changes)}":
        raise CapacityExceeded
