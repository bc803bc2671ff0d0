"""Eligibility follows the dated policy; weights, capacities and distances are plain numbers."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import REUTLINGEN, STUTTGART, TUEBINGEN
from contracts.vocabulary import Accommodation, AgeBand, CareReason, LegalGroup, Skill
from matching.domain import Absence, Carried, Load, Phase, Priority, Rule
from matching.policy import shipped
from matching.rules import (
    FILLING,
    Need,
    capacity,
    counselling_over_on,
    distance_km,
    first_shut,
    head_start,
    ineligibility,
    is_on_duty,
    lightest,
    next_change_of_presence,
    room,
    turns_of,
    weight,
)
from matching.wire import policy_of
from matching_builders import DAY, PLACES, facts, manager, policy

POLICY = policy_of(shipped())


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        (date(2017, 11, 30), CareReason.NO_POLICY),
        (date(2022, 3, 10), CareReason.LEGAL_GROUP),
        (date(2022, 3, 11), None),
    ],
)
def test_the_decree_of_11_march_2022_begins_on_its_day(day: date, reason: CareReason | None) -> None:
    assert ineligibility(facts(), POLICY, day) is reason


def test_others_are_counselled_in_follow_up_accommodation_only() -> None:
    protected = {"legal_group": LegalGroup.ENTITLED_TO_PROTECTION}
    assert ineligibility(facts(**protected, accommodation=Accommodation.FOLLOW_UP), POLICY, DAY) is None
    early = facts(**protected, accommodation=Accommodation.PROVISIONAL)
    assert ineligibility(early, POLICY, DAY) is CareReason.STAGE


def test_who_is_obliged_to_leave_has_no_rule() -> None:
    assert ineligibility(facts(legal_group=LegalGroup.OBLIGED_TO_LEAVE), POLICY, DAY) is CareReason.LEGAL_GROUP


def test_unaccompanied_minors_are_never_matched() -> None:
    minor = facts(unaccompanied_minor=True)
    assert ineligibility(minor, POLICY, DAY) is CareReason.UNACCOMPANIED_MINOR
    assert ineligibility(minor, POLICY, date(2017, 1, 1)) is CareReason.UNACCOMPANIED_MINOR


@pytest.mark.parametrize(
    ("allotted_on", "day", "over"),
    [
        (date(2022, 3, 14), date(2025, 3, 13), False),
        (date(2022, 3, 14), date(2025, 3, 14), True),
        (date(2024, 2, 29), date(2027, 2, 28), False),
        (date(2024, 2, 29), date(2027, 3, 1), True),
    ],
)
def test_counselling_ends_three_years_after_allotment(allotted_on: date, day: date, over: bool) -> None:
    reason = ineligibility(facts(allotted_on=allotted_on), POLICY, day)
    assert reason is (CareReason.COUNSELLING_PERIOD_OVER if over else None)


def test_a_later_rule_of_a_group_replaces_the_earlier_one() -> None:
    group = LegalGroup.TOLERATED
    rules = (Rule(date(2023, 1, 1), group, (), 3), Rule(date(2020, 1, 1), group, tuple(Accommodation), 3))
    tolerated = facts(legal_group=group)
    assert ineligibility(tolerated, policy(rules=rules), date(2022, 12, 31)) is None
    assert ineligibility(tolerated, policy(rules=rules), date(2023, 1, 1)) is CareReason.LEGAL_GROUP


def test_a_rule_holds_through_its_last_day_and_the_day_after_is_a_turn() -> None:
    begin, end = date(2022, 3, 11), date(2022, 6, 30)
    ends = policy(rules=(Rule(begin, LegalGroup.DISPLACED_UKRAINIAN, tuple(Accommodation), 3, valid_until=end),))
    assert ineligibility(facts(), ends, end) is None
    assert ineligibility(facts(), ends, date(2022, 7, 1)) is CareReason.NO_POLICY
    assert (turns_of(ends), turns_of(policy())) == ({begin, date(2022, 7, 1)}, {begin})


def test_the_counselling_period_is_that_of_the_households_own_group() -> None:
    begin, stages = date(2022, 3, 11), tuple(Accommodation)
    groups = (LegalGroup.TOLERATED, 1, 2), (LegalGroup.DISPLACED_UKRAINIAN, 3, 4)
    rules = policy(rules=tuple(Rule(begin, group, stages, years, extended) for group, years, extended in groups))
    assert counselling_over_on(facts(allotted_on=DAY), rules, DAY) == date(2025, 3, 14)
    assert counselling_over_on(facts(allotted_on=DAY, counselling_extended=True), rules, DAY) == date(2026, 3, 14)
    refused = facts(allotted_on=DAY, legal_group=LegalGroup.OBLIGED_TO_LEAVE)
    assert [counselling_over_on(one, rules, DAY) for one in (refused, facts(), None)] == [None] * 3


@pytest.mark.parametrize(
    ("priority", "others"),
    [
        ({"legal_group": LegalGroup.DISPLACED_UKRAINIAN}, {"legal_group": LegalGroup.TOLERATED}),
        ({"accommodation": Accommodation.PRIVATE}, {"accommodation": Accommodation.FOLLOW_UP}),
        ({"skill": Skill.LITERACY}, {"skills_needed": ()}),
        ({"age_band": AgeBand.CHILD}, {"age_bands": {AgeBand.ADULT: 3}}),
        ({"age_band": AgeBand.CHILD}, {"age_bands": {AgeBand.ADULT: 3, AgeBand.CHILD: 0}}),
        ({"min_size": 3}, {"size": 2, "age_bands": {AgeBand.ADULT: 1, AgeBand.CHILD: 1}}),
    ],
    ids=["group", "accommodation", "skill", "age", "nobody of that age", "size"],
)
def test_a_priority_is_for_whom_all_of_it_describes(priority: dict[str, Any], others: dict[str, Any]) -> None:
    one = {"age_bands": {AgeBand.ADULT: 2, AgeBand.CHILD: 1}, "skills_needed": (Skill.LITERACY,)}
    rules = policy(priorities=(Priority(hours=5, **priority),))
    assert head_start(facts(**one), rules) == timedelta(hours=5)
    assert head_start(facts(**one | others), rules) == timedelta()


def test_of_several_priorities_the_longest_counts() -> None:
    rules = policy(priorities=tuple(Priority(hours) for hours in (2, 9, 5)))
    assert (head_start(facts(), rules), head_start(facts(), policy())) == (timedelta(hours=9), timedelta())


def test_a_case_weighs_by_persons_and_needs() -> None:
    assert weight(facts(size=4, skills_needed=(Skill.LITERACY, Skill.HOUSING_SEARCH)), policy()) == 5 + 40 + 10
    assert weight(facts(size=20), policy()) == 205, "the whole, where no phase says otherwise"
    assert lightest(policy()) == weight(facts(size=1), policy()) == 15
    phases = (Phase(0, 200), Phase(1, 100))
    assert lightest(policy(load=Load(5, 10, 5, phases))) == 30, "on its first day"


def test_the_lightest_case_weighs_one_unit() -> None:
    assert lightest(policy(load=Load(0, 0, 0))) == weight(facts(), policy(load=Load(0, 0, 0))) == 1


@pytest.mark.parametrize(("size", "persons_per_post"), [(1, 80), (5, 109)])
def test_a_full_post_carries_what_was_observed(size: int, persons_per_post: int) -> None:
    cases = capacity(100, POLICY) // weight(facts(size=size), POLICY)
    assert 72 <= persons_per_post <= 118
    assert abs(cases * size - persons_per_post) < size


def test_capacity_is_the_share_of_a_post() -> None:
    assert capacity(75, policy(units_per_fte=1001)) == 750


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.none() | st.integers(0, 2), st.integers(0, 3))
def test_there_is_room_for_what_passes_the_gates_that_fill(
    whole: int, load: int, units: int, a_week: int | None, new: int
) -> None:
    one, carried = manager(capacity=whole, max_new_per_week=a_week), Carried(load, new)
    need = Need(TUEBINGEN, units, frozenset(), frozenset(), DAY)
    assert (units <= room(one, carried)) == (first_shut(FILLING, one, carried, need) is None)


def test_tuebingen_lies_31_km_from_stuttgart() -> None:
    assert distance_km(PLACES[TUEBINGEN], PLACES[STUTTGART]) == distance_km(PLACES[STUTTGART], PLACES[TUEBINGEN])
    assert 29 <= distance_km(PLACES[TUEBINGEN], PLACES[STUTTGART]) <= 32


def test_a_way_counts_eastward_too() -> None:
    assert distance_km(PLACES[TUEBINGEN], PLACES[REUTLINGEN]) == 12


def test_a_manager_is_on_duty_from_her_first_day_to_her_last() -> None:
    one = manager(active_from=DAY, active_until=DAY + timedelta(days=1))
    assert [is_on_duty(one, DAY + timedelta(days=days)) for days in (-1, 0, 1, 2)] == [False, True, True, False]
    assert not is_on_duty(manager(removed=True), DAY)
    away = manager(absences=(Absence(DAY, DAY + timedelta(days=1)),))
    assert [is_on_duty(away, DAY + timedelta(days=days)) for days in (-1, 0, 1, 2)] == [True, False, False, True]


def test_presence_changes_when_she_begins_and_the_day_after_she_leaves() -> None:
    one = manager(active_from=date(2022, 4, 1), active_until=date(2022, 6, 30))
    assert next_change_of_presence(one, DAY) == date(2022, 4, 1)
    assert next_change_of_presence(one, date(2022, 4, 1)) == date(2022, 7, 1)


def test_presence_changes_on_the_next_of_all_its_dates() -> None:
    away = manager(absences=(Absence(date(2022, 3, 10), date(2022, 3, 20)), Absence(date(2022, 5, 1), None)))
    assert next_change_of_presence(away, DAY) == date(2022, 3, 21)
    assert next_change_of_presence(away, date(2022, 3, 21)) == date(2022, 5, 1)
    assert next_change_of_presence(away, date(2022, 5, 1)) is None
