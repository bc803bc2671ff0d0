"""A roster like that of 2022: 1,200 managers with the caseloads that were observed, as the CSV of matching's import."""

import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from io import StringIO
from math import ceil
from random import Random

from contracts.vocabulary import Skill
from geleit.demo import names
from geleit.demo.chance import chance, one_of
from geleit.demo.households import Town
from intake.stated import Sex

MANAGERS = 1200
"""Press release of the state of Baden-Württemberg, 11 March 2022: almost 1,200."""
HEADER = (
    "code", "name", "provider", "provider_name", "fte", "languages", "skills", "service_area", "office",
    "active_from", "base_load", "absences",
)  # fmt: skip

# Everything below is assumed, unless a source is named.

FTE = {25: 0.10, 50: 0.35, 75: 0.20, 100: 0.35}
"""Hundredths of a post; posts are given in slices of 0.25 at least (V, administrative regulation)."""
LANGUAGES = {"en": 0.75, "ru": 0.20, "uk": 0.08, "ar": 0.20, "tr": 0.15, "fa": 0.08, "fr": 0.12, "ku": 0.05, "ti": 0.02}
SKILLS = {
    Skill.TRAUMA_INFORMED: 0.30,
    Skill.DISABILITY_SUPPORT: 0.20,
    Skill.SCHOOL_ENROLMENT: 0.55,
    Skill.VOCATIONAL_RECOGNITION: 0.40,
    Skill.LITERACY: 0.25,
    Skill.HOUSING_SEARCH: 0.50,
}
LEAST_BUSY, MOST_BUSY = 0.72, 0.98
"""Share of their capacity that a district's managers carry already; where it is high, capacity is scarce."""
SPREAD = 0.06
"""By how much a manager's own share differs from that of the district."""
COVERS = 3.5
"""Managers of the Landkreis or a welfare agency who serve the same municipality."""
TOWN_POSTS = 0.2
"""Posts of a Landkreis' area that its largest town employs itself."""
WELFARE_POSTS = 0.3
EVERY_NTH_UNSERVED = 70
"""98 % of the municipalities took part (V): the smallest ones of some districts do not."""
AWAY = 0.02
"""Long ill or on parental leave."""
SINCE = ("2018-01-01", "2018-07-01", "2019-01-01", "2020-01-01", "2021-01-01")


def roster_csv(towns: Sequence[Town], units_per_fte: int, managers: int = MANAGERS) -> bytes:
    """The roster of these municipalities; always the same."""
    text = StringIO()
    rows = csv.writer(text, delimiter=";", lineterminator="\n")
    rows.writerow(HEADER)
    rows.writerows(_rows(towns, units_per_fte, managers))
    return text.getvalue().encode()


def manager_canaries(managers: int = MANAGERS) -> set[str]:
    """The managers' full names."""
    return {_name(number) for number in range(1, managers + 1)}


def _rows(towns: Sequence[Town], units_per_fte: int, managers: int) -> Iterator[tuple[object, ...]]:
    districts: defaultdict[str, list[Town]] = defaultdict(list)
    for town in sorted(towns, key=lambda one: one.ags):
        districts[town.ags[:5]].append(town)
    number = 0
    served = _served(districts)
    for district, posts in _posts(districts, managers).items():
        busy = chance("busy", district).uniform(LEAST_BUSY, MOST_BUSY)
        for place, (provider, provider_name, area) in enumerate(_areas(district, served[district], posts)):
            number += 1
            rng = chance("manager", district, place)
            fte = one_of(rng, FTE)
            share = min(1.0, busy + rng.uniform(-SPREAD, SPREAD))
            yield (
                f"im-{number:04}",
                _name(number),
                provider,
                provider_name,
                f"{fte / 100:.2f}".replace(".", ","),
                " ".join(["de", *_some(rng, LANGUAGES)]),
                " ".join(_some(rng, SKILLS)),
                " ".join(town.ags for town in area),
                max(area, key=lambda town: town.population).ags,
                rng.choice(SINCE),
                int(fte * units_per_fte / 100 * share),
                "2022-02-01/" if rng.random() < AWAY else "",
            )


def _posts(districts: dict[str, list[Town]], managers: int) -> dict[str, int]:
    """Posts by population, by the largest remainders; each district has one at least where there are enough."""
    population = {district: sum(town.population for town in towns) for district, towns in districts.items()}
    total = sum(population.values()) or 1
    quotas = {district: managers * people / total for district, people in population.items()}
    posts = {district: int(quota) for district, quota in quotas.items()}
    by_remainder = sorted(quotas, key=lambda district: (posts[district] - quotas[district], district))
    for district in by_remainder[: managers - sum(posts.values())]:
        posts[district] += 1
    return posts


def _areas(district: str, towns: Sequence[Town], posts: int) -> Iterator[tuple[str, str, Sequence[Town]]]:
    """Provider's code and name and the municipalities served, for each post."""
    largest = max(towns, key=lambda town: town.population)
    own = posts if len(towns) == 1 else int(posts * TOWN_POSTS)
    welfare = int(posts * WELFARE_POSTS)
    shared = posts - own if len(towns) > 1 else 0
    width = min(len(towns), max(1, ceil(COVERS * len(towns) / shared))) if shared else 0
    for place in range(shared):
        first = place * len(towns) // shared
        area = [towns[(first + step) % len(towns)] for step in range(width)]
        if place % max(1, shared // max(1, welfare)) == 0:
            yield f"welfare-{district}", f"Wohlfahrtsverband {district}", area
        else:
            yield f"district-{district}", f"Landkreis {district}", area
    for _ in range(own):
        yield f"town-{largest.ags}", f"Stadt {largest.ags}", [largest]


def _served(districts: dict[str, list[Town]]) -> dict[str, list[Town]]:
    by_size = sorted(
        (town for towns in districts.values() for town in towns), key=lambda one: (one.population, one.ags)
    )
    smallest = by_size[: len(by_size) // 2]
    without = {town.ags for town in smallest[:: EVERY_NTH_UNSERVED // 2]}
    return {
        district: [town for town in towns if town.ags not in without] or towns for district, towns in districts.items()
    }


def _some(rng: Random, shares: dict[str, float] | dict[Skill, float]) -> list[str]:
    return [str(one) for one, share in shares.items() if rng.random() < share]


def _name(number: int) -> str:
    rng = chance("manager name", number)
    return f"{names.given_name(rng, rng.choice((Sex.FEMALE, Sex.MALE)))} {names.family_name(rng)}"
