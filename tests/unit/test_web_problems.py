"""Errors say what is wrong and where, and never what was sent."""

import json
from datetime import date
from typing import Annotated, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chassis.web.problems import Problem, field_errors, not_found

SECRET = "Iryna Kovalenko 1984"


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]
    age: int


class Everything(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: UUID
    born: date
    size: int = Field(ge=1, le=20)
    code: str = Field(pattern="^[a-z]{2}$", max_length=2)
    level: Literal["low", "high"]
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    notes: dict[int, bool]


def errors_of(body: object) -> str:
    try:
        Everything.model_validate(body)
    except ValidationError as error:
        return json.dumps([[e.pointer, e.code, e.message] for e in field_errors(error.errors())])
    raise AssertionError("the body should not fit")


anything = st.sampled_from([SECRET, SECRET.encode(), [SECRET], {SECRET: SECRET}, {"kind": SECRET}, -1, None, 1.5])


@given(st.fixed_dictionaries(dict.fromkeys((*Everything.model_fields, SECRET), anything)))
def test_no_error_repeats_a_value_or_the_name_of_an_unknown_field(body: dict[str, object]) -> None:
    found = errors_of(body)
    assert "Iryna" not in found
    assert "Kovalenko" not in found


def test_an_error_says_where_and_what() -> None:
    with pytest.raises(ValidationError) as caught:
        Dog.model_validate({"kind": "dog", "age": "old"})
    (found,) = field_errors(caught.value.errors())
    assert (found.pointer, found.code) == ("/age", "int_parsing")
    assert found.message == "Input should be a valid integer, unable to parse string as an integer"


def test_at_most_a_hundred_errors_are_listed() -> None:
    with pytest.raises(ValidationError) as caught:
        Everything.model_validate({"notes": {str(number): "?" for number in range(500)}})
    assert len(field_errors(caught.value.errors())) == 100


def test_a_problem_has_the_members_of_rfc_9457() -> None:
    assert not_found().body() == {
        "type": "urn:problem-type:geleit:not-found",
        "title": "Not found",
        "status": 404,
    }
    assert Problem(409, "stale", "Stale", detail="Since 9:00").body()["detail"] == "Since 9:00"
