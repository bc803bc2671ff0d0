"""What matching keeps: locked in one order, loaded for the core, written a batch at a time."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from chassis.database import Tx
from contracts import households
from contracts.municipalities import Municipality
from contracts.policy import Policy as PolicyState
from contracts.vocabulary import (
    Answer,
    AnswerReason,
    Applied,
    CareReason,
    CareStatus,
    HouseholdStatus,
    ManagerStatus,
    Skill,
)
from matching.domain import Absence, Facts, Household, Manager, Place, Policy
from matching.lifecycle import AnswerSeen, Care, Case, Earlier, Step
from matching.match import Field
from matching.receipts import Head, Receipt
from matching.rules import weight
from matching.wire import facts_of, policy_of


class NotSeeded(ConnectionError):
    """There is no policy yet: nothing is wrong with what was asked, it has to come again."""


class CapacityExceeded(Exception):
    """A manager would carry more than she can: the loads that were decided on were not locked."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What decisions stand on besides loads, as of one version."""

    version: UUID
    policy: Policy
    field: Field


_newest: Basis | None = None


@cache
def query(name: str) -> str:
    """The text of queries/<name>.sql."""
    return (files("matching") / "queries" / f"{name}.sql").read_text("utf-8")


async def basis(tx: Tx) -> Basis:
    """The basis, held for share until the transaction ends: nobody changes it meanwhile. Raises NotSeeded."""
    global _newest  # noqa: PLW0603 (a cache that its version keeps true: a version is never used twice)
    version = await tx.fetchval("select version from basis for share")
    if _newest is None or _newest.version != version:
        _newest = Basis(version, await _policy(tx), Field(await managers(tx), await _places(tx)))
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


async def _policy(tx: Tx) -> Policy:
    state = await newest_policy(tx)
    if state is None:
        raise NotSeeded("no policy yet")
    return policy_of(state)


async def _places(tx: Tx) -> dict[str, Place]:
    rows = await tx.fetch("select ags, latitude, longitude from municipality where latitude is not null")
    return {row["ags"]: (row["latitude"], row["longitude"]) for row in rows}


async def managers(tx: Tx) -> list[Manager]:
    """The whole roster with its absences; who was removed is part of it, because old cares name her."""
    absences: dict[UUID, list[Absence]] = {}
    for row in await tx.fetch("select manager, since, until from absence order by since"):
        absences.setdefault(row["manager"], []).append(Absence(row["since"], row["until"]))
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
            absences=tuple(absences.get(row["id"], ())),
            removed=row["status"] == ManagerStatus.REMOVED,
        )
        for row in await tx.fetch(
            "select id, code, provider, fte_hundredths, capacity, languages, skills, service_area, office,"
            " active_from, active_until, status from manager"
        )
    ]


async def loads(tx: Tx) -> dict[UUID, int]:
    """The units each manager carries, not locked: to see who has room, not to decide."""
    return {row["id"]: row["load"] for row in await tx.fetch("select id, load from manager")}


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


async def lock_newer(
    tx: Tx, states: Sequence[tuple[Household, households.Household]]
) -> list[tuple[Case, Facts | None]]:
    """Lock and keep the households that are newer than what is held: their cases, and the facts they had before.

    One statement locks and drops what is stale. `states` are sorted by id.
    """
    rows = await tx.fetch(
        "insert into household as h (id, home, revision, status, registered_at, facts, traceparent)"
        " select i, m, r, s, a, f::jsonb, t from unnest($1::uuid[], $2::int[], $3::bigint[], $4::text[],"
        " $5::timestamptz[], $6::text[], $7::text[]) as new (i, m, r, s, a, f, t)"
        " on conflict (id) do update set revision = excluded.revision, status = excluded.status,"
        " facts_before = case when excluded.facts is not null then h.facts end, facts = excluded.facts,"
        " traceparent = excluded.traceparent"
        " where h.revision < excluded.revision returning id, facts_before::text as before, xmax = 0 as is_new",
        [one.id for one, _ in states],
        [one.home for one, _ in states],
        [one.revision for one, _ in states],
        [one.status for one, _ in states],
        [one.registered_at for one, _ in states],
        [state.facts.model_dump_json(exclude_none=True) if state.facts else None for _, state in states],
        [tx.traces.get(state.key) for _, state in states],
    )
    locked = {row["id"]: row for row in rows}
    known = await cases(tx, [row["id"] for row in rows if not row["is_new"]])
    return [
        (known.get(one.id) or Case(one, traceparent=tx.traces.get(state.key)), _facts(locked[one.id]["before"]))
        for one, state in states
        if one.id in locked
    ]


