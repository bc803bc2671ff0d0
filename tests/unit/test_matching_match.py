"""Matching chooses deterministically, never beyond capacity, and names the gate that binds."""

from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.vocabulary import CareReason, CareStatus, Skill
from matching.domain import Absence, Manager, OverrideReason
from matching.match import Ask, Decision, Override, Round, Undo, match
from matching.rules import GATES, Need, weight
from matching_builders import DAY, MANDATORY, NOW, STUTTGART, a_round, ask, manager, towns


def decide(one: Ask, *managers: Manager, load: int = 0, **of_policy: Any) -> Decision:
    return match([one], {each.id: load for each in managers}, a_round(*managers, **of_policy))[0]


@settings(max_examples=40, deadline=None)
@given(towns(), st.randoms())
def test_the_order_of_managers_and_households_changes_nothing(
    town: tuple[list[Manager], list[Ask], dict[UUID, int]], random: Random
) -> None:
    managers, asks, loads = town
    once = match(asks, loads, a_round(*managers, **MANDATORY))
    random.shuffle(managers)
    random.shuffle(asks)
    assert match(asks, loads, a_round(*managers, **MANDATORY)) == once


@settings(max_examples=40, deadline=None)
@given(towns())
def test_nobody_carries_more_than_her_capacity(town: tuple[list[Manager], list[Ask], dict[UUID, int]]) -> None:
    managers, asks, loads = town
    carried = dict(loads)
    for decision in match(asks, loads, a_round(*managers, **MANDATORY)):
        if decision.chosen:
            carried[decision.chosen.id] += decision.weight
    assert all(carried[one.id] <= one.capacity for one in managers)


@settings(max_examples=40, deadline=None)
@given(towns())
def test_the_gate_that_is_named_really_binds(town: tuple[list[Manager], list[Ask], dict[UUID, int]]) -> None:
    managers, asks, loads = town
    around = a_round(*managers, **MANDATORY)
    carried = dict(loads)
    for decision in match(asks, loads, around):
        if decision.reason in dict(GATES):
            assert first_gate_nobody_passes(decision.ask, managers, carried, around) is decision.reason
        if decision.chosen:
            carried[decision.chosen.id] += decision.weight


def first_gate_nobody_passes(
    one: Ask, managers: list[Manager], loads: dict[UUID, int], around: Round
) -> CareReason | None:
    mandatory = around.policy.mandatory_skills & set(one.facts.skills_needed)
    need = Need(one.facts.municipality or "", weight(one.facts, around.policy), mandatory, one.excluded, DAY)
    for reason, passes in GATES:
        managers = [each for each in managers if passes(each, loads[each.id], need)]
        if not managers:
            return reason
    return None


def test_a_shared_language_wins_over_a_shorter_way() -> None:
    speaks = manager(languages=frozenset({"uk"}), office=STUTTGART)
    near = manager()
    assert decide(ask(), speaks, near).chosen == speaks


def test_a_covered_need_wins_between_equals() -> None:
    skilled = manager(skills=frozenset({Skill.LITERACY}))
    assert decide(ask(skills_needed=(Skill.LITERACY,)), manager(), skilled, manager()).chosen == skilled


def test_load_spreads_over_equals() -> None:
    one, other = manager(), manager()
    loads = {one.id: 500, other.id: 300}
    assert match([ask()], loads, a_round(one, other))[0].chosen == other


def test_equals_are_drawn_by_household_and_seed_not_by_place_in_a_list() -> None:
    managers = [manager(id=UUID(int=number)) for number in range(1, 5)]
    asks = [ask(id=UUID(int=100 + number)) for number in range(40)]
    chosen = {decide(one, *managers).chosen for one in asks}
    assert chosen == set(managers)


def test_earlier_registered_households_choose_first() -> None:
    only = manager(capacity=40)
    late = ask(id=UUID(int=1), registered_at=NOW + timedelta(hours=1))
    early = ask(id=UUID(int=2), registered_at=NOW)
    first, second = match([late, early], {only.id: 0}, a_round(only))
    assert (first.ask, first.status) == (early, CareStatus.PROPOSED)
    assert (second.ask, second.reason) == (late, CareReason.NO_CAPACITY)


def test_each_gate_has_its_reason() -> None:
    away = {"absences": (Absence(date(2022, 3, 1), None),)}
    needs: dict[str, Any] = {"skills_needed": (Skill.TRAUMA_INFORMED,)}
    one = manager()
    assert decide(ask(municipality=None), one).reason is CareReason.NO_MUNICIPALITY
    assert decide(ask(municipality=STUTTGART), one).reason is CareReason.NOT_SERVED
    assert decide(ask(), manager(**away)).reason is CareReason.NOBODY_ACTIVE
    assert decide(ask(excluded=frozenset({one.id})), one).reason is CareReason.ALL_EXCLUDED
    assert decide(ask(**needs), one, **MANDATORY).reason is CareReason.SKILL_MISSING
    assert decide(ask(**needs), one).status is CareStatus.PROPOSED, "a skill that is not mandatory is only points"
    assert decide(ask(), one, load=980).reason is CareReason.NO_CAPACITY


def test_who_was_removed_serves_nothing() -> None:
    assert decide(ask(), manager(removed=True)).reason is CareReason.NOT_SERVED


def test_an_undone_decline_restores_the_former_manager_only_through_the_gates() -> None:
    former, better = manager(), manager(languages=frozenset({"uk"}))
    wish = ask(wish=Undo(former.id))
    assert decide(wish, former, better).reason is CareReason.DECLINE_UNDONE
    full = match([wish], {former.id: 1000, better.id: 0}, a_round(former, better))[0]
    assert (full.chosen, full.reason) == (better, CareReason.MATCHED)


def test_a_persons_choice_binds_and_shows_the_gates_it_overrode() -> None:
    elsewhere = manager(service_area=frozenset({STUTTGART}))
    wish = Override(elsewhere.id, OverrideReason.RELATIVES)
    decision = decide(ask(wish=wish), manager(), elsewhere)
    assert (decision.chosen, decision.reason) == (elsewhere, CareReason.OVERRIDDEN)
    assert [one.gate for one in decision.candidates if one.manager == elsewhere] == [CareReason.NOT_SERVED]
