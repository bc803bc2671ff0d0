"""Every decision made once more, from what was put in, and compared byte by byte with the receipt it got."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from chassis.database import Tx
from matching import solver, store
from matching.match import by_solver
from matching.receipts import Receipt, broken_at, statement_of
from matching.world import World

Place = tuple[str, int]
"""A district and a position in its chain."""


@dataclass
class Replayed:
    """What came of a replay."""

    same: Counter[str] = field(default_factory=Counter)
    """By district, how many receipts were made again byte by byte."""
    by_another_solver: Counter[str] = field(default_factory=Counter)
    """Of these, how many had a choice of another version of the solver, which ours finds feasible and as good."""
    otherwise: list[Place] = field(default_factory=list)
    """Receipts that the inputs do not lead to."""
    broken: dict[str, int] = field(default_factory=dict)
    """Chains that do not hold, and the first position at which they do not."""

    @property
    def holds(self) -> bool:
        """Whether every chain holds and every decision was made again."""
        return not self.otherwise and not self.broken


async def replay(
    tx: Tx, only: Callable[[Place], bool] = lambda _: True, progress: Callable[[int, int], None] = lambda *_: None
) -> Replayed:
    """Make all decisions again, compare those at places that `only` wants, and look along the chains they are in.

    Reads only, beside workers that go on: what they decide meanwhile is not looked at.
    """
    total, result = await store.how_many_batches(tx), Replayed()
    await _decide_again(tx, only, result, lambda done: progress(done, total))
    result.otherwise += [place for place in await store.without_inputs(tx) if only(place)]
    for district in await store.districts(tx):
        receipts = await store.chain(tx, district)
        if any(only((one.district, one.position)) for one in receipts) and (place := broken_at(receipts)):
            result.broken[district] = place
    return result


async def _decide_again(
    tx: Tx, only: Callable[[Place], bool], result: Replayed, progress: Callable[[int], None]
) -> None:
    world, done = World(), 0
    async for batches in store.chunks(tx):
        kept = await store.receipts_of(tx, [batch.id for batch in batches])
        for batch in batches:
            there = {(one.district, one.position): one for one in kept.get(batch.id, ())}
            stated = [one for receipt in there.values() if (one := _readable(receipt))]
            elsewhere = _elsewhere(stated)
            made = {(one.district, one.position): one for one in world.apply(batch, elsewhere or by_solver)}
            for place in sorted(filter(only, there.keys() | made.keys())):
                if made.get(place) != there.get(place) or (elsewhere and elsewhere.worse):
                    result.otherwise.append(place)
                    continue
                result.same[place[0]] += 1
                result.by_another_solver[place[0]] += bool(elsewhere)
        done += len(batches)
        progress(done)


class Elsewhere:
    """Goes along with what another version of the solver chose; `worse` if that was not feasible or not as good."""

    def __init__(self, receipts: Sequence[Mapping[str, Any]]) -> None:
        self._receipts = {UUID(one["case"]): one for one in receipts}
        self.worse = False

    def __call__(
        self, problem: solver.Problem, aliases: Sequence[UUID], managers: Sequence[UUID], exactly: bool
    ) -> solver.Solution:
        """The plan that was carried out."""
        ours = solver.solve(problem, exactly=exactly)
        kept = [self._receipts.get(alias) for alias in aliases]
        chosen = [UUID(one["chosen"]) if one and one["chosen"] else None for one in kept]
        plan = tuple(managers.index(one) if one in managers else None for one in chosen)
        told = next((one["solver"] for one in kept if one), None)
        if told is None:
            return ours
        better = solver.value(problem, ours.plan) > solver.value(problem, plan)
        self.worse |= not solver.is_feasible(problem, plan) or (told["optimal"] and better)
        return solver.Solution(plan, told["optimal"], told["by"])


def _readable(receipt: Receipt) -> Mapping[str, Any] | None:
    """What a receipt states; None: it was changed, and no replay comes to its bytes."""
    try:
        return statement_of(receipt.content)
    except (ValueError, KeyError, TypeError):
        return None


def _elsewhere(stated: Sequence[Mapping[str, Any]]) -> Elsewhere | None:
    """For decisions that another version of the solver made."""
    by = {one["solver"]["by"] for one in stated}
    return Elsewhere(stated) if any(one.startswith("cp-sat") and one != solver.CP_SAT for one in by) else None