async def lock_households(tx: Tx, ids: Collection[UUID], *, skip_locked: bool = False) -> set[UUID]:
    """Lock households in the order of their ids; those that are there and, with `skip_locked`, free.

    Who holds managers already must skip: waiting here for a household would be out of order.
    """
    skip = "skip locked" if skip_locked else ""
    rows = await tx.fetch(
        f"select id from household where id = any($1::uuid[]) order by id for no key update {skip}",  # noqa: S608
        sorted(ids),
    )
    return {row["id"] for row in rows}


async def cases(tx: Tx, ids: Collection[UUID]) -> dict[UUID, Case]:
    """Households with their cares, to be called with the households locked."""
    if not ids:
        return {}
    wanted = list(ids)
    rows = await tx.fetch(query("cases"), wanted)
    known = [row["id"] for row in rows if row["revision"] is not None]
    earlier = await _earlier(tx, known) if known else {}
    excluded = await _excluded(tx, known) if known else {}
    return {
        row["id"]: Case(
            Household(
                row["id"],
                row["home"],
                row["household_revision_now"],
                HouseholdStatus(row["household_status"]),
                row["registered_at"],
                _facts(row["facts"]),
            ),
            _care(row, tuple(earlier.get(row["id"], ()))) if row["revision"] is not None else None,
            frozenset(excluded.get(row["id"], ())),
            row["traceparent"],
        )
        for row in rows
    }


def _facts(text: str | None) -> Facts | None:
    return facts_of(households.Facts.model_validate_json(text)) if text else None


def _care(row: asyncpg.Record, earlier: tuple[Earlier, ...]) -> Care:
    return Care(
        household=row["id"],
        revision=row["revision"],
        household_revision=row["household_revision"],
        status=CareStatus(row["status"]),
        reason=CareReason(row["reason"]),
        decided_at=row["decided_at"],
        manager=row["manager"],
        item=row["item"],
        weight=row["weight"],
        waiting_since=row["waiting_since"],
        assigned_at=row["assigned_at"],
        answer_by=row["answer_by"],
        answered_at=row["answered_at"],
        contacted_at=row["contacted_at"],
        ended_at=row["ended_at"],
        policy=row["policy"],
        receipt=row["receipt"].hex() if row["receipt"] else None,
        last_answer=_answer_seen(row["last_answer"]),
        earlier=earlier,
    )


def _answer_seen(stored: dict[str, Any] | None) -> AnswerSeen | None:
    if stored is None:
        return None
    return AnswerSeen(stored["item"], stored["revision"], Answer(stored["answer"]), Applied(stored["applied"]))


async def _earlier(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, list[Earlier]]:
    found: dict[UUID, list[Earlier]] = {}
    for row in await tx.fetch(
        "select * from assignment where household = any($1::uuid[]) and ended_at is not null order by item", ids
    ):
        found.setdefault(row["household"], []).append(
            Earlier(
                row["item"],
                row["manager"],
                row["assigned_at"],
                row["ended_at"],
                CareStatus(row["status"]),
                CareReason(row["reason"]) if row["reason"] else None,
                Answer(row["answer"]) if row["answer"] else None,
                AnswerReason(row["answer_reason"]) if row["answer_reason"] else None,
            )
        )
    return found


