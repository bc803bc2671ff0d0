"""The households of a week: their people by UNHCR's figures, everything else by assumptions that stand here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import accumulate
from random import Random
from typing import Any

from contracts.vocabulary import Accommodation, AgeBand, LegalGroup, Skill
from geleit.demo import names
from geleit.demo.ages import SHARE_OF_MINORS, Group, adult, anybody, birth_date
from geleit.demo.chance import chance, one_of
from intake.stated import Sex, completed_years

FIRST_MONDAY = date(2022, 3, 14)

# Everything below is assumed, unless a source is named.

SIZES = {1: 0.27, 2: 0.30, 3: 0.22, 4: 0.12, 5: 0.05, 6: 0.025, 7: 0.01, 8: 0.005}
"""Persons in a household: mothers with a child or two, few large families."""
_MEAN_SIZE = sum(size * share for size, share in SIZES.items()) / sum(SIZES.values())
_MINORS_AMONG_OTHERS = SHARE_OF_MINORS * _MEAN_SIZE / (_MEAN_SIZE - 1)
"""Each household has one adult at least, so more of its other members are minors than UNHCR's share says; together
they are as many as it says."""

DAYS = (0.19, 0.18, 0.17, 0.16, 0.14, 0.09, 0.07)
"""Arrivals from Monday to Sunday: offices register on working days."""

WITHOUT_MUNICIPALITY = 0.05
"""Not allotted to a municipality yet."""

STAGES = {
    # Most stayed with relatives, friends and hosts in the first weeks; they may skip the first reception.
    Accommodation.PRIVATE: 0.55,
    Accommodation.PROVISIONAL: 0.27,
    Accommodation.FIRST_RECEPTION: 0.14,
    Accommodation.FOLLOW_UP: 0.04,
}
OTHER_GROUPS = {
    LegalGroup.ENTITLED_TO_PROTECTION: 0.4,
    LegalGroup.SUBSIDIARY_PROTECTION: 0.3,
    LegalGroup.HUMANITARIAN_ADMISSION: 0.2,
    LegalGroup.TOLERATED: 0.1,
}
SHARE_OF_OTHER_GROUPS = 0.06
"""Counselled households who are not from Ukraine: the usual arrivals went on beside."""

UKRAINIAN_LANGUAGES: Mapping[tuple[str, ...], float] = {
    ("uk",): 0.50,
    ("uk", "ru"): 0.30,
    ("ru",): 0.12,
    ("uk", "en"): 0.08,
}
OTHER_LANGUAGES: Mapping[tuple[str, ...], float] = {
    ("ar",): 0.40,
    ("fa",): 0.20,
    ("ku", "tr"): 0.15,
    ("tr",): 0.10,
    ("ti",): 0.08,
    ("so", "en"): 0.07,
}
OTHER_COUNTRIES = {"SY": 0.45, "AF": 0.20, "IQ": 0.10, "TR": 0.15, "ER": 0.05, "SO": 0.05}

NEEDS = {
    Skill.TRAUMA_INFORMED: 0.10,
    Skill.DISABILITY_SUPPORT: 0.04,
    Skill.VOCATIONAL_RECOGNITION: 0.15,
    Skill.LITERACY: 0.03,
    Skill.HOUSING_SEARCH: 0.18,
}
SCHOOL_ENROLMENT = 0.55
"""Of the households with somebody of school age."""


class Fate(StrEnum):
    """What the law makes of a household; how many of each a week has is decided by its plan."""

    COUNSELLED = "counselled"
    NOT_ELIGIBLE = "not_eligible"
    YOUTH_WELFARE = "youth_welfare"


@dataclass(frozen=True, slots=True)
class Town:
    """A municipality that households are allotted to, in proportion to its population."""

    ags: str
    population: int


class Towns:
    """The municipalities of the register, to draw from."""

    def __init__(self, towns: Sequence[Town]) -> None:
        self.all = sorted(towns, key=lambda town: town.ags)
        self._cumulated = list(accumulate(town.population for town in self.all))

    def draw(self, rng: Random) -> str:
        """The AGS of a municipality: the allotment follows population (FlüAG)."""
        return rng.choices(self.all, cum_weights=self._cumulated)[0].ags


def monday_of(week: int) -> date:
    """The Monday of a week of the demo; week 0 is that of 14 March 2022."""
    return FIRST_MONDAY + timedelta(weeks=week)


def identity(week: int, number: int, fate: Fate = Fate.COUNSELLED, size: int | None = None) -> dict[str, Any]:
    """Who a household is, as intake's API takes it."""
    rng = chance("identity", week, number)
    foreign = fate is Fate.NOT_ELIGIBLE or is_other_group(week, number)
    country = one_of(rng, OTHER_COUNTRIES) if foreign else "UA"
    family = names.family_name(rng)
    people = [_person(rng, group, family, country, monday_of(week)) for group in _members(rng, fate, size)]
    contact = {"phone": names.phone(rng)}
    if people and rng.random() < 0.4:
        contact["email"] = names.email(people[0]["given_name"], family)
    return {"persons": people, "contact": contact}


