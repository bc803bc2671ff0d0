"""A district's decision makes a household's next revision, and only of what it was shown."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from contracts.vocabulary import HouseholdChange, HouseholdStatus, SubmissionKind
from intake.allotment import allot, can_be_allotted
from intake.domain import Changed, Household, Offer, decide, erase
from offers import HOUSEHOLD, NOW, TODAY, a_desk, a_form, a_registered, an_identity, an_offer, stated_facts

LATER = NOW + timedelta(days=3)


def waiting(**facts: Any) -> Household:
    return a_registered(facts=stated_facts(**({"municipality": None, "district": "08416"} | facts)))


def corrected(household: Household, **facts: Any) -> Household:
    return offered(household, an_offer(SubmissionKind.CORRECT, facts=stated_facts(**facts)))


def offered(household: Household, offer: Offer) -> Household:
    on_file = a_form(None, an_identity()).identity
    decision = decide(offer, household, on_file, a_desk(), HOUSEHOLD)
    assert isinstance(decision, Changed), decision
    return decision.household


def test_an_allotment_is_the_next_revision_and_begins_the_counselling() -> None:
    before = waiting()
    after = allot(before, "08416041", LATER, date(2022, 3, 19))
    assert before.facts is not None
    assert after.facts is not None
    assert (after.revision, after.change, after.changed_at) == (2, HouseholdChange.MOVED, LATER)
    assert (after.facts.stated.municipality, after.facts.stated.allotted_on) == ("08416041", date(2022, 3, 19))
    assert (after.facts.size, after.facts.age_bands) == (before.facts.size, before.facts.age_bands)
    assert after.home == before.home


@pytest.mark.parametrize(
    "changed",
    [
        {"revision": 2},
        {"status": HouseholdStatus.WITHDRAWN},
        {"facts": waiting(district="08415").facts},
        {"facts": a_registered().facts},
    ],
)
def test_only_what_was_shown_can_be_allotted(changed: dict[str, Any]) -> None:
    assert can_be_allotted(waiting(), "08416", 1)
    assert not can_be_allotted(replace(waiting(), **changed), "08416", 1)
    assert not can_be_allotted(erase(waiting(), LATER), "08416", 2)


def test_a_centre_that_leaves_the_municipality_out_takes_nothing_back() -> None:
    allotted = allot(waiting(), "08416041", NOW, TODAY)
    kept = corrected(allotted, municipality=None, languages=["ru"]).facts
    assert kept is not None
    assert (kept.stated.municipality, kept.stated.allotted_on) == ("08416041", TODAY)
    assert kept.stated.languages == ("ru",)


def test_a_centre_that_repeats_the_municipality_or_corrects_persons_leaves_the_allotment() -> None:
    allotted = allot(waiting(), "08416041", NOW, TODAY)
    repeated = corrected(allotted, municipality="08416041", languages=["ru"])
    persons = offered(allotted, an_offer(SubmissionKind.CORRECT, identity=an_identity()))
    for household in (repeated, persons):
        assert household.facts is not None
        assert (household.allotted, household.facts.stated.allotted_on) == (True, TODAY)
        assert household.change is HouseholdChange.CORRECTED
    later = corrected(allotted, municipality="08416041", allotted_on="2022-03-20").facts
    assert later is not None
    assert later.stated.allotted_on == date(2022, 3, 20), "the centre says when"


def test_a_centre_that_repeats_the_district_leaves_the_allotment() -> None:
    kept = corrected(allot(waiting(), "08416041", NOW, TODAY), municipality=None, district="08416")
    assert kept.facts is not None
    assert (kept.allotted, kept.facts.stated.municipality) == (True, "08416041")


def test_a_centre_that_states_another_municipality_is_heard() -> None:
    moved = corrected(allot(waiting(), "08416041", NOW, TODAY), municipality="08415061")
    assert moved.facts is not None
    assert (moved.facts.stated.municipality, moved.change) == ("08415061", HouseholdChange.MOVED)


def test_a_centre_that_states_another_district_opens_the_case_again() -> None:
    opened = corrected(allot(waiting(), "08416041", NOW, TODAY), municipality=None, district="08415")
    assert opened.facts is not None
    assert (opened.facts.stated.municipality, opened.facts.stated.allotted_on) == (None, None)
    assert (opened.facts.district, opened.allotted) == ("08415", False)
    assert can_be_allotted(opened, "08415", opened.revision)


def test_a_new_registration_after_a_withdrawal_waits_for_a_new_allotment() -> None:
    allotted = allot(waiting(), "08416041", NOW, TODAY)
    gone = offered(allotted, an_offer(SubmissionKind.WITHDRAW, version=2))
    again = offered(gone, an_offer(version=3, facts=stated_facts(municipality=None, district="08416")))
    assert again.facts is not None
    assert (again.facts.stated.municipality, again.facts.stated.allotted_on) == (None, None)
    assert can_be_allotted(again, "08416", again.revision)
    assert not again.allotted


def test_what_a_centre_stated_after_an_allotment_is_its_own_to_take_back() -> None:
    moved = corrected(allot(waiting(), "08416041", NOW, TODAY), municipality="08415061")
    opened = corrected(moved, municipality=None, district="08415")
    assert opened.facts is not None
    assert opened.facts.stated.municipality is None


def test_a_centre_may_still_take_back_what_it_stated_itself() -> None:
    opened = corrected(a_registered(), municipality=None, district="08416")
    assert opened.facts is not None
    assert (opened.facts.stated.municipality, opened.facts.district) == (None, "08416")
