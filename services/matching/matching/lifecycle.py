"""The care of a household and what may follow what: decisions and changes of the household."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import takewhile
from typing import Any, assert_never
from uuid import UUID

from contracts.vocabulary import (
    Answer,
    AnswerReason,
    Applied,
    CareReason,
    CareStatus,
    HouseholdStatus,
)
from contracts.zone import day_of, day_only
from matching.ask import Stay, Wish
from matching.days import monday_of, start_of
from matching.domain import Facts, Household, Manager, Policy
from matching.match import Decision
from matching.rules import counselling_over_on, head_start, ineligibility, weight

ASSIGNED = frozenset({CareStatus.PROPOSED, CareStatus.CONFIRMED})

PUT_ASIDE = frozenset({CareReason.PARKED, CareReason.TO_BE_REASSESSED})
"""Reasons for which a household waits although nobody looks for a manager."""

SETTLED = frozenset({CareReason.OVERRIDDEN, CareReason.MANAGER_STAYS})
"""Reasons of proposals that went round every rule: none takes them back. Who moves may have been in care before."""

ENDED_BY = {
    HouseholdStatus.WITHDRAWN: CareReason.HOUSEHOLD_WITHDRAWN,
    HouseholdStatus.DEPARTED: CareReason.HOUSEHOLD_DEPARTED,
    HouseholdStatus.MERGED: CareReason.HOUSEHOLD_MERGED,
    HouseholdStatus.HANDED_OVER: CareReason.HOUSEHOLD_HANDED_OVER,
    HouseholdStatus.ERASED: CareReason.HOUSEHOLD_ERASED,
}


@dataclass(frozen=True, slots=True)
class Earlier:
    """An assignment that came to its end; what followed is told by the care's next state."""

    item: int
    manager: UUID
    assigned_at: datetime
    ended_at: datetime
    status: CareStatus
    reason: CareReason | None
    answer: Answer | None = None
    answer_reason: AnswerReason | None = None
    in_care: bool = False
    """It had been accepted."""
    answered_at: datetime | None = None
    contacted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AnswerSeen:
    """The newest answer matching has seen, and what it did with it."""

    item: int
    revision: int
    answer: Answer
    applied: Applied
    transfer_requested_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Care:
    """The care of one household. While it is assigned there are a manager, an item and the units it weighs."""

    household: UUID
    revision: int
    household_revision: int
    status: CareStatus
    reason: CareReason
    decided_at: datetime
    manager: UUID | None = None
    item: int | None = None
    weight: int = 0
    waiting_since: datetime | None = None
    assigned_at: datetime | None = None
    answer_by: datetime | None = None
    answered_at: datetime | None = None
    contacted_at: datetime | None = None
    ended_at: datetime | None = None
    policy: str | None = None
    receipt: str | None = None
    last_answer: AnswerSeen | None = None
    earlier: tuple[Earlier, ...] = ()

    @property
    def assigned(self) -> bool:
        """Whether a manager has the case."""
        return self.status in ASSIGNED


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it comes from `responses`."""

    revision: int
    item: int
    answer: Answer
    reason: AnswerReason | None
    answered_at: datetime
    accepted_at: datetime | None
    contacted_at: datetime | None
    transfer_requested_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A household and its care, as they are locked.

    `excluded` may not get it again; of these a person keeps some `apart`, whatever is answered.
    """

    household: Household
    care: Care | None = None
    excluded: frozenset[UUID] = frozenset()
    traceparent: str | None = None
    """The trace of its newest record, for a decision that comes later."""
    relatives: frozenset[UUID] = frozenset()
    """Managers who have other households of its family group."""
    apart: frozenset[UUID] = frozenset()
    strangers: bool = False
    """Its family group has more households than a family can have."""

    @property
    def facts(self) -> Facts | None:
        """What decisions rest on: who shares an identifier with strangers has no family."""
        facts = self.household.facts
        return replace(facts, family_group=None) if facts and self.strangers else facts


