"""What a policy would change: the recorded inputs run twice, as things are and with the policy, side by side."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import astuple, dataclass
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from chassis.database import Tx
from contracts.vocabulary import Accommodation, CareStatus, LegalGroup
from contracts.zone import day_of
from matching import store
from matching.domain import Policy
from matching.lifecycle import Care, Case
from matching.own_way import OwnWay
from matching.receipts import NO_DISTRICT
from matching.rules import ineligibility


class Effect(StrEnum):
    """What a policy does to a household."""

    ADDED = "added"
    """Counselled by the policy, and not without it."""
    REMOVED = "removed"
    """No longer counselled, though without the policy it would be."""
    STAYS = "stays"
    """In care and no longer counselled by the policy: no rule ends this, a person does."""


class Concerned(NamedTuple):
    """A household whose eligibility a policy changes, as it would be by then."""

    alias: UUID
    district: str
    legal_group: LegalGroup
    accommodation: Accommodation
    effect: Effect


@dataclass
class Change:
    """What a policy changes in one district: households as they would be without and with it."""

    added: int = 0
    removed: int = 0
    staying: int = 0
    assigned: tuple[int, int] = (0, 0)
    waiting: tuple[int, int] = (0, 0)
    load: tuple[int, int] = (0, 0)
    """Units of all cases that somebody has."""

    @property
    def is_change(self) -> bool:
        """Whether anything would be otherwise."""
        pairs = (self.assigned, self.waiting, self.load)
        return bool(self.added or self.removed or self.staying or any(one != two for one, two in pairs))

    def __add__(self, other: "Change") -> "Change":
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Change(*(_sum(one, more) for one, more in pairs))


def _sum(one: Any, more: Any) -> Any:
    return (one[0] + more[0], one[1] + more[1]) if isinstance(one, tuple) else one + more


@dataclass(frozen=True)
class Simulation:
    """By district what would change, and whom it concerns."""

    changes: dict[str, Change]
    concerned: list[Concerned]


async def simulate(
    tx: Tx, policy: Policy, since: date, progress: Callable[[int, int], None] = lambda *_: None
) -> Simulation:
    """What a policy that holds from a day on changes, as of today or that day if it is later.

    Everything that was put in runs twice through the same core, once with the policies that were enacted and once with
    this one; answers count where the proposal they answer stands. Reads only.
    """
    total, done = await store.how_many_batches(tx), 0
    without, with_it = OwnWay(), OwnWay(policy, since)
    async for batches in store.chunks(tx):
        for batch in batches:
            # Beside the event loop, which shows the progress.
            await asyncio.to_thread(without.follow, batch)
            await asyncio.to_thread(with_it.follow, batch)
            done += 1
            progress(done, total)
    horizon = max(day_of(tx.now), since)
    for world in (without, with_it):
        world.pass_time(horizon)
    changes: dict[str, Change] = defaultdict(Change)
    concerned: list[Concerned] = []
    for alias, case in without.cases.items():
        district, other = case.household.district or NO_DISTRICT, with_it.cases[alias]
        effect = _effect(case, other, policy, horizon)
        changes[district] += _change(case, other, effect)
        if effect and (facts := other.household.facts):
            concerned.append(Concerned(alias, district, facts.legal_group, facts.accommodation, effect))
    return Simulation(dict(changes), concerned)


COUNSELLED = frozenset({CareStatus.WAITING, CareStatus.PROPOSED, CareStatus.CONFIRMED})


def _effect(case: Case, other: Case, policy: Policy, day: date) -> Effect | None:
    one, two = _cares(case, other)
    if one.status is CareStatus.NOT_ELIGIBLE and two.status in COUNSELLED:
        return Effect.ADDED
    if one.status in COUNSELLED and two.status is CareStatus.NOT_ELIGIBLE:
        return Effect.REMOVED
    facts = other.household.facts
    if two.status is CareStatus.CONFIRMED and facts and ineligibility(facts, policy, day):
        return Effect.STAYS
    return None


def _cares(case: Case, other: Case) -> tuple[Care, Care]:
    assert case.care is not None, "what was put in has a care"
    assert other.care is not None, "in both worlds"
    return case.care, other.care


def _change(case: Case, other: Case, effect: Effect | None) -> Change:
    one, two = _cares(case, other)
    return Change(
        added=effect is Effect.ADDED,
        removed=effect is Effect.REMOVED,
        staying=effect is Effect.STAYS,
        assigned=(one.assigned, two.assigned),
        waiting=(one.status is CareStatus.WAITING, two.status is CareStatus.WAITING),
        load=(one.weight, two.weight),
    )
