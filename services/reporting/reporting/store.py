"""The folds' rows: written a batch at a time, read as figures."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import asyncpg

from chassis import queries
from chassis.database import Tx, columns
from contracts.zone import day_of
from reporting.domain import Capacity, Cohort, Coverage, Day, District, Figures, Period, Reason
from reporting.projection import (
    CareRow,
    HouseholdRow,
    ManagerRow,
    MunicipalityRow,
    PolicyRow,
    ResponseRow,
)

_query = partial(queries.query, "reporting")

_COUNTED = (
    "arrivals",
    "persons",
    "eligible",
    "assigned",
    "waiting",
    "not_eligible",
    "ended",
    "withdrawn",
    "handed_over",
    "left",
    "undecided",
    "declines",
    "reassigned",
)

FOLD_HOUSEHOLDS = """
insert into household as t (
    id, revision, status, registered_at, centre, stated_district, stated_municipality, persons
)
select * from unnest(
    $1::uuid[], $2::int[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::smallint[]
)
on conflict (id) do update set
    revision = excluded.revision, status = excluded.status, registered_at = excluded.registered_at,
    centre = excluded.centre, stated_district = excluded.stated_district,
    stated_municipality = excluded.stated_municipality, persons = excluded.persons,
    (answer, answer_reason, answered_at) = (
        select t.answer, t.answer_reason, t.answered_at where excluded.status <> 'erased'
    )
where t.revision < excluded.revision
"""

FOLD_CARES = """
insert into household as t (
    id, care_revision, care_status, care_reason, care_district, care_municipality, manager, weight,
    care_registered_at, first_assigned_at, declines
)
select * from unnest(
    $1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::int[],
    $9::timestamptz[], $10::timestamptz[], $11::smallint[]
)
on conflict (id) do update set
    care_revision = excluded.care_revision, care_status = excluded.care_status,
    care_reason = excluded.care_reason, care_district = excluded.care_district,
    care_municipality = excluded.care_municipality, manager = excluded.manager, weight = excluded.weight,
    care_registered_at = excluded.care_registered_at, first_assigned_at = excluded.first_assigned_at,
    declines = excluded.declines
where t.care_revision < excluded.care_revision
"""

FOLD_RESPONSES = """
insert into household as t (id, response_revision, answer, answer_reason, answered_at)
select * from unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::timestamptz[])
on conflict (id) do update set
    response_revision = excluded.response_revision,
    (answer, answer_reason, answered_at) = (
        select excluded.answer, excluded.answer_reason, excluded.answered_at where t.status is distinct from 'erased'
    )
where t.response_revision < excluded.response_revision
"""

# A manager's area is a list and unnest would flatten lists of lists: these few rows travel one by one.
FOLD_MANAGER = """
insert into manager as t (
    id, revision, code, provider, status, fte_hundredths, capacity, base_load, service_area,
    active_from, active_until
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
on conflict (id) do update set
    revision = excluded.revision, code = excluded.code, provider = excluded.provider, status = excluded.status,
    fte_hundredths = excluded.fte_hundredths, capacity = excluded.capacity, base_load = excluded.base_load,
    service_area = excluded.service_area, active_from = excluded.active_from,
    active_until = excluded.active_until
where t.revision < excluded.revision
"""

FOLD_MUNICIPALITIES = """
insert into municipality as t (ags, revision, name, district, district_name, population, active)
select * from unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[], $6::int[], $7::bool[])
on conflict (ags) do update set
    revision = excluded.revision, name = excluded.name, district = excluded.district,
    district_name = excluded.district_name, population = excluded.population, active = excluded.active
where t.revision < excluded.revision
"""

FOLD_POLICIES = """
insert into policy as t (id, revision, version, units_per_fte)
select * from unnest($1::text[], $2::int[], $3::text[], $4::int[])
on conflict (id) do update set
    revision = excluded.revision, version = excluded.version, units_per_fte = excluded.units_per_fte
