"""What holds for every decision of generated towns: some in `make test`, a million decisions in `make properties`."""

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass, replace
from datetime import timedelta
from random import Random
from typing import Any, get_args, get_type_hints
from uuid import UUID, uuid5

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders import NOW
from contracts.vocabulary import AgeBand, CareReason, CareStatus, Skill
from matching.ask import Ask, turn_of
from matching.domain import Absence, Carried, Manager
from matching.field import Round
from matching.match import Decision, match
from matching.receipts import Head, chained
from matching.rules import GATES, Need, stopped_at, weight
from matching.solver import Case, Option, Post, Problem, strain
from matching_builders import DAY, LANGUAGES, MANDATORY, SKILLS, TOWNS, a_round, ask, carried_after, manager

EXAMPLES = int(os.environ.get("PROPERTY_EXAMPLES", "25"))
decided: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def told() -> Iterator[None]:
    """Say how many decisions there were, where somebody asked for many."""
    yield
    if "PROPERTY_EXAMPLES" in os.environ:
        print(f"\n{json.dumps({'decisions': decided.total(), **decided})}")  # noqa: T201


@dataclass(frozen=True)
class Town:
    """Managers, what they carry, and households that ask."""

    managers: tuple[Manager, ...]
    asks: tuple[Ask, ...]
    carried: dict[UUID, Carried]
    families: bool


@st.composite
def towns(draw: st.DrawFn, *, families: bool = True) -> Town:
    """Hypothesis draws the sizes, and a seed draws the rest: many towns are more worth than short ones."""
    random = Random(draw(st.integers(0, 2**32)))
    managers = tuple(
        manager(
            id=UUID(int=random.getrandbits(128)),
            capacity=random.choice((0, 30, 90, 200, 400)),
            languages=frozenset(random.sample(LANGUAGES, random.randint(0, 2))),
            skills=frozenset(random.sample(SKILLS, random.randint(0, 3))),
            service_area=frozenset(random.sample(TOWNS, random.choice((1, 1, 2, 3)))),
            office=random.choice((*TOWNS, None)),
            max_new_per_week=random.choice((None, None, None, 1, 3)),
            absences=random.choice(((), (), (), (Absence(DAY, DAY),))),
        )
        for _ in range(draw(st.integers(0, 8)))
    )
    ids = [one.id for one in managers]
    number = draw(st.one_of(st.integers(1, 10), st.integers(20, 60)))
    asks = tuple(
        ask(
            id=UUID(int=random.getrandbits(128)),
            waiting_since=NOW - random.choice((0, 0, 1, 2, 50)) * timedelta(hours=1),
            municipality=random.choice((*TOWNS, None) if random.random() < 0.1 else TOWNS),
            size=random.choice((1, 1, 2, 3, 5, 8)),
            languages=tuple(random.sample(LANGUAGES, random.randint(0, 2))),
            skills_needed=tuple(random.sample(SKILLS, random.choice((0, 0, 1, 2)))),
            family_group=random.choice((None, None, UUID(int=7), UUID(int=8))) if families else None,
            excluded=frozenset(random.sample(ids, min(len(ids), random.choice((0, 0, 1, 2))))),
            former=frozenset(random.sample(ids, min(len(ids), random.choice((0, 0, 1))))),
        )
        for _ in range(number)
    )
    carried = {one.id: Carried(random.randint(0, one.capacity), random.randint(0, 1)) for one in managers}
    return Town(managers, asks, carried, families)


many = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


def decide(town: Town) -> tuple[Round, list[Decision]]:
    around = a_round(*town.managers, **MANDATORY)
    decisions = match(town.asks, town.carried, around)
    decided.update(one.by for one in decisions)
    return around, decisions


@many
@given(towns())
def test_everybody_is_decided_once_and_nobody_beyond_what_she_can(town: Town) -> None:
    _, decisions = decide(town)
    assert Counter(one.ask.household.id for one in decisions) == Counter(one.household.id for one in town.asks)
    after = carried_after(decisions, town.carried)
    for one in town.managers:
        assert after[one.id].load <= one.capacity
        if one.max_new_per_week is not None:
            assert after[one.id].new <= max(one.max_new_per_week, town.carried[one.id].new)


@many
@given(towns(families=False))
def test_who_is_chosen_passes_every_gate_and_who_waits_is_stopped_by_the_gate_that_is_named(town: Town) -> None:
    around, decisions = decide(town)
    for one in decisions:
        if one.reason is CareReason.NO_MUNICIPALITY:
            continue
        others = carried_after([other for other in decisions if other is not one], town.carried)
        facts = one.ask.facts
        mandatory = around.policy.mandatory_skills & set(facts.skills_needed)
        need = Need(facts.municipality or "", weight(facts, around.policy), mandatory, one.ask.excluded, DAY)
        if one.chosen:
            assert stopped_at(one.chosen, others[one.chosen.id], need) is None
            continue
        left = list(town.managers)
        for reason, passes in GATES:
            left = [each for each in left if passes(each, others[each.id], need)]
            if not left:
                assert one.reason is reason
                break
        assert not left, "a household waits although somebody could take it"


