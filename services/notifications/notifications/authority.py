"""Notifications as the authority for answers, after a restore or the loss of the broker."""

from collections.abc import AsyncIterator, Sequence

from chassis.authority import Authority, by_pages
from chassis.database import Tx
from contracts.record import State
from contracts.responses import Response
from notifications import store


async def _responses(tx: Tx) -> AsyncIterator[Sequence[State]]:
    async for rows in by_pages(tx, store.ANSWERED):
        yield [store.response_of(row) for row in rows]


async def _take_over(tx: Tx, heard: Sequence[State]) -> None:
    """A person has answered, and the broker has kept all that an answer is: it counts as if it had not been lost."""
    await store.keep_answers(tx, [one for one in heard if isinstance(one, Response)])


RESPONSES = Authority(_responses, _take_over, _take_over)