@dataclass(frozen=True, slots=True)
class Step:
    """What is to happen to a case: `care` follows, and if `decide` a decision follows that.

    `exclude` and `readmit` change who may get the household. A step without `decide` keeps or ends. A `quiet` one
    is told only if it changes something.
    """

    case: Case
    care: Care | None
    decide: bool = False
    wish: Wish | None = None
    exclude: UUID | None = None
    readmit: UUID | None = None
    reply: Reply | None = None
    quiet: bool = False
    again: datetime | None = None
    """When the case is decided anew by itself."""

    @property
    def asks_for_transfer(self) -> bool:
        """Whether the case stays for now and its manager has asked, with this answer or before it, to give it away."""
        before, after = (one.last_answer if one else None for one in (self.case.care, self.care))
        if (
            after is None
            or after.applied is not Applied.APPLIED
            or self.decide
            or not (self.care and self.care.assigned)
        ):
            return False
        if after.answer is Answer.TRANSFER_REQUESTED:
            return True
        asked = before.transfer_requested_at if before and before.item == after.item else None
        return after.transfer_requested_at not in {None, asked}


def changed(  # noqa: PLR0911 (one answer for each status)
    case: Case, before: Facts | None, manager: Manager | None, *, policy: Policy, day: date, now: datetime
) -> Step:
    """What a newer state of the household does to its care; `manager` has the case, if anybody has.

    A household stays with its manager unless it moves where she does not serve: people know each other, and a roster
    that changes moves nobody without a person's decision. A move within her service area is a decision all the same:
    the assignment ends for one municipality, and the other one is asked. What was corrected counts at once: the case
    weighs what it now weighs, even beyond her capacity, which then has no room for others. It is decided anew after a
    move out of her service area, and where a correction shows that the household is not counselled. What a person has
    closed begins again only in another municipality. Whom a decline has put aside stays so by the same facts.
    """
    household, care = case.household, case.care
    if household.status is HouseholdStatus.ERASED:
        return _erased(case, now)
    if household.status is not HouseholdStatus.ACTIVE:
        return Step(case, _ended_with(household, care, now))
    facts = household.facts
    assert facts is not None, "only an erased household has no facts"
    if care is None:
        return Step(case, None, decide=True)
    care = replace(care, household_revision=household.revision)
    moved = before is None or before.municipality != facts.municipality
    match care.status:
        case CareStatus.WAITING if (
            care.reason in PUT_ASIDE and before == facts and not ineligibility(facts, policy, day)
        ):
            return Step(case, revised(care))
        case CareStatus.NOT_ELIGIBLE | CareStatus.WAITING:
            return Step(case, care, decide=True)
        case CareStatus.ENDED:
            if care.reason in {CareReason.CLOSED, CareReason.DECLINED} and not (moved and facts.municipality):
                return Step(case, revised(care))
            return Step(case, care, decide=True)
        case CareStatus.PROPOSED | CareStatus.CONFIRMED:
            served = manager is not None and facts.municipality in manager.service_area
            before_so = ineligibility(before, policy, day) if before else None
            shown = ineligibility(facts, policy, day)
            if (moved and not served) or (shown and shown is not before_so):
                return Step(case, care, decide=True)
            if moved and manager:
                came = came_at(care)
                new = came is not None and day_of(came) >= monday_of(now)
                return Step(case, care, decide=True, wish=Stay(manager.id, new=new))
            return Step(case, replace(revised(care), weight=weight(facts, policy, _days(care, day))))
        case _:
            assert_never(care.status)


def aged(case: Case, policy: Policy, day: date) -> Step | None:
    """What time does to a case that somebody has: it weighs what it weighs in its phase. None: the same."""
    care, facts = case.care, case.household.facts
    if care is None or not care.assigned or facts is None:
        return None
    units = weight(facts, policy, _days(care, day))
    return Step(case, replace(revised(care), weight=units)) if units != care.weight else None


