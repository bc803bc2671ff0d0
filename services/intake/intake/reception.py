"""Takes offers in their order: locks, decides, writes. The stream and the web both come here."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID, uuid4

from opentelemetry.trace import Span

from chassis.database import Tx
from chassis.failpoint import failpoint
from chassis.parked import discard_of
from chassis.telemetry import traceparent_of
from chassis.vault import Sealed
from contracts.topics import home_partition, submissions
from contracts.vocabulary import SubmissionKind
from contracts.zone import day_of
from intake import store
from intake.domain import Changed, Decision, Desk, Household, Offer, decide, erase
from intake.identity import Keys
from intake.quota import COUNTED
from intake.shapes import household_state
from intake.stated import Form, Identity
from intake.store import Head, Ruling


def offer(
    keys: Keys,
    kind: SubmissionKind,
    reference: str | None,
    version: int | None,
    form: Form | None = None,
    *,
    by_hand: bool = False,
) -> Offer:
    """An offer with the digests of its form."""
    if form is None:
        return Offer(kind, reference, version)
    persons = keys.fingerprints.of_persons(form.identity) if form.identity else None
    return Offer(kind, reference, version, form, keys.fingerprints.of_form(form), persons, by_hand)


async def take(tx: Tx, keys: Keys, centre: str, heads: dict[str, Head], offers: Sequence[Offer]) -> list[Decision]:
    """Decide offers whose references are locked, and write what changes; `heads` follow."""
    decisions = await _decide(tx, keys, centre, heads, offers)
    done = [one for one in decisions if isinstance(one, Changed)]
    changed = {one.household.id: one.household for one in done}
    fresh = {one.household.id: one.identity for one in done if one.identity}
    if changed:
        await store.save_households(tx, list(changed.values()))
        failpoint("intake.saved")
    if fresh:
        await store.save_sealed(tx, centre, await asyncio.to_thread(_seal, keys, fresh))
        failpoint("intake.sealed")
    await tx.audits([(f"household.{one.outcome}", str(one.household.id)) for one in done])
    return decisions


async def preview(tx: Tx, keys: Keys, centre: str, offers: Sequence[Offer]) -> list[Decision]:
    """What `take_all` would decide now; nothing is locked or written."""
    references = [one.reference for one in offers if one.reference]
    heads = dict.fromkeys(references, Head(None)) | await store.heads(tx, centre, references)
    return await _decide(tx, keys, centre, heads, offers)


async def take_all(
    tx: Tx, keys: Keys, centre: str, offers: Sequence[Offer], spans: Sequence[Span] = ()
) -> list[Decision]:
    """Decide offers that came by HTTP, publish what changes and write their verdicts.

    What is published continues the span of its offer, or what runs now if there are no `spans`.
    """
    heads = await store.lock_references(tx, centre, [one.reference for one in offers if one.reference])
    decisions = await take(tx, keys, centre, heads, offers)
    await store.save_heads(tx, centre, heads)
    for decision, span in zip(decisions, spans, strict=False):
        if isinstance(decision, Changed) and (traceparent := traceparent_of(span)):
            tx.traces[str(decision.household.id)] = traceparent
    changed = [one for one in decisions if isinstance(one, Changed)]
    await tx.publish([household_state(one.household) for one in changed])
    rulings = [Ruling(one.reference, decision) for one, decision in zip(offers, decisions, strict=True)]
    await store.write_verdicts(tx, centre, "http", rulings)
    failpoint("intake.ruled")
    return decisions


async def take_one(tx: Tx, keys: Keys, centre: str, one: Offer) -> Decision:
    """`take_all` for one offer."""
    (decision,) = await take_all(tx, keys, centre, [one])
    return decision


async def identity_of(tx: Tx, keys: Keys, household: UUID) -> Identity | None:
    """The names and birth dates of a household, if the transaction may see them; the read is audited."""
    return (await identities_of(tx, keys, [household])).get(household)


async def identities_of(tx: Tx, keys: Keys, households: Sequence[UUID]) -> dict[UUID, Identity]:
    """`identity_of` for each of these that the transaction may see."""
    boxes = await store.sealed(tx, households)
    await tx.audits([("identity.read", str(one)) for one in boxes])
    return {one: keys.open(box, one) for one, box in boxes.items()}


async def erase_household(tx: Tx, household: UUID) -> bool:
    """Destroy a household's data key and publish its last state; False if there is nothing to erase."""
    gone = await erased(tx, household)
    if gone is None:
        return False
    await tx.publish([household_state(gone)])
    await tx.audit("household.erased", str(household))
    return True


