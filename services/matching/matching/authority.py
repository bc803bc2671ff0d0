"""Matching as the authority for cares, roster and policy, after a restore or the loss of the broker."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID, uuid4

import orjson

from chassis.authority import Authority, by_pages
from chassis.database import Tx
from contracts import assignments, policy, roster
from contracts.record import State, encode
from contracts.zone import day_of
from matching import decisions, store
from matching.roster.change import keep_strangers, manager_states
from matching.rules import counselling_over_on
from matching.stimuli import Stimulus
from matching.wire import care_state


async def _cares(tx: Tx) -> AsyncIterator[Sequence[State]]:
    held, today = await store.basis(tx), day_of(tx.now)
    managers = {one.id: one for one in await store.managers(tx)}
    async for rows in by_pages(tx, store.CARED_FOR):
        found = (await store.cases(tx, [row["household"] for row in rows])).values()
        cares = {case.household.id: case.care for case in found if case.care}
        spoke = await decisions.whys_so_far(tx, [care for care in cares.values() if care.item])
        yield [
            care_state(
                case.household,
                care,
                managers[care.manager] if care.manager else None,
                spoke.get(key),
                counselling_over_on(case.household.facts, held.policy, today),
            )
            for case in found
            if (care := cares.get(key := case.household.id))
        ]


async def _overtake_cares(tx: Tx, heard: Sequence[State]) -> None:
    """Items are numbered by revisions, and answers name them: replay is told of the leap."""
    raised = await store.raise_cares(tx, {UUID(one.key): one.revision + 1 for one in heard})
    await store.record(tx, uuid4(), [Stimulus("raised", str(alias), b"{}", to) for alias, to in raised])


async def _end_strangers(tx: Tx, heard: Sequence[State]) -> None:
    """Their care ends above what was heard of it: intake says that they are erased, or tells of them again.

    Items are numbered on from there, so replay is told.
    """
    cares = [one for one in heard if isinstance(one, assignments.Care)]
    alias = await store.keep_ended(tx, cares)
    await store.record(tx, uuid4(), [_ended(one, alias[one.household]) for one in cares])


def _ended(heard: assignments.Care, alias: UUID) -> Stimulus:
    return Stimulus("ended", str(alias), orjson.dumps({"registered_at": heard.registered_at}), heard.revision + 1)


async def _roster(tx: Tx) -> AsyncIterator[Sequence[State]]:
    yield await manager_states(tx)


async def _overtake_roster(tx: Tx, heard: Sequence[State]) -> None:
    await store.raise_managers(tx, {UUID(one.key): one.revision + 1 for one in heard})


async def _remove_strangers(tx: Tx, heard: Sequence[State]) -> None:
    """A manager who only the broker has heard of has left, until the roster is imported again."""
    await keep_strangers(tx, [one for one in heard if isinstance(one, roster.Manager)])


async def _policy(tx: Tx) -> AsyncIterator[Sequence[State]]:
    newest = await store.newest_policy(tx)
    if newest:
        yield [newest]


async def _overtake_policy(tx: Tx, heard: Sequence[State]) -> None:
    """The policy holds on under a number of its own; receipts name it, so replay is told."""
    newest = await store.newest_policy(tx)
    assert newest, "what is overtaken is held"
    raised = newest.model_copy(update={"revision": max(one.revision for one in heard) + 1})
    await store.raise_policy(tx, newest.revision, raised)
    await store.renew_basis(tx)
    await store.record(tx, uuid4(), [Stimulus("policy", raised.key, encode(raised), raised.revision)])


async def _no_strange_policy(_: Tx, heard: Sequence[State]) -> None:
    """There is one policy, which migration begins with."""
    assert not [one for one in heard if isinstance(one, policy.Policy)], "a policy of another name was heard of"


ASSIGNMENTS = Authority(_cares, _overtake_cares, _end_strangers)
ROSTER = Authority(_roster, _overtake_roster, _remove_strangers)
POLICY = Authority(_policy, _overtake_policy, _no_strange_policy)