@many
@given(towns(), st.integers(0, 2**32))
def test_neither_order_nor_repetition_changes_a_byte(town: Town, seed: int) -> None:
    random = Random(seed)
    around, decisions = decide(town)
    shuffled = replace(
        town,
        managers=tuple(random.sample(town.managers, len(town.managers))),
        asks=tuple(random.sample(town.asks, len(town.asks))),
    )
    again, otherwise = decide(shuffled)
    heads = {one.ask.household.district or "": Head() for one in decisions}
    batch = UUID(int=1)
    assert chained(decisions, heads, around, batch) == chained(otherwise, heads, again, batch)


@many
@given(towns())
def test_equal_households_are_interchangeable(town: Town) -> None:
    """Other aliases may draw other lots, but neither how many of a turn are served nor how well changes."""
    renamed = [
        replace(one, household=replace(one.household, alias=uuid5(one.household.alias, "another"))) for one in town.asks
    ]
    _, decisions = decide(replace(town, families=False))
    _, otherwise = decide(replace(town, asks=tuple(renamed)))
    if not town.families and all(one.optimal for one in [*decisions, *otherwise]):
        assert worth(town, decisions) == worth(town, otherwise)


@many
@given(towns(families=False), st.integers(1, 100), st.integers(0, 7))
def test_more_capacity_never_makes_the_total_worse(town: Town, more: int, which: int) -> None:
    """For what is solved to optimality; a flood is not, and its receipts say so."""
    if not town.managers:
        return
    chosen = town.managers[which % len(town.managers)]
    larger = replace(chosen, capacity=chosen.capacity + more)
    roomier = replace(town, managers=tuple(larger if one is chosen else one for one in town.managers))
    _, decisions = decide(town)
    _, otherwise = decide(roomier)
    if all(one.optimal for one in [*decisions, *otherwise]):
        assert worth(roomier, otherwise) >= worth(town, decisions)


def worth(town: Town, decisions: list[Decision]) -> tuple[tuple[int, ...], int]:
    """How many of each turn are served, the earliest first; then the points, less what balance costs."""
    around = a_round(*town.managers, **MANDATORY)
    turns = sorted({turn_of(one.ask, around.policy) for one in decisions})
    served = Counter(one.turn for one in decisions if one.status is CareStatus.PROPOSED)
    after = carried_after(decisions, town.carried)
    points = sum(
        sum(candidate.points) - candidate.points.balance
        for one in decisions
        for candidate in one.candidates
        if one.chosen and candidate.manager.id == one.chosen.id and candidate.points
    )
    strained = sum(
        strain(one.capacity, town.carried[one.id].load, after[one.id].load - town.carried[one.id].load)
        for one in town.managers
    )
    return tuple(served[turn] for turn in turns), points + around.policy.points.balance * strained


PROTECTED = re.compile(r"nation|citizen|ethnic|religio|gender|sex|birth|name|origin")


def types_within(annotation: Any, seen: set[Any]) -> Iterator[tuple[str, Any]]:
    """Every field, by name and type, of the classes that a type is made of."""
    for inner in annotation if isinstance(annotation, list) else get_args(annotation):
        yield from types_within(inner, seen)
    if not isinstance(annotation, type) or annotation in seen:
        return
    seen.add(annotation)
    if is_dataclass(annotation) or hasattr(annotation, "_fields"):
        for name, kind in get_type_hints(annotation).items():
            yield name, kind
            yield from types_within(kind, seen)


def test_nothing_about_nationality_ethnicity_religion_or_gender_can_reach_a_decision() -> None:
    asked = [pair for kind in get_type_hints(match).values() for pair in types_within(kind, set())]
    fields = {name for name, _ in asked}
    assert {"languages", "skills_needed", "former", "capacity"} <= fields, "the walk reaches facts and managers"
    assert [name for name in fields if PROTECTED.search(name)] == []
    assert not [member for group in (AgeBand, Skill) for member in group if PROTECTED.search(member)]


def test_what_is_solved_is_numbers_only() -> None:
    fields = [kind for _, kind in types_within(Problem, set())]
    leaves = {leaf for kind in fields for leaf in (get_args(kind) or (kind,)) if leaf is not Ellipsis}
    assert leaves == {int, Case, Post, Option}