def retold(case: Case) -> Step | None:
    """What a policy that begins does to a case that somebody has: its state says by that policy when the counselling
    period is over. None: it says nothing of it."""
    care, facts = case.care, case.facts
    if care is None or not care.assigned or facts is None or facts.allotted_on is None:
        return None
    return Step(case, revised(care))


def came_at(care: Care) -> datetime | None:
    """When a case came to its manager, with whom it may have stayed since then at one move or more."""
    stays = takewhile(lambda one: one.reason is CareReason.MANAGER_STAYS, reversed(care.earlier))
    return min((one.assigned_at for one in stays), default=care.assigned_at)


def next_phase(care: Care, policy: Policy, today: date) -> date | None:
    """The next day on which a case that somebody has weighs something else than today."""
    if care.assigned_at is None:
        return None
    since = day_of(care.assigned_at)
    begins = [since + timedelta(days=phase.after_days) for phase in policy.load.phases]
    return min((begin for begin in begins if begin > today), default=None)


def _days(care: Care, day: date) -> int:
    """For how many days a manager has had the case."""
    return (day - day_of(care.assigned_at)).days if care.assigned_at else 0


def _erased(case: Case, now: datetime) -> Step:
    """What stays of a case: no receipt, and days instead of times, which would lead to its receipts and inputs."""
    household = replace(case.household, registered_at=day_only(case.household.registered_at))
    ended = _ended_with(household, case.care, now)
    care = replace(
        ended,
        receipt=None,
        decided_at=day_only(ended.decided_at),
        ended_at=day_only(ended.ended_at) if ended.ended_at else None,
        last_answer=replace(ended.last_answer, transfer_requested_at=None) if ended.last_answer else None,
        earlier=tuple(
            replace(
                one,
                assigned_at=day_only(one.assigned_at),
                ended_at=day_only(one.ended_at),
                answered_at=day_only(one.answered_at) if one.answered_at else None,
                contacted_at=day_only(one.contacted_at) if one.contacted_at else None,
            )
            for one in ended.earlier
        ),
    )
    return Step(replace(case, household=household), care)


def _ended_with(household: Household, care: Care | None, now: datetime) -> Care:
    reason = ENDED_BY[household.status]
    if care is None:
        return Care(household.id, 1, household.revision, CareStatus.ENDED, reason, now, ended_at=now)
    care = replace(care, household_revision=household.revision)
    return ended(care, reason, now, care.ended_at if care.status is CareStatus.ENDED else None)


def ended(
    care: Care,
    reason: CareReason,
    now: datetime,
    ended_at: datetime | None = None,
    reply: Reply | None = None,
) -> Care:
    """The care after its end; who has ended already keeps that time."""
    released = released_from(care, CareStatus.ENDED, reason, now, reply) if care.assigned else care
    return replace(
        revised(released),
        status=CareStatus.ENDED,
        reason=reason,
        decided_at=now,
        waiting_since=None,
        ended_at=ended_at or now,
    )


def released_from(
    care: Care, status: CareStatus, reason: CareReason | None, now: datetime, reply: Reply | None = None
) -> Care:
    """The care without its manager, who moves to the earlier ones; `status` and `reason` say what followed."""
    assert care.manager is not None, "only an assignment can be released"
    assert care.item is not None, "an assignment has its item"
    assert care.assigned_at is not None, "an assignment has its time"
    earlier = Earlier(
        care.item,
        care.manager,
        care.assigned_at,
        # Who began before another may come to the household after it: two managers never care at once.
        max(now, care.assigned_at),
        status,
        reason,
        reply.answer if reply else None,
        reply.reason if reply else None,
        care.status is CareStatus.CONFIRMED,
        care.answered_at,
        care.contacted_at,
    )
    return replace(
        care,
        manager=None,
        item=None,
        weight=0,
        assigned_at=None,
        answer_by=None,
        answered_at=None,
        contacted_at=None,
        earlier=(*care.earlier, earlier),
    )


