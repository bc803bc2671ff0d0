"""A request is handled once for its Idempotency-Key: asked again, it gets the answer it got."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis.database import Tx
from intake import store
from intake.domain import Decision, Duplicate, Rejection
from intake.stated import Problem
from intake.store import Kept, Ruling

CHANNEL = "http"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request for a household is told."""

    status: int
    location: str
    body: dict[str, Any]
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class KeyReused:
    """The key came with another request before."""


def answer_of(decision: Decision) -> Answer:
    """The answer to a decision that holds: 202 for what changes, 200 for what was known."""
    household = decision.household
    assert household is not None
    outcome = "duplicate" if isinstance(decision, Duplicate) else str(getattr(decision, "outcome", ""))
    return Answer(
        status=200 if isinstance(decision, Duplicate) else 202,
        location=f"/intake/v1/households/{household.id}",
        body={
            "id": str(household.id),
            "revision": household.revision,
            "status": household.status,
            "outcome": outcome,
        },
    )


async def once(
    tx: Tx, centre: str, key: str, digest: bytes, decide: Callable[[], Awaitable[Decision]]
) -> Answer | Rejection | KeyReused:
    """Decide, or give the answer that is kept; each way leaves one verdict. A refused request frees its key."""
    kept = await store.claim_key(tx, centre, key, digest)
    if kept is not None:
        return await _again(tx, centre, kept, digest)
    decision = await decide()
    if isinstance(decision, Rejection):
        await store.release_key(tx, centre, key)
        return decision
    answer = answer_of(decision)
    await store.keep_answer(tx, centre, key, Kept(digest, answer.status, answer.location, answer.body))
    return answer


async def refuse(tx: Tx, centre: str, *problems: Problem, reference: str | None = None) -> Rejection:
    """Write the verdict on a request that never became an offer."""
    rejection = Rejection(problems)
    await store.write_verdicts(tx, centre, CHANNEL, [Ruling(reference, rejection)])
    return rejection


async def _again(tx: Tx, centre: str, kept: Kept, digest: bytes) -> Answer | KeyReused:
    if kept.digest != digest or kept.body is None or kept.status is None:
        await refuse(tx, centre, Problem("", "idempotency_key_reused"))
        return KeyReused()
    household = (await store.households(tx, [UUID(str(kept.body["id"]))])).popitem()[1]
    await store.write_verdicts(tx, centre, CHANNEL, [Ruling(household.reference, Duplicate(household))])
    return Answer(kept.status, kept.location or "", kept.body, replayed=True)
