"""Between the shapes of the wire and those of the core."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from pydantic import TypeAdapter

from contracts import assignments, households, policy
from contracts.assignments import MOST_EARLIER
from contracts.responses import Response
from matching.domain import (
    Decline,
    Facts,
    Household,
    Load,
    Manager,
    Phase,
    Policy,
    Prices,
    Priority,
    Rule,
    Why,
)
from matching.lifecycle import AnswerSeen, Care, Earlier, Reply


def facts_of(state: households.Facts) -> Facts:
    """What decides, of what intake tells."""
    return Facts(
        arrived_on=state.arrived_on,
        municipality=state.municipality,
        district=state.district,
        size=state.size,
        age_bands=state.age_bands,
        languages=state.languages,
        skills_needed=state.skills_needed,
        legal_group=state.legal_group,
        accommodation=state.accommodation,
        unaccompanied_minor=state.unaccompanied_minor,
        allotted_on=state.allotted_on,
        residence_title=state.residence_title,
        # Zeros alone are what software writes where nothing is set.
        family_group=state.family_group if state.family_group and state.family_group.int else None,
        counselling_extended=state.counselling_extended,
    )


def household_of(state: households.Household, now: datetime) -> Household:
    """The core's household, not yet with an alias; who registered without a time is registered now."""
    return Household(
        id=state.id,
        home=state.home,
        revision=state.revision,
        status=state.status,
        registered_at=(state.registered_at or now).astimezone(UTC),
        facts=facts_of(state.facts) if state.facts else None,
        alias=state.id,
    )


def reply_of(state: Response) -> Reply:
    """The core's answer."""
    return Reply(
        revision=state.revision,
        item=state.item,
        answer=state.answer,
        reason=state.reason,
        answered_at=state.answered_at,
        accepted_at=state.accepted_at,
        contacted_at=state.contacted_at,
        transfer_requested_at=state.transfer_requested_at,
    )


def policy_of(state: policy.Policy) -> Policy:
    """The core's policy."""
    load, points = state.load, state.points
    return Policy(
        id=state.id,
        version=state.version,
        revision=state.revision,
        units_per_fte=state.units_per_fte,
        rules=tuple(
            Rule(
                rule.valid_from,
                rule.legal_group,
                rule.stages,
                rule.counselling_years,
                rule.extended_years,
                rule.residence_titles,
                rule.valid_until,
            )
            for rule in state.eligibility
        ),
        load=Load(
            load.per_case,
            load.per_person,
            load.per_skill,
            tuple(Phase(phase.after_days, phase.percent) for phase in load.phases),
        ),
        points=Prices(**points.model_dump()),
        remind_after_days=state.answering.remind_after_days,
        mandatory_skills=frozenset(state.mandatory_skills),
        priorities=tuple(Priority(**one.model_dump()) for one in state.priorities),
        declines={one.reason: Decline(one.effect, one.days) for one in state.declines},
    )


@dataclass(frozen=True, slots=True)
class Rostered:
    """A manager as replay is told of her."""

    manager: Manager
    base_load: int


ROSTERED = TypeAdapter(Rostered)


def care_state(
    household: Household, care: Care, manager: Manager | None, why: Why | None, over_on: date | None
) -> assignments.Care:
    """What `assignments` tells of a care; `manager` has the case, if anybody has, and `why` says what spoke for her.

    `over_on`: from when on its counselling period is over.
    """
    return assignments.Care(
        revision=care.revision,
        household=household.id,
        home=household.home,
        household_revision=care.household_revision,
        status=care.status,
        reason=care.reason,
        municipality=household.municipality,
        district=household.district,
        case=_case(household.facts, over_on) if household.facts else None,
        assignee=(
            assignments.Assignee(id=manager.id, code=manager.code, provider=manager.provider) if manager else None
        ),
        because=_because(why) if manager and why else None,
        item=care.item,
        weight=care.weight,
        registered_at=household.registered_at,
        decided_at=care.decided_at,
        waiting_since=care.waiting_since,
        assigned_at=care.assigned_at,
        answer_by=care.answer_by,
        answered_at=care.answered_at,
        contacted_at=care.contacted_at,
        ended_at=care.ended_at,
        policy=care.policy,
        receipt=care.receipt,
        last_answer=_last_answer(care.last_answer) if care.last_answer else None,
        earlier=tuple(
            assignments.EarlierAssignment(
                item=one.item,
                manager=one.manager,
                assigned_at=one.assigned_at,
                ended_at=one.ended_at,
                status=one.status,
                reason=one.reason,
                answer=one.answer,
                answer_reason=one.answer_reason,
                answered_at=one.answered_at,
                contacted_at=one.contacted_at,
            )
            for one in _first_and_newest(care.earlier)
        ),
    )


def _first_and_newest(earlier: Sequence[Earlier]) -> Sequence[Earlier]:
    """Declined and taken back again and again, a case would have a state that no record can carry: not even its end."""
    return earlier if len(earlier) <= MOST_EARLIER else (earlier[0], *earlier[-MOST_EARLIER + 1 :])


def _case(facts: Facts, over_on: date | None) -> assignments.CaseFacts:
    return assignments.CaseFacts(
        size=facts.size,
        age_bands=dict(facts.age_bands),
        languages=facts.languages,
        skills_needed=facts.skills_needed,
        counselling_over_on=over_on,
    )


def _because(why: Why) -> assignments.Because:
    return assignments.Because(
        by_person=why.by_person,
        languages=why.languages,
        skills=why.skills,
        distance_km=why.distance_km,
        former=why.former,
        relative=why.relative,
    )


def _last_answer(seen: AnswerSeen) -> assignments.LastAnswer:
    return assignments.LastAnswer(item=seen.item, revision=seen.revision, answer=seen.answer, applied=seen.applied)
