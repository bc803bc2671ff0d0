"""The demo's people have UNHCR's ages and sexes, and are the same people each time."""

from collections import Counter
from datetime import date

import pytest

from contracts.vocabulary import AgeBand
from geleit.demo.ages import PERSONS, Group
from geleit.demo.households import SIZES, Fate, Town, Towns, facts, identity, monday_of
from intake.stated import Sex, age_band, completed_years

HOUSEHOLDS = 6000
TOWNS = Towns([Town("08111000", 600_000), Town("08416041", 90_000), Town("08415061", 0)])


def people(week: int = 0) -> list[dict[str, str]]:
    return [person for number in range(HOUSEHOLDS) for person in identity(week, number)["persons"]]


def test_shares_of_age_and_sex_are_unhcrs() -> None:
    found: Counter[Group] = Counter()
    for person in people():
        age = completed_years(date.fromisoformat(person["birth_date"]), monday_of(0))
        found[Group(Sex(person["sex"]), age_band(age))] += 1
    for group, persons in PERSONS.items():
        assert found[group] / found.total() == pytest.approx(persons / sum(PERSONS.values()), abs=0.012), group


def test_sizes_follow_the_assumption() -> None:
    sizes = Counter(len(identity(0, number)["persons"]) for number in range(HOUSEHOLDS))
    for size, share in SIZES.items():
        assert sizes[size] / HOUSEHOLDS == pytest.approx(share, abs=0.02)


def test_nobody_is_born_on_a_day_that_a_fact_names() -> None:
    for person in people(week=3):
        born = date.fromisoformat(person["birth_date"])
        assert born < date(2022, 3, 1)
        assert born.day > 1


def test_the_same_week_is_the_same_people_and_another_week_is_not() -> None:
    assert identity(0, 7) == identity(0, 7)
    assert identity(0, 7) != identity(1, 7)
    who = identity(0, 7)
    assert facts(0, 7, Fate.COUNSELLED, TOWNS, who["persons"]) == facts(0, 7, Fate.COUNSELLED, TOWNS, who["persons"])


def test_youth_welfare_takes_one_child_alone() -> None:
    (child,) = identity(0, 3, Fate.YOUTH_WELFARE)["persons"]
    assert age_band(completed_years(date.fromisoformat(child["birth_date"]), monday_of(0))) is AgeBand.CHILD
    assert facts(0, 3, Fate.YOUTH_WELFARE, TOWNS, [child])["unaccompanied_minor"] is True


def test_allotment_follows_population() -> None:
    drawn = Counter(facts(0, number, Fate.COUNSELLED, TOWNS, ()).get("municipality") for number in range(2000))
    assert drawn["08415061"] == 0
    assert drawn["08111000"] > 5 * drawn["08416041"] > 0
    assert 0.03 < drawn[None] / 2000 < 0.07


def test_facts_lie_within_the_week() -> None:
    for number in range(300):
        arrived = date.fromisoformat(facts(2, number, Fate.COUNSELLED, TOWNS, ())["arrived_on"])
        assert 0 <= (arrived - monday_of(2)).days < 7
