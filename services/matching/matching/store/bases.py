"""What decisions stand on besides loads: roster, absences, policy, register, under one version."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from chassis.database import Tx
from contracts.municipalities import Municipality
from contracts.policy import Policy as PolicyState
from contracts.vocabulary import (
    ManagerStatus,
    Skill,
)
from matching.domain import Absence, Manager, Place, Policy
from matching.field import Field
from matching.settlement import Basis
from matching.wire import policy_of


class NotSeeded(ConnectionError):
    """There is no policy yet: nothing is wrong with what was asked, it has to come again."""


_newest: Basis | None = None


async def basis(tx: Tx) -> Basis:
    """The basis, held for share until the transaction ends: nobody changes it meanwhile. Raises NotSeeded."""
    global _newest  # noqa: PLW0603 (a cache that its version keeps true: a version is never used twice)
    version = await tx.fetchval("select version from basis for share")
    if _newest is None or _newest.version != version:
        _newest = Basis(version, await policy_in_force(tx), Field(await managers(tx), await _places(tx)))
    return _newest


async def renew_basis(tx: Tx) -> None:
    """Say that roster, absences, policy or register change; waits for who decides on the old ones.

    A transaction that changes the basis decides nothing, what follows comes as due: so no process can hold a version
    in its cache that is half of the old and half of the new.
    """
    await tx.execute("update basis set version = gen_random_uuid()")


async def newest_policy(tx: Tx) -> PolicyState | None:
    """The newest version of the policy."""
    body = await tx.fetchval("select body::text from policy order by revision desc limit 1")
    return PolicyState.model_validate_json(body) if body else None


async def policies(tx: Tx) -> list[tuple[PolicyState, datetime]]:
    """Every version of the policy and when it was enacted, the newest first."""
    rows = await tx.fetch("select body::text as body, published_at from policy order by revision desc")
    return [(PolicyState.model_validate_json(row["body"]), row["published_at"]) for row in rows]


async def district_names(tx: Tx) -> list[tuple[str, str]]:
    """AGS and name of every district, by name."""
    rows = await tx.fetch("select distinct district, district_name from municipality order by district_name, district")
    return [(row["district"], row["district_name"]) for row in rows]


async def knows_policy(tx: Tx, version: str) -> bool:
    """Whether that version of the policy was ever published."""
    return bool(await tx.fetchval("select exists (select from policy where version = $1)", version))


async def add_policy(tx: Tx, state: PolicyState) -> None:
    """Keep a new version of the policy."""
    await tx.execute(
        "insert into policy (revision, id, version, body, published_at) values ($1, $2, $3, $4::text::jsonb, $5)",
        state.revision,
        state.id,
        state.version,
        state.model_dump_json(),
        tx.now,
    )


async def policy_in_force(tx: Tx) -> Policy:
    """The policy that decides. Raises NotSeeded."""
    state = await newest_policy(tx)
    if state is None:
        raise NotSeeded("no policy yet")
    return policy_of(state)


async def _places(tx: Tx) -> dict[str, Place]:
    rows = await tx.fetch("select ags, latitude, longitude from municipality where latitude is not null")
    return {row["ags"]: (row["latitude"], row["longitude"]) for row in rows}


async def absences(tx: Tx) -> dict[UUID, tuple[Absence, ...]]:
    """The absences of every manager, by beginning."""
    found: dict[UUID, list[Absence]] = {}
    for row in await tx.fetch("select manager, since, until from absence order by since"):
        found.setdefault(row["manager"], []).append(Absence(row["since"], row["until"]))
    return {manager: tuple(some) for manager, some in found.items()}


async def managers(tx: Tx) -> list[Manager]:
    """The whole roster with its absences; who was removed is part of it, because old cares name her."""
    away = await absences(tx)
    return [
        Manager(
            id=row["id"],
            code=row["code"],
            provider=row["provider"],
            fte_hundredths=row["fte_hundredths"],
            capacity=row["capacity"],
            languages=frozenset(row["languages"]),
            skills=frozenset(map(Skill, row["skills"])),
            service_area=frozenset(row["service_area"]),
            office=row["office"],
            active_from=row["active_from"],
            active_until=row["active_until"],
            max_new_per_week=row["max_new_per_week"],
            absences=away.get(row["id"], ()),
            removed=row["status"] == ManagerStatus.REMOVED,
        )
        for row in await tx.fetch(
            "select id, code, provider, fte_hundredths, capacity, languages, skills, service_area, office,"
            " active_from, active_until, max_new_per_week, status from manager"
        )
    ]


async def write_municipalities(tx: Tx, states: Sequence[Municipality]) -> set[str]:
    """Keep entries of the register that are newer than what is held, sorted by key; which those are."""
    rows = await tx.fetch(
        "insert into municipality as m (ags, revision, name, district, district_name, latitude, longitude, active)"
        " select * from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::float8[],"
        " $7::float8[], $8::boolean[])"
        " on conflict (ags) do update set revision = excluded.revision, name = excluded.name,"
        " district = excluded.district, district_name = excluded.district_name, latitude = excluded.latitude,"
        " longitude = excluded.longitude, active = excluded.active where m.revision < excluded.revision"
        " returning ags",
        [one.ags for one in states],
        [one.revision for one in states],
        [one.name for one in states],
        [one.district for one in states],
        [one.district_name for one in states],
        [one.latitude for one in states],
        [one.longitude for one in states],
        [one.active for one in states],
    )
    return {row["ags"] for row in rows}
