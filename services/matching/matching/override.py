"""A person decides against the proposal: with a reason, a receipt and an audit row."""

from dataclasses import dataclass
from uuid import UUID

import orjson

from chassis.database import Tx
from contracts.assignments import Care as CareState
from contracts.vocabulary import HouseholdStatus
from matching import decisions, store
from matching.ask import Override
from matching.domain import Manager, OverrideReason
from matching.lifecycle import Case, Step
from matching.stimuli import Stimulus


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a person's choice cannot be carried out; `code` for programs."""

    code: str


NOT_FOUND = Refusal("not_found")
CHANGED = Refusal("care_has_changed")
NOT_HERE = Refusal("household_is_not_active")
UNKNOWN_MANAGER = Refusal("unknown_manager")
SAME_MANAGER = Refusal("manager_has_the_case")


async def seen_case(tx: Tx, household: UUID, seen: int) -> Case | Refusal:
    """The household's case, locked, if its care still has the revision that a person has seen."""
    await store.lock_households(tx, [household])
    case = (await store.cases(tx, [household])).get(household)
    if case is None or case.care is None:
        return NOT_FOUND
    if case.care.revision != seen:
        return CHANGED
    return case if case.household.status is HouseholdStatus.ACTIVE else NOT_HERE


def serves_in(manager: Manager, places: str) -> bool:
    """Whether she serves a municipality whose AGS begins so: a district decides on its own managers only."""
    return any(ags.startswith(places) for ags in manager.service_area)


async def override(
    tx: Tx, household: UUID, manager: UUID, reason: OverrideReason, seen: int, *, places: str
) -> CareState | Refusal:
    """Give the household to the manager whatever the gates say; `seen` is the care's revision the person decided on,
    `places` what the AGS of her service area begin with.

    The excess over her capacity is tolerated and shown. Whom a decline has excluded is no longer.
    """
    case = await seen_case(tx, household, seen)
    if isinstance(case, Refusal):
        return case
    held = await store.basis(tx)
    known = held.field.managers.get(manager)
    if known is None or known.removed or not serves_in(known, places):
        return UNKNOWN_MANAGER
    if case.care and case.care.manager == manager:
        return SAME_MANAGER
    step = Step(case, case.care, decide=True, wish=Override(manager, reason), readmit=manager)
    payload = orjson.dumps({"manager": str(manager), "reason": reason})
    wish = Stimulus("override", str(case.household.alias), payload, seen)
    (told,) = await decisions.settle(tx, held, [step], [wish], serve=False)
    await tx.publish([told])
    await tx.audit("override", str(household), manager=str(manager), reason=reason, revision=told.revision)
    assert isinstance(told, CareState)
    return told
