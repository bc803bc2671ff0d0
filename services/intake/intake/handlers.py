"""What intake does with submissions and with the care of its households."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

from chassis.access import Principal, Role
from chassis.consumer import Handler, newest
from chassis.database import Tx
from chassis.failpoint import failpoint
from chassis.timers import Due
from contracts.assignments import Care
from contracts.record import Record, State, encode
from contracts.submissions import Submission
from contracts.topics import centre_of
from contracts.verdicts import Verdict
from intake import store
from intake.domain import LEAVING, Changed, Decision, Offer
from intake.forms import read_form
from intake.identity import Keys, Undecryptable
from intake.reception import offer, take
from intake.shapes import household_of, household_state, outcome_of, verdict_problems
from intake.stated import Problem
from intake.store import Place, Ruling

KEYS_KEPT = timedelta(days=30)
STALE_KEYS = "stale_keys"


def on_submissions(loaded: Callable[[], Keys]) -> Handler:
    """The handler of one centre's submissions: a verdict for each, and the households that follow."""

    async def handle(batch: Sequence[Record[Submission]], tx: Tx) -> Sequence[State]:
        topic = batch[0].topic
        keys, centre = loaded(), centre_of(topic)
        # The broker lets nobody else write there.
        tx.principal = Principal(topic, topic, Role.CENTRE, centre, "topic")
        places = [_place(record) for record in batch]
        # Before it is asked what has been seen: another worker may be about to rule the same records.
        heads = await store.lock_references(tx, centre, (record.state.reference for record in batch))
        done = await store.seen(tx, places)
        fresh = [(record, place) for record, place in zip(batch, places, strict=True) if place not in done]
        # In a thread, for 4,000 identities take most of a second, in which nothing else would run.
        offers = await asyncio.to_thread(lambda: [_read(keys, record.state) for record, _ in fresh])
        for number, (record, place) in enumerate(fresh):
            if record.offered_at and await store.is_overtaken(
                tx, centre, record.state.reference, place, record.offered_at
            ):
                offers[number] = replace(offers[number], overtaken=True)
        decisions = await take(tx, keys, centre, heads, offers)
        states: list[State] = []
        rulings: list[Ruling] = []
        for (record, place), decision in zip(fresh, decisions, strict=True):
            head = heads[record.state.reference]
            heads[record.state.reference] = replace(head, verdicts=head.verdicts + 1)
            states.extend(_told(record, decision, centre, head.verdicts + 1, tx))
            rulings.append(Ruling(record.state.reference, decision, place))
        await store.save_heads(tx, centre, heads)
        await store.write_verdicts(tx, centre, "kafka", rulings)
        failpoint("submissions.ruled")
        return states

    return handle


async def on_stale_keys(dues: Sequence[Due], tx: Tx) -> Sequence[State]:
    """Forget idempotency keys after their time, once a day."""
    await store.forget_keys(tx, tx.now - KEYS_KEPT)
    await tx.dues(STALE_KEYS, {due.aggregate: tx.now + timedelta(days=1) for due in dues})
    return ()


async def first_dues(tx: Tx) -> Sequence[State]:
    """Start what the clock repeats."""
    await tx.first_due(tx.now + timedelta(days=1), STALE_KEYS, "all")
    return ()


async def on_assignments(batch: Sequence[Record[Care]], tx: Tx) -> Sequence[State]:
    """Keep what became of each household, to show its centre."""
    await store.apply_cares(tx, [record.state for record in newest(batch)])
    return ()


def _read(keys: Keys, submission: Submission) -> Offer:
    if submission.kind in LEAVING:
        return offer(keys, submission.kind, submission.reference, submission.version)
    faults: tuple[Problem, ...] = ()
    identity = None
    if submission.identity is not None:
        try:
            identity = keys.decrypt(submission.identity)
        except Undecryptable:
            faults = (Problem("/identity", "identity_undecryptable"),)
    form = read_form(submission.facts, identity, faults)
    return offer(keys, submission.kind, submission.reference, submission.version, form)


def _told(record: Record[Submission], decision: Decision, centre: str, revision: int, tx: Tx) -> Sequence[State]:
    """The verdict, after the household's new state if there is one; both in the submission's trace."""
    reference = record.state.reference
    household, household_revision = household_of(decision)
    outcome = outcome_of(decision)
    tx.describe(reference, outcome=outcome)
    verdict = Verdict(
        revision=revision,
        reference=reference,
        centre=centre,
        outcome=outcome,
        household=household,
        household_revision=household_revision,
        decided_at=tx.now,
        partition_read=record.partition,
        offset_read=record.offset,
        problems=verdict_problems(decision),
    )
    if not isinstance(decision, Changed):
        return (verdict,)
    if reference in tx.traces:
        tx.traces[str(household)] = tx.traces[reference]
    return (household_state(decision.household), verdict)


def _place(record: Record[Submission]) -> Place:
    return Place(record.topic, record.partition, record.offset, sha256(encode(record.state)).digest())
