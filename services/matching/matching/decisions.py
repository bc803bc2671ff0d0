"""From steps to what is kept and told: locks, the choice, its receipts, and who is served by what came free."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import orjson

from chassis.database import Tx
from chassis.failpoint import failpoint
from contracts.record import State
from contracts.vocabulary import CareReason, CareStatus
from contracts.zone import day_of
from matching import settlement, store
from matching.days import monday_of, start_of
from matching.domain import Why
from matching.explain import why
from matching.lifecycle import Care, Case, Step, again_step, aged, anew_at, next_phase, retold
from matching.receipts import chained, statement_of
from matching.rules import counselling_over_on
from matching.settlement import AT_ONCE, Basis, Ledger
from matching.stimuli import Stimulus
from matching.telemetry import count_decisions
from matching.wire import care_state

BEGINNING = (datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0))
"""The cursor before every household."""
SOON = timedelta(seconds=1)

Cursor = tuple[datetime, UUID]


async def settle(
    tx: Tx, basis: Basis, steps: Sequence[Step], inputs: Sequence[Stimulus] = (), *, serve: bool = True
) -> list[State]:
    """Carry the steps out; the new states of the cares. `inputs` are what led to the steps, told to replay.

    The steps' households are locked and `basis` is held. With `serve`, who waits for what comes free is decided too,
    together with the steps. Without it a due serves them: a person's transaction sees her own tenant's households
    only.
    """
    freed = settlement.freed(steps)
    ledger = Ledger(await store.lock_managers(tx, settlement.concerned(basis, steps, freed)))
    settlement.release(ledger, steps, tx.now)
    served: list[Step] = []
    later = {str(manager): tx.now for manager in freed}
    if freed and serve:
        served, later = await _next_in_line(tx, basis, ledger, freed, {step.case.household.id for step in steps})
    batch = uuid4()
    written, whys = await _decide(tx, basis, ledger, [*steps, *served], batch)
    await store.write_loads(tx, ledger.booked)
    failpoint("matching.loaded")
    await store.write_cares(tx, basis.policy, written)
    failpoint("matching.assigned")
    await store.discard_proposals(tx, _given_up(written))
    # Of who was only looked at, and nothing decided, replay needs to know nothing.
    seen = [*steps, *served] if whys else [step for step in steps if not step.quiet]
    await store.record(tx, batch, [*inputs, *_asked(seen)])
    failpoint("matching.recorded")
    # Dues come last, as with the clock, which deletes what it has handled at the end of its transaction.
    await _set_dues(tx, basis, written, later)
    whys |= await whys_so_far(tx, [care for _, care in written if care.item and care.household not in whys])
    return [_told(tx, basis, step, care, whys.get(care.household)) for step, care in written]


def _given_up(written: Sequence[tuple[Step, Care]]) -> list[UUID]:
    """Households whose assignment has ended: what was proposed of whom they go to next is of the past."""
    return [
        care.household
        for step, care in written
        if (before := step.case.care) and before.item and before.item != care.item
    ]


async def decide_anew(tx: Tx, basis: Basis, cases: Collection[Case], *, by_policy: bool = False) -> list[State]:
    """Decide cases anew, as far as nobody has them; a policy that has changed has all others told. They are locked."""
    await store.renew_waiting(tx, basis.policy, cases)
    steps = _again(tx, basis, cases)
    mine = {step.case.household.id for step in steps}
    told = [step for case in cases if by_policy and case.household.id not in mine and (step := retold(case))]
    inputs = [Stimulus("retold", str(step.case.household.alias), b"{}") for step in told]
    return await settle(tx, basis, [*steps, *told], inputs, serve=False)


def _again(tx: Tx, basis: Basis, cases: Iterable[Case]) -> list[Step]:
    return [step for case in cases if (step := again_step(case, basis.policy, day_of(tx.now)))]


async def _next_in_line(
    tx: Tx, basis: Basis, ledger: Ledger, freed: Collection[UUID], mine: Collection[UUID]
) -> tuple[list[Step], dict[str, datetime]]:
    """Who waits for what came free, as far as they are free themselves, and which managers are to go on later."""
    later: dict[str, datetime] = {}
    room, reach = settlement.room(basis, ledger, freed), settlement.reach(basis, freed)
    listed = await store.waiting_for(tx, reach, room, BEGINNING, AT_ONCE + 1)
    if len(listed) > AT_ONCE:
        later |= {due_for(manager, listed[AT_ONCE - 1]): tx.now for manager in freed}
    ids = {household for _, household in listed[:AT_ONCE]} - set(mine)
    if not ids:
        return [], later
    locked = await store.lock_households(tx, ids, skip_locked=True)
    if locked != ids:
        # Somebody else has them now, perhaps only to note an answer: nobody may be passed over.
        later |= {str(manager): tx.now + SOON for manager in freed}
    found = await store.cases(tx, locked)
    there = [
        case
        for case in found.values()
        if case.care and case.care.status is CareStatus.WAITING and case.household.municipality in reach
    ]
    if len(there) < len(found):
        # Moved or decided between the list and the lock: not for these managers any more, perhaps for nobody yet.
        later |= {str(manager): tx.now + SOON for manager in freed}
    return _again(tx, basis, there), later


async def _decide(
    tx: Tx, basis: Basis, ledger: Ledger, steps: Sequence[Step], batch: UUID
) -> tuple[list[tuple[Step, Care]], dict[UUID, Why | None]]:
    """The cases as the steps leave them, and what spoke for whom was chosen."""
    # Beside the event loop, because a large batch takes a second: heartbeats go on.
    around, decisions = await asyncio.to_thread(settlement.decide, basis, ledger, steps, tx.now)
    failpoint("matching.decided")
    heads = await store.lock_heads(tx, settlement.districts_of(decisions))
    receipts = chained(decisions, heads, around, batch)
    written = settlement.conclude(ledger, steps, decisions, receipts, around)
    made = written[len(written) - len(decisions) :]
    await store.write_receipts(tx, batch, receipts, [care for _, care in made])
    failpoint("matching.receipted")
    count_decisions(tx, made)
    return written, {one.ask.household.id: one.why for one in decisions}


async def whys_so_far(tx: Tx, cares: Sequence[Care]) -> dict[UUID, Why | None]:
    """What spoke for the managers of cases that stay where they are: their receipts say so."""
    kept = await store.receipts_at(tx, [(care.household, care.item) for care in cares if care.item])
    return {household: why(statement_of(content)) for household, content in kept.items()}


def _asked(steps: Sequence[Step]) -> list[Stimulus]:
    """What replay cannot find out by itself: whom else this transaction decided, which relatives it saw, of whom it
    knew that their family group is none."""
    alone = {str(step.case.household.alias) for step in steps if step.quiet}
    relatives = {
        str(step.case.household.alias): sorted(map(str, step.case.relatives))
        for step in steps
        if step.decide and step.case.relatives
    }
    strangers = {str(step.case.household.alias) for step in steps if step.decide and step.case.strangers}
    if not alone and not relatives and not strangers:
        return []
    asked = {"again": sorted(alone), "relatives": relatives, "strangers": sorted(strangers)}
    return [Stimulus("asked", None, orjson.dumps(asked))]


async def _set_dues(tx: Tx, basis: Basis, written: Sequence[tuple[Step, Care]], later: Mapping[str, datetime]) -> None:
    dues: dict[str, Mapping[str, datetime]] = {
        "serve": later,
        "again": times_again(tx, basis, written),
        "ageing": {
            str(care.household): then for step, care in written if (then := _weighed_again(tx, basis, step, care))
        },
    }
    if basis.field.has_weeks and any(care.reason in FULL for _, care in written):
        dues["week"] = next_week(tx.now)
    for kind, at in sorted(dues.items()):
        if at:
            await tx.dues(kind, dict(at))


def times_again(tx: Tx, basis: Basis, cases: Iterable[tuple[Step, Care]]) -> dict[str, datetime]:
    """When each of these cases is to be decided anew by itself, if ever."""
    today = day_of(tx.now)
    return {str(care.household): at for step, care in cases if (at := anew_at(step, care, basis.policy, today))}


FULL = (CareReason.WEEK_FULL, CareReason.NO_CAPACITY)
"""Who waits for a place: where one manager lacks units, and another one only this week's, units are the reason."""