where t.revision < excluded.revision
"""


async def fold_households(tx: Tx, rows: Sequence[HouseholdRow]) -> None:
    """Keep what is newer, one row an id, sorted by it."""
    await tx.execute(FOLD_HOUSEHOLDS, *columns(rows))


async def fold_cares(tx: Tx, rows: Sequence[CareRow]) -> None:
    """Keep what is newer, one row a household, sorted by it."""
    await tx.execute(FOLD_CARES, *columns(rows))


async def fold_responses(tx: Tx, rows: Sequence[ResponseRow]) -> None:
    """Keep what is newer, one row a household, sorted by it."""
    await tx.execute(FOLD_RESPONSES, *columns(rows))


async def fold_managers(tx: Tx, rows: Sequence[ManagerRow]) -> None:
    """Keep what is newer, one row a manager, sorted by id."""
    await tx.executemany(FOLD_MANAGER, rows)


async def fold_municipalities(tx: Tx, rows: Sequence[MunicipalityRow]) -> None:
    """Keep what is newer, one row an AGS, sorted by it."""
    await tx.execute(FOLD_MUNICIPALITIES, *columns(rows))


async def fold_policies(tx: Tx, rows: Sequence[PolicyRow]) -> None:
    """Keep what is newer, one row a policy, sorted by id."""
    await tx.execute(FOLD_POLICIES, *columns(rows))


async def clear(tx: Tx) -> None:
    """Forget every fold; the topics from offset 0 bring the same rows back."""
    await tx.execute("truncate household, manager, municipality, policy")


async def state_hash(tx: Tx) -> str:
    """SHA-256 over every row in key order, in hex: two folds with the same hash hold the same rows."""
    digest: str = await tx.fetchval(_query("hash"))
    return digest


async def figures(tx: Tx, period: Period, district: str | None = None) -> Figures:
    """The figures of a period, of one district (5-digit AGS) or of all that the reader may see."""
    await tx.plan_anew()
    today = day_of(tx.now)
    cohorts = await tx.fetch(_query("cohort"), period.first, period.last, district)
    reasons = await tx.fetch(_query("reasons"), period.first, period.last, district)
    capacities = {row["district"]: _capacity(row) for row in await tx.fetch(_query("capacity"), today, district)}
    towns = {row["district"]: row for row in await tx.fetch(_query("coverage"), today, district)}
    by_district = {row["district"]: _cohort(row) for row in cohorts if row["level"] == 1}
    return Figures(
        period=period,
        district=district,
        cohort=next((_cohort(row) for row in cohorts if row["level"] == 3), Cohort()),
        reasons=tuple(Reason(**row) for row in reasons),
        capacity=capacities.get(None, Capacity()),
        coverage=Coverage(
            sum(row["municipalities"] for row in towns.values()), sum(row["served"] for row in towns.values())
        ),
        districts=tuple(
            District(
                ags=ags,
                name=towns[ags]["name"] if ags in towns else ags or "",
                cohort=by_district.get(ags, Cohort()),
                capacity=capacities.get(ags, Capacity()) if ags else Capacity(),
                coverage=Coverage(towns[ags]["municipalities"], towns[ags]["served"]) if ags in towns else Coverage(),
            )
            for ags in sorted({*by_district, *towns}, key=lambda one: one or "99")
        ),
        days=tuple(Day(row["day"], _cohort(row)) for row in cohorts if row["level"] == 2),
    )


async def districts(tx: Tx) -> Sequence[tuple[str, str]]:
    """AGS of every district that the register knows, and what it is called with its AGS behind it."""
    rows = await tx.fetch(
        "select district, min(district_name) as name from municipality group by district order by name, district"
    )
    return [(row["district"], f"{row['name']} ({row['district']})") for row in rows]


def _cohort(row: asyncpg.Record) -> Cohort:
    p50, p95, p99 = row["percentiles"] or (None, None, None)
    counted: dict[str, Any] = {name: row[name] for name in _COUNTED}
    return Cohort(**counted, p50_ms=p50, p95_ms=p95, p99_ms=p99)


def _capacity(row: asyncpg.Record) -> Capacity:
    return Capacity(row["managers"], row["fte_hundredths"] / 100, row["capacity"], row["load"])
