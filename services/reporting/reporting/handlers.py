"""Each topic's newest states, folded."""

from collections.abc import Sequence

from chassis.consumer import newest
from chassis.database import Tx
from contracts.assignments import Care
from contracts.households import Household
from contracts.municipalities import Municipality
from contracts.policy import Policy
from contracts.record import Record, State
from contracts.responses import Response
from contracts.roster import Manager
from reporting import projection, store


async def on_households(batch: Sequence[Record[Household]], tx: Tx) -> Sequence[State]:
    """Fold arrivals and what became of the stay."""
    await store.fold_households(tx, [projection.household_row(one.state) for one in newest(batch)])
    return ()


async def on_assignments(batch: Sequence[Record[Care]], tx: Tx) -> Sequence[State]:
    """Fold who cares and who waits."""
    await store.fold_cares(tx, [projection.care_row(one.state) for one in newest(batch)])
    return ()


async def on_responses(batch: Sequence[Record[Response]], tx: Tx) -> Sequence[State]:
    """Fold the answers."""
    await store.fold_responses(tx, [projection.response_row(one.state) for one in newest(batch)])
    return ()


async def on_roster(batch: Sequence[Record[Manager]], tx: Tx) -> Sequence[State]:
    """Fold the posts."""
    await store.fold_managers(tx, [projection.manager_row(one.state) for one in newest(batch)])
    return ()


async def on_municipalities(batch: Sequence[Record[Municipality]], tx: Tx) -> Sequence[State]:
    """Fold the register."""
    await store.fold_municipalities(tx, [projection.municipality_row(one.state) for one in newest(batch)])
    return ()


async def on_policy(batch: Sequence[Record[Policy]], tx: Tx) -> Sequence[State]:
    """Fold the policy's version."""
    await store.fold_policies(tx, [projection.policy_row(one.state) for one in newest(batch)])
    return ()
