"""What matching does with what it reads and with what is due."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID, uuid4

from chassis.consumer import Refused, newest
from chassis.database import Tx
from chassis.timers import Due
from contracts.assignments import Care
from contracts.households import Household
from contracts.municipalities import Municipality
from contracts.record import Record, State, encode
from contracts.responses import Response
from contracts.vocabulary import CareReason, CareStatus, HouseholdStatus
from contracts.zone import day_of
from matching import decisions, handing_over, settlement, store
from matching.answers import answered
from matching.days import start_of
from matching.handing_over import Reason
from matching.lifecycle import Case, Step, again_step, aged, changed, next_phase
from matching.rules import next_change_of_presence
from matching.settlement import Basis
from matching.stimuli import Stimulus
from matching.wire import household_of, reply_of

BATCH = settlement.AT_ONCE
ANY_WEIGHT = 2**31 - 1


async def on_households(batch: Sequence[Record[Household]], tx: Tx) -> Sequence[State]:
    """Give every household whose state is news its care: a manager, a place on the waiting list, or an end."""
    records = newest(batch)
    states = [(household_of(record.state, tx.now), record.state) for record in records]
    found = await store.lock_newer(tx, states)
    held = await store.basis(tx)
    steps = []
    for case, before in found:
        manager = held.field.managers[case.care.manager] if case.care and case.care.manager else None
        steps.append(changed(case, before, manager, policy=held.policy, day=day_of(tx.now), now=tx.now))
    alias = {case.household.id: case.household.alias for case, _ in found}
    news = [record.state for record in records if record.state.id in alias]
    inputs = [Stimulus("household", str(alias[one.id]), _without_id(one), one.revision) for one in news]
    told = await decisions.settle(tx, held, steps, inputs)
    await store.forget(tx, [one.id for one in news if one.status is HouseholdStatus.ERASED])
    grown = _grown(steps, told) | {one.merged_into for one in news if one.merged_into}
    await handing_over.propose_for_grown(tx, held, grown)
    return told


def _grown(steps: Sequence[Step], told: Sequence[State]) -> set[UUID]:
    """Households that are with the manager they had, and heavier than they were."""
    after = {one.household: one for one in told if isinstance(one, Care)}
    return {
        before.household
        for step in steps
        if (before := step.case.care)
        and (now := after.get(before.household))
        and now.assignee
        and now.assignee.id == before.manager
        and now.weight > before.weight
    }


async def on_responses(batch: Sequence[Record[Response]], tx: Tx) -> Sequence[State]:
    """Apply answers to the item they name; who has declined is never asked again."""
    records = newest(batch)
    await store.lock_households(tx, [record.state.household for record in records])
    held = await store.basis(tx)
    cases = await store.cases(tx, [record.state.household for record in records])
    steps: list[Step] = []
    for record in records:
        case = cases.get(record.state.household)
        if case is None or case.care is None:
            raise Refused(record, "unknown_item")
        if step := answered(case, reply_of(record.state), tx.now, held.policy):
            steps.append(step)
    # Whoever is erased has no decision to come that could be made again.
    told_of = [step.case.household for step in steps if step.case.household.status is not HouseholdStatus.ERASED]
    alias = {household.id: household.alias for household in told_of}
    news = [record.state for record in records if record.state.household in alias]
    inputs = [Stimulus("response", str(alias[one.household]), _without_id(one), one.revision) for one in news]
    told = await decisions.settle(tx, held, steps, inputs)
    asked = [step.case.household.id for step in steps if step.asks_for_transfer]
    await handing_over.propose_each(tx, Reason.TRANSFER, asked)
    return told


async def on_municipalities(batch: Sequence[Record[Municipality]], tx: Tx) -> Sequence[State]:
    """Keep the register; distances are measured by it from now on."""
    records = newest(batch)
    news = await store.write_municipalities(tx, [record.state for record in records])
    if news:
        await store.renew_basis(tx)
        fresh = [record.state for record in records if record.state.ags in news]
        await store.record(tx, uuid4(), [Stimulus("municipality", one.key, encode(one), one.revision) for one in fresh])
    return ()


async def on_serve(batch: Sequence[Due], tx: Tx) -> Sequence[State]:
    """Serve the waiting lists of managers who have room again."""
    return await _serve(batch, tx, whatever_fits=True)


async def on_again(batch: Sequence[Due], tx: Tx) -> Sequence[State]:
    """Decide anew who was parked until now, and whose counselling period is over."""
    locked = await store.lock_households(tx, [UUID(due.aggregate) for due in batch])
    held = await store.basis(tx)
    found = await store.cases(tx, locked)
    today, parked = day_of(tx.now), {CareReason.PARKED}
    steps = [step for case in found.values() if (step := again_step(case, held.policy, today, parked))]
    told = await decisions.settle(tx, held, steps, serve=False)
    await _look_later(tx, held, found, told)
    return told


async def _look_later(tx: Tx, held: Basis, found: Mapping[UUID, Case], told: Sequence[State]) -> None:
    """Have those of these cases that stay as they are decided anew on their day: a policy may have made the counselling
    period longer or shorter."""
    same = found.keys() - {UUID(state.key) for state in told}
    kept = [(Step(found[one], care), care) for one in sorted(same) if (care := found[one].care)]
    await tx.dues("again", decisions.times_again(tx, held, kept))


async def on_ageing(batch: Sequence[Due], tx: Tx) -> Sequence[State]:
    """Let cases weigh what they weigh from today on; who waits for what comes free is served."""
    locked = await store.lock_households(tx, [UUID(due.aggregate) for due in batch])
    held = await store.basis(tx)
    found = await store.cases(tx, locked)
    today = day_of(tx.now)
    steps = [step for case in found.values() if (step := aged(case, held.policy, today))]
    told = await decisions.settle(
        tx, held, steps, [Stimulus("aged", str(step.case.household.alias), b"{}") for step in steps]
    )
    # Who weighs the same today may weigh less in a later phase.
    same = [found[one].care for one in found.keys() - {step.case.household.id for step in steps}]
    later = {str(one.household): next_phase(one, held.policy, today) for one in same if one and one.assigned}
    await tx.dues("ageing", {household: start_of(day) for household, day in later.items() if day})
    return told


async def on_absence(batch: Sequence[Due], tx: Tx) -> Sequence[State]:
    """Decide the waiting lists of managers anew whose presence changes today: who waits, or why, may be different."""
    told = await _serve(batch, tx, whatever_fits=False)
    await _next_presence(batch, tx)
    return told


async def _next_presence(batch: Sequence[Due], tx: Tx) -> None:
    today, concerned = day_of(tx.now), {decisions.cursor_in(due.aggregate)[0] for due in batch}
    changes = {str(one.id): next_change_of_presence(one, today) for one in await store.managers(tx)}
    await tx.dues("absence", {key: start_of(day) for key in concerned if (day := changes.get(key))})


async def _serve(batch: Sequence[Due], tx: Tx, *, whatever_fits: bool) -> Sequence[State]:
    roster = {manager.id: manager for manager in await store.managers(tx)}
    loads = await store.loads(tx)
    wanted: set[UUID] = set()
    rest: list[str] = []
    for due in batch:
        subject, cursor = decisions.cursor_in(due.aggregate)
        manager = roster.get(UUID(subject))
        if manager is None:
            continue
        if len(wanted) >= BATCH:
            # Under a name of its own: by the plain one a manager is told of when she comes or goes next.
            rest.append(decisions.due_for(subject, cursor))
            continue
        room = manager.capacity - loads[manager.id] if whatever_fits else ANY_WEIGHT
        listed = await store.waiting_for(tx, manager.service_area, room, cursor, BATCH)
        wanted |= {household for _, household in listed}
        if len(listed) == BATCH:
            rest.append(decisions.due_for(manager.id, listed[-1]))
    return await _decided_anew(tx, batch, wanted, rest)


async def on_recheck(batch: Sequence[Due], tx: Tx) -> Sequence[State]:
    """Decide anew whom nobody has in care, as roster or policy changed, and tell who is; goes on from its cursor."""
    wanted: set[UUID] = set()
    rest: list[str] = []
    for due in batch:
        subject, cursor = decisions.cursor_in(due.aggregate)
        listed = await store.standing(tx, CareStatus(subject), cursor, BATCH)
        wanted |= {household for _, household in listed}
        if len(listed) == BATCH:
            rest.append(decisions.due_for(subject, listed[-1]))
    return await _decided_anew(tx, batch, wanted, rest, by_policy=True)


async def on_week(batch: Sequence[Due], tx: Tx) -> Sequence[State]:
    """A week begins: who takes only so many new cases a week takes them again, and so next week."""
    if (await store.basis(tx)).field.has_weeks:
        await decisions.recheck(tx, [CareStatus.WAITING])
        await tx.dues("week", decisions.next_week(tx.now))
    return ()


async def on_policy(batch: Sequence[Due], tx: Tx) -> Sequence[State]:
    """A rule begins or ends: begin the run that decides anew whom it may add or remove.

    Who is in care keeps the manager: a decree does not take a begun counselling away without a person's decision.
    """
    await decisions.recheck(tx, decisions.NOT_ENDED)
    return ()


async def on_handover(batch: Sequence[Due], tx: Tx) -> Sequence[State]:
    """Carry on a handover that a person has confirmed; the others of the batch come again."""
    first, *others = batch
    await tx.dues("handover", {due.aggregate: tx.now for due in others})
    return await handing_over.carry_on(tx, UUID(first.aggregate))


async def _decided_anew(
    tx: Tx, batch: Sequence[Due], wanted: Collection[UUID], rest: Sequence[str], *, by_policy: bool = False
) -> Sequence[State]:
    """Decide households anew; `rest` are the dues that go on with the next ones."""
    found = await store.cases(tx, await store.lock_households(tx, wanted))
    held = await store.basis(tx)
    told = await decisions.decide_anew(tx, held, found.values(), by_policy=by_policy)
    if by_policy:
        await _look_later(tx, held, found, told)
    await tx.dues(batch[0].kind, dict.fromkeys(rest, tx.now))
    return told


def _without_id(state: Household | Response) -> bytes:
    """The payload of a stimulus does not say whose it is: that is the aggregate's, and erasure takes it away."""
    return state.model_dump_json(exclude_none=True, exclude={"id", "household", "merged_into"}).encode()
