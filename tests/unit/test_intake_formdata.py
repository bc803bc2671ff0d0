"""A page's fields and the JSON they stand for, both ways."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.stated import MAX_PERSONS, Problem
from intake.web.formdata import fields_in, flattened, nested, sheet, without_person
from offers import a_registration

TEXT = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=10)


def test_a_registration_survives_its_form() -> None:
    assert nested(flattened(a_registration()).items()) == a_registration()


@given(
    st.lists(TEXT, min_size=1, max_size=8), st.sets(st.sampled_from(["unaccompanied_minor", "counselling_extended"]))
)
def test_lists_and_flags_survive(languages: list[str], flags: set[str]) -> None:
    stated: dict[str, Any] = {"facts": {"languages": languages} | dict.fromkeys(flags, True)}
    assert nested(flattened(stated).items()) == stated


def test_empty_fields_are_left_out_but_a_person_stays() -> None:
    fields = {"facts/languages/0": "", "facts/languages/1": " uk ", "identity/persons/0/given_name": ""}
    assert nested(fields.items()) == {"facts": {"languages": ["uk"]}, "identity": {"persons": [{}]}}


@pytest.mark.parametrize(
    "name",
    [
        "csrf_token",
        "facts/../x",
        "facts/a/b/c",
        "facts/languages",
        "facts/languages/x",
        "facts/languages/300000000",
        "facts/municipality/0",
        "identity/persons/",
        "identity/persons/100/x",
        "identity/persons/x/y",
        "__class__",
    ],
)
def test_other_fields_are_not_read(name: str) -> None:
    assert nested([(name, "x")]) == {}
    assert fields_in([(name, "x")]) == {}


def test_what_a_form_has_besides_the_household_is_read() -> None:
    fields = {"form_id": "1", "revision": "2", "action": "add", "reference": "KA-1", "facts/languages/99": "uk"}
    assert fields_in(fields.items()) == fields
    assert fields_in([("reference", b"a file")]) == {}


def test_persons_behind_one_that_is_removed_move_up() -> None:
    fields = {f"identity/persons/{number}/given_name": name for number, name in enumerate("abc")}
    assert without_person(fields, 1) == {"identity/persons/0/given_name": "a", "identity/persons/1/given_name": "c"}


def test_a_fault_stands_beside_its_field_or_above_the_form() -> None:
    shown = sheet(
        {}, [Problem("/facts/arrived_on", "not_a_date"), Problem("", "not_active"), Problem("", "not_active")]
    )
    assert shown.errors["facts/arrived_on"] == "Please enter a day as year-month-day."
    assert shown.errors["facts/municipality"] is None
    assert shown.general == ("The household is no longer active.",)


def test_a_form_shows_one_to_twenty_five_persons() -> None:
    assert sheet({}).persons == 1
    assert sheet({"identity/persons/98/given_name": "x"}).persons == MAX_PERSONS