def facts(week: int, number: int, fate: Fate, towns: Towns, people: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a centre states of that household of these people.

    There is no day of allotment: counselling starts with it and lasts three years, and the clock of the demo is real.
    """
    rng = chance("facts", week, number)
    (day,) = rng.choices(range(7), DAYS)
    stated: dict[str, Any] = {"arrived_on": (monday_of(week) + timedelta(days=day)).isoformat()}
    if rng.random() >= WITHOUT_MUNICIPALITY:
        stated["municipality"] = towns.draw(rng)
    else:
        # Distributed to a district, which allots it: there is something to do on its page.
        stated["district"] = towns.draw(rng)[:5]
    other = fate is Fate.NOT_ELIGIBLE or is_other_group(week, number)
    languages = OTHER_LANGUAGES if other else UKRAINIAN_LANGUAGES
    spoken = one_of(rng, languages)
    stated["languages"] = list(spoken)
    stated["skills_needed"] = [str(skill) for skill, share in NEEDS.items() if rng.random() < share]
    if rng.random() < SCHOOL_ENROLMENT and any(_is_pupil(person, monday_of(week)) for person in people):
        stated["skills_needed"].append(str(Skill.SCHOOL_ENROLMENT))
    return stated | _standing(rng, fate, other=other)


def is_other_group(week: int, number: int) -> bool:
    """Whether the household is one of the usual arrivals beside those from Ukraine."""
    return chance("group", week, number).random() < SHARE_OF_OTHER_GROUPS


def _standing(rng: Random, fate: Fate, *, other: bool) -> dict[str, Any]:
    match fate:
        case Fate.YOUTH_WELFARE:
            group, stage = LegalGroup.DISPLACED_UKRAINIAN, Accommodation.FIRST_RECEPTION
            return {"legal_group": str(group), "accommodation": str(stage), "unaccompanied_minor": True}
        case Fate.NOT_ELIGIBLE:
            # Half are obliged to leave, half seek asylum and still live in the first reception.
            leaving = rng.random() < 0.5
            group = LegalGroup.OBLIGED_TO_LEAVE if leaving else LegalGroup.ASYLUM_SEEKER
            stage = Accommodation.FOLLOW_UP if leaving else Accommodation.FIRST_RECEPTION
            return {"legal_group": str(group), "accommodation": str(stage)}
        case Fate.COUNSELLED if other:
            return {
                "legal_group": str(one_of(rng, OTHER_GROUPS)),
                "accommodation": str(Accommodation.FOLLOW_UP),
            }
        case Fate.COUNSELLED:
            return {
                "legal_group": str(LegalGroup.DISPLACED_UKRAINIAN),
                "residence_title": "24",
                "accommodation": str(one_of(rng, STAGES)),
            }


def _members(rng: Random, fate: Fate, size: int | None) -> list[Group]:
    if fate is Fate.YOUTH_WELFARE:
        # Children of evacuated homes; young, because they have to be minors by the real clock too.
        return [Group(rng.choice((Sex.FEMALE, Sex.MALE)), AgeBand.CHILD)]
    persons = one_of(rng, SIZES) if size is None else size
    return [adult(rng) if member == 0 else anybody(rng, _MINORS_AMONG_OTHERS) for member in range(persons)]


def _person(rng: Random, group: Group, family: str, country: str, on: date) -> dict[str, Any]:
    return {
        "given_name": names.given_name(rng, group.sex),
        "family_name": family,
        "birth_date": birth_date(rng, group.band, on).isoformat(),
        "nationality": country,
        "sex": str(group.sex),
    }


def _is_pupil(person: Mapping[str, Any], on: date) -> bool:
    return 6 <= completed_years(date.fromisoformat(person["birth_date"]), on) < 18
