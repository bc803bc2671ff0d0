"""Each topic's newest states, folded into the inbox; what is new there is told, what is late is reminded of,
then told to the district."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from chassis.consumer import newest
from chassis.database import Tx
from chassis.failpoint import failpoint
from chassis.timers import Due
from contracts.assignments import Care
from contracts.municipalities import Municipality
from contracts.policy import Policy
from contracts.record import Record, State
from contracts.roster import Manager
from contracts.vocabulary import CareStatus
from notifications import store
from notifications.deliver import News, announce

REMIND = "remind"
ESCALATE = "escalate"


async def on_assignments(batch: Sequence[Record[Care]], tx: Tx) -> Sequence[State]:
    """Fold cares into items; tell the municipality of proposals newer than this service itself."""
    newer, asked_anew = await store.fold_cares(tx, [one.state for one in newest(batch)])
    failpoint("inbox.folded")
    fresh = [care for care in newer if care.status is CareStatus.PROPOSED and _is_news(care, tx)]
    await announce(
        tx,
        "proposal",
        [
            News(care.household, care.item, care.municipality, care.assigned_at, tx.traces.get(care.key))
            for care in fresh
            if care.item and care.municipality and care.assigned_at
        ],
    )
    failpoint("inbox.told")
    # Not of a proposal that was corrected: what has come of its deadline stays.
    if dues := _deadlines(asked_anew, tx):
        await tx.dues(REMIND, dues)
    if over := [care.key for care in newer if care.status is not CareStatus.PROPOSED]:
        await tx.undue(REMIND, over)
    if again := [care.household for care in newer if care.status is not CareStatus.PROPOSED or care.earlier]:
        await store.drop_reminders(tx, again)
    for care in newer:
        tx.describe(care.key, care_status=care.status.value, item=care.item or 0)
    return ()


async def on_reminder_due(batch: Sequence[Due], tx: Tx) -> Sequence[State]:
    """Remind once of each proposal that nobody has answered in time, and look at it again after as long once more."""
    late = await store.unanswered(tx, [UUID(due.aggregate) for due in batch])
    await announce(tx, "reminder", [_news(one, one["municipality"], tx) for one in late if one["municipality"]])
    await tx.dues(ESCALATE, {str(one["household"]): tx.now + one["given"] for one in late})
    failpoint("inbox.reminded")
    return ()


async def on_escalation_due(batch: Sequence[Due], tx: Tx) -> Sequence[State]:
    """Tell the district of each proposal that nobody has answered in twice the time."""
    late = await store.unanswered(tx, [UUID(due.aggregate) for due in batch], times_more=1)
    await announce(tx, "escalation", [_news(one, one["district"], tx) for one in late if one["district"]])
    failpoint("inbox.escalated")
    return ()


async def on_roster(batch: Sequence[Record[Manager]], tx: Tx) -> Sequence[State]:
    """Fold managers' codes."""
    await store.fold_managers(tx, [one.state for one in newest(batch)])
    return ()


async def on_municipalities(batch: Sequence[Record[Municipality]], tx: Tx) -> Sequence[State]:
    """Fold municipalities' names."""
    await store.fold_municipalities(tx, [one.state for one in newest(batch)])
    return ()


async def on_policy(batch: Sequence[Record[Policy]], tx: Tx) -> Sequence[State]:
    """Fold how long an answer may take."""
    await store.fold_policies(tx, [one.state for one in newest(batch)])
    return ()


def _deadlines(cares: Sequence[Care], tx: Tx) -> dict[str, datetime]:
    """Until when proposals are to be answered; of one older than this service, if that is still to come."""
    return {
        care.key: care.answer_by
        for care in cares
        if care.status is CareStatus.PROPOSED and care.answer_by and (_is_news(care, tx) or care.answer_by > tx.now)
    }


def _news(unanswered: asyncpg.Record, place: str, tx: Tx) -> News:
    return News(unanswered["household"], unanswered["item"], place, tx.now, unanswered["traceparent"])


def _is_news(care: Care, tx: Tx) -> bool:
    """Whether the assignment is newer than this service: a new or restored one mails nobody about old cases."""
    return care.assigned_at is not None and care.assigned_at > tx.started
