"""What may stand in a form: ages, days, municipalities, minors, twins."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.vocabulary import AgeBand
from intake.forms import read_form
from intake.stated import age_band, completed_years, faults
from offers import KNOWN, TODAY, a_form, a_person, an_identity, stated_facts


def found(facts: dict[str, Any] | None = None, identity: dict[str, Any] | None = None) -> set[tuple[str, str]]:
    form = a_form(facts or stated_facts(), identity or an_identity())
    return {(problem.pointer, problem.code) for problem in faults(form, TODAY, KNOWN)}


def test_a_plausible_form_has_no_fault() -> None:
    assert found() == set()


@pytest.mark.parametrize(
    ("born", "on", "age"),
    [
        (date(2017, 3, 14), date(2022, 3, 14), 5),
        (date(2017, 3, 15), date(2022, 3, 14), 4),
        (date(2020, 2, 29), date(2021, 2, 28), 0),
        (date(2020, 2, 29), date(2021, 3, 1), 1),
        (date(2022, 3, 20), date(2022, 3, 14), 0),
    ],
)
def test_ages_count_completed_years(born: date, on: date, age: int) -> None:
    assert completed_years(born, on) == age


@pytest.mark.parametrize(
    ("age", "band"),
    [
        (0, AgeBand.INFANT),
        (4, AgeBand.INFANT),
        (5, AgeBand.CHILD),
        (11, AgeBand.CHILD),
        (12, AgeBand.YOUTH),
        (17, AgeBand.YOUTH),
        (18, AgeBand.ADULT),
        (59, AgeBand.ADULT),
        (60, AgeBand.SENIOR),
        (110, AgeBand.SENIOR),
    ],
)
def test_bands_are_those_of_unhcr(age: int, band: AgeBand) -> None:
    assert age_band(age) is band


@given(st.dates(date(1910, 1, 1), TODAY), st.dates(date(1990, 1, 1), TODAY))
def test_an_age_never_falls_as_days_pass(born: date, on: date) -> None:
    assert 0 <= completed_years(born, on) <= completed_years(born, TODAY) <= 120


@pytest.mark.parametrize("persons", [0, 26, 60])
def test_a_household_has_one_to_twenty_five_persons(persons: int) -> None:
    crowd = [a_person(given_name=f"Person {number}") for number in range(persons)]
    code = "household_empty" if persons == 0 else "household_too_large"
    assert found(identity={"persons": crowd}) == {("/identity/persons", code)}


def test_twenty_five_persons_are_a_household() -> None:
    assert found(identity={"persons": [a_person(given_name=f"Person {number}") for number in range(25)]}) == set()


@pytest.mark.parametrize(
    ("born", "code"),
    [("2022-03-17", "born_in_future"), ("1901-03-15", "born_too_long_ago"), ("1988-02-30", "not_a_date")],
)
def test_nobody_is_born_tomorrow_or_a_very_long_time_ago(born: str, code: str) -> None:
    identity = an_identity(a_person(), a_person(given_name="Ivan", birth_date=born))
    assert found(identity=identity) == {("/identity/persons/1/birth_date", code)}


def test_who_is_born_today_and_who_is_a_hundred_and_twenty_may_be_registered() -> None:
    newborn, oldest = a_person(given_name="Ivan", birth_date="2022-03-16"), a_person(birth_date="1901-03-17")
    assert found(identity=an_identity(a_person(given_name="Olena"), newborn, oldest)) == set()


def test_a_child_born_after_arrival_is_an_infant_of_the_household() -> None:
    assert found(identity=an_identity(a_person(), a_person(birth_date="2022-03-15"))) == set()


@pytest.mark.parametrize(
    ("facts", "pointer", "code"),
    [
        ({"arrived_on": "2022-03-17"}, "/facts/arrived_on", "arrived_in_future"),
        ({"arrived_on": "0202-03-14"}, "/facts/arrived_on", "arrived_too_long_ago"),
        ({"arrived_on": "1971-12-31"}, "/facts/arrived_on", "arrived_too_long_ago"),
        ({"allotted_on": "2022-03-13"}, "/facts/allotted_on", "allotted_before_arrival"),
        ({"allotted_on": "2023-03-18"}, "/facts/allotted_on", "allotted_too_far_ahead"),
        ({"allotted_on": "9996-03-13"}, "/facts/allotted_on", "allotted_too_far_ahead"),
        ({"municipality": "08416999"}, "/facts/municipality", "unknown_municipality"),
        ({"municipality": "09162000"}, "/facts/municipality", "malformed"),
        ({"legal_group": "tourist"}, "/facts/legal_group", "unknown_value"),
        ({"residence_title": "§ 24"}, "/facts/residence_title", "malformed"),
        ({"languages": "uk"}, "/facts/languages", "wrong_type"),
        ({"languages": ["uk"] * 9}, "/facts/languages", "too_long"),
        ({"skills_needed": ["magic"]}, "/facts/skills_needed/0", "unknown_value"),
        ({"unaccompanied_minor": "no"}, "/facts/unaccompanied_minor", "wrong_type"),
        ({"family_group": "x"}, "/facts/family_group", "malformed"),
        ({"accommodation": None}, "/facts/accommodation", "missing"),
        ({"arrived_on": "86400"}, "/facts/arrived_on", "not_a_date"),
        ({"arrived_on": 86400}, "/facts/arrived_on", "not_a_date"),
        ({"allotted_on": "14.03.2022"}, "/facts/allotted_on", "not_a_date"),
    ],
)
def test_each_fact_is_checked(facts: dict[str, Any], pointer: str, code: str) -> None:
    assert {one for one in found(stated_facts(**facts)) if one[0].startswith("/facts")} == {(pointer, code)}


@pytest.mark.parametrize(
    "facts",
    [
        {"arrived_on": "2022-03-16"},
        {"arrived_on": "1972-03-14"},
        {"allotted_on": "2022-03-14"},
        {"allotted_on": "2022-06-01"},
        {"allotted_on": "2023-03-17"},
    ],
    ids=["arrived today", "fifty years ago", "allotted on arrival", "allotted soon", "allotted in a year"],
)
def test_the_first_and_the_last_day_that_may_be_stated(facts: dict[str, Any]) -> None:
    assert found(stated_facts(**facts)) == set()


def test_an_allotment_is_not_held_against_an_arrival_that_cannot_be_read() -> None:
    facts = stated_facts(arrived_on="soon", allotted_on="2022-03-14")
    assert found(facts) == {("/facts/arrived_on", "not_a_date")}


def test_persons_are_checked_where_facts_cannot_be_read() -> None:
    form = read_form("not an object", an_identity(a_person(birth_date="2022-03-17")))
    assert {(one.pointer, one.code) for one in faults(form, TODAY, KNOWN)} == {
        ("/facts", "wrong_type"),
        ("/identity/persons/0/birth_date", "born_in_future"),
    }
    child = read_form("not an object", an_identity(a_person(birth_date="2010-01-01")))
    assert [one.pointer for one in faults(child, TODAY, KNOWN)] == ["/facts"], "nothing says that it is alone"


def test_a_child_is_not_alone_because_it_is_named_first_or_cannot_be_told_from_others() -> None:
    child, parent = a_person(given_name="Danylo", birth_date="2015-11-30"), a_person()
    assert found(identity=an_identity(child, parent)) == set()
    for unread in ("unknown", "2022-03-17"):
        other = found(identity=an_identity(child, a_person(birth_date=unread)))
        assert {pointer for pointer, _ in other} == {"/identity/persons/1/birth_date"}


def test_an_unaccompanied_minor_is_one_person_under_age() -> None:
    flag = stated_facts(unaccompanied_minor=True)
    wrong = {("/facts/unaccompanied_minor", "not_an_unaccompanied_minor")}
    assert found(flag, an_identity(a_person(birth_date="2004-03-17"))) == set()
    assert found(flag, an_identity(a_person(birth_date="2004-03-16"))) == wrong
    assert found(flag) == wrong


def test_a_child_alone_must_be_called_so_or_belong_to_a_family_group() -> None:
    child = an_identity(a_person(birth_date="2010-01-01"))
    assert found(identity=child) == {("/facts/unaccompanied_minor", "minor_without_family")}
    group = stated_facts(family_group="00000000-0000-4000-8000-000000000001")
    assert found(group, child) == set()
    newborn, unborn = (an_identity(a_person(birth_date=day)) for day in ("2022-03-16", "2022-03-17"))
    assert found(identity=newborn) == found(identity=child)
    assert found(identity=unborn) == {("/identity/persons/0/birth_date", "born_in_future")}
    zeros = stated_facts(family_group="00000000-0000-0000-0000-000000000000")
    assert found(zeros, child) == found(identity=child), "what software writes where nothing is set"


def test_the_same_person_twice_is_told_twins_are_not() -> None:
    twins = an_identity(a_person(), a_person(given_name="Olena"))
    assert found(identity=twins) == set()
    twice = an_identity(a_person(), a_person(given_name="OKSANA"))
    assert found(identity=twice) == {("/identity/persons/1", "duplicate_person")}
    unnamed = [{"family_name": None}, {"given_name": None}, {"birth_date": None}]
    for nameless in unnamed:
        told = found(identity=an_identity(a_person(**nameless), a_person(**nameless)))
        assert {code for _, code in told} == {"missing"}


@pytest.mark.parametrize("name", ["Nguyễn Thị", "عبد الله", "O’Brien-Sörensen", "J"])
def test_names_of_all_the_world_are_taken(name: str) -> None:
    assert found(identity=an_identity(a_person(given_name=name))) == set()


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "a\x00b", "x" * 101, 7, None])
def test_what_is_no_name_is_not_taken(name: object) -> None:
    assert {pointer for pointer, _ in found(identity=an_identity(a_person(given_name=name)))} == {
        "/identity/persons/0/given_name"
    }
