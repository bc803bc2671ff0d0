"""A person keeps a manager and a household apart: a conflict of interest that nobody has to decline first."""

from uuid import UUID

import orjson

from chassis.database import Tx
from contracts.vocabulary import HouseholdStatus
from matching import decisions, store
from matching.lifecycle import Step, kept_apart
from matching.override import CHANGED, NOT_FOUND, NOT_HERE, UNKNOWN_MANAGER, Refusal
from matching.stimuli import Stimulus


async def keep_apart(tx: Tx, household: UUID, manager: UUID, seen: int) -> Refusal | None:
    """Let the manager never get the household; `seen` is the care's revision the person decided on.

    If she has it, somebody else is chosen. A person's later decision for her takes this back.
    """
    await store.lock_households(tx, [household])
    case = (await store.cases(tx, [household])).get(household)
    if case is None or case.care is None:
        return NOT_FOUND
    held = await store.basis(tx)
    if case.care.revision != seen:
        return CHANGED
    if case.household.status is not HouseholdStatus.ACTIVE:
        return NOT_HERE
    if manager not in held.field.managers:
        return UNKNOWN_MANAGER
    step = kept_apart(case, manager)
    told = Stimulus("apart", str(case.household.alias), orjson.dumps({"manager": str(manager)}), seen)
    await tx.publish(await decisions.settle(tx, held, [step] if step else [], [told], serve=False))
    await store.exclude(tx, [Step(case, case.care, exclude=manager)])
    await tx.audit("keep_apart", str(household), manager=str(manager))
    return None