async def _excluded(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, set[UUID]]:
    found: dict[UUID, set[UUID]] = {}
    for row in await tx.fetch("select household, manager from exclusion where household = any($1::uuid[])", ids):
        found.setdefault(row["household"], set()).add(row["manager"])
    return found


async def lock_managers(tx: Tx, ids: Collection[UUID]) -> dict[UUID, int]:
    """Lock managers in the order of their ids; the units each carries."""
    if not ids:
        return {}
    rows = await tx.fetch(
        "select id, load from manager where id = any($1::uuid[]) order by id for no key update", sorted(ids)
    )
    return {row["id"]: row["load"] for row in rows}


async def waiting_for(
    tx: Tx, municipalities: Iterable[str], room: int, after: tuple[datetime, UUID], limit: int
) -> list[tuple[datetime, UUID]]:
    """The waiting list of these municipalities after a cursor, as far as a case fits into `room` units."""
    rows = await tx.fetch(query("waiting_for"), sorted(municipalities), room, *after, limit)
    return [(row["registered_at"], row["household"]) for row in rows]


async def standing(tx: Tx, status: CareStatus, after: tuple[datetime, UUID], limit: int) -> list[tuple[datetime, UUID]]:
    """Households whose care has that status, after a cursor, in order of registration."""
    rows = await tx.fetch(
        "select registered_at, household from care where status = $1 and (registered_at, household) > ($2, $3)"
        " order by registered_at, household limit $4",
        status,
        *after,
        limit,
    )
    return [(row["registered_at"], row["household"]) for row in rows]


async def lock_heads(tx: Tx, districts: Collection[str]) -> dict[str, Head]:
    """Lock the ends of the districts' chains, in order; a chain that has none yet begins."""
    wanted = sorted(set(districts))
    if not wanted:
        return {}
    await tx.execute(
        "insert into chain_head (district, position, hash) select d, 0, $2 from unnest($1::text[]) as d"
        " where not exists (select from chain_head h where h.district = d) on conflict do nothing",
        wanted,
        Head().hash,
    )
    rows = await tx.fetch(
        "select * from chain_head where district = any($1::text[]) order by district for no key update", wanted
    )
    return {row["district"]: Head(row["position"], row["hash"]) for row in rows}


async def write_receipts(tx: Tx, receipts: Sequence[Receipt], cares: Sequence[Care]) -> None:
    """Append receipts to their chains, and say whose they are; `cares` are in the same order."""
    if not receipts:
        return
    districts, positions = [one.district for one in receipts], [one.position for one in receipts]
    await tx.execute(
        "insert into decision (district, position, hash, receipt, decided_at)"
        " select d, p, h, c, $5 from unnest($1::text[], $2::bigint[], $3::bytea[], $4::bytea[]) as r (d, p, h, c)",
        districts,
        positions,
        [one.hash for one in receipts],
        [one.content for one in receipts],
        tx.now,
    )
    await tx.execute(
        "insert into decision_link (household, revision, district, position)"
        " select * from unnest($1::uuid[], $2::bigint[], $3::text[], $4::bigint[])",
        [care.household for care in cares],
        [care.revision for care in cares],
        districts,
        positions,
    )
    ends = {one.district: one for one in receipts}
    await tx.execute(
        "update chain_head as h set position = n.p, hash = n.h"
        " from unnest($1::text[], $2::bigint[], $3::bytea[]) as n (d, p, h) where h.district = n.d",
        list(ends),
        [one.position for one in ends.values()],
        [one.hash for one in ends.values()],
    )


