"""Matching chooses deterministically, never beyond capacity, and names the gate that binds."""

from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from builders import NOW, REUTLINGEN, STUTTGART, TUEBINGEN
from contracts.vocabulary import CareReason, CareStatus, LegalGroup, Skill
from matching.ask import Ask, Override, Stay, Undo
from matching.domain import Absence, Carried, Manager, OverrideReason, Priority, Why
from matching.field import Round
from matching.match import Decision, match
from matching.rules import GATES, Need, weight
from matching.solver import EXACT_IN_ALL
from matching_builders import DAY, MANDATORY, a_round, ask, carried_after, manager, towns, unburdened


def decide(one: Ask, *managers: Manager, load: int = 0, **of_policy: Any) -> Decision:
    return match([one], unburdened(*managers, load=load), a_round(*managers, **of_policy))[0]


@settings(max_examples=40, deadline=None)
@given(towns(), st.randoms())
def test_the_order_of_managers_and_households_changes_nothing(
    town: tuple[list[Manager], list[Ask], dict[UUID, Carried]], random: Random
) -> None:
    managers, asks, loads = town
    once = match(asks, loads, a_round(*managers, **MANDATORY))
    random.shuffle(managers)
    random.shuffle(asks)
    assert match(asks, loads, a_round(*managers, **MANDATORY)) == once


@settings(max_examples=40, deadline=None)
@given(towns())
def test_nobody_carries_more_than_her_capacity_or_takes_more_than_her_week(
    town: tuple[list[Manager], list[Ask], dict[UUID, Carried]],
) -> None:
    managers, asks, loads = town
    decisions = match(asks, loads, a_round(*managers, **MANDATORY))
    assert sorted(one.ask.household.id for one in decisions) == sorted(one.household.id for one in asks)
    for one in managers:
        load, new = carried_after(decisions, loads)[one.id]
        assert load <= one.capacity
        assert one.max_new_per_week is None or new <= max(one.max_new_per_week, loads[one.id].new)


@settings(max_examples=40, deadline=None)
@given(towns())
def test_the_gate_that_is_named_really_binds(town: tuple[list[Manager], list[Ask], dict[UUID, Carried]]) -> None:
    managers, asks, loads = town
    around = a_round(*managers, **MANDATORY)
    # Of a family one is decided after the other: who comes later may take the last place after a gate was named.
    strangers = [replace(one, facts=replace(one.facts, family_group=None)) for one in asks]
    decisions = match(strangers, loads, around)
    for decision in decisions:
        if decision.reason in dict(GATES):
            carried = carried_after([one for one in decisions if one is not decision], loads)
            assert first_gate_nobody_passes(decision.ask, managers, carried, around) is decision.reason


