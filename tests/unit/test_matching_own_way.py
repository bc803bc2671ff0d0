"""A world that is left to itself finds out what time and a policy bring, as the service would."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from builders import NOW, a_household, a_policy
from contracts.policy import Decline, Eligibility, Load, Phase, Policy
from contracts.responses import Response
from contracts.vocabulary import (
    Accommodation,
    Answer,
    AnswerReason,
    CareReason,
    CareStatus,
    DeclineEffect,
    HouseholdStatus,
    LegalGroup,
)
from matching.domain import Absence, Manager
from matching.lifecycle import Care
from matching.own_way import OwnWay
from matching.stimuli import Batch, Stimulus
from matching.wire import ROSTERED, Rostered, policy_of
from matching_builders import DAY, manager

WAITING, PROPOSED = CareStatus.WAITING, CareStatus.PROPOSED
UNITS = 10
"""What a household of three weighs by the policy of these tests."""


def days(number: int) -> timedelta:
    return timedelta(days=number)


def told(world: OwnWay, *stimuli: Stimulus, at: datetime = NOW) -> None:
    world.follow(Batch(uuid4(), at, stimuli))


def enacted(state: Policy) -> Stimulus:
    return Stimulus("policy", state.key, state.model_dump_json().encode(), state.revision)


def rostered(one: Manager) -> Stimulus:
    return Stimulus("manager", str(one.id), ROSTERED.dump_json(Rostered(one, 0)))


def arrived(alias: UUID, **overrides: Any) -> Stimulus:
    state = a_household(id=alias, **overrides)
    return Stimulus("household", str(alias), state.model_dump_json().encode(), state.revision)


def declined(alias: UUID) -> Stimulus:
    said: dict[str, Any] = {"answer": Answer.DECLINED, "reason": AnswerReason.LANGUAGE, "answered_at": NOW}
    response = Response(household=alias, revision=1, home=0, item=1, **said)
    return Stimulus("response", str(alias), response.model_dump_json().encode(), 1)


def a_world(*managers: Manager, policy: Policy | None = None, world: OwnWay | None = None) -> OwnWay:
    world = world or OwnWay()
    told(world, enacted(policy or a_policy()), *map(rostered, managers))
    return world


def care_of(world: OwnWay, alias: UUID) -> Care:
    care = world.cases[alias].care
    assert care
    return care


def decree(after: int) -> Eligibility:
    return Eligibility(
        valid_from=DAY + days(after),
        legal_group=LegalGroup.OBLIGED_TO_LEAVE,
        stages=tuple(Accommodation),
        source="A decree of this test",
    )


@pytest.mark.parametrize("capacity", [UNITS, 2 * UNITS - 1])
def test_what_comes_free_goes_to_who_waits(capacity: int) -> None:
    first, second = uuid4(), uuid4()
    world = a_world(manager(capacity=capacity))
    told(world, arrived(first))
    told(world, arrived(second))
    assert (care_of(world, first).status, care_of(world, second).status) == (PROPOSED, WAITING)
    told(world, arrived(first, revision=2, status=HouseholdStatus.WITHDRAWN))
    assert care_of(world, second).status is PROPOSED


def test_a_manager_who_is_new_takes_who_waits() -> None:
    one, hers = uuid4(), manager()
    world = a_world()
    told(world, arrived(one))
    assert care_of(world, one).reason is CareReason.NOT_SERVED
    told(world, rostered(hers))
    assert care_of(world, one).manager == hers.id


def test_a_manager_who_comes_back_takes_who_waits() -> None:
    one = uuid4()
    world = a_world(manager(absences=(Absence(DAY, DAY + days(2)),)))
    told(world, arrived(one))
    world.pass_time(DAY + days(2))
    assert care_of(world, one).status is WAITING
    world.pass_time(DAY + days(3))
    assert care_of(world, one).status is PROPOSED


def test_who_found_no_place_in_a_week_finds_one_on_monday() -> None:
    first, second = uuid4(), uuid4()
    world = a_world(manager(max_new_per_week=1))
    told(world, arrived(first))
    told(world, arrived(second))
    world.pass_time(DAY + days(6))
    assert care_of(world, second).reason is CareReason.WEEK_FULL
    world.pass_time(DAY + days(7))
    assert care_of(world, second).status is PROPOSED


def test_who_is_parked_is_decided_again_when_that_is_over() -> None:
    one, hers, other = uuid4(), manager(languages=frozenset({"uk"})), manager()
    parks = Decline(reason=AnswerReason.LANGUAGE, effect=DeclineEffect.PARK, days=5)
    world = a_world(hers, other, policy=a_policy(declines=(parks,)))
    told(world, arrived(one))
    assert care_of(world, one).manager == hers.id
    told(world, declined(one))
    world.pass_time(DAY + days(5))
    assert care_of(world, one).reason is CareReason.PARKED
    world.pass_time(DAY + days(6))
    assert care_of(world, one).manager == other.id


def test_cases_get_lighter_by_their_phases_and_make_room() -> None:
    first, second = uuid4(), uuid4()
    phases = Phase(after_days=0, percent=200), Phase(after_days=7, percent=100)
    load = Load(per_case=4, per_person=2, per_skill=1, phases=phases)
    world = a_world(manager(capacity=3 * UNITS), policy=a_policy(load=load))
    told(world, arrived(first))
    told(world, arrived(second))
    world.pass_time(DAY + days(6))
    assert (care_of(world, first).weight, care_of(world, second).status) == (2 * UNITS, WAITING)
    world.pass_time(DAY + days(7))
    assert (care_of(world, first).weight, care_of(world, second).status) == (UNITS, PROPOSED)
    world.pass_time(DAY + days(14))
    assert care_of(world, second).weight == UNITS


def test_a_policy_that_begins_weighs_every_case_anew_and_decides_whom_it_counsels() -> None:
    one, refused = uuid4(), uuid4()
    world = a_world(manager())
    told(world, arrived(one))
    told(world, arrived(refused, legal_group=LegalGroup.OBLIGED_TO_LEAVE))
    assert care_of(world, refused).status is CareStatus.NOT_ELIGIBLE
    heavier = Load(per_case=40, per_person=2, per_skill=1)
    told(world, enacted(a_policy(revision=2, load=heavier, eligibility=(*a_policy().eligibility, decree(0)))))
    assert care_of(world, one).weight == 46
    assert care_of(world, refused).status is PROPOSED


def test_a_policy_that_is_tried_out_holds_from_its_day_on_whatever_is_enacted() -> None:
    tried = policy_of(a_policy(version="tried", units_per_fte=UNITS))
    first, second, third = uuid4(), uuid4(), uuid4()
    hers, new = manager(capacity=1000), manager(capacity=1000, fte_hundredths=200)
    world = a_world(hers, world=OwnWay(tried, DAY + days(2)))
    told(world, arrived(first))
    world.pass_time(DAY + days(1))
    assert (world.basis.policy.version, world.managers[hers.id].capacity) == ("2022-03-11", 1000)
    world.pass_time(DAY + days(2))
    assert (world.basis.policy, world.managers[hers.id].capacity) == (tried, UNITS)
    later = NOW + days(3)
    told(world, arrived(second), at=later)
    assert care_of(world, second).reason is CareReason.NO_CAPACITY
    told(world, enacted(a_policy(revision=2, version="enacted")), rostered(new), at=later)
    assert (world.basis.policy, world.managers[new.id].capacity) == (tried, 2 * UNITS)
    assert care_of(world, second).manager == new.id
    told(world, rostered(replace(hers, fte_hundredths=200)), arrived(third), at=later)
    assert care_of(world, third).status is PROPOSED


def test_a_rule_of_a_policy_that_is_tried_out_begins_on_its_own_day() -> None:
    one = uuid4()
    tried = policy_of(a_policy(version="tried", eligibility=(*a_policy().eligibility, decree(5))))
    world = a_world(manager(), world=OwnWay(tried, DAY + days(2)))
    told(world, arrived(one, legal_group=LegalGroup.OBLIGED_TO_LEAVE))
    world.pass_time(DAY + days(4))
    assert care_of(world, one).status is CareStatus.NOT_ELIGIBLE
    world.pass_time(DAY + days(5))
    assert care_of(world, one).status is PROPOSED


def test_whose_counselling_period_is_over_is_no_longer_proposed() -> None:
    one = uuid4()
    world = a_world(manager())
    told(world, arrived(one, allotted_on=DAY.replace(year=2019) + days(3)))
    world.pass_time(DAY + days(2))
    assert care_of(world, one).status is PROPOSED
    world.pass_time(DAY + days(3))
    assert care_of(world, one).reason is CareReason.COUNSELLING_PERIOD_OVER
