"""The demo's roster can be imported, covers nearly every municipality, and leaves little room."""

from collections import Counter
from functools import cache

from geleit.demo.households import Town
from geleit.demo.roster import MANAGERS, manager_canaries, roster_csv
from intake.generate import generate
from matching.policy import shipped
from matching.roster.sheet import Sheet, read

UNITS = shipped().units_per_fte


@cache
def towns() -> list[Town]:
    return [Town(entry.ags, entry.population) for entry in generate()]


@cache
def sheet() -> Sheet:
    return read(roster_csv(towns(), UNITS), frozenset(town.ags for town in towns()))


def test_it_has_no_fault_and_no_warning() -> None:
    assert sheet().faults == ()
    assert len(sheet().rows) == MANAGERS


def test_it_is_always_the_same() -> None:
    assert roster_csv(towns(), UNITS) == roster_csv(list(reversed(towns())), UNITS)


def test_98_percent_of_the_municipalities_are_served_by_several() -> None:
    serving = Counter(ags for row in sheet().rows for ags in row.service_area)
    assert 0.975 < len(serving) / len(towns()) < 0.995
    assert min(serving.values()) >= 3


def test_posts_are_quarters_and_follow_population() -> None:
    assert {row.fte_hundredths for row in sheet().rows} == {25, 50, 75, 100}
    in_stuttgart = sum(row.service_area == ("08111000",) for row in sheet().rows)
    population = sum(town.population for town in towns())
    assert abs(in_stuttgart - MANAGERS * 633_484 / population) <= 1


def test_nearly_all_capacity_is_taken_and_nobody_carries_too_much() -> None:
    capacity = sum(row.fte_hundredths * UNITS // 100 for row in sheet().rows)
    carried = sum(row.base_load for row in sheet().rows)
    assert 0.80 < carried / capacity < 0.92
    assert all(row.base_load <= row.fte_hundredths * UNITS // 100 for row in sheet().rows)


def test_the_names_are_canaries_too() -> None:
    assert {row.name for row in sheet().rows} <= manager_canaries()
