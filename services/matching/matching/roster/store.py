"""The roster's rows: read to compare, written in one statement each."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID, uuid4

import asyncpg

from chassis.database import Tx, columns
from matching.domain import Absence
from matching.roster.sheet import FteChange
from matching.store import query

Kept = asyncpg.Record


async def register(tx: Tx) -> frozenset[str]:
    """AGS of the municipalities there are."""
    rows = await tx.fetch("select ags from municipality where active")
    return frozenset(row["ags"] for row in rows)


async def kept(tx: Tx) -> dict[UUID, Kept]:
    """Every manager's row, removed ones too; to be called with the basis renewed, so that nobody decides meanwhile."""
    return {row["id"]: row for row in await tx.fetch("select * from manager order by id")}


async def kept_one(tx: Tx, manager: UUID) -> Kept:
    """One manager's row. Raises KeyError."""
    row = await tx.fetchrow("select * from manager where id = $1", manager)
    if row is None:
        raise KeyError(manager)
    return row


async def base_loads(tx: Tx) -> dict[UUID, int]:
    """The units each manager carries from before the platform."""
    return {row["id"]: row["base_load"] for row in await tx.fetch("select id, base_load from manager")}


async def posts(tx: Tx) -> dict[UUID, tuple[FteChange, ...]]:
    """The changes of every manager's post, by day."""
    found: dict[UUID, list[FteChange]] = {}
    for row in await tx.fetch("select * from post order by since"):
        found.setdefault(row["manager"], []).append((row["since"], row["fte_hundredths"]))
    return {manager: tuple(some) for manager, some in found.items()}


async def write_posts(tx: Tx, of: Mapping[UUID, Sequence[FteChange]]) -> None:
    """Replace the changes of these managers' posts."""
    await tx.execute("delete from post where manager = any($1::uuid[])", list(of))
    rows = [(manager, *change) for manager, some in of.items() for change in some]
    if rows:
        await tx.execute(
            "insert into post (manager, since, fte_hundredths) select * from unnest($1::uuid[], $2::date[], $3::int[])",
            *columns(rows),
        )


async def resize(tx: Tx, ftes: Mapping[UUID, int], units_per_fte: int) -> list[Kept]:
    """Give managers another share of a post, and the capacity of it; the rows that changed."""
    return await tx.fetch(
        "update manager set fte_hundredths = n.fte, capacity = n.fte * $3 / 100, revision = revision + 1,"
        " changed_at = $4, tolerated = greatest(0, load - n.fte * $3 / 100)"
        " from unnest($1::uuid[], $2::int[]) as n (id, fte)"
        " where manager.id = n.id and fte_hundredths <> n.fte and status = 'active' returning manager.*",
        list(ftes),
        list(ftes.values()),
        units_per_fte,
        tx.now,
    )


async def active_cases(tx: Tx) -> dict[UUID, int]:
    """How many cases each manager has."""
    rows = await tx.fetch("select manager, count(*) as cases from care where manager is not null group by manager")
    return {row["manager"]: row["cases"] for row in rows}


async def providers(tx: Tx) -> set[str]:
    """The codes of all providers."""
    return {row["code"] for row in await tx.fetch("select code from provider")}


async def write_providers(tx: Tx, names: Mapping[str, str]) -> None:
    """Keep providers by code."""
    await tx.execute(
        "insert into provider as p (code, name) select * from unnest($1::text[], $2::text[]) as n (code, name)"
        " order by code on conflict (code) do update set name = excluded.name where p.name <> excluded.name",
        list(names),
        list(names.values()),
    )


class Written(NamedTuple):
    """A manager's row as it is written, in the order of write_managers.sql; lists are words between spaces."""

    id: UUID
    revision: int
    code: str
    provider: str
    status: str
    name_key: bytes | None
    name_box: bytes | None
    fte_hundredths: int
    capacity: int
    base_load: int
    languages: str
    skills: str
    service_area: str
    office: str
    active_from: date
    active_until: date | None
    max_new_per_week: int | None


async def write_managers(tx: Tx, rows: Sequence[Written]) -> None:
    """Insert or replace managers.

    A manager carries what she carried, with the new base load; what is above a smaller capacity is tolerated.
    """
    if rows:
        await tx.execute(query("write_managers"), *columns(rows), tx.now)


async def write_absences(tx: Tx, of: Mapping[UUID, Sequence[Absence]]) -> None:
    """Replace the absences of these managers."""
    await tx.execute("delete from absence where manager = any($1::uuid[])", list(of))
    rows = [(manager, one.since, one.until) for manager, some in of.items() for one in some]
    if rows:
        await tx.execute(
            "insert into absence (id, manager, since, until)"
            " select * from unnest($1::uuid[], $2::uuid[], $3::date[], $4::date[])",
            [uuid4() for _ in rows],
            *columns(rows),
        )


async def end_absence(tx: Tx, manager: UUID, absence: UUID, last_day: date) -> bool:
    """Let an absence end on a day, or take it back if it would end before it begins; whether it had not ended yet."""
    found = await tx.fetchval(
        "delete from absence where id = $1 and manager = $2 and since > $3 returning id", absence, manager, last_day
    )
    found = found or await tx.fetchval(
        "update absence set until = $3 where id = $1 and manager = $2 and (until is null or until > $3) returning id",
        absence,
        manager,
        last_day,
    )
    return found is not None


async def write_capacities(tx: Tx, units_per_fte: int) -> list[Kept]:
    """Give every manager the capacity that a policy's units make; the rows that changed."""
    return await tx.fetch(
        "update manager set capacity = fte_hundredths * $1 / 100, revision = revision + 1, changed_at = $2,"
        " tolerated = greatest(0, load - fte_hundredths * $1 / 100)"
        " where capacity <> fte_hundredths * $1 / 100 returning *",
        units_per_fte,
        tx.now,
    )
