"""Households and their cares: locked in the order of their ids, loaded for the core."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from chassis.database import Tx
from contracts import households
from contracts.vocabulary import (
    Answer,
    AnswerReason,
    Applied,
    CareReason,
    CareStatus,
    HouseholdStatus,
)
from matching.domain import Facts, Household
from matching.lifecycle import AnswerSeen, Care, Case, Earlier
from matching.store.queries import query
from matching.wire import facts_of


async def lock_newer(
    tx: Tx, states: Sequence[tuple[Household, households.Household]]
) -> list[tuple[Case, Facts | None]]:
    """Lock and keep the households that are newer than what is held: their cases, and the facts they had before.

    One statement locks and drops what is stale. `states` are sorted by id.
    """
    rows = await tx.fetch(
        "insert into household as h (id, home, revision, status, registered_at, facts, traceparent, merged_into)"
        " select i, m, r, s, a, f::jsonb, t, o from unnest($1::uuid[], $2::int[], $3::bigint[], $4::text[],"
        " $5::timestamptz[], $6::text[], $7::text[], $8::uuid[]) as new (i, m, r, s, a, f, t, o)"
        " on conflict (id) do update set revision = excluded.revision, status = excluded.status,"
        " facts_before = case when excluded.facts is not null then h.facts end, facts = excluded.facts,"
        " traceparent = excluded.traceparent, merged_into = excluded.merged_into"
        " where h.revision < excluded.revision returning id, facts_before::text as before, xmax = 0 as is_new,"
        " h.alias",
        [one.id for one, _ in states],
        [one.home for one, _ in states],
        [one.revision for one, _ in states],
        [one.status for one, _ in states],
        [one.registered_at for one, _ in states],
        [state.facts.model_dump_json(exclude_none=True) if state.facts else None for _, state in states],
        [tx.traces.get(state.key) for _, state in states],
        [state.merged_into for _, state in states],
    )
    locked = {row["id"]: row for row in rows}
    known = await cases(tx, [row["id"] for row in rows if not row["is_new"]])
    grouped = [one for one, _ in states if one.id in locked and one.id not in known]
    relatives, strangers = await _relatives(tx, {one.id: one.facts.family_group for one in grouped if one.facts})
    return [
        (
            known.get(one.id)
            or Case(
                replace(one, alias=locked[one.id]["alias"]),
                traceparent=tx.traces.get(state.key),
                relatives=relatives.get(one.id, frozenset()),
                strangers=one.id in strangers,
            ),
            _facts(locked[one.id]["before"]),
        )
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
    facts = {row["id"]: _facts(row["facts"]) for row in rows}
    relatives, strangers = await _relatives(tx, {one: known.family_group for one, known in facts.items() if known})
    return {
        row["id"]: Case(
            Household(
                row["id"],
                row["home"],
                row["household_revision_now"],
                HouseholdStatus(row["household_status"]),
                row["registered_at"],
                facts[row["id"]],
                row["alias"],
            ),
            _care(row, tuple(earlier.get(row["id"], ()))) if row["revision"] is not None else None,
            frozenset(excluded.get(row["id"], {})),
            row["traceparent"],
            relatives.get(row["id"], frozenset()),
            frozenset(manager for manager, apart in excluded.get(row["id"], {}).items() if apart),
            row["id"] in strangers,
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
    asked = stored.get("transfer_requested_at")
    return AnswerSeen(
        stored["item"],
        stored["revision"],
        Answer(stored["answer"]),
        Applied(stored["applied"]),
        datetime.fromisoformat(asked) if asked else None,
    )


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
                row["in_care"],
                row["answered_at"],
                row["contacted_at"],
            )
        )
    return found


async def _excluded(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, dict[UUID, bool]]:
    """For each household who may not get it, and whether a person keeps them apart."""
    found: dict[UUID, dict[UUID, bool]] = {}
    for row in await tx.fetch("select household, manager, apart from exclusion where household = any($1::uuid[])", ids):
        found.setdefault(row["household"], {})[row["manager"]] = row["apart"]
    return found


async def _relatives(
    tx: Tx, groups: Mapping[UUID, UUID | None]
) -> tuple[dict[UUID, frozenset[UUID]], Collection[UUID]]:
    """For each household the managers who have others of its family group; those whose group is too large for that."""
    wanted = {str(group) for group in groups.values() if group}
    if not wanted:
        return {}, ()
    having: dict[str, list[asyncpg.Record]] = {}
    for row in await tx.fetch(query("relatives"), sorted(wanted), households.MAX_FAMILY):
        having.setdefault(row["family"], []).append(row)
    crowds = {family for family, rows in having.items() if rows[0]["manager"] is None}
    strangers = {household for household, group in groups.items() if str(group) in crowds}
    relatives = {
        household: frozenset(
            row["manager"] for row in having.get(str(group), ()) if row["cases"] > 1 or row["one"] != household
        )
        for household, group in groups.items()
        if group and household not in strangers
    }
    return relatives, strangers


async def waiting_for(
    tx: Tx, municipalities: Iterable[str], room: int, after: tuple[datetime, UUID], limit: int
) -> list[tuple[datetime, UUID]]:
    """The waiting list of these municipalities after a cursor, as far as a case fits into `room` units."""
    rows = await tx.fetch(query("waiting_for"), sorted(municipalities), room, *after, limit)
    return [(row["turn"], row["household"]) for row in rows]


async def waiting(tx: Tx) -> dict[str, tuple[int, datetime]]:
    """By reason: how many wait, and since when the first of them does."""
    rows = await tx.fetch(
        "select reason, count(*) as households, min(waiting_since) as since from care where status = 'waiting'"
        " group by reason"
    )
    return {row["reason"]: (row["households"], row["since"]) for row in rows}


async def standing(tx: Tx, status: CareStatus, after: tuple[datetime, UUID], limit: int) -> list[tuple[datetime, UUID]]:
    """Households whose care has that status, after a cursor: who waits by turn, all others by registration."""
    turn = "case when turn is not null then turn else waiting_since end"
    since = turn if status is CareStatus.WAITING else "registered_at"
    rows = await tx.fetch(
        f"select {since} as since, household from care where status = $1 and ({since}, household) > ($2, $3)"  # noqa: S608
        f" order by {since}, household limit $4",
        status,
        *after,
        limit,
    )
    return [(row["since"], row["household"]) for row in rows]


async def ids_of(tx: Tx, aliases: Collection[UUID]) -> dict[UUID, UUID]:
    """Whose aliases these are; who is erased is missing."""
    rows = await tx.fetch("select alias, id from household where alias = any($1::uuid[])", list(aliases))
    return {row["alias"]: row["id"] for row in rows}


async def assigned(tx: Tx) -> list[str]:
    """The households that somebody has."""
    rows = await tx.fetch("select household from care where manager is not null order by household")
    return [str(row["household"]) for row in rows]