def decided(
    step: Step, decision: Decision, *, now: datetime, answer_by: datetime, policy: Policy, receipt: str
) -> Care:
    """The care after a decision; a manager it still had is released with what followed."""
    household, care = step.case.household, step.care
    if care and care.assigned:
        care = released_from(care, decision.status, decision.reason, now, step.reply)
    revision = care.revision + 1 if care else 1
    waits = decision.status is CareStatus.WAITING
    follows: dict[str, Any] = {
        "revision": revision,
        "status": decision.status,
        "reason": decision.reason,
        "decided_at": now,
        "ended_at": None,
        "policy": policy.version,
        "receipt": receipt,
        "waiting_since": waits_since(step, now) if waits else None,
    }
    if decision.chosen:
        follows |= {
            "manager": decision.chosen.id,
            "item": revision,
            "weight": decision.weight,
            "assigned_at": max(now, care.earlier[-1].ended_at) if care and care.earlier else now,
            "answer_by": answer_by,
        }
    if care is None:
        return Care(household=household.id, household_revision=household.revision, **follows)
    return replace(care, **follows)


def waits_since(step: Step, now: datetime) -> datetime:
    """Since when a case counts as waiting that is decided now: whom nobody has taken yet since the registration, who
    was in care or put aside since then."""
    registered_at, care = step.case.household.registered_at, step.care
    if care is None:
        return registered_at
    if care.status is CareStatus.PROPOSED:
        return max((one.ended_at for one in care.earlier if one.in_care), default=registered_at)
    return care.waiting_since or now


def waiting_turn(household: Household, care: Care, policy: Policy) -> datetime | None:
    """Since when a household counts as waiting, by the policy's priorities; None where nobody looks for a manager."""
    if care.waiting_since is None or household.facts is None or care.reason in PUT_ASIDE:
        return None
    return care.waiting_since - head_start(household.facts, policy)


def again_step(case: Case, policy: Policy, day: date, aside: Collection[CareReason] = ()) -> Step | None:
    """The step of a case that is decided anew though nothing happened to it, told only if something changes.

    None for who is in care, which no rule ends without a person, for whom a person has chosen or whose manager stays,
    and as long as they are eligible for a proposal and for who was put aside, unless for one of the reasons `aside`.
    """
    care, facts = case.care, case.household.facts
    if care is None or facts is None:
        return None
    if care.reason in PUT_ASIDE and care.reason not in aside and not ineligibility(facts, policy, day):
        return None
    match care.status:
        case CareStatus.WAITING | CareStatus.NOT_ELIGIBLE:
            return anew(case)
        case CareStatus.PROPOSED if care.reason not in SETTLED and ineligibility(facts, policy, day):
            return anew(case)
        case _:
            return None


def anew_at(step: Step, care: Care, policy: Policy, day: date) -> datetime | None:
    """When a case is to be decided anew by itself: after the days it is parked for, or once its counselling period is
    over. Who is in care stays there until a person decides."""
    facts = step.case.facts
    if step.again or facts is None or care.reason is CareReason.PARKED:
        return step.again
    if care.status not in {CareStatus.WAITING, CareStatus.PROPOSED}:
        return None
    over_on = counselling_over_on(facts, policy, day)
    return start_of(over_on) if over_on and over_on > day else None


def kept_apart(case: Case, manager: UUID) -> Step | None:
    """What it does that a manager may not have a household: if she has it, or it waits, it is decided anew."""
    care = case.care
    if care and care.manager == manager:
        return Step(case, care, decide=True, exclude=manager)
    if care and care.status is CareStatus.WAITING and care.reason not in PUT_ASIDE:
        return Step(case, care, decide=True, exclude=manager, quiet=True)
    return None


def anew(case: Case) -> Step:
    """The step of a case that is decided anew though nothing happened to it."""
    return Step(case, case.care, decide=True, quiet=True)


def revised(care: Care) -> Care:
    """The care as its next revision."""
    return replace(care, revision=care.revision + 1)
