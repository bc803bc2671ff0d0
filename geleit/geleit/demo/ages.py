"""Age and sex of people who fled from Ukraine, by UNHCR's figures."""

from datetime import date, timedelta
from random import Random
from typing import NamedTuple

from contracts.vocabulary import AgeBand
from geleit.demo.chance import one_of
from intake.stated import Sex


class Group(NamedTuple):
    """A cell of the table."""

    sex: Sex
    band: AgeBand


# Refugees from Ukraine in Germany by sex and age. Source: UNHCR refugee population statistics, Germany 2025, CC BY 4.0.
PERSONS = {
    Group(Sex.FEMALE, AgeBand.INFANT): 16_371,
    Group(Sex.FEMALE, AgeBand.CHILD): 58_623,
    Group(Sex.FEMALE, AgeBand.YOUTH): 60_190,
    Group(Sex.FEMALE, AgeBand.ADULT): 383_935,
    Group(Sex.FEMALE, AgeBand.SENIOR): 99_054,
    Group(Sex.MALE, AgeBand.INFANT): 17_349,
    Group(Sex.MALE, AgeBand.CHILD): 62_083,
    Group(Sex.MALE, AgeBand.YOUTH): 66_730,
    Group(Sex.MALE, AgeBand.ADULT): 243_814,
    Group(Sex.MALE, AgeBand.SENIOR): 42_255,
}
YEARS = {
    AgeBand.INFANT: (0, 4),
    AgeBand.CHILD: (5, 11),
    AgeBand.YOUTH: (12, 17),
    AgeBand.ADULT: (18, 59),
    # Assumption: nobody older than 92 made the journey; UNHCR's band is open.
    AgeBand.SENIOR: (60, 92),
}
MINOR = frozenset({AgeBand.INFANT, AgeBand.CHILD, AgeBand.YOUTH})
MINORS = {group: persons for group, persons in PERSONS.items() if group.band in MINOR}
ADULTS = {group: persons for group, persons in PERSONS.items() if group.band not in MINOR}
SHARE_OF_MINORS = sum(MINORS.values()) / sum(PERSONS.values())

LATEST_BIRTH = date(2022, 2, 28)
"""Before every day that a fact of the demo names, so that a birth date is found again wherever it leaks."""


def adult(rng: Random) -> Group:
    """A person of 18 or more."""
    return one_of(rng, ADULTS)


def anybody(rng: Random, share_of_minors: float) -> Group:
    """A person, a minor with that probability."""
    return one_of(rng, MINORS if rng.random() < share_of_minors else ADULTS)


def birth_date(rng: Random, band: AgeBand, on: date) -> date:
    """A day of birth of whoever is of that age on that day; never the first of a month, as dates of rules are."""
    youngest, oldest = YEARS[band]
    latest = min(_years_before(on, youngest), LATEST_BIRTH)
    earliest = _years_before(on, oldest + 1) + timedelta(days=1)
    born = earliest + timedelta(days=rng.randrange((latest - earliest).days + 1))
    return born if born.day > 1 else born + timedelta(days=1) if born < latest else born - timedelta(days=1)


def _years_before(day: date, years: int) -> date:
    # The weeks of the demo may come to a 29 February, which most years do not have.
    return day.replace(year=day.year - years, day=min(day.day, 28) if day.month == 2 else day.day)
