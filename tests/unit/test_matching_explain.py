"""What a receipt says would have been comes true when it is so."""

from dataclasses import replace
from uuid import UUID, uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from builders import STUTTGART
from contracts.vocabulary import CareReason
from matching.ask import Ask, Stay
from matching.domain import Carried, Manager
from matching.explain import WhyNot, why_not
from matching.match import Decision, match
from matching.receipts import Head, chained, statement_of
from matching_builders import a_round, ask, manager, unburdened


def told(decision: Decision, who: Manager, *managers: Manager) -> WhyNot | None:
    heads = {decision.ask.household.district or "": Head()}
    (receipt,) = chained([decision], heads, a_round(*managers), uuid4())
    return why_not(statement_of(receipt.content), str(who.id))


def decide(one: Ask, carried: dict[UUID, Carried], *managers: Manager) -> Decision:
    return match([one], carried, a_round(*managers))[0]


def test_who_was_chosen_needs_no_explanation() -> None:
    only = manager()
    assert told(decide(ask(), unburdened(only), only), only, only) is None


def test_a_gate_is_named() -> None:
    here, elsewhere = manager(), manager(service_area=frozenset({STUTTGART}))
    one = ask(excluded=frozenset({here.id}))
    decision = decide(one, unburdened(here, elsewhere), here, elsewhere)
    assert told(decision, here, here, elsewhere) == WhyNot(CareReason.ALL_EXCLUDED)
    assert told(decision, elsewhere, here, elsewhere) == WhyNot(CareReason.NOT_SERVED)


def test_the_points_that_are_missing_are_named() -> None:
    speaks, other = manager(languages=frozenset({"uk"})), manager()
    why = told(decide(ask(), unburdened(speaks, other), speaks, other), other, speaks, other)
    assert why == WhyNot(None, None, 300, None)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 60), st.integers(20, 60), st.booleans(), st.booleans())
def test_with_the_units_that_were_lacking_it_is_as_was_said(
    load: int, capacity: int, speaks: bool, rival: bool
) -> None:
    full = manager(id=UUID(int=2), capacity=capacity, languages=frozenset({"uk"} if speaks else ()))
    others = [manager(id=UUID(int=1))] if rival else []
    carried = {full.id: Carried(min(load, capacity)), **unburdened(*others, load=400)}
    one = ask()
    why = told(decide(one, carried, full, *others), full, full, *others)
    if why is None or why.gate is not CareReason.NO_CAPACITY:
        return
    assert why.units is not None
    roomier = replace(full, capacity=capacity + why.units)
    assert (decide(one, carried, roomier, *others).chosen == roomier) is why.would_be_chosen
    tighter = replace(full, capacity=capacity + why.units - 1)
    assert decide(one, carried, tighter, *others).chosen != tighter


def test_a_place_in_the_week_is_what_was_lacking() -> None:
    full = manager(max_new_per_week=0)
    assert told(decide(ask(), unburdened(full), full), full, full) == WhyNot(CareReason.WEEK_FULL, None, None, True)


def test_where_a_household_stays_neither_points_nor_a_person_decided() -> None:
    hers, better, full = manager(), manager(languages=frozenset({"uk"})), manager(capacity=0)
    all_of_them = (hers, better, full)
    decision = decide(ask(wish=Stay(hers.id)), unburdened(*all_of_them), *all_of_them)
    assert told(decision, better, *all_of_them) == WhyNot(None, stays=True)
    assert told(decision, full, *all_of_them) == WhyNot(CareReason.NO_CAPACITY, 35, stays=True)