async def erased(tx: Tx, household: UUID) -> Household | None:
    """The household without what tells who it was, kept and not yet told; None if there is nothing to erase."""
    found = (await store.households(tx, [household])).get(household)
    if found is not None and found.is_lost:
        # Nothing is held of them; from now on no newer backup brings them back.
        gone = erase(found, tx.now)
        await store.save_households(tx, [gone])
        return gone
    if found is None or found.reference is None:
        return None
    heads = await store.lock_references(tx, found.centre, [found.reference])
    found = (await store.households(tx, [household]))[household]
    if found.reference is None:
        return None
    gone = erase(found, tx.now)
    if found.facts and found.facts.stated.municipality and found.status in COUNTED:
        await store.keep_in_ledger(tx, found.facts.stated.municipality)
    await store.save_households(tx, [gone])
    await store.destroy_sealed(tx, household)
    await store.forget_reference(tx, household)
    # Applied later, it would bring them back.
    await discard_of(tx, submissions(found.centre).name, found.reference, "the household is erased")
    verdicts = heads[found.reference].verdicts
    await store.save_heads(tx, found.centre, {found.reference: Head(None, verdicts)})
    return gone


async def _decide(tx: Tx, keys: Keys, centre: str, heads: dict[str, Head], offers: Sequence[Offer]) -> list[Decision]:
    """Decide offers in their order; `heads` follow."""
    held = await store.households(tx, [head.household for head in heads.values() if head.household])
    current: dict[str, Household] = {
        reference: held[head.household] for reference, head in heads.items() if head.household in held
    }
    on_file = await _on_file(tx, keys, _needing(offers, current))
    stated = {one.form.facts.municipality for one in offers if one.form.facts}
    municipalities = await store.existing_municipalities(tx, [ags for ags in stated if ags])
    desk = Desk(centre, tx.now, day_of(tx.now), municipalities, home_partition)
    decisions: list[Decision] = []
    for one in offers:
        known = current.get(one.reference or "")
        decision = decide(one, known, on_file.get(known.id) if known else None, desk, uuid4())
        decisions.append(decision)
        if isinstance(decision, Changed):
            household = decision.household
            if one.reference:
                current[one.reference] = household
                heads[one.reference] = Head(household.id, heads[one.reference].verdicts)
            if decision.identity:
                on_file[household.id] = decision.identity
    return decisions


def _needing(offers: Sequence[Offer], current: dict[str, Household]) -> Iterable[UUID]:
    """Households that are corrected without an identity: their ages follow from the one on file."""
    for one in offers:
        if one.kind is SubmissionKind.CORRECT and one.form.identity is None and one.reference in current:
            yield current[one.reference].id


async def _on_file(tx: Tx, keys: Keys, households: Iterable[UUID]) -> dict[UUID, Identity]:
    boxes = await store.sealed(tx, households)
    return await asyncio.to_thread(_open, keys, boxes) if boxes else {}


# A poll's identities take a good part of a second, in which nothing else would run.
def _open(keys: Keys, boxes: Mapping[UUID, Sealed]) -> dict[UUID, Identity]:
    return {household: keys.open(box, household) for household, box in boxes.items()}


def _seal(keys: Keys, identities: Mapping[UUID, Identity]) -> dict[UUID, Sealed]:
    return {household: keys.seal(identity, household) for household, identity in identities.items()}
