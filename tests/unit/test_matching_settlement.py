"""What steps do to the loads of managers, and who may be served by what comes free."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from builders import NOW, REUTLINGEN, STUTTGART, TUEBINGEN
from contracts.vocabulary import CareReason, CareStatus
from matching.ask import Override, Stay, Wish
from matching.domain import Carried, OverrideReason
from matching.field import Field
from matching.lifecycle import Care, Case, Earlier, Step, ended
from matching.receipts import NO_DISTRICT, Head, chained
from matching.settlement import Basis, Booking, Ledger, concerned, conclude, decide, districts_of, freed, release, room
from matching_builders import household, manager, policy, proposed

HERS, OTHER = manager(service_area=frozenset({TUEBINGEN, REUTLINGEN})), manager(capacity=100)
BASIS = Basis(uuid4(), policy(), Field([HERS, OTHER], {}))
LATER = NOW + timedelta(days=1)


def a_ledger() -> Ledger:
    return Ledger({HERS.id: Carried(400, 3), OTHER.id: Carried(40, 1)})


def a_step(care: Care, **step: Any) -> Step:
    return Step(Case(household(id=care.household), care), care, **step)


def weighing(units: int) -> Step:
    care = proposed(HERS)
    return Step(Case(household(), care), replace(care, weight=units))


def test_what_is_booked_adds_up() -> None:
    ledger = a_ledger()
    ledger.book(HERS.id, Booking(30, 30, 0, 1))
    ledger.book(HERS.id, Booking(-10, 0, 5, -1))
    assert ledger.booked == {HERS.id: Booking(20, 30, 5, 0)}
    assert ledger.carried[HERS.id] == Carried(420, 3)


@pytest.mark.parametrize(("units", "booked"), [(55, Booking(20, forced=20)), (25, Booking(-10)), (35, Booking())])
def test_a_case_that_was_corrected_may_weigh_more_than_there_is_room_for(units: int, booked: Booking) -> None:
    ledger = a_ledger()
    release(ledger, [weighing(units)], LATER)
    assert ledger.booked == {HERS.id: booked}


def test_who_is_decided_anew_is_released_with_the_place_of_the_week() -> None:
    ledger = a_ledger()
    last_week = proposed(HERS, assigned_at=NOW - timedelta(days=1))
    release(ledger, [a_step(proposed(HERS), decide=True), a_step(last_week, decide=True)], LATER)
    assert ledger.booked == {HERS.id: Booking(-70, new=-1)}


def test_only_who_carries_less_afterwards_has_become_free() -> None:
    care = proposed(HERS)
    over = Step(Case(household(), care), ended(care, CareReason.CLOSED, LATER))
    for step, free in (
        (weighing(34), {HERS.id}),
        (weighing(35), set()),
        (weighing(36), set()),
        (over, {HERS.id}),
        (a_step(care, decide=True), {HERS.id}),
        (Step(Case(household()), None, decide=True), set()),
    ):
        assert freed([step]) == free


def test_the_room_is_that_of_who_has_most() -> None:
    assert room(BASIS, a_ledger(), [HERS.id, OTHER.id]) == 600
    assert room(BASIS, a_ledger(), [OTHER.id]) == 60


def test_whose_load_a_step_may_change_is_concerned() -> None:
    elsewhere = manager(service_area=frozenset({STUTTGART}))
    basis = replace(BASIS, field=Field([HERS, OTHER, elsewhere], {}))
    arrives = Step(Case(household(municipality=REUTLINGEN)), None, decide=True)
    assert concerned(basis, [arrives], []) == {HERS.id}
    assert concerned(basis, [arrives], [OTHER.id]) == {HERS.id, OTHER.id}
    assert concerned(basis, [replace(arrives, wish=Override(elsewhere.id, OverrideReason.COVER))], []) == {
        HERS.id,
        elsewhere.id,
    }
    corrected = a_step(proposed(elsewhere))
    assert concerned(basis, [corrected], []) == {elsewhere.id}, "nobody is decided"


@pytest.mark.parametrize(
    ("wish", "before", "booked"),
    [
        (None, None, Booking(35, taken=35, new=1)),
        (Override(HERS.id, OverrideReason.COVER), proposed(OTHER), Booking(35, forced=35, new=1)),
        (Stay(HERS.id), proposed(HERS, weight=20), Booking(35 - 20, forced=15)),
        (Stay(HERS.id), proposed(HERS, weight=50), Booking(35 - 50)),
        (Stay(HERS.id, new=True), proposed(HERS, weight=35), Booking(0)),
    ],
    ids=["matched", "by a person", "stays and weighs more", "stays and weighs less", "stays and came this week"],
)
def test_only_a_person_and_what_a_household_weighs_more_go_beyond_capacity(
    wish: Wish | None, before: Care | None, booked: Booking
) -> None:
    one = household(municipality=REUTLINGEN)
    new = isinstance(wish, Stay) and not wish.new
    care = before and replace(before, household=one.id, assigned_at=NOW - timedelta(days=7 if new else 0))
    ledger, step = a_ledger(), Step(Case(one, care), care, decide=True, wish=wish)
    release(ledger, [step], LATER)
    around, decisions = decide(BASIS, ledger, [step], LATER)
    receipts = chained(decisions, {"08415": Head()}, around, uuid4())
    ((_, after),) = conclude(ledger, [step], decisions, receipts, around)
    assert (after.manager, after.receipt) == (HERS.id, receipts[0].hash.hex())
    assert ledger.booked[HERS.id] == booked


def test_only_the_steps_that_want_a_decision_get_one_in_the_chain_of_their_district() -> None:
    here, nowhere = household(), household(municipality=None, district=None)
    steps = [weighing(36), *(Step(Case(one), None, decide=True) for one in (here, nowhere))]
    _, decisions = decide(BASIS, a_ledger(), steps, LATER)
    assert {one.ask.household.id for one in decisions} == {here.id, nowhere.id}
    assert districts_of(decisions) == {TUEBINGEN[:5], NO_DISTRICT}


def test_who_had_a_household_before_and_whom_it_may_not_get_is_known_when_it_is_decided() -> None:
    former = Earlier(1, OTHER.id, NOW, NOW, CareStatus.WAITING, CareReason.NO_CAPACITY)
    care = proposed(HERS, item=2, earlier=(former,))
    case = Case(household(id=care.household), care, frozenset({OTHER.id}), relatives=frozenset({HERS.id}))

    def excluded(step: Step) -> frozenset[Any]:
        _, (decision,) = decide(BASIS, a_ledger(), [step], LATER)
        assert decision.ask.former == {OTHER.id}
        assert decision.ask.relatives == {HERS.id}
        return decision.ask.excluded

    assert excluded(Step(case, care, decide=True)) == {OTHER.id}
    assert excluded(Step(case, care, decide=True, exclude=HERS.id)) == {OTHER.id, HERS.id}
    assert excluded(Step(case, care, decide=True, exclude=HERS.id, readmit=OTHER.id)) == {HERS.id}


def test_a_quiet_step_that_changes_nothing_is_not_told() -> None:
    nowhere = household(municipality=None)
    care = replace(
        proposed(HERS, household=nowhere.id),
        status=CareStatus.WAITING,
        reason=CareReason.NO_MUNICIPALITY,
        manager=None,
        item=None,
        weight=0,
    )
    again = Step(Case(nowhere, care), care, decide=True, quiet=True)
    for step, told in (
        (again, 0),
        (replace(again, quiet=False), 1),
        (replace(again, case=Case(nowhere, replace(care, reason=CareReason.NO_CAPACITY))), 1),
    ):
        assert len(decide(BASIS, a_ledger(), [step], LATER)[1]) == told
