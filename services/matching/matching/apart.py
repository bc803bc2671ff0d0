"""A person keeps a manager and a household apart: a conflict of interest that nobody has to decline first."""

from uuid import UUID

import orjson

from chassis.database import Tx
from matching import decisions, store
from matching.lifecycle import Step, kept_apart
from matching.override import UNKNOWN_MANAGER, Refusal, seen_case, serves_in
from matching.stimuli import Stimulus


async def keep_apart(tx: Tx, household: UUID, manager: UUID, seen: int, *, places: str) -> Refusal | None:
    """Let the manager never get the household; `seen` is the care's revision the person decided on, `places` what the
    AGS of her service area begin with.

    If she has it, somebody else is chosen. A person's later decision for her takes this back.
    """
    case = await seen_case(tx, household, seen)
    if isinstance(case, Refusal):
        return case
    held = await store.basis(tx)
    known = held.field.managers.get(manager)
    if known is None or not serves_in(known, places):
        return UNKNOWN_MANAGER
    step = kept_apart(case, manager)
    told = Stimulus("apart", str(case.household.alias), orjson.dumps({"manager": str(manager)}), seen)
    await tx.publish(await decisions.settle(tx, held, [step] if step else [], [told], serve=False))
    await store.exclude(tx, [Step(case, case.care, exclude=manager)])
    await tx.audit("keep_apart", str(household), manager=str(manager))
    return None