def next_week(now: datetime) -> dict[str, datetime]:
    """The due of the week that begins next."""
    monday = monday_of(now) + timedelta(weeks=1)
    return {monday.isoformat(): start_of(monday)}


def _weighed_again(tx: Tx, basis: Basis, step: Step, care: Care) -> datetime | None:
    """When a case is to be weighed again: at once if that was due and has not been done, else in its next phase."""
    if not step.decide and aged(replace(step.case, care=care), basis.policy, day_of(tx.now)):
        return tx.now
    day = next_phase(care, basis.policy, day_of(tx.now)) if care.assigned else None
    return start_of(day) if day else None


def _told(tx: Tx, basis: Basis, step: Step, care: Care, spoke: Why | None) -> State:
    key = str(care.household)
    if step.case.traceparent:
        tx.take_up(key, step.case.traceparent, "decide" if step.decide else "keep")
    tx.describe(key, care_status=care.status, care_reason=care.reason)
    manager = basis.field.managers[care.manager] if care.manager else None
    over_on = counselling_over_on(step.case.household.facts, basis.policy, day_of(tx.now))
    return care_state(step.case.household, care, manager, spoke, over_on)


UNDECIDED = (CareStatus.WAITING, CareStatus.NOT_ELIGIBLE, CareStatus.PROPOSED)
"""Whom a change of policy may give to somebody, or take from."""
NOT_ENDED = (*UNDECIDED, CareStatus.CONFIRMED)
"""Whom other rules of eligibility may concern; whoever is in care stays there until a person decides, and is told."""


async def recheck(tx: Tx, statuses: Sequence[CareStatus]) -> None:
    """Have everybody looked at again whose care has one of these statuses."""
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
