"""Reads what a centre sent into a form: every fault by its field, and whatever could be read beside it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, StringConstraints, ValidationError, create_model
from pydantic_core import to_json

from contracts.households import StatedFacts
from contracts.record import Code, DistrictAgs, Shape
from intake.districts import districts
from intake.stated import MAX_PERSONS, Contact, Form, Identity, Person, Problem, Sex, Statement

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\p{Cc}]+$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Phone = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^\+?[0-9][0-9 ()/-]{4,29}$")]
Email = Annotated[str, StringConstraints(strip_whitespace=True, max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]


def _known(district: str) -> str:
    if district not in districts():
        raise ValueError("no district of Baden-Württemberg")
    return district


class FactsForm(StatedFacts):
    """What a centre states of a household, identity apart."""

    district: Annotated[DistrictAgs, AfterValidator(_known)] | None = None
    """Where the household is distributed to while it has no municipality; with one, its first five digits count."""


class PersonForm(Shape):
    """One person of a household."""

    given_name: Name
    family_name: Name
    birth_date: date
    nationality: Country
    """ISO 3166-1 alpha-2."""
    sex: Sex | None = None


class ContactForm(Shape):
    """How the household can be reached."""

    phone: Phone | None = None
    email: Email | None = None


class IdentityForm(Shape):
    """Who the household is; the plaintext of a submission's JWE has this shape too."""

    persons: Annotated[tuple[PersonForm, ...], Field(min_length=1, max_length=MAX_PERSONS)]
    contact: ContactForm | None = None


class WithdrawalForm(Shape):
    """Takes a registration back."""

    version: Version | None = None
    """The centre's own number of this edit; an offer that is not newer is a duplicate."""


class DepartureForm(WithdrawalForm):
    """Says that a household has left Baden-Württemberg."""


class CorrectionForm(WithdrawalForm):
    """New facts, new identity, or both; what is left out stays as it is."""

    facts: FactsForm | None = None
    identity: IdentityForm | None = None


class RegistrationForm(WithdrawalForm):
    """A household, under a reference of the centre's own choice that says nothing about it."""

    reference: Code
    facts: FactsForm
    identity: IdentityForm


class Envelope(WithdrawalForm):
    """What stands around facts and identity in a registration."""

    reference: Code


_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CODES = {
    "missing": "missing",
    "enum": "unknown_value",
    "string_pattern_mismatch": "malformed",
    "string_too_long": "too_long",
    "string_too_short": "missing",
    "too_long": "too_long",
    "too_short": "too_short",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
    "date_type": "not_a_date",
    "date_parsing": "not_a_date",
    "date_from_datetime_parsing": "not_a_date",
    "date_from_datetime_inexact": "not_a_date",
    "uuid_parsing": "malformed",
    "value_error": "unknown_value",
}

M = TypeVar("M", bound=Shape)


def read_form(facts: object, identity: object, around: Sequence[Problem] = ()) -> Form:
    """Facts and identity as they came from JSON; None is a part that is left out, `around` what was found before."""
    faults = list(around)
    stated = None if facts is None else read_part(FactsForm, facts, "/facts", faults)
    known = None if identity is None else _identity(identity, faults)
    return Form(Statement(**_fields(stated, Statement)) if stated else None, known, tuple(faults))


def read_part(model: type[M], value: object, at: str, faults: list[Problem]) -> M | None:
    """One part of a form, its faulty fields replaced by their defaults or None and told in `faults`."""
    if not isinstance(value, Mapping):
        faults.append(Problem(at, "wrong_type"))
        return None
    # Absent and null read the same, here as in every record.
    given = {name: _day(model, name, value[name]) for name in model.model_fields if value.get(name) is not None}
    try:
        return model.model_validate_json(to_json(given))
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False, include_context=False)
    except (ValueError, RecursionError):
        faults.append(Problem(at, "malformed"))
        return None
    faults.extend(Problem(at + _pointer(one["loc"]), _code(one["type"])) for one in errors)
    if not all(one["loc"] for one in errors):
        # Nested too deep for the parser: no field of it was read.
        return None
    faulty = {one["loc"][0] for one in errors}
    lenient: type[M] = _lenient(model)
    return lenient.model_validate_json(to_json({name: one for name, one in given.items() if name not in faulty}))


def _identity(value: object, faults: list[Problem]) -> Identity | None:
    if not isinstance(value, Mapping):
        faults.append(Problem("/identity", "wrong_type"))
        return None
    persons, contact = value.get("persons"), value.get("contact")
    stated = None if contact is None else read_part(ContactForm, contact, "/identity/contact", faults)
    reachable = Contact(phone=stated.phone, email=stated.email) if stated else None
    return Identity(tuple(_persons(persons, faults)), reachable)


def _persons(value: object, faults: list[Problem]) -> Iterable[Person]:
    if not isinstance(value, list):
        faults.append(Problem("/identity/persons", "missing" if value is None else "wrong_type"))
        return
    if not value:
        faults.append(Problem("/identity/persons", "household_empty"))
    if len(value) > MAX_PERSONS:
        faults.append(Problem("/identity/persons", "household_too_large"))
    for index, one in enumerate(value[:MAX_PERSONS]):
        if person := read_part(PersonForm, one, f"/identity/persons/{index}", faults):
            yield Person(**_fields(person, Person))


def _fields(model: Shape, of: type[Person | Statement]) -> dict[str, Any]:
    values = {name: getattr(model, name) for name in of.__dataclass_fields__}
    for repeated in ("languages", "skills_needed"):
        if repeated in values:
            values[repeated] = tuple(dict.fromkeys(values[repeated]))
    return values


def _day(model: type[Shape], name: str, value: object) -> object:
    """The value, but nothing for a day that is not in ISO form: pydantic takes "86400" for 2 January 1970."""
    is_day = model.model_fields[name].annotation in (date, date | None)
    return "" if is_day and isinstance(value, str) and not _ISO_DAY.fullmatch(value) else value


def _pointer(location: tuple[int | str, ...]) -> str:
    return "".join(f"/{part}" for part in location)


def _code(error_type: str) -> str:
    return _CODES.get(error_type, "wrong_type" if error_type.endswith("_type") else "malformed")


@cache
def _lenient(model: type[M]) -> type[M]:
    """The model with None for every required field that is absent, so that the others can still be judged."""
    absent: dict[str, Any] = {
        name: (field.rebuild_annotation(), None) for name, field in model.model_fields.items() if field.is_required()
    }
    lenient: type[M] = create_model(f"{model.__name__}Read", __base__=model, **absent)
    return lenient
