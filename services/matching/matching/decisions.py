"""From steps to what is kept and told: locks, the choice, its receipts, and who is served by what came free."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4

from chassis.database import Tx
from contracts.record import State
from contracts.vocabulary import CareStatus
from matching import store
from matching.days import after_working_days, day_of
from matching.lifecycle import Care, Case, Step, decided
from matching.match import Ask, Decision, Override, Round, match
from matching.receipts import NO_DISTRICT, Head, chained
from matching.store import Basis
from matching.telemetry import count_decisions
from matching.wire import care_state

SERVED_AT_ONCE = 500
"""Waiting households that are decided in the transaction that opens capacity; the rest comes as due."""
BEGINNING = (datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0))
"""The cursor before every household."""
SOON = timedelta(seconds=1)

Cursor = tuple[datetime, UUID]


@dataclass(slots=True)
class Ledger:
    """What the steps of one transaction do to the managers' loads, and whom to serve later."""

    loads: dict[UUID, int]
    changes: dict[UUID, tuple[int, int, int]] = field(default_factory=dict)
    later: dict[str, datetime] = field(default_factory=dict)

    def book(self, manager: UUID, delta: int, *, taken: int = 0, forced: int = 0) -> None:
        """Change a load; `taken` is what matching gave of it, `forced` what may go beyond capacity."""
        before = self.changes.get(manager, (0, 0, 0))
        self.changes[manager] = (before[0] + delta, before[1] + taken, before[2] + forced)
        self.loads[manager] += delta


async def settle(tx: Tx, basis: Basis, steps: Sequence[Step], *, serve: bool = True) -> list[State]:
    """Carry the steps out; the new states of the cares.

    The steps' households are locked and `basis` is held. With `serve`, who waits for what comes free is decided too,
    together with the steps and in order of registration. Without it a due serves them: a person's transaction sees
    her own tenant's households only.
    """
    freed = _freed(steps)
    ledger = Ledger(await store.lock_managers(tx, _concerned(basis, steps, freed)))
    for step in steps:
        _release(ledger, step)
    mine = {step.case.household.id for step in steps}
    if freed and serve:
        steps = [*steps, *await _next_in_line(tx, basis, ledger, freed, mine)]
    else:
        ledger.later |= {str(manager): tx.now for manager in freed}
    written = await _decide(tx, basis, ledger, steps)
    await store.write_loads(tx, ledger.changes)
    await store.write_cares(tx, basis.policy, written)
    # Dues come last, as with the clock, which deletes what it has handled at the end of its transaction.
    if ledger.later:
        await tx.dues("serve", ledger.later)
    return [_told(tx, basis, step, care) for step, care in written]


async def decide_anew(tx: Tx, basis: Basis, locked: Collection[UUID]) -> list[State]:
    """Decide locked households anew that nobody has; what changed is told."""
    found = await store.cases(tx, locked)
    return await settle(tx, basis, [step for case in found.values() if (step := waiting_step(case))], serve=False)


def waiting_step(case: Case) -> Step | None:
    """The step of a case that nobody has: decided anew, told only if something changes."""
    if case.care and case.care.status in {CareStatus.WAITING, CareStatus.NOT_ELIGIBLE}:
        return Step(case, case.care, decide=True, quiet=True)
    return None


def _freed(steps: Sequence[Step]) -> set[UUID]:
    """Managers that carry less after the steps than before."""
    return {
        before.manager
        for step in steps
        if (before := step.case.care) and before.manager and _carried_on(step) < before.weight
    }


def _carried_on(step: Step) -> int:
    """Units that stay with the manager who has the case, before a new choice."""
    if step.decide or step.care is None or not step.care.assigned:
        return 0
    return step.care.weight


def _reach(basis: Basis, freed: Collection[UUID]) -> set[str]:
    return {ags for manager in freed for ags in basis.field.managers[manager].service_area}


def _concerned(basis: Basis, steps: Sequence[Step], freed: Collection[UUID]) -> set[UUID]:
    """All managers whose load the steps may change, and all that could be chosen for them or for who waits."""
    municipalities = _reach(basis, freed) | {
        step.case.household.municipality for step in steps if step.decide and step.case.household.municipality
    }
    concerned = {manager.id for ags in municipalities for manager in basis.field.serving(ags)}
    for step in steps:
        if step.case.care and step.case.care.manager:
            concerned.add(step.case.care.manager)
        if step.wish:
            concerned.add(step.wish.manager)
    return concerned


