"""A plan for 10,000 cases that cannot stay: time, moves and the fewest possible, with little and with much room.

`make bench-handover` puts 60,000 cases on 1,200 managers in 44 districts, of whom so many leave, are ill, are cut to
half a post or lose a town that 10,000 cases have to change hands. Times are CPU times. Last line JSON, with much room.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from contracts.vocabulary import Accommodation, AgeBand, HouseholdStatus, LegalGroup, Skill
from matching.domain import (
    Absence,
    Carried,
    Facts,
    Household,
    Load,
    Manager,
    Place,
    Policy,
    Prices,
    Rule,
)
from matching.field import Field, Round
from matching.handover import Held, plan
from matching.rules import weight

CASES = 10_000
MANAGERS = 1_200
DISTRICTS = 44
TOWNS = 25
"""In a district."""
EACH = 50
"""Cases of a manager."""
NOW = datetime(2022, 9, 1, 8, tzinfo=UTC)
DAY = date(2022, 9, 1)
LANGUAGES = ("uk", "ru", "ar", "fa", "tr", "ku")
POLICY = Policy(
    "benchmark",
    "2022-09-01",
    1,
    1200,
    (Rule(date(2022, 3, 11), LegalGroup.DISPLACED_UKRAINIAN, tuple(Accommodation), 3),),
    Load(5, 5, 2),
    Prices(300, 150, -3, -1, 200, 250),
    3,
    frozenset({Skill.TRAUMA_INFORMED}),
)


def roster(random: Random) -> tuple[list[Manager], dict[str, Place]]:
    """Managers who serve three to nine neighbouring towns of a district; each town has somebody."""
    places = {
        f"08{district + 100}{town:03}": (47.6 + district % 7 * 0.3 + town % 5 * 0.05, 7.6 + district // 7 * 0.4)
        for district in range(DISTRICTS)
        for town in range(TOWNS)
    }
    managers = []
    for number in range(MANAGERS):
        district, first = number % DISTRICTS, number // DISTRICTS
        towns = [f"08{district + 100}{(first + more) % TOWNS:03}" for more in range(random.randint(3, 9))]
        managers.append(
            Manager(
                UUID(int=number + 1),
                f"M{number}",
                f"P{district}",
                100,
                0,
                frozenset(random.sample(LANGUAGES, 2)),
                frozenset(random.sample(tuple(Skill), 2)),
                frozenset(towns),
                towns[0],
                date(2018, 1, 1),
                None,
            )
        )
    return managers, places


def cases_of(random: Random, manager: Manager, number: int) -> list[Held]:
    """What one manager has, from before the summer."""
    found = []
    for place in range(EACH):
        size = random.choice((1, 1, 1, 2, 2, 3, 4, 5, 8))
        facts = Facts(
            DAY,
            random.choice(sorted(manager.service_area)),
            None,
            size,
            {AgeBand.ADULT: size},
            (random.choice(LANGUAGES),),
            tuple(random.sample(tuple(Skill), random.choice((0, 0, 1)))),
            LegalGroup.DISPLACED_UKRAINIAN,
            Accommodation.PRIVATE,
            False,
            None,
            family_group=UUID(int=random.randrange(5_000)) if random.random() < 0.1 else None,
        )
        key = UUID(int=10**9 + number * EACH + place)
        household = Household(key, 0, 1, HouseholdStatus.ACTIVE, NOW, facts, UUID(int=key.int + 10**18))
        since = NOW - timedelta(hours=random.randrange(4_000))
        in_care = random.random() < 0.9
        found.append(Held(household, facts, manager.id, 1, weight(facts, POLICY), in_care, since))
    return found


def changed(random: Random, manager: Manager, load: int) -> Manager:
    """A manager who leaves, is ill, is cut to half her post or loses a town."""
    match random.choice(("left", "ill", "ill", "cut", "cut", "area")):
        case "left":
            return replace(manager, active_until=DAY - timedelta(days=1))
        case "ill":
            return replace(manager, absences=(Absence(DAY, None),))
        case "cut":
            return replace(manager, capacity=load // 2)
        case _:
            return replace(manager, service_area=frozenset(sorted(manager.service_area)[1:]))


def scene(room: float) -> tuple[list[Held], dict[UUID, Carried], Round]:
    """Managers change, one after the other, until exactly CASES cases cannot stay; all others have room."""
    random = Random("handover")
    managers, places = roster(random)
    held: list[Held] = []
    carried: dict[UUID, Carried] = {}
    missing = CASES
    for number in random.sample(range(MANAGERS), MANAGERS):
        cases = cases_of(random, managers[number], number)
        if 0 < missing < EACH:
            cases = cases[:missing]
        load = sum(case.weight for case in cases)
        one = replace(managers[number], capacity=int(load * (1 + room)))
        if missing >= EACH:
            one = changed(random, one, load)
        elif missing:
            one = replace(one, absences=(Absence(DAY, None),))
        managers[number] = one
        carried[one.id] = Carried(load)
        held += cases
        if missing:
            missing -= plan(cases, carried, _around([one], places)).moves_lower_bound
    return held, carried, _around(managers, places)


def _around(managers: Sequence[Manager], places: dict[str, Place]) -> Round:
    return Round(Field(managers, places), POLICY, NOW, DAY, b"benchmark")


def measured(room: float) -> dict[str, Any]:
    """Plan once, on fresh caches."""
    held, carried, around = scene(room)
    begin = time.process_time()
    found = plan(held, carried, around)
    spent = time.process_time() - begin
    return {
        "room": room,
        "cases": len(held),
        "plan_10000_s": round(spent, 2),
        "moves": len(found.moves),
        "moves_lower_bound": found.moves_lower_bound,
        "uncovered": len(found.uncovered),
        "points_lost_a_move": round(found.lost / max(1, len(found.moves)), 1),
    }


if __name__ == "__main__":
    results = [measured(room) for room in (0.15, 0.5)]
    for result in results:
        print(result)  # noqa: T201 - the result is the purpose
    print(json.dumps(results[-1]))  # noqa: T201
