"""The records of a week in the order in which they are offered, and what is to become of each."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from math import ceil
from typing import Any

from contracts.vocabulary import Answer, AnswerReason, SubmissionKind
from geleit.demo import flaws
from geleit.demo.chance import chance
from geleit.demo.households import FIRST_MONDAY, Fate, Towns, facts, identity

SHARE = 0.04
"""Of the arrivals, for each kind of trouble: with all of them among the records that is more than 3 % of these."""
SHARE_OF_YOUTH_WELFARE = 0.01
LEAST_LATER, MOST_LATER = 40, 300
"""By how many households a correction, withdrawal or resend comes after its registration."""


class Kind(StrEnum):
    """What a record is among those of its week."""

    ARRIVAL = "arrival"
    CORRECTION = "correction"
    WITHDRAWAL = "withdrawal"
    DUPLICATE = "duplicate"
    INVALID = "invalid"
    POISON = "poison"


class Channel(StrEnum):
    """How a centre offers a record."""

    HTTP = "http"
    KAFKA = "kafka"


@dataclass(frozen=True, slots=True)
class Offer:
    """One record; `id` is its own for ever."""

    id: str
    kind: Kind
    channel: Channel
    centre: str
    reference: str
    submission: SubmissionKind
    facts: Mapping[str, Any] | None = None
    identity: Mapping[str, Any] | None = None
    poison: flaws.Poison | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """How the municipality will answer the proposal for a household."""

    answer: Answer
    reason: AnswerReason | None = None


@dataclass(frozen=True, slots=True)
class Week:
    """The plan of a week: `offers` in their order, `wishes` by centre and reference, households by fate."""

    number: int
    offers: tuple[Offer, ...]
    fates: Mapping[Fate, int]
    wishes: Mapping[tuple[str, str], Wish] = field(default_factory=dict)

    def of(self, channel: Channel, centre: str | None = None) -> tuple[Offer, ...]:
        """The records of a channel, of one centre or all."""
        return tuple(one for one in self.offers if one.channel is channel and centre in {None, one.centre})

    @property
    def kinds(self) -> Counter[Kind]:
        """How many records of each kind there are."""
        return Counter(one.kind for one in self.offers)


@dataclass(frozen=True, slots=True)
class _Household:
    number: int
    fate: Fate
    centre: str
    channel: Channel
    reference: str
    facts: Mapping[str, Any]
    identity: Mapping[str, Any]


def plan(week: int, arrivals: int, towns: Towns, centres: Sequence[str], today: date) -> Week:
    """The week's plan: a function of its number, its size, the register and the centres.

    `today` makes somebody born tomorrow; nothing else depends on it.
    """
    fates = _fates(week, arrivals)
    households = [_household(week, number, fate, towns, centres) for number, fate in enumerate(fates)]
    counselled = [one for one in households if one.fate is Fate.COUNSELLED]
    troubled = chance("troubled", week).sample(counselled, min(3 * _some(arrivals), len(counselled)))
    rng = chance("order", week)
    placed: list[tuple[float, Offer]] = [(one.number, _arrival(one)) for one in households]
    for offers in (_corrections, _withdrawals, _duplicates):
        of, troubled = troubled[: _some(arrivals)], troubled[_some(arrivals) :]
        for household, offer in zip(of, offers(week, of, towns), strict=True):
            placed.append((household.number + rng.uniform(LEAST_LATER, MOST_LATER), offer))
    bad = [*_invalid(week, arrivals, centres, towns, today), *_poison(week, arrivals, centres)]
    placed.extend((rng.uniform(0, arrivals), offer) for offer in bad)
    placed.sort(key=lambda at: (at[0], at[1].id))
    return Week(week, tuple(offer for _, offer in placed), Counter(fates), _wishes(week, counselled))


def canaries(week: int, arrivals: int = 2000) -> set[str]:
    """Every name, birth date and contact that the records of a week hold: none may be read outside the vault."""
    found: set[str] = set()
    several = [identity(week, number, fate) for number, fate in enumerate(_fates(week, arrivals))]
    several += [flaws.identity_of(week, number, FIRST_MONDAY) for number in range(_some(arrivals))]
    for one in several:
        found |= {value for value in one["contact"].values() if value}
        for person in one["persons"]:
            found |= {person["given_name"], person["family_name"], person["birth_date"]}
    # That of whoever is to be born tomorrow is a day like any other.
    return found - {(FIRST_MONDAY + timedelta(days=1)).isoformat()}


def _fates(week: int, arrivals: int) -> list[Fate]:
    not_eligible, youth = _some(arrivals), ceil(SHARE_OF_YOUTH_WELFARE * arrivals)
    fates = [Fate.NOT_ELIGIBLE] * not_eligible + [Fate.YOUTH_WELFARE] * youth
    fates += [Fate.COUNSELLED] * (arrivals - len(fates))
    fates = fates[:arrivals]
    chance("fates", week).shuffle(fates)
    return fates


def _household(week: int, number: int, fate: Fate, towns: Towns, centres: Sequence[str]) -> _Household:
    who = identity(week, number, fate)
    centre, channel = _desk(number, centres)
    stated = facts(week, number, fate, towns, who["persons"])
    return _Household(number, fate, centre, channel, f"w{week:03}-{number:05}", stated, who)


def _desk(number: int, centres: Sequence[str]) -> tuple[str, Channel]:
    """Half of the records of each centre come by HTTP and half by its topic."""
    return centres[number // 2 % len(centres)], tuple(Channel)[number % 2]


def _arrival(one: _Household) -> Offer:
    return _offer(one, Kind.ARRIVAL, SubmissionKind.REGISTER, one.facts, one.identity)


def _corrections(week: int, households: Sequence[_Household], towns: Towns) -> Iterator[Offer]:
    """A third moved to another municipality, a third speaks one more language, a third has one more need."""
    for place, one in enumerate(households):
        rng = chance("correction", week, one.number)
        stated = dict(one.facts)
        if place % 3 == 0:
            stated["municipality"] = towns.draw(rng)
        elif place % 3 == 1:
            stated["languages"] = [*stated["languages"], "pl"]
        else:
            stated["skills_needed"] = [*stated["skills_needed"], flaws.FURTHER_NEED]
        yield _offer(one, Kind.CORRECTION, SubmissionKind.CORRECT, stated, None)


def _withdrawals(_week: int, households: Sequence[_Household], _towns: Towns) -> Iterator[Offer]:
    for one in households:
        yield _offer(one, Kind.WITHDRAWAL, SubmissionKind.WITHDRAW, None, None)


def _duplicates(_week: int, households: Sequence[_Household], _towns: Towns) -> Iterator[Offer]:
    for one in households:
        yield _offer(one, Kind.DUPLICATE, SubmissionKind.REGISTER, one.facts, one.identity)


def _offer(
    one: _Household,
    kind: Kind,
    submission: SubmissionKind,
    stated: Mapping[str, Any] | None,
    who: Mapping[str, Any] | None,
) -> Offer:
    return Offer(f"{one.reference}-{kind}", kind, one.channel, one.centre, one.reference, submission, stated, who)


def _invalid(week: int, arrivals: int, centres: Sequence[str], towns: Towns, today: date) -> Iterator[Offer]:
    for number in range(_some(arrivals)):
        centre, channel = _desk(number, centres)
        reference = f"w{week:03}-x{number:04}"
        who = flaws.identity_of(week, number, today)
        stated = flaws.facts_of(week, number, towns)
        kind, submission = Kind.INVALID, SubmissionKind.REGISTER
        yield Offer(f"{reference}-{kind}", kind, channel, centre, reference, submission, stated, who)


def _poison(week: int, arrivals: int, centres: Sequence[str]) -> Iterator[Offer]:
    for number in range(_some(arrivals)):
        reference = f"w{week:03}-p{number:04}"
        poison = tuple(flaws.Poison)[number % len(flaws.Poison)]
        centre = centres[number % len(centres)]
        kind, submission = Kind.POISON, SubmissionKind.REGISTER
        yield Offer(f"{reference}-{kind}", kind, Channel.KAFKA, centre, reference, submission, poison=poison)


def _wishes(week: int, households: Sequence[_Household]) -> dict[tuple[str, str], Wish]:
    """Of twelve proposals one is declined, one was followed by a talk already, three wait for their answer."""
    reasons = (AnswerReason.LANGUAGE, AnswerReason.OVERLOADED, AnswerReason.CONFLICT_OF_INTEREST, AnswerReason.OTHER)
    wishes: dict[tuple[str, str], Wish] = {}
    for place, one in enumerate(households):
        match place % 12:
            case 1:
                wishes[one.centre, one.reference] = Wish(Answer.DECLINED, reasons[place // 12 % len(reasons)])
            case 2:
                wishes[one.centre, one.reference] = Wish(Answer.CONTACTED)
            case 3 | 7 | 11:
                pass
            case _:
                wishes[one.centre, one.reference] = Wish(Answer.ACCEPTED)
    return wishes


def _some(arrivals: int) -> int:
    return ceil(SHARE * arrivals)
