"""An answer from the door to the outbox: lock, look, judge, write, publish."""

from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from chassis.database import Tx
from chassis.failpoint import failpoint
from notifications import store
from notifications.domain import NotNow, Same, Stale, Taken, Wish, judge


@dataclass(frozen=True, slots=True)
class Unknown:
    """The household has no item that the asker may see: there is none, or it is somebody else's."""


Outcome: TypeAlias = Taken | Same | Stale | NotNow | Unknown


async def give(tx: Tx, household: UUID, wish: Wish) -> Outcome:
    """Give an answer for the principal. The caller holds the household's lock, if it gives several."""
    await store.lock(tx, [household])
    seen = await store.items_of(tx, household)
    if not seen:
        return Unknown()
    item = next((one for one in seen if one.item == wish.item), None)
    if item is None:
        return Stale(seen[0].current_item)
    verdict = judge(item.standing, await store.given(tx, household), wish, tx.now)
    if isinstance(verdict, Taken):
        response = await store.write_answer(tx, household, item.home, verdict.given)
        failpoint("inbox.answered")
        told = {"item": wish.item, "answer": wish.answer.value, "reason": wish.reason, "revision": response.revision}
        await tx.audit("answer", str(household), **told)
        await tx.publish([response])
    return verdict
