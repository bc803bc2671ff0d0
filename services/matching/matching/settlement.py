"""What steps do to cases and loads, without a database: the service and a replay both go through here."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from contracts.zone import day_of
from matching.ask import Ask, Override, Stay, is_new
from matching.days import after_working_days, monday_of
from matching.domain import Carried, Policy
from matching.field import Field, Round
from matching.lifecycle import Care, Step, came_at, decided, waits_since
from matching.match import Decision, Solve, by_solver, match
from matching.receipts import NO_DISTRICT, Receipt

AT_ONCE = 500
"""Waiting households that are decided in one transaction, as in that which opens capacity; the rest comes as due."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What decisions stand on besides loads: roster, absences, policy, register, as of one version."""

    version: UUID
    policy: Policy
    field: Field


class Booking(NamedTuple):
    """What a transaction does to a manager: units of load, and cases of this week.

    `taken` is what matching gave of the units, `forced` what may go beyond capacity.
    """

    units: int = 0
    taken: int = 0
    forced: int = 0
    new: int = 0


@dataclass(slots=True)
class Ledger:
    """What managers carry, and what the steps of one transaction change of it."""

    carried: dict[UUID, Carried]
    booked: dict[UUID, Booking] = field(default_factory=dict)

    def book(self, manager: UUID, booking: Booking) -> None:
        """Change what a manager carries."""
        before, carried = self.booked.get(manager, Booking()), self.carried[manager]
        self.booked[manager] = Booking(*(one + more for one, more in zip(before, booking, strict=True)))
        self.carried[manager] = Carried(carried.load + booking.units, carried.new + booking.new)


def freed(steps: Iterable[Step]) -> set[UUID]:
    """Managers that carry less after the steps than before."""
    return {
        before.manager
        for step in steps
        if (before := step.case.care) and before.manager and _carried_on(step) < before.weight
    }


def reach(basis: Basis, managers: Collection[UUID]) -> set[str]:
    """The municipalities that these managers serve."""
    return {ags for manager in managers for ags in basis.field.managers[manager].service_area}


def concerned(basis: Basis, steps: Sequence[Step], free: Collection[UUID]) -> set[UUID]:
    """All managers whose load the steps may change, and all that could be chosen for them or for who waits."""
    municipalities = reach(basis, free) | {
        step.case.household.municipality for step in steps if step.decide and step.case.household.municipality
    }
    found = {manager.id for ags in municipalities for manager in basis.field.serving(ags)}
    for step in steps:
        if step.case.care and step.case.care.manager:
            found.add(step.case.care.manager)
        if step.wish:
            found.add(step.wish.manager)
    return found


def release(ledger: Ledger, steps: Iterable[Step], now: datetime) -> None:
    """Take from the managers what the steps take from them, before anything is decided."""
    monday = monday_of(now)
    for step in steps:
        before = step.case.care
        if before is None or before.manager is None:
            continue
        kept = _carried_on(step)
        came = came_at(before)
        came_this_week = came is not None and day_of(came) >= monday
        units = kept - before.weight
        ledger.book(before.manager, Booking(units, forced=max(0, units), new=-(not kept and came_this_week)))


def room(basis: Basis, ledger: Ledger, managers: Collection[UUID]) -> int:
    """The most units that one of these managers still takes."""
    return max(basis.field.managers[one].capacity - ledger.carried[one].load for one in managers)


def decide(
    basis: Basis, ledger: Ledger, steps: Sequence[Step], now: datetime, solve: Solve = by_solver
) -> tuple[Round, list[Decision]]:
    """The decisions that say something, of all steps that want one, and what they were made under."""
    by_household = {step.case.household.id: step for step in steps if step.decide}
    around = round_of(basis, now)
    made = match([_ask(step, now) for step in by_household.values()], ledger.carried, around, solve)
    return around, [one for one in made if _says_something(by_household[one.ask.household.id], one)]


def round_of(basis: Basis, now: datetime) -> Round:
    """What holds for every decision of one batch."""
    policy = basis.policy
    seed = sha256(f"{policy.id} {policy.version}".encode()).digest()
    return Round(basis.field, policy, now, day_of(now), seed)


def districts_of(decisions: Iterable[Decision]) -> set[str]:
    """The chains that the decisions go into."""
    return {one.ask.household.district or NO_DISTRICT for one in decisions}


def conclude(
    ledger: Ledger, steps: Sequence[Step], decisions: Sequence[Decision], receipts: Sequence[Receipt], around: Round
) -> list[tuple[Step, Care]]:
    """The new state of every case that has one; loads follow. `receipts` are those of the decisions, in order."""
    written = [(step, step.care) for step in steps if not step.decide and step.care]
    by_household = {step.case.household.id: step for step in steps if step.decide}
    policy = around.policy
    answer_by = after_working_days(around.now, policy.remind_after_days)
    for decision, receipt in zip(decisions, receipts, strict=True):
        step = by_household[decision.ask.household.id]
        care = decided(step, decision, now=around.now, answer_by=answer_by, policy=policy, receipt=receipt.hash.hex())
        if care.manager:
            ledger.book(care.manager, Booking(care.weight, *_taken_and_forced(step, care), int(is_new(step.wish))))
        written.append((step, care))
    return written


def _taken_and_forced(step: Step, care: Care) -> tuple[int, int]:
    """Who stays takes nothing anew: only what the case weighs more than before may go beyond capacity."""
    match step.wish:
        case Override():
            return 0, care.weight
        case Stay():
            assert step.case.care, "who stays was with her before"
            return 0, max(0, care.weight - step.case.care.weight)
        case _:
            return care.weight, 0


def _carried_on(step: Step) -> int:
    """Units that stay with the manager who has the case, before a new choice."""
    if step.decide or step.care is None or not step.care.assigned:
        return 0
    return step.care.weight


def _ask(step: Step, now: datetime) -> Ask:
    case, care, facts = step.case, step.case.care, step.case.facts
    assert facts is not None, "only an active household is decided"
    excluded = case.excluded | ({step.exclude} if step.exclude else set())
    return Ask(
        case.household,
        facts,
        waits_since(step, now),
        excluded - {step.readmit},
        step.wish,
        former=frozenset(one.manager for one in care.earlier) if care else frozenset(),
        relatives=case.relatives,
    )


def _says_something(step: Step, decision: Decision) -> bool:
    care = step.case.care
    return not (step.quiet and care and (care.status, care.reason) == (decision.status, decision.reason))