async def write_loads(tx: Tx, changes: dict[UUID, tuple[int, int, int]]) -> None:
    """Change loads by (delta, of which matching took, of which was forced). Raises CapacityExceeded."""
    changes = {manager: change for manager, change in changes.items() if any(change)}
    if not changes:
        return
    done = await tx.execute(query("write_loads"), list(changes), *map(list, zip(*changes.values(), strict=True)))
    if done != f"UPDATE {len(changes)}":
        raise CapacityExceeded


async def write_cares(tx: Tx, policy: Policy, written: Sequence[tuple[Step, Care]]) -> None:
    """Keep new states of cares, begin and end assignments, exclude and readmit."""
    if not written:
        return
    cares = [care for _, care in written]
    of = [step.case.household for step, _ in written]
    await tx.execute(
        query("write_cares"),
        [one.household for one in cares],
        [one.revision for one in cares],
        [one.household_revision for one in cares],
        [one.status for one in cares],
        [one.reason for one in cares],
        [one.municipality for one in of],
        [one.district for one in of],
        [one.registered_at for one in of],
        [one.decided_at for one in cares],
        [one.manager for one in cares],
        [one.item for one in cares],
        [one.weight for one in cares],
        [weight(one.facts, policy) if one.facts else 0 for one in of],
        [one.waiting_since for one in cares],
        [one.assigned_at for one in cares],
        [one.answer_by for one in cares],
        [one.answered_at for one in cares],
        [one.contacted_at for one in cares],
        [one.ended_at for one in cares],
        [one.policy for one in cares],
        [bytes.fromhex(one.receipt) if one.receipt else None for one in cares],
        [orjson.dumps(one.last_answer).decode() if one.last_answer else None for one in cares],
    )
    await _end_assignments(tx, written)
    begun = [care for step, care in written if care.item and (not step.case.care or care.item != step.case.care.item)]
    if begun:
        await tx.execute(
            "insert into assignment (household, item, manager, assigned_at)"
            " select * from unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::timestamptz[])",
            [care.household for care in begun],
            [care.item for care in begun],
            [care.manager for care in begun],
            [care.assigned_at for care in begun],
        )
    await _exclude(tx, [step for step, _ in written])


async def _end_assignments(tx: Tx, written: Sequence[tuple[Step, Care]]) -> None:
    ended = [
        (care.household, one)
        for step, care in written
        for one in care.earlier[len(step.case.care.earlier) if step.case.care else 0 :]
    ]
    if ended:
        await tx.execute(
            "update assignment as a set ended_at = e.t, status = e.s, reason = e.r, answer = e.w, answer_reason = e.x"
            " from unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[])"
            " as e (h, i, t, s, r, w, x) where a.household = e.h and a.item = e.i",
            [household for household, _ in ended],
            [one.item for _, one in ended],
            [one.ended_at for _, one in ended],
            [one.status for _, one in ended],
            [one.reason for _, one in ended],
            [one.answer for _, one in ended],
            [one.answer_reason for _, one in ended],
        )


async def _exclude(tx: Tx, steps: Sequence[Step]) -> None:
    for step in steps:
        if step.exclude and step.case.care:
            await tx.execute(
                "insert into exclusion (household, manager, item, reason, since) values ($1, $2, $3, $4, $5)"
                " on conflict (household, manager) do nothing",
                step.case.household.id,
                step.exclude,
                step.case.care.item,
                step.reply.reason if step.reply else None,
                tx.now,
            )
        if step.readmit:
            await tx.execute(
                "delete from exclusion where household = $1 and manager = $2",
                step.case.household.id,
                step.readmit,
            )


async def forget(tx: Tx, ids: Sequence[UUID]) -> None:
    """Take away what says whose decisions and stimuli these are; the facts went with the household's last state."""
    if ids:
        await tx.execute("delete from decision_link where household = any($1::uuid[])", ids)
        await tx.execute(
            "update stimulus set aggregate = null where aggregate = any($1::text[])", [str(one) for one in ids]
        )
        await tx.execute("delete from exclusion where household = any($1::uuid[])", ids)


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