def _release(ledger: Ledger, step: Step) -> None:
    before = step.case.care
    if before and before.manager:
        delta = _carried_on(step) - before.weight
        ledger.book(before.manager, delta, forced=max(0, delta))


async def _next_in_line(
    tx: Tx, basis: Basis, ledger: Ledger, freed: Collection[UUID], mine: Collection[UUID]
) -> list[Step]:
    room = max(basis.field.managers[one].capacity - ledger.loads[one] for one in freed)
    listed = await store.waiting_for(tx, _reach(basis, freed), room, BEGINNING, SERVED_AT_ONCE + 1)
    if len(listed) > SERVED_AT_ONCE:
        ledger.later |= {due_for(manager, listed[SERVED_AT_ONCE - 1]): tx.now for manager in freed}
    ids = {household for _, household in listed[:SERVED_AT_ONCE]} - set(mine)
    if not ids:
        return []
    locked = await store.lock_households(tx, ids, skip_locked=True)
    if locked != ids:
        # Somebody else has them now, perhaps only to note an answer: nobody may be passed over.
        ledger.later |= {str(manager): tx.now + SOON for manager in freed}
    found = await store.cases(tx, locked)
    return [step for case in found.values() if (step := waiting_step(case))]


async def _decide(tx: Tx, basis: Basis, ledger: Ledger, steps: Sequence[Step]) -> list[tuple[Step, Care]]:
    written = [(step, step.care) for step in steps if not step.decide and step.care]
    by_household = {step.case.household.id: step for step in steps if step.decide}
    policy = basis.policy
    around = Round(basis.field, policy, day_of(tx.now), sha256(f"{policy.id} {policy.version}".encode()).digest())
    decisions = [
        decision
        for decision in match([_ask(step) for step in by_household.values()], ledger.loads, around)
        if _says_something(by_household[decision.ask.household.id], decision)
    ]
    heads = await _heads(tx, decisions)
    receipts = chained(decisions, heads, around, uuid4())
    answer_by = after_working_days(tx.now, policy.remind_after_days)
    made: list[tuple[Step, Care]] = []
    for decision, receipt in zip(decisions, receipts, strict=True):
        step = by_household[decision.ask.household.id]
        care = decided(step, decision, now=tx.now, answer_by=answer_by, policy=policy, receipt=receipt.hash.hex())
        if care.manager:
            by_person = isinstance(step.wish, Override)
            ledger.book(
                care.manager,
                care.weight,
                taken=0 if by_person else care.weight,
                forced=care.weight if by_person else 0,
            )
        made.append((step, care))
    await store.write_receipts(tx, receipts, [care for _, care in made])
    count_decisions(tx, made)
    return [*written, *made]


def _ask(step: Step) -> Ask:
    household = step.case.household
    assert household.facts is not None, "only an active household is decided"
    excluded = step.case.excluded | ({step.exclude} if step.exclude else set())
    return Ask(household, household.facts, excluded - {step.readmit}, step.wish)


def _says_something(step: Step, decision: Decision) -> bool:
    care = step.case.care
    return not (step.quiet and care and (care.status, care.reason) == (decision.status, decision.reason))


async def _heads(tx: Tx, decisions: Sequence[Decision]) -> Mapping[str, Head]:
    return await store.lock_heads(tx, {one.ask.household.district or NO_DISTRICT for one in decisions})


def _told(tx: Tx, basis: Basis, step: Step, care: Care) -> State:
    key = str(care.household)
    if key not in tx.traces and step.case.traceparent:
        tx.traces[key] = step.case.traceparent
    tx.describe(key, care_status=care.status, care_reason=care.reason)
    manager = basis.field.managers[care.manager] if care.manager else None
    return care_state(step.case.household, care, manager)


async def recheck(tx: Tx, statuses: Sequence[CareStatus] = (CareStatus.WAITING, CareStatus.NOT_ELIGIBLE)) -> None:
    """Have everybody decided anew whose care has one of these statuses."""
    await tx.dues("recheck", {status.value: tx.now for status in statuses})


def due_for(subject: UUID | str, cursor: Cursor) -> str:
    """The name of a due that goes on with its subject after a cursor."""
    registered_at, household = cursor
    return f"{subject}|{registered_at.isoformat()}|{household}"


def cursor_in(aggregate: str) -> tuple[str, Cursor]:
    """What a due is about, and where it goes on."""
    subject, _, rest = aggregate.partition("|")
    if not rest:
        return subject, BEGINNING
    registered_at, _, household = rest.partition("|")
    return subject, (datetime.fromisoformat(registered_at), UUID(household))
