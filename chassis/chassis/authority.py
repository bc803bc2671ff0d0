"""What a service is the authority for: the states it writes, told once more above whatever the broker has heard."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis.database import Tx
from contracts.record import State

PAGE = 2000
"""States that are held in memory at once."""


@dataclass(frozen=True, slots=True)
class Authority:
    """How a service comes to terms with what was heard of one of its topics, before its processes start.

    After a restore the broker may have heard newer revisions than the tables hold, and of aggregates that they do not
    hold at all. What the tables say counts.
    """

    states: Callable[[Tx], AsyncIterator[Sequence[State]]]
    """Every aggregate as it stands, in pages."""
    overtake: Callable[[Tx, Sequence[State]], Awaitable[None]]
    """Be newer than these, of which the tables hold another or an older state."""
    adopt: Callable[[Tx, Sequence[State]], Awaitable[None]]
    """Hold these, which the tables do not know, in whatever end they come to."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What an authority has told: how many states, how many had to overtake, and the keys that were not known."""

    told: int
    overtaken: int
    adopted: frozenset[str]


async def tell_again(tx: Tx, authority: Authority, heard: Mapping[str, State]) -> Settled:
    """Put every state into the outbox, each newer than, or the same as, what was heard of its key."""
    known: set[str] = set()
    older: list[State] = []
    async for page in authority.states(tx):
        for state in page:
            known.add(state.key)
            other = heard.get(state.key)
            if other is not None and other != state and other.revision >= state.revision:
                older.append(other)
    strange = [state for key, state in heard.items() if key not in known]
    if older:
        await authority.overtake(tx, older)
    if strange:
        await authority.adopt(tx, strange)
    told, untold = 0, {state.key: state for state in strange}
    async for page in authority.states(tx):
        await tx.publish(page)
        told += len(page)
        for state in page:
            untold.pop(state.key, None)
    # Adopted, and no state yet: an answer, before its writer hears again of the case.
    await tx.publish(list(untold.values()))
    return Settled(told + len(untold), len(older), frozenset(state.key for state in strange))


async def by_pages(tx: Tx, sql: str) -> AsyncIterator[Sequence[Any]]:
    """The rows of a query in pages, in the order of their first column, an id.

    `$1` is the id that the last page ended with, `$2` how many rows there are at most.
    """
    after = UUID(int=0)
    while rows := await tx.fetch(sql, after, PAGE):
        yield rows
        after = rows[-1][0]
