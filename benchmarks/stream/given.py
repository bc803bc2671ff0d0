"""What every way is given: the same households of all districts, a roster that has about enough room for them."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from itertools import accumulate
from random import Random
from uuid import UUID

from contracts.households import Facts, Household
from contracts.municipalities import Municipality
from contracts.record import Headers, State, encode, headers
from contracts.topics import home_partition
from contracts.vocabulary import Accommodation, AgeBand, HouseholdChange, HouseholdStatus, LegalGroup, Skill
from geleit.demo.households import Town
from geleit.demo.roster import HEADER, roster_csv
from intake.generate import generate
from intake.register import Entry

UNITS_PER_FTE = 1200
"""The shipped policy's."""
SIZES = {1: 0.62, 2: 0.2, 3: 0.1, 4: 0.05, 5: 0.03}
"""Share of households with so many persons: 60,000 of them fill 1,200 full posts to nine tenths."""
LANGUAGES = ("uk", "uk", "uk", "ru", "ar", "tr", "fa", "ku")
SAMPLED = 0.01
"""Share of households whose trace is recorded."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A record as a producer takes it."""

    partition: int
    key: bytes
    value: bytes
    headers: Headers


def register() -> list[Entry]:
    """The municipalities."""
    return generate()


def municipalities() -> Iterator[Municipality]:
    """Their states on the stream."""
    for one in register():
        yield Municipality(
            ags=one.ags,
            revision=1,
            name=one.name,
            district=one.ags[:5],
            district_name=one.district_name,
            population=one.population,
            latitude=one.latitude,
            longitude=one.longitude,
        )


def roster() -> bytes:
    """1,200 full posts without cases, for matching's import."""
    rows = csv.DictReader(
        StringIO(roster_csv([Town(one.ags, one.population) for one in register()], UNITS_PER_FTE).decode()),
        delimiter=";",
    )
    text = StringIO()
    lines = csv.DictWriter(text, HEADER, delimiter=";", lineterminator="\n")
    lines.writeheader()
    for row in rows:
        lines.writerow({**row, "fte": "1", "base_load": "0", "absences": ""})
    return text.getvalue().encode()


def households(number: int, first: int = 0) -> Iterator[Household]:
    """So many households from the `first` on, spread as people are; always the same but for today's date."""
    towns = register()
    until = list(accumulate(one.population for one in towns))
    now = datetime.now(UTC)
    for index in range(first, first + number):
        yield _household(Random(index), towns, until, now)


def _household(random: Random, towns: Sequence[Entry], until: Sequence[int], now: datetime) -> Household:
    (town,) = random.choices(towns, cum_weights=until)
    (size,) = random.choices(tuple(SIZES), tuple(SIZES.values()))
    key = UUID(int=random.getrandbits(128), version=4)
    facts = Facts(
        arrived_on=_day(now) - timedelta(days=random.randrange(30)),
        municipality=town.ags,
        district=town.ags[:5],
        languages=(random.choice(LANGUAGES),),
        skills_needed=(random.choice(tuple(Skill)),) if random.random() < 0.15 else (),
        legal_group=LegalGroup.DISPLACED_UKRAINIAN,
        residence_title="24",
        accommodation=Accommodation.PRIVATE,
        size=size,
        age_bands={AgeBand.ADULT: 1, AgeBand.CHILD: size - 1} if size > 1 else {AgeBand.ADULT: 1},
    )
    return Household(
        id=key,
        revision=1,
        home=home_partition(key, facts.district),
        status=HouseholdStatus.ACTIVE,
        change=HouseholdChange.REGISTERED,
        centre="karlsruhe",
        registered_at=now,
        changed_at=now,
        facts=facts,
    )


def _day(now: datetime) -> date:
    return now.date()


def raw(state: State, now: datetime) -> Raw:
    """The record of a state, as intake's relay sends it."""
    random = Random(state.key)
    flags = "01" if random.random() < SAMPLED else "00"
    trace = f"00-{random.getrandbits(128) | 1:032x}-{random.getrandbits(64) | 1:016x}-{flags}"
    stated = headers(state, source="intake", time=now, traceparent=trace)
    return Raw(state.partition, state.key.encode(), encode(state), stated)
