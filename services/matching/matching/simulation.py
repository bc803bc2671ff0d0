"""What a policy would change: the recorded inputs run twice, as things are and with the policy, side by side."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import astuple, dataclass
from datetime import date
from typing import Any

from chassis.database import Tx
from contracts.vocabulary import CareStatus
from matching import store
from matching.days import day_of
from matching.domain import Policy
from matching.lifecycle import Case
from matching.own_way import OwnWay
from matching.receipts import NO_DISTRICT
from matching.rules import ineligibility


@dataclass
class Change:
    """What a policy changes in one district: households as they would be without and with it."""

    added: int = 0
    """Counselled by the policy, and not without it."""
    removed: int = 0
    """No longer counselled, though without the policy they would be."""
    staying: int = 0
    """In care and no longer counselled by the policy: no rule ends this, a person does."""
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


async def simulate(
    tx: Tx, policy: Policy, since: date, progress: Callable[[int, int], None] = lambda *_: None
) -> dict[str, Change]:
    """What a policy that holds from a day on changes, by district, as of today or that day if it is later.

    Everything that was put in runs twice through the same core, once with the policies that were enacted and once with
    this one; answers count where the proposal they answer stands. Reads only. Raises TooOld.
    """
    total, older = await store.how_many_batches(tx)
    if older:
        raise TooOld(older)
    without, with_it = OwnWay(), OwnWay(policy, since)
    done = 0
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
    for alias, case in without.cases.items():
        district = case.household.district or NO_DISTRICT
        changes[district] += _change(case, with_it.cases[alias], policy, horizon)
    return dict(changes)


class TooOld(Exception):
    """So many inputs are from before decisions could be made again."""


COUNSELLED = frozenset({CareStatus.WAITING, CareStatus.PROPOSED, CareStatus.CONFIRMED})


def _change(case: Case, other: Case, policy: Policy, day: date) -> Change:
    one, two = case.care, other.care
    assert one is not None, "what was put in has a care"
    assert two is not None, "in both worlds"
    facts = other.household.facts
    return Change(
        added=one.status is CareStatus.NOT_ELIGIBLE and two.status in COUNSELLED,
        removed=one.status in COUNSELLED and two.status is CareStatus.NOT_ELIGIBLE,
        staying=bool(two.status is CareStatus.CONFIRMED and facts and ineligibility(facts, policy, day)),
        assigned=(one.assigned, two.assigned),
        waiting=(one.status is CareStatus.WAITING, two.status is CareStatus.WAITING),
        load=(one.weight, two.weight),
    )