def first_gate_nobody_passes(
    one: Ask, managers: list[Manager], loads: dict[UUID, Carried], around: Round
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


def test_of_equals_the_nearer_one_is_chosen() -> None:
    here, near, far = manager(), manager(office=REUTLINGEN), manager(office=STUTTGART)
    assert decide(ask(), far, near).chosen == near
    decision = decide(ask(), far, near, here)
    assert decision.chosen == here
    ways = {one.manager: (one.distance_km, one.points and one.points.distance) for one in decision.candidates}
    assert (ways[here], ways[near]) == ((0, 0), (12, -36))


def test_a_way_that_nobody_knows_costs_nothing() -> None:
    nowhere = "08416999"
    for office, municipality in ((None, TUEBINGEN), (nowhere, TUEBINGEN), (STUTTGART, nowhere)):
        (one,) = decide(
            ask(municipality=municipality), manager(office=office, service_area=frozenset({municipality}))
        ).candidates
        assert (one.distance_km, one.points and one.points.distance) == (None, 0)
    there = manager(office=nowhere, service_area=frozenset({nowhere}))
    assert decide(ask(municipality=nowhere), there).candidates[0].distance_km == 0, "her own town"


def test_what_spoke_for_who_was_chosen_is_told() -> None:
    hers = manager(languages=frozenset({"uk", "de"}), skills=frozenset({Skill.LITERACY}), office=REUTLINGEN)
    ties = {"former": frozenset({hers.id}), "relatives": frozenset({hers.id})}
    one = ask(languages=("ru", "uk"), skills_needed=(Skill.LITERACY, Skill.HOUSING_SEARCH), **ties)
    told = decide(one, manager(), hers, manager()).why
    assert told == Why(False, ("uk",), (Skill.LITERACY,), 12, former=True, relative=True)
    other = manager()
    by_person = decide(replace(one, wish=Override(other.id, OverrideReason.COVER)), hers, other).why
    assert by_person == Why(True, (), (), 0)
    assert decide(ask(municipality=None), hers).why is None


def test_a_covered_need_wins_between_equals() -> None:
    skilled = manager(skills=frozenset({Skill.LITERACY}))
    assert decide(ask(skills_needed=(Skill.LITERACY,)), manager(), skilled, manager()).chosen == skilled


def test_load_spreads_over_equals() -> None:
    one, other = manager(), manager()
    loads = {one.id: Carried(500), other.id: Carried(300)}
    assert match([ask()], loads, a_round(one, other))[0].chosen == other


def test_equals_are_drawn_by_household_and_seed_not_by_place_in_a_list() -> None:
    managers = [manager(id=UUID(int=number)) for number in range(1, 5)]
    asks = [ask(id=UUID(int=100 + number)) for number in range(40)]
    chosen = {decide(one, *managers).chosen for one in asks}
    assert chosen == set(managers)


def test_who_has_waited_longer_comes_first() -> None:
    only = manager(capacity=40)
    late = ask(id=UUID(int=1), waiting_since=NOW - timedelta(hours=1))
    early = ask(id=UUID(int=2), waiting_since=NOW - timedelta(hours=2))
    first, second = match([late, early], unburdened(only), a_round(only))
    assert (first.ask, first.status) == (early, CareStatus.PROPOSED)
    assert (second.ask, second.reason) == (late, CareReason.NO_CAPACITY)


def test_priority_by_policy_comes_before_time() -> None:
    only = manager(capacity=45)
    urgent = ask(id=UUID(int=1), skills_needed=(Skill.DISABILITY_SUPPORT,))
    early = ask(id=UUID(int=2), waiting_since=NOW - timedelta(days=30))
    first = Priority(hours=10_000, skill=Skill.DISABILITY_SUPPORT)
    assert match([early, urgent], unburdened(only), a_round(only, priorities=(first,)))[0].ask == urgent
    assert match([early, urgent], unburdened(only), a_round(only, priorities=(first,)))[1].status is CareStatus.WAITING
    assert match([early, urgent], unburdened(only), a_round(only))[0].ask == early


def test_what_comes_together_is_solved_together() -> None:
    """The first would take the only manager who speaks the second's language; both are better off otherwise."""
    both, one = manager(languages=frozenset({"uk", "ru"}), capacity=40), manager(languages=frozenset({"uk"}))
    ukrainian = ask(id=UUID(int=1), languages=("uk",))
    russian = ask(id=UUID(int=2), languages=("ru",))
    chosen = {
        decision.ask.household.id: decision.chosen
        for decision in match([ukrainian, russian], {both.id: Carried(0), one.id: Carried(500)}, a_round(both, one))
    }
    assert chosen == {UUID(int=1): one, UUID(int=2): both}


def test_only_what_is_not_a_flood_is_solved_to_its_optimum() -> None:
    """Two households in each town, for whom its two managers compete."""

    def solved(households: int) -> set[bool]:
        towns = [f"08416{number:03}" for number in range(households // 2)]
        managers = [manager(service_area=frozenset({town})) for town in towns for _ in range(2)]
        asks = [ask(municipality=town) for town in towns for _ in range(2)]
        return {one.optimal for one in match(asks, unburdened(*managers), a_round(*managers))}

    assert (solved(EXACT_IN_ALL), solved(EXACT_IN_ALL + 2)) == ({True}, {False})


def test_relatives_come_to_the_same_manager() -> None:
    managers = [manager(id=UUID(int=number)) for number in range(1, 9)]
    family = [ask(family_group=UUID(int=5)) for _ in range(4)]
    chosen = {one.chosen for one in match(family, unburdened(*managers), a_round(*managers))}
    assert len(chosen) == 1
    known = ask(relatives=frozenset({managers[3].id}))
    assert decide(known, *managers).chosen == managers[3]


def test_a_former_manager_is_preferred() -> None:
    managers = [manager(id=UUID(int=number)) for number in range(1, 5)]
    assert decide(ask(former=frozenset({managers[2].id})), *managers).chosen == managers[2]


def test_each_gate_has_its_reason() -> None:
    away = {"absences": (Absence(date(2022, 3, 1), None),)}
    needs: dict[str, Any] = {"skills_needed": (Skill.TRAUMA_INFORMED,)}
    one = manager()
    assert decide(ask(municipality=None), one).reason is CareReason.NO_MUNICIPALITY
    assert decide(ask(municipality=STUTTGART), one).reason is CareReason.NOT_SERVED
    assert decide(ask(), manager(**away)).reason is CareReason.NOBODY_ACTIVE
    assert decide(ask(excluded=frozenset({one.id})), one).reason is CareReason.ALL_EXCLUDED
    assert decide(ask(excluded=frozenset({one.id})), one, load=1000).reason is CareReason.ALL_EXCLUDED, "the first gate"
    assert decide(ask(**needs), one, **MANDATORY).reason is CareReason.SKILL_MISSING
    assert decide(ask(**needs), one).status is CareStatus.PROPOSED, "a skill that is not mandatory is only points"
    assert decide(ask(), one, load=980).reason is CareReason.NO_CAPACITY
    assert decide(ask(), manager(max_new_per_week=0)).reason is CareReason.WEEK_FULL


def test_who_was_removed_serves_nothing() -> None:
    assert decide(ask(), manager(removed=True)).reason is CareReason.NOT_SERVED


def test_an_undone_decline_restores_the_former_manager_only_through_the_gates() -> None:
    former, better = manager(), manager(languages=frozenset({"uk"}))
    wish = ask(wish=Undo(former.id))
    assert decide(wish, former, better).reason is CareReason.DECLINE_UNDONE
    full = match([wish], {former.id: Carried(1000), better.id: Carried(0)}, a_round(former, better))[0]
    assert (full.chosen, full.reason) == (better, CareReason.MATCHED)


def test_a_persons_choice_binds_and_shows_the_gates_it_overrode() -> None:
    elsewhere = manager(service_area=frozenset({STUTTGART}))
    wish = Override(elsewhere.id, OverrideReason.RELATIVES)
    decision = decide(ask(wish=wish), manager(), elsewhere)
    assert (decision.chosen, decision.reason) == (elsewhere, CareReason.OVERRIDDEN)
    assert [one.gate for one in decision.candidates if one.manager == elsewhere] == [CareReason.NOT_SERVED]


def test_a_persons_choice_binds_whom_no_rule_counsels() -> None:
    one = manager()
    wish = Override(one.id, OverrideReason.HARDSHIP)
    assert decide(ask(wish=wish, legal_group=LegalGroup.OBLIGED_TO_LEAVE), one).chosen == one
    undone = ask(wish=Undo(one.id), legal_group=LegalGroup.OBLIGED_TO_LEAVE)
    assert decide(undone, one).reason is CareReason.LEGAL_GROUP


def test_who_moves_stays_with_the_manager_and_the_gates_are_shown() -> None:
    away, better = manager(absences=(Absence(date(2022, 3, 1), None),)), manager(languages=frozenset({"uk"}))
    decision = decide(ask(wish=Stay(away.id)), away, better)
    assert (decision.status, decision.chosen, decision.reason) == (CareStatus.PROPOSED, away, CareReason.MANAGER_STAYS)
    assert [one.gate for one in decision.candidates if one.manager == away] == [CareReason.NOBODY_ACTIVE]
    assert decision.why is not None
    assert not decision.why.by_person


def test_who_moves_stays_even_with_whom_the_roster_lost() -> None:
    gone = manager(removed=True)
    assert decide(ask(wish=Stay(gone.id)), manager(), gone).chosen == gone


def test_who_stays_comes_before_a_decline_taken_back_for_the_same_room() -> None:
    only = manager(capacity=40)
    stays = ask(id=UUID(int=1), wish=Stay(only.id))
    undone = ask(id=UUID(int=2), wish=Undo(only.id), waiting_since=NOW - timedelta(days=9))
    first, second = match([undone, stays], unburdened(only), a_round(only))
    assert (first.ask, first.reason) == (undone, CareReason.NO_CAPACITY)
    assert (second.ask, second.chosen) == (stays, only)


def test_who_stays_takes_no_place_of_the_week_unless_she_came_in_it() -> None:
    only = manager(max_new_per_week=1)
    stays = ask(id=UUID(int=1), wish=Stay(only.id))
    kept, arrived = match([stays, ask(id=UUID(int=2))], unburdened(only), a_round(only))
    assert (kept.chosen, arrived.chosen) == (only, only)
    assert [one.candidates[0].carried.new for one in (kept, arrived)] == [0, 0]
    back = replace(stays, wish=Stay(only.id, new=True))
    kept, arrived = match([back, ask(id=UUID(int=2))], unburdened(only), a_round(only))
    assert (kept.chosen, arrived.reason) == (only, CareReason.WEEK_FULL)
