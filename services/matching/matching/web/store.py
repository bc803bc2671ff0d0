"""What the pages read; rows of cases come through row-level security, the roster by the asker's places."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

import asyncpg

from chassis.access import Principal, Role
from chassis.database import Tx
from matching.rules import lightest
from matching.store import newest_policy, query
from matching.wire import policy_of

Rows = Sequence[asyncpg.Record]


def places_of(who: Principal) -> str:
    """What the AGS of everything begins with that the asker may see of the roster."""
    return who.tenant_id if who.role in {Role.DISTRICT, Role.MUNICIPALITY} else "08"


def _district_of(who: Principal) -> str | None:
    """Where all cases are that the asker may see: an index serves this, and none the row-level security behind it."""
    return who.tenant_id[:5] if who.role in {Role.DISTRICT, Role.MUNICIPALITY} else None


async def standing(tx: Tx, who: Principal) -> Rows:
    """How many cases have not ended, by district, status and reason."""
    await tx.plan_anew()
    return await tx.fetch(
        "select district, status, reason, count(*) as households from care"
        " where status <> 'ended' and ($1::text is null or district = $1) group by district, status, reason",
        _district_of(who),
    )


async def districts(tx: Tx, places: str) -> Rows:
    """Managers, load and capacity of each district."""
    return await tx.fetch(query("districts"), places[:5])


async def waiting(
    tx: Tx, who: Principal, reason: str | None, district: str | None, *, after: tuple[datetime, UUID] | None, limit: int
) -> Rows:
    """The waiting list in the order in which matching takes it up."""
    await tx.plan_anew()
    place = district or _district_of(who)
    return await tx.fetch(query("shown_waiting"), reason, place, *(after or (None, None)), limit)


async def roster(
    tx: Tx, places: str, find: str, district: str | None, *, after: tuple[str, str] | None, limit: int
) -> Rows:
    """Managers by provider and code; `find` is the begin of a code or a part of a provider's name."""
    state = await newest_policy(tx)
    least = lightest(policy_of(state)) if state else 1
    return await tx.fetch(query("roster"), places, find, district, *(after or (None, None)), limit, tx.now, least)


async def manager(tx: Tx, manager: UUID, places: str) -> asyncpg.Record | None:
    """One manager with provider's name and number of cases."""
    return await tx.fetchrow(query("manager"), manager, places)


async def absences(tx: Tx, manager: UUID) -> Rows:
    """A manager's absences, newest first."""
    return await tx.fetch("select id, since, until from absence where manager = $1 order by since desc", manager)


async def post_changes(tx: Tx, manager: UUID, today: date) -> Rows:
    """How a manager's post will change after today."""
    return await tx.fetch(
        "select since, fte_hundredths from post where manager = $1 and since > $2 order by since", manager, today
    )


async def municipalities(tx: Tx, places: str, also: Collection[str]) -> Rows:
    """Municipalities of these places by district and name, and those in `also` wherever they are."""
    return await tx.fetch(
        "select ags, name, district_name from municipality"
        " where active and starts_with(ags, $1) or ags = any($2::text[]) order by district_name, district, name",
        places,
        list(also),
    )


async def cases_of(tx: Tx, manager: UUID, after: tuple[datetime, UUID] | None, limit: int) -> Rows:
    """The cases a manager has, newest first."""
    return await tx.fetch(
        "select c.household, c.status, c.municipality, m.name as town, c.assigned_at, c.answer_by,"
        " c.weight, d.receipt from care c left join municipality m on m.ags = c.municipality"
        " left join decision_link l on l.household = c.household and l.revision = c.item"
        " left join decision d on d.district = l.district and d.position = l.position where c.manager = $1"
        " and ($2::timestamptz is null or (c.assigned_at, c.household) < ($2, $3::uuid))"
        " order by c.assigned_at desc, c.household desc limit $4",
        manager,
        *(after or (None, None)),
        limit,
    )


async def beginning(tx: Tx, ids: tuple[UUID, UUID], manager: UUID | None, limit: int) -> Rows:
    """Cares of the households between two ids; those a manager has, if there is one: they are found by an index."""
    return await tx.fetch(
        "select c.household, c.status, c.municipality, m.name as town, g.code from care c"
        " left join municipality m on m.ags = c.municipality left join manager g on g.id = c.manager"
        " where c.household between $1 and $2 and ($3::uuid is null or c.manager = $3) order by c.household limit $4",
        *ids,
        manager,
        limit,
    )


async def care(tx: Tx, household: UUID) -> asyncpg.Record | None:
    """A household's care with the names of places and the manager's code."""
    return await tx.fetchrow(query("care"), household)


async def history(tx: Tx, household: UUID) -> Rows:
    """All assignments of a household, oldest first."""
    return await tx.fetch(
        "select a.*, m.code from assignment a join manager m on m.id = a.manager"
        " where a.household = $1 order by a.item",
        household,
    )


async def receipts(tx: Tx, household: UUID) -> Rows:
    """The receipts of a household's decisions, newest first."""
    return await tx.fetch(
        "select l.revision, d.district, d.position, d.hash, d.receipt, d.decided_at from decision_link l"
        " join decision d using (district, position) where l.household = $1 order by l.revision desc",
        household,
    )


async def managers_called(tx: Tx, code: str, places: str) -> Rows:
    """Managers of these places with that code, whose providers may be several; without regard to case."""
    return await tx.fetch(
        "select m.id, m.code, p.name as provider_name from manager m join provider p on p.code = m.provider"
        " where lower(m.code) = lower($1)"
        " and exists (select from unnest(m.service_area) as ags where starts_with(ags, $2))"
        " order by m.provider limit 20",
        code,
        places,
    )


async def open_to(tx: Tx, who: Principal, managers: Collection[UUID]) -> frozenset[UUID]:
    """Those of the managers whose page the asker may open: a manager her own, all others who serves their places."""
    if who.role is Role.MANAGER:
        return frozenset(one for one in managers if str(one) == who.tenant_id)
    rows = await tx.fetch(
        "select id from manager where id = any($1::uuid[])"
        " and exists (select from unnest(service_area) as ags where starts_with(ags, $2))",
        list(managers),
        places_of(who),
    )
    return frozenset(row["id"] for row in rows)


async def is_manager(tx: Tx, manager: UUID) -> bool:
    """Whether there is or was such a manager."""
    return bool(await tx.fetchval("select exists (select from manager where id = $1)", manager))


async def serving(tx: Tx, who: Principal, municipality: str | None) -> Rows:
    """Managers who could be chosen for a household there, by load: those who serve the municipality; while there is
    none, those who serve the asker's places."""
    return await tx.fetch(
        "select m.id, m.code, p.name as provider_name, m.load, m.capacity"
        " from manager m join provider p on p.code = m.provider where m.status = 'active'"
        " and case when $1::text is null"
        " then exists (select from unnest(m.service_area) as ags where starts_with(ags, $2))"
        " else m.service_area @> array[$1] end"
        " order by m.load::float8 / greatest(m.capacity, 1), m.code",
        municipality,
        places_of(who),
    )


async def kept_apart(tx: Tx, household: UUID) -> Rows:
    """Managers whom a person keeps apart from the household, in the order in which that was decided."""
    return await tx.fetch(
        "select m.id, m.code, p.name as provider_name, e.since from exclusion e join manager m on m.id = e.manager"
        " join provider p on p.code = m.provider where e.household = $1 and e.apart order by e.since, m.code",
        household,
    )
