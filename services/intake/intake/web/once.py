"""A request is handled once for its Idempotency-Key: asked again, it gets the answer it got."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from chassis.database import Tx
from chassis.failpoint import failpoint
from intake import store
from intake.domain import Decision, Duplicate, Household, Rejection
from intake.stated import Problem
from intake.store import Kept, Ruling

CHANNEL = "http"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: its Idempotency-Key, as it is kept, and the digest of what is asked."""

    key: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request for a household is told."""

    status: int
    location: str
    body: Mapping[str, Any]
    replayed: bool = False

    @property
    def household(self) -> UUID:
        """Whom it is about."""
        return UUID(self.body["id"])


Told = Answer | Rejection
Decide = Callable[[Sequence[int]], Awaitable[Sequence[Decision]]]


def answer_of(decision: Decision) -> Told:
    """The answer to a decision that holds: 202 for what changes, 200 for what was known."""
    if isinstance(decision, Rejection):
        return decision
    household = decision.household
    is_known = isinstance(decision, Duplicate)
    return Answer(
        status=200 if is_known else 202,
        location=f"/intake/v1/households/{household.id}",
        body={
            "id": str(household.id),
            "revision": household.revision,
            "status": household.status,
            "outcome": "duplicate" if isinstance(decision, Duplicate) else str(decision.outcome),
        },
    )


async def once(tx: Tx, centre: str, asked: Asked, decide: Callable[[], Awaitable[Decision]]) -> Told:
    """Decide, or give the answer that is kept; each way leaves one verdict. A refused request frees its key."""

    async def decide_it(_: Sequence[int]) -> Sequence[Decision]:
        return [await decide()]

    (told,) = await once_each(tx, centre, [asked], decide_it)
    return told


async def once_each(tx: Tx, centre: str, asked: Sequence[Asked], decide: Decide) -> list[Told]:
    """`once` for requests that came together; `decide` is given the places of those that have no answer yet.

    Among them a key stands for one request: whatever it was told, a refusal too, is told to the same one again.
    """
    first: dict[str, int] = {}
    for place, one in enumerate(asked):
        first.setdefault(one.key, place)
    kept = await store.claim_keys(tx, centre, {key: asked[place].digest for key, place in first.items()})
    fresh = [place for key, place in first.items() if key not in kept]
    decisions = await decide(fresh) if fresh else ()
    failpoint("once.decided")
    told: dict[int, Told] = {}
    before: dict[str, tuple[bytes, Told]] = {
        key: (one.digest, Answer(one.status, one.location, one.body)) for key, one in kept.items()
    }
    for place, decision in zip(fresh, decisions, strict=True):
        told[place] = answer = answer_of(decision)
        before[asked[place].key] = (asked[place].digest, answer)
    await _settle(tx, centre, {asked[place].key: before[asked[place].key] for place in fresh})
    again = {place: _again(one, *before[one.key]) for place, one in enumerate(asked) if place not in told}
    if again:
        await _rule(tx, centre, again.values())
    return [(told | again)[place] for place in range(len(asked))]


async def refuse(tx: Tx, centre: str, problem: Problem) -> Rejection:
    """Write the verdict on a request that never became an offer."""
    rejection = Rejection((problem,))
    await store.write_verdicts(tx, centre, CHANNEL, [Ruling(None, rejection)])
    return rejection


async def _settle(tx: Tx, centre: str, answers: Mapping[str, tuple[bytes, Told]]) -> None:
    kept = {
        key: Kept(digest, answer.status, answer.location, answer.body)
        for key, (digest, answer) in answers.items()
        if isinstance(answer, Answer)
    }
    if kept:
        await store.keep_answers(tx, centre, kept)
    if refused := answers.keys() - kept.keys():
        await store.release_keys(tx, centre, refused)


def _again(one: Asked, digest: bytes, answer: Told) -> Told:
    if digest != one.digest:
        return Rejection((Problem("", "idempotency_key_reused"),))
    return replace(answer, replayed=True) if isinstance(answer, Answer) else answer


async def _rule(tx: Tx, centre: str, again: Collection[Told]) -> None:
    held = await store.households(tx, {one.household for one in again if isinstance(one, Answer)})
    await store.write_verdicts(tx, centre, CHANNEL, [_ruling(one, held) for one in again])


def _ruling(told: Told, held: Mapping[UUID, Household]) -> Ruling:
    if isinstance(told, Rejection):
        return Ruling(None, told)
    household = held[told.household]
    return Ruling(household.reference, Duplicate(household))
