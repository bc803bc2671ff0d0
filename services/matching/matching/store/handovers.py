"""Plans of handovers: kept as proposals, read by who decides on them, worked off a batch at a time."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from chassis.access import Role
from chassis.database import Tx, columns
from contracts.households import MAX_FAMILY
from matching.handover import Cause, Plan
from matching.store.queries import query


async def towns_of_cases(tx: Tx) -> list[tuple[UUID, str]]:
    """Of which municipalities each manager has cases."""
    rows = await tx.fetch(
        "select distinct manager, municipality from care where manager is not null and municipality is not null"
    )
    return [(row["manager"], row["municipality"]) for row in rows]


async def held_by(tx: Tx, managers: Collection[UUID]) -> list[UUID]:
    """Households that these managers have, and others of their family groups."""
    rows = await tx.fetch(query("held_by"), sorted(managers), MAX_FAMILY)
    return [row["household"] for row in rows]


async def managers_of_merged(tx: Tx, households: Collection[UUID]) -> dict[UUID, set[UUID]]:
    """Who has had a household that was merged into one of these."""
    found: dict[UUID, set[UUID]] = {}
    for row in await tx.fetch(
        "select h.merged_into, a.manager from household h join assignment a on a.household = h.id"
        " where h.merged_into = any($1::uuid[])",
        sorted(households),
    ):
        found.setdefault(row["merged_into"], set()).add(row["manager"])
    return found


async def add_handover(tx: Tx, key: UUID, reason: str, plan: Plan, district: str | None = None) -> None:
    """Keep a plan as a proposal of who asks; that district sees it, else `district`, and the state."""
    who = tx.principal
    await tx.execute(
        "insert into handover (id, made_at, made_by, district, reason, status, moves_lower_bound, givers)"
        " values ($1, $2, $3, $4, $5, 'proposed', $6, $7)",
        key,
        tx.now,
        who.subject if who else "system",
        who.tenant_id if who and who.role is Role.DISTRICT else district,
        reason,
        plan.moves_lower_bound,
        sorted({one.giver for one in plan.moves} | {one.giver for one in plan.uncovered}),
    )
    moves = [
        *((one.household, one.revision, one.giver, one.receiver, one.cause, one.lost, None) for one in plan.moves),
        *((one.household, one.revision, one.giver, None, one.cause, 0, one.gate) for one in plan.uncovered),
    ]
    if moves:
        await tx.execute(
            "insert into handover_move (handover, household, care_revision, from_manager, to_manager, cause, lost,"
            " gate, status) select $1, h, r, f, t, c, l, g, case when t is null then 'uncovered' else 'planned' end"
            " from unnest($2::uuid[], $3::bigint[], $4::uuid[], $5::uuid[], $6::text[], $7::int[], $8::text[])"
            " as m (h, r, f, t, c, l, g)",
            key,
            *columns(moves),
        )


async def handover(tx: Tx, key: UUID) -> asyncpg.Record | None:
    """A plan: who made it when and why, how far it is, its moves, persons and points in all."""
    return await tx.fetchrow(query("handover"), key)


async def handovers(tx: Tx, after: tuple[datetime, UUID] | None, limit: int) -> Sequence[asyncpg.Record]:
    """Plans, newest first."""
    return await tx.fetch(query("handovers"), *(after or (None, None)), limit)


async def proposed_handovers(tx: Tx) -> int:
    """How many plans wait for a decision."""
    return int(await tx.fetchval("select count(*) from handover where status = 'proposed'"))


async def handover_moves(tx: Tx, key: UUID, after: UUID | None, limit: int) -> Sequence[asyncpg.Record]:
    """The cases of a plan after a household, who gives and who takes them."""
    return await tx.fetch(query("handover_moves"), key, after, limit)


async def begin_handover(tx: Tx, key: UUID) -> str | None:
    """Let a proposal run: its reason, or None if it is none any more."""
    reason: str | None = await tx.fetchval(
        "update handover set status = 'running', confirmed_at = $2, confirmed_by = $3"
        " where id = $1 and status = 'proposed' returning reason",
        key,
        tx.now,
        tx.principal.subject if tx.principal else "system",
    )
    return reason


async def givers_of_all(tx: Tx, key: UUID) -> list[UUID]:
    """Who keeps none of her cases by a plan because she goes."""
    rows = await tx.fetch(
        "select distinct from_manager from handover_move where handover = $1 and cause = any ($2::text[])",
        key,
        [Cause.LEFT, Cause.REMOVED],
    )
    return [row["from_manager"] for row in rows]


async def discard_handover(tx: Tx, key: UUID) -> bool:
    """Let a proposal be; False if it is none any more."""
    discarded = await tx.count(
        "update handover set status = 'discarded', finished_at = $2 where id = $1 and status = 'proposed'", key, tx.now
    )
    return discarded == 1


async def discard_proposals(tx: Tx, households: Collection[UUID], reason: str | None = None) -> None:
    """Let the proposals be by which one of these households alone was to change hands, for a reason or any."""
    if households:
        await tx.execute(
            "update handover h set status = 'discarded', finished_at = $4 where status = 'proposed'"
            " and ($2::text is null or reason = $2)"
            " and 1 = (select count(*) from handover_move m where m.handover = h.id)"
            " and exists (select from handover_move m where m.handover = h.id and m.household = any ($1::uuid[])"
            " and m.cause = any ($3::text[]))",
            list(households),
            reason,
            [Cause.GROWN, Cause.REQUESTED],
            tx.now,
        )


async def moves_to_make(tx: Tx, key: UUID, limit: int) -> Sequence[asyncpg.Record]:
    """Moves of a running plan that are not made yet; onto managers who give cases away themselves, the last."""
    return await tx.fetch(query("moves_to_make"), key, limit)


async def end_moves(tx: Tx, key: UUID, ended: Mapping[UUID, tuple[str, str | None]]) -> None:
    """What became of moves, by household: their status, and for stale ones why."""
    if ended:
        await tx.execute(
            "update handover_move m set status = e.s, gate = e.g"
            " from unnest($2::uuid[], $3::text[], $4::text[]) as e (h, s, g)"
            " where m.handover = $1 and m.household = e.h and m.household = any($2)",
            key,
            list(ended),
            [status for status, _ in ended.values()],
            [why for _, why in ended.values()],
        )


async def finish_handover(tx: Tx, key: UUID) -> None:
    """Note that a running plan has come to its end."""
    await tx.execute(
        "update handover set status = 'done', finished_at = $2 where id = $1 and status = 'running'", key, tx.now
    )
