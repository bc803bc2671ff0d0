"""Confirms a round of allotments: locks, decides, writes, publishes, and says who decided and on what numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from chassis.database import Tx
from contracts.zone import day_of
from intake import store
from intake.allotment import Choice, Round, allot, can_be_allotted
from intake.domain import Household
from intake.quota import Ledger, book, propose
from intake.shapes import household_state


@dataclass(frozen=True, slots=True)
class Confirmed:
    """How many households were allotted, and how many had changed since they were shown."""

    allotted: int
    changed: int


async def confirm(tx: Tx, seen: Round, choices: Sequence[Choice], only: UUID | None = None) -> Confirmed | None:
    """Allot what a person chose of what they were shown, or `only` one; None if the round is no longer theirs.

    The centre's own correction derives ages from the identity, which a district may not open; this changes
    nothing that follows from it.
    """
    if not await store.begin_round(tx, seen.district, seen.number):
        return None
    wanted = {one.household for one in choices if one.municipality and only in (None, one.household)}
    await store.lock_households(tx, wanted)
    held = await store.households(tx, wanted)
    ledger = await store.ledger_of(tx, seen.district)
    municipalities = {one.ags for one in ledger.accounts}
    proposed = dict(zip([one.household for one in choices], propose(ledger, len(choices)), strict=False))
    allotted: list[Household] = []
    for choice in choices:
        known = held.get(choice.household)
        if known is None or choice.municipality not in municipalities:
            continue
        if can_be_allotted(known, seen.district, choice.revision):
            allotted.append(allot(known, choice.municipality, tx.now, day_of(tx.now)))
            await _audit(tx, ledger, choice, proposed.get(choice.household))
            ledger = book(ledger, choice.municipality)
    await store.save_allotted(tx, allotted)
    await tx.publish([household_state(one) for one in allotted])
    return Confirmed(len(allotted), len(wanted) - len(allotted))


async def _audit(tx: Tx, ledger: Ledger, choice: Choice, proposed: str | None) -> None:
    """What was chosen and what would have been, with the numbers before it."""
    account = next(one for one in ledger.accounts if one.ags == choice.municipality)
    await tx.audit(
        "household.allotted",
        str(choice.household),
        municipality=choice.municipality,
        proposed=proposed,
        population=account.population,
        of_population=ledger.population,
        allotted=account.allotted,
        of_allotted=sum(one.allotted for one in ledger.accounts),
        balance=round(float(ledger.balance(account)), 6),
    )
