"""Handovers: planned for who changes the roster, confirmed by a person, carried out some cases at a time."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from uuid import UUID, uuid4

import asyncpg
import orjson

from chassis.database import Tx
from chassis.failpoint import failpoint
from contracts.record import State
from contracts.vocabulary import CareStatus, HouseholdStatus
from contracts.zone import day_of
from matching import decisions, settlement, store
from matching.ask import Override
from matching.domain import Carried, Manager, OverrideReason
from matching.handover import (
    PATIENCE,
    Cause,
    Held,
    Occasion,
    Plan,
    cause_of_going,
    plan,
    unpaced,
    who_cannot_stay,
)
from matching.lifecycle import Case, Step
from matching.roster.change import take_no_more
from matching.rules import Need, need_of, stopped_at
from matching.settlement import Basis
from matching.stimuli import Stimulus

AT_ONCE = 200
"""Moves of one transaction: each is a decision with its receipt, its care and its record."""
CHANGED = "care_has_changed"


class Reason(StrEnum):
    """What makes a handover necessary, as a person says."""

    ABSENT = "absent"
    LEAVING = "leaving"
    CUT = "cut"
    TERRITORY = "territory"
    GROWTH = "growth"
    """A household has become too heavy for its manager, as when two have merged."""
    TRANSFER = "transfer"


OF_ONE_CASE = {Reason.GROWTH: Cause.GROWN, Reason.TRANSFER: Cause.REQUESTED}
"""Reasons for which single cases change hands, whatever else their managers have."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """For whom a plan is to be made; `managers` None: for everybody the maker may see.

    `cases` are households that are to change hands, for a reason in OF_ONE_CASE.
    """

    reason: Reason
    managers: frozenset[UUID] | None = None
    patience: int = PATIENCE
    cases: frozenset[UUID] = frozenset()


async def propose(tx: Tx, wanted: Wanted, district: str | None = None) -> UUID | None:
    """Keep a plan by the roster as it stands today; None if nobody has to change hands.

    An older proposal for one of the named cases alone gives way to it.

    Only cases that the transaction sees are planned: in a district's hand, its own. `district` may see it besides the
    state.
    """
    held = await store.basis(tx)
    made = await planned(tx, held, await store.loads(tx), wanted)
    if wanted.reason in OF_ONE_CASE:
        await store.discard_proposals(tx, wanted.cases, wanted.reason)
    if not made.moves_lower_bound:
        return None
    key = uuid4()
    failpoint("handover.planned")
    await store.add_handover(tx, key, wanted.reason, made, district)
    await tx.audit("plan_handover", str(key), moves=len(made.moves), uncovered=len(made.uncovered))
    return key


async def planned(tx: Tx, held: Basis, loads: Mapping[UUID, int], wanted: Wanted) -> Plan:
    """The plan by a roster, also one that is not in force yet; reads only.

    Who is named as leaving counts as gone from now on, also if her last day is still to come.
    """
    carried = {key: Carried(load) for key, load in loads.items()}
    managers = wanted.managers if wanted.managers is not None else await _concerned(tx, held, loads, wanted)
    if wanted.reason is Reason.LEAVING and wanted.managers:
        then = [as_if_gone(one, day_of(tx.now)) if one.id in managers else one for one in held.field.managers.values()]
        held = replace(held, field=held.field.with_managers(then))
    cases = await store.cases(tx, await store.held_by(tx, managers))
    merged = await store.managers_of_merged(tx, wanted.cases)
    around = settlement.round_of(held, tx.now)
    occasion = Occasion(managers, wanted.patience, wanted.cases, OF_ONE_CASE.get(wanted.reason))
    # Beside the event loop: ten thousand cases take seconds.
    return await asyncio.to_thread(plan, held_in(cases, merged), carried, around, occasion)


def as_if_gone(manager: Manager, day: date) -> Manager:
    """A manager as if her last day had been before this one; who has none stays."""
    # The last day that there is never comes.
    if manager.active_until in {None, date.max}:
        return manager
    return replace(manager, active_until=day - timedelta(days=1))


async def cannot_stay(tx: Tx, manager: UUID) -> int:
    """How many of a manager's cases, of those that the transaction sees, cannot stay as her post and area stand today.

    Reads only and holds nothing: the transaction may have changed the basis. An absence takes nobody from her here.
    """
    known = {one.id: replace(one, absences=()) for one in await store.managers(tx) if one.id == manager}
    carried = {key: Carried(load) for key, load in (await store.loads(tx)).items()}
    cases = held_in(await store.cases(tx, await store.held_by(tx, [manager])))
    occasion = Occasion(frozenset({manager}))
    return sum(1 for _ in who_cannot_stay(cases, carried, known, day_of(tx.now), occasion))


async def _concerned(tx: Tx, held: Basis, loads: Mapping[UUID, int], wanted: Wanted) -> frozenset[UUID]:
    """Managers who may not be able to keep all their cases, or who have those that are named."""
    if wanted.cases:
        named = await store.cases(tx, wanted.cases)
        return frozenset(case.care.manager for case in named.values() if case.care and case.care.manager)
    known, occasion, day = held.field.managers, Occasion(patience=wanted.patience), day_of(tx.now)
    found = {one.id for one in known.values() if cause_of_going(one, day, occasion) or loads[one.id] > one.capacity}
    elsewhere = {one for one, town in await store.towns_of_cases(tx) if town not in known[one].service_area}
    return frozenset(found | elsewhere)


def held_in(cases: Mapping[UUID, Case], merged: Mapping[UUID, Collection[UUID]] | None = None) -> list[Held]:
    """The cases that somebody has, as a plan sees them; who had a household that `merged` into one, it knows too."""
    known = merged or {}
    return [
        Held(
            case.household,
            facts,
            care.manager,
            care.revision,
            care.weight,
            care.status is CareStatus.CONFIRMED,
            care.assigned_at,
            case.excluded,
            frozenset(one.manager for one in care.earlier).union(known.get(case.household.id, ())),
        )
        for case in cases.values()
        if (care := case.care) and care.manager and care.assigned_at and (facts := case.facts)
    ]


async def propose_each(tx: Tx, reason: Reason, households: Collection[UUID]) -> None:
    """Keep a proposal for each of these cases."""
    found = await store.cases(tx, households)
    for key in sorted(found):
        await propose(tx, Wanted(reason, cases=frozenset({key})), found[key].household.district)


async def propose_for_grown(tx: Tx, held: Basis, households: Collection[UUID]) -> None:
    """Propose another manager for each of these that is with one who carries too much now."""
    found = await store.cases(tx, households)
    having = {key: case.care.manager for key, case in found.items() if case.care and case.care.manager}
    if not having:
        return
    loads, known = await store.loads(tx), held.field.managers
    over = {key for key, manager in having.items() if loads[manager] > known[manager].capacity}
    await propose_each(tx, Reason.GROWTH, over)


async def discard(tx: Tx, key: UUID) -> bool:
    """Let a proposal be; False if it is none any more."""
    if not await store.discard_handover(tx, key):
        return False
    await tx.audit("discard_handover", str(key))
    return True


async def confirm(tx: Tx, key: UUID) -> bool:
    """Have a proposal carried out; False if it has been confirmed before. Who leaves by it is given no new cases."""
    reason = await store.begin_handover(tx, key)
    if reason is None:
        return False
    failpoint("handover.begun")
    if reason == Reason.LEAVING:
        await take_no_more(tx, await store.givers_of_all(tx, key))
    await tx.due(tx.now, "handover", str(key))
    await tx.audit("confirm_handover", str(key))
    return True


async def carry_on(tx: Tx, key: UUID) -> Sequence[State]:
    """Make the next moves of a running plan.

    Each is the decision of who confirmed it and holds for the assignment she saw, whatever has been answered meanwhile.
    A case that somebody else has since, or a receiver who could not take it any more, makes the move stale, and it
    stays where it is.
    """
    rows = await store.moves_to_make(tx, key, AT_ONCE)
    if not rows:
        await store.finish_handover(tx, key)
        failpoint("handover.finished")
        return ()
    locked = await store.lock_households(tx, [row["household"] for row in rows])
    held = await store.basis(tx)
    cases = await store.cases(tx, locked)
    stale = {row["household"]: CHANGED for row in rows if not _stands(cases.get(row["household"]), row)}
    steps = [_step(cases[row["household"]], row["to_manager"]) for row in rows if row["household"] not in stale]
    full = await _who_cannot_come(tx, held, steps)
    steps = [step for step in steps if step.case.household.id not in full]
    told = await decisions.settle(tx, held, steps, [_stimulus(step) for step in steps], serve=False)
    failpoint("handover.moved")
    ended: dict[UUID, tuple[str, str | None]] = {one: ("stale", why) for one, why in (stale | full).items()}
    ended |= {step.case.household.id: ("done", None) for step in steps}
    await store.end_moves(tx, key, ended)
    failpoint("handover.ended")
    await tx.audits([("hand_over", str(step.case.household.id)) for step in steps])
    await tx.due(tx.now, "handover", str(key))
    return told


def _stands(case: Case | None, row: asyncpg.Record) -> bool:
    """Whether it is still the assignment that was planned: items are numbered by the revision they began with."""
    return (
        case is not None
        and case.household.status is HouseholdStatus.ACTIVE
        and case.care is not None
        and case.care.item is not None
        and case.care.item <= row["care_revision"]
        and case.care.manager == row["from_manager"]
    )


def _step(case: Case, receiver: UUID) -> Step:
    return Step(case, case.care, decide=True, wish=Override(receiver, OverrideReason.COVER), readmit=receiver)


def _stimulus(step: Step) -> Stimulus:
    assert step.wish, "a move is a wish"
    assert step.case.care, "a move is of a case"
    payload = orjson.dumps({"manager": str(step.wish.manager), "reason": OverrideReason.COVER})
    return Stimulus("override", str(step.case.household.alias), payload, step.case.care.revision)


async def _who_cannot_come(tx: Tx, held: Basis, steps: Collection[Step]) -> dict[UUID, str]:
    """Whose receiver would be stopped by a gate now, and by which: a plan puts nobody above her capacity."""
    concerned = settlement.concerned(held, list(steps), settlement.freed(steps))
    return stopped_moves(held, await store.lock_managers(tx, concerned), steps, day_of(tx.now))


def stopped_moves(held: Basis, carried: Mapping[UUID, Carried], steps: Collection[Step], day: date) -> dict[UUID, str]:
    """The gates that stop some of these moves by household, all others being made."""
    found: dict[UUID, str] = {}
    # Who cannot come stays with her giver, who then has less room for those that come to her: they are looked at again.
    while stopped := _stopped(held, carried, [one for one in steps if one.case.household.id not in found], day):
        found |= stopped
    return found


def _stopped(held: Basis, carried: Mapping[UUID, Carried], steps: Collection[Step], day: date) -> dict[UUID, str]:
    loads = {manager: one.load for manager, one in carried.items()}
    for step in steps:
        care = step.case.care
        assert care, "a move is of a case"
        assert care.manager, "that somebody has"
        loads[care.manager] -= care.weight
    found: dict[UUID, str] = {}
    for step in steps:
        assert step.wish, "a move is a wish"
        receiver, need = held.field.managers[step.wish.manager], _need(held, step, day)
        if gate := stopped_at(unpaced(receiver), Carried(loads[receiver.id]), need):
            found[step.case.household.id] = gate
        else:
            loads[receiver.id] += need.weight
    return found


def _need(held: Basis, step: Step, day: date) -> Need:
    facts = step.case.household.facts
    assert facts, "only an active household is moved"
    return need_of(facts, held.policy, step.case.excluded, day)
