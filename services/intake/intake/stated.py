"""What a centre states of a household, read but not yet believed, and every fault of it."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from uuid import UUID

from contracts.vocabulary import Accommodation, AgeBand, LegalGroup, Skill

MAX_PERSONS = 25
"""More is a typing error or a camp, and both want a person to look."""
ADULT_AT = 18
OLDEST = 120
FURTHEST = timedelta(days=366)
"""An allotment after that is a typing error, and no counselling could be counted from it."""
LONGEST_STAY = 50
"""Years: an arrival before that is a typing error, and would make every age wrong."""


class Sex(StrEnum):
    """As stated; kept with the identity, told to nobody, scored by nothing."""

    FEMALE = "female"
    MALE = "male"
    DIVERSE = "diverse"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: a JSON Pointer (RFC 6901) into what was stated and a code, never what stood there."""

    pointer: str
    code: str


@dataclass(frozen=True, slots=True)
class Person:
    """A person as stated; a field that could not be read is None, and its fault is in the form."""

    given_name: str | None
    family_name: str | None
    birth_date: date | None
    nationality: str | None
    sex: Sex | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """How the household can be reached."""

    phone: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the household is: what only the vault keeps."""

    persons: tuple[Person, ...]
    contact: Contact | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """The facts a centre states; None where a required one could not be read."""

    arrived_on: date | None
    legal_group: LegalGroup | None
    accommodation: Accommodation | None
    municipality: str | None = None
    languages: tuple[str, ...] = ()
    skills_needed: tuple[Skill, ...] = ()
    residence_title: str | None = None
    unaccompanied_minor: bool = False
    family_group: UUID | None = None
    allotted_on: date | None = None
    counselling_extended: bool = False
    district: str | None = None
    """Counts where no municipality is stated."""


@dataclass(frozen=True, slots=True)
class Form:
    """Statement and identity, either of which a correction may leave as it is, and the faults of reading."""

    facts: Statement | None = None
    identity: Identity | None = None
    faults: tuple[Problem, ...] = ()


def completed_years(born: date, on: date) -> int:
    """Age in completed years on a day; 0 for whoever was born after it."""
    had_birthday = (on.month, on.day) >= (born.month, born.day)
    return max(0, on.year - born.year - (not had_birthday))


def age_band(age: int) -> AgeBand:
    """The band of UNHCR's population statistics for an age in completed years."""
    for below, band in ((5, AgeBand.INFANT), (12, AgeBand.CHILD), (18, AgeBand.YOUTH), (60, AgeBand.ADULT)):
        if age < below:
            return band
    return AgeBand.SENIOR


def faults(form: Form, today: date, municipalities: Container[str]) -> tuple[Problem, ...]:
    """Every fault of a form at once: those of reading it, then those of what it says."""
    found = list(form.faults)
    if form.facts:
        found.extend(_of_facts(form.facts, today, municipalities))
    if form.identity:
        found.extend(_of_persons(form.identity.persons, today))
    if form.facts and form.identity:
        found.extend(_of_minors(form.facts, form.identity.persons, today))
    return tuple(dict.fromkeys(found))


def _of_facts(facts: Statement, today: date, municipalities: Container[str]) -> Iterator[Problem]:
    arrived = facts.arrived_on
    if arrived and arrived > today:
        yield Problem("/facts/arrived_on", "arrived_in_future")
    if arrived and today.year - arrived.year > LONGEST_STAY:
        yield Problem("/facts/arrived_on", "arrived_too_long_ago")
    if arrived and facts.allotted_on and facts.allotted_on < arrived:
        yield Problem("/facts/allotted_on", "allotted_before_arrival")
    if facts.allotted_on and facts.allotted_on > today + FURTHEST:
        yield Problem("/facts/allotted_on", "allotted_too_far_ahead")
    if facts.municipality and facts.municipality not in municipalities:
        yield Problem("/facts/municipality", "unknown_municipality")


def _of_persons(persons: tuple[Person, ...], today: date) -> Iterator[Problem]:
    seen: set[tuple[str, str, date]] = set()
    for index, person in enumerate(persons):
        at, born = f"/identity/persons/{index}", person.birth_date
        if born and born > today:
            yield Problem(f"{at}/birth_date", "born_in_future")
        elif born and completed_years(born, today) > OLDEST:
            yield Problem(f"{at}/birth_date", "born_too_long_ago")
        if born and person.given_name and person.family_name:
            same = (person.given_name.casefold(), person.family_name.casefold(), born)
            if same in seen:
                yield Problem(at, "duplicate_person")
            seen.add(same)


def _of_minors(facts: Statement, persons: tuple[Person, ...], today: date) -> Iterator[Problem]:
    """A child alone is youth welfare's: the flag must say so, and must not say so of anybody else."""
    born = [person.birth_date for person in persons if person.birth_date and person.birth_date <= today]
    if len(born) < max(1, len(persons)):
        return
    alone = len(born) == 1 and completed_years(born[0], today) < ADULT_AT
    if facts.unaccompanied_minor and not alone:
        yield Problem("/facts/unaccompanied_minor", "not_an_unaccompanied_minor")
    # Zeros alone are what software writes where nothing is set: no family.
    if alone and not facts.unaccompanied_minor and not (facts.family_group and facts.family_group.int):
        yield Problem("/facts/unaccompanied_minor", "minor_without_family")
