"""The policy that is shipped, as policy.json beside this file.

There is no legal ratio of cases to posts; 1,200 units a post make the caseloads that were observed. A person weighs 10
units, a case 5, each need 5 more; after twelve weeks 80 percent of that, after a year 60. A full post carries 80 single
persons in their first weeks and 133 after a year, in households of the mean size of 2.3 with one need in two
households 90 persons and 150. Observed were 72 active plans a manager (Waldshut 2024), 80 persons (Biberach 2018),
about 118 (Rastatt 2017) and 157 (Wehr 2021).
"""

from collections.abc import Sequence
from importlib.resources import files
from uuid import uuid4

from chassis.database import Tx
from chassis.failpoint import failpoint
from contracts.policy import Policy as PolicyState
from contracts.record import State, encode
from contracts.zone import day_of
from matching import store
from matching.days import start_of
from matching.decisions import NOT_ENDED, UNDECIDED, recheck
from matching.roster.change import with_capacities
from matching.rules import turns_of
from matching.stimuli import Stimulus
from matching.wire import policy_of


def shipped() -> PolicyState:
    """The policy of this release."""
    return PolicyState.model_validate_json((files("matching") / "policy.json").read_bytes())


async def ensure_policy(tx: Tx) -> Sequence[State]:
    """Publish the shipped policy if there is none; what is to be published. Runs after migrations.

    A later release never puts its policy above one that people have enacted.
    """
    return () if await store.newest_policy(tx) else await publish_policy(tx, shipped())


async def publish_policy(tx: Tx, state: PolicyState) -> Sequence[State]:
    """Put a version into force: capacities follow, and everybody is looked at again. Whom nobody has in care is decided
    anew; who is in care is told when the counselling period is over, if the version says otherwise who is counselled.

    Nothing happens if that version is known. Rules that begin or end later come as due on their day.
    """
    await store.renew_basis(tx)
    if await store.knows_policy(tx, state.version):
        return ()
    newest = await store.newest_policy(tx)
    state = state.model_copy(update={"revision": newest.revision + 1 if newest else 1})
    await store.add_policy(tx, state)
    failpoint("policy.added")
    policy, today = policy_of(state), day_of(tx.now)
    await tx.dues("policy", {day.isoformat(): start_of(day) for day in turns_of(policy) if day > today})
    if newest and newest.load != state.load:
        await tx.dues("ageing", dict.fromkeys(await store.assigned(tx), tx.now))
    managers = await with_capacities(tx, policy)
    if newest:
        await recheck(tx, UNDECIDED if newest.eligibility == state.eligibility else NOT_ENDED)
    await store.record(tx, uuid4(), [Stimulus("policy", state.key, encode(state), state.revision)])
    return state, *managers
