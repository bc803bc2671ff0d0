"""Between the core's words and the contracts' records."""

from typing import Any
from uuid import UUID

from contracts import households, municipalities, verdicts
from contracts.vocabulary import HouseholdStatus, Outcome
from intake.domain import Changed, Decision, Duplicate, Facts, Household, Rejection
from intake.register import Held
from intake.stated import Problem, Statement

MAX_PROBLEMS = 50


def household_state(household: Household) -> households.Household:
    """The public state; nothing of the identity is in it, and no time of an erasure, by which inputs could be found."""
    return households.Household(
        id=household.id,
        revision=household.revision,
        home=household.home,
        status=household.status,
        change=household.change,
        centre=household.centre,
        registered_at=None if household.is_lost else household.registered_at,
        changed_at=household.changed_at if household.status is not HouseholdStatus.ERASED else None,
        facts=facts_state(household.facts) if household.facts else None,
    )


def facts_state(facts: Facts) -> households.Facts:
    """Stated and derived facts as they travel."""
    stated: dict[str, Any] = {name: getattr(facts.stated, name) for name in Statement.__dataclass_fields__}
    derived = {"size": facts.size, "age_bands": dict(facts.age_bands), "district": facts.district}
    return households.Facts(**(stated | derived))


def facts_of(value: object) -> Facts:
    """Facts as they were stored."""
    state = households.Facts.model_validate(value, strict=False)
    stated = Statement(**{name: getattr(state, name) for name in Statement.__dataclass_fields__})
    return Facts(stated, state.size, state.age_bands)


def municipality_state(held: Held) -> municipalities.Municipality:
    """The public state of a municipality."""
    entry = held.entry
    return municipalities.Municipality(
        ags=entry.ags,
        revision=held.revision,
        name=entry.name,
        district=entry.district,
        district_name=entry.district_name,
        population=entry.population,
        latitude=entry.latitude,
        longitude=entry.longitude,
        active=held.active,
    )


def outcome_of(decision: Decision) -> Outcome:
    """The one word for a decision."""
    match decision:
        case Changed(outcome):
            return outcome
        case Duplicate():
            return Outcome.DUPLICATE
        case Rejection():
            return Outcome.REJECTED


def problems_of(decision: Decision) -> tuple[Problem, ...]:
    """The problems of a rejection, as many as a verdict holds."""
    return decision.problems[:MAX_PROBLEMS] if isinstance(decision, Rejection) else ()


def household_of(decision: Decision) -> tuple[UUID | None, int | None]:
    """Id and revision of the household a decision is about."""
    household = decision.household
    return (household.id, household.revision) if household else (None, None)


def verdict_problems(decision: Decision) -> tuple[verdicts.Problem, ...]:
    """The problems as a verdict tells them."""
    return tuple(verdicts.Problem(pointer=one.pointer, code=one.code) for one in problems_of(decision))
