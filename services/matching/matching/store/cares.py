"""New states of cares, what begins and ends with them, and what erasure takes away."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import orjson

from chassis.database import Tx
from contracts.vocabulary import AnswerReason
from matching.domain import Policy
from matching.lifecycle import Care, Case, Step, waiting_turn
from matching.rules import weight
from matching.store.queries import query


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
        [waiting_turn(one, care, policy) for one, care in zip(of, cares, strict=True)],
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
    await exclude(tx, [step for step, _ in written])


async def renew_waiting(tx: Tx, policy: Policy, cases: Iterable[Case]) -> None:
    """Give who waits the units and the turn that a new policy makes."""
    waiting = [(case.household, case.care) for case in cases if case.care and case.care.waiting_since]
    await tx.execute(
        "update care set needs = n.needs, turn = n.turn"
        " from unnest($1::uuid[], $2::int[], $3::timestamptz[]) as n (household, needs, turn)"
        " where care.household = n.household and (care.needs, care.turn) is distinct from (n.needs, n.turn)",
        [household.id for household, _ in waiting],
        [weight(household.facts, policy) if household.facts else 0 for household, _ in waiting],
        [waiting_turn(household, care, policy) for household, care in waiting],
    )


async def _end_assignments(tx: Tx, written: Sequence[tuple[Step, Care]]) -> None:
    ended = [
        (care.household, one)
        for step, care in written
        for one in care.earlier[len(step.case.care.earlier) if step.case.care else 0 :]
    ]
    if ended:
        await tx.execute(
            "update assignment as a set ended_at = e.t, status = e.s, reason = e.r, answer = e.w, answer_reason = e.x,"
            " in_care = e.c, answered_at = e.a, contacted_at = e.m from unnest($1::uuid[], $2::bigint[],"
            " $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::boolean[], $9::timestamptz[],"
            " $10::timestamptz[]) as e (h, i, t, s, r, w, x, c, a, m)"
            " where a.household = e.h and a.item = e.i",
            [household for household, _ in ended],
            [one.item for _, one in ended],
            [one.ended_at for _, one in ended],
            [one.status for _, one in ended],
            [one.reason for _, one in ended],
            [one.answer for _, one in ended],
            [one.answer_reason for _, one in ended],
            [one.in_care for _, one in ended],
            [one.answered_at for _, one in ended],
            [one.contacted_at for _, one in ended],
        )


async def exclude(tx: Tx, steps: Sequence[Step]) -> None:
    """Keep whom the steps exclude, for a decline or because a person keeps them apart; forget whom they admit again."""
    for step in steps:
        if step.exclude and step.case.care:
            await tx.execute(
                "insert into exclusion as e (household, manager, item, reason, since, apart)"
                " values ($1, $2, $3, $4, $5, $6)"
                " on conflict (household, manager) do update set apart = e.apart or excluded.apart,"
                " since = case when excluded.apart and not e.apart then excluded.since else e.since end",
                step.case.household.id,
                step.exclude,
                step.case.care.item or 0,
                step.reply.reason if step.reply else AnswerReason.CONFLICT_OF_INTEREST,
                tx.now,
                step.reply is None,
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
            "update household set alias = gen_random_uuid(),"
            " registered_at = date_trunc('day', registered_at, 'Europe/Berlin') where id = any($1::uuid[])",
            ids,
        )
        await tx.execute(
            "update assignment set assigned_at = date_trunc('day', assigned_at, 'Europe/Berlin'),"
            " ended_at = date_trunc('day', ended_at, 'Europe/Berlin'),"
            " answered_at = date_trunc('day', answered_at, 'Europe/Berlin'),"
            " contacted_at = date_trunc('day', contacted_at, 'Europe/Berlin') where household = any($1::uuid[])",
            ids,
        )
        await tx.execute("delete from exclusion where household = any($1::uuid[])", ids)
