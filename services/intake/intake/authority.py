"""Intake as the authority for households and the register, after a restore or the loss of the broker."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from chassis.authority import Authority, by_pages
from chassis.database import Tx
from contracts import households, municipalities
from contracts.record import State
from contracts.vocabulary import HouseholdStatus
from intake import store
from intake.reception import erased
from intake.shapes import household_state, municipality_state


async def _households(tx: Tx) -> AsyncIterator[Sequence[State]]:
    async for rows in by_pages(tx, store.HOUSEHOLD_IDS):
        found = await store.households(tx, [row["id"] for row in rows])
        yield [household_state(found[row["id"]]) for row in rows]


async def _overtake_households(tx: Tx, heard: Sequence[State]) -> None:
    """Whose erasure was heard of stays erased: a backup brings nobody back who was to be forgotten.

    Who was only lost, in a restore of an older backup, comes back with this one; their state says no day.
    """
    for one in heard:
        if isinstance(one, households.Household) and one.status is HouseholdStatus.ERASED and one.registered_at:
            await erased(tx, one.id)
    await store.raise_households(tx, {UUID(one.key): one.revision + 1 for one in heard})


async def _erase_strangers(tx: Tx, heard: Sequence[State]) -> None:
    """Who registered after the backup has no identity here any more: the centre has to register them again.

    They are lost, and counted on no day; who was erased since has been there.
    """
    await store.keep_erased(tx, [one for one in heard if isinstance(one, households.Household)])


async def _register(tx: Tx) -> AsyncIterator[Sequence[State]]:
    yield [municipality_state(one) for one in (await store.lock_register(tx)).values()]


async def _overtake_register(tx: Tx, heard: Sequence[State]) -> None:
    await store.raise_register(tx, {one.key: one.revision + 1 for one in heard})


async def _dissolve_strangers(tx: Tx, heard: Sequence[State]) -> None:
    """A municipality that only the broker has heard of counts as dissolved until the register is imported again."""
    await store.keep_dissolved(tx, [one for one in heard if isinstance(one, municipalities.Municipality)])


HOUSEHOLDS = Authority(_households, _overtake_households, _erase_strangers)
MUNICIPALITIES = Authority(_register, _overtake_register, _dissolve_strangers)
