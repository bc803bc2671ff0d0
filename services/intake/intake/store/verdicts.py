"""The book of verdicts: every offer has one row, a record of the stream only once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from chassis.database import Tx
from contracts.vocabulary import Outcome
from intake.domain import Decision
from intake.shapes import household_of, outcome_of, problems_of
from intake.store.query import query
from intake.telemetry import count_verdicts


@dataclass(frozen=True, slots=True)
class Place:
    """Where on the stream a submission stood; `digest` is the record's own, not the form's."""

    topic: str
    partition: int
    position: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision on an offer, for the book of verdicts."""

    reference: str | None
    decision: Decision
    place: Place | None = None


async def seen(tx: Tx, places: Sequence[Place]) -> set[Place]:
    """Those places that have their verdict already."""
    rows = await tx.fetch(
        "select p.* from unnest($1::text[], $2::int[], $3::bigint[], $4::bytea[])"
        " as p(topic, partition, position, digest) cross join lateral (select from verdict v where v.topic = p.topic"
        " and v.partition = p.partition and v.position = p.position and v.digest = p.digest limit 1) as known",
        [one.topic for one in places],
        [one.partition for one in places],
        [one.position for one in places],
        [one.digest for one in places],
    )
    return {Place(**row) for row in rows}


async def is_overtaken(tx: Tx, centre: str, reference: str, place: Place, offered_at: datetime) -> bool:
    """Whether something newer was done to whose reference this is: by a record behind the place, or by HTTP since then.

    The book is read only where the household has changed since.
    """
    found: bool = await tx.fetchval(
        "select exists (select from reference r join household h on h.id = r.household"
        " where r.centre = $1 and r.reference = $2 and h.changed_at > $6)"
        " and exists (select from verdict where centre = $1 and reference = $2 and outcome <> all ($7::text[])"
        " and (topic = $3 and partition = $4 and position > $5 or channel = 'http' and at > $6))",
        centre,
        reference,
        place.topic,
        place.partition,
        place.position,
        offered_at,
        [Outcome.DUPLICATE, Outcome.REJECTED],
    )
    return found


async def forget_reference(tx: Tx, household: UUID) -> None:
    """Leave the verdicts on a household, and none that says whose file it was."""
    # No index: an erasure is rare and may read the book, which every offer writes.
    await tx.execute("update verdict set reference = null where household = $1", household)


async def write_verdicts(tx: Tx, centre: str, channel: str, rulings: Sequence[Ruling]) -> None:
    """Add to the book of verdicts, and count them."""
    outcomes = [outcome_of(ruling.decision) for ruling in rulings]
    count_verdicts(tx, centre, channel, outcomes)
    places = [ruling.place for ruling in rulings]
    abouts = [household_of(ruling.decision) for ruling in rulings]
    await tx.execute(
        query("write_verdicts"),
        tx.now,
        centre,
        channel,
        outcomes,
        [ruling.reference for ruling in rulings],
        [household for household, _ in abouts],
        [revision for _, revision in abouts],
        [orjson.dumps(problems_of(ruling.decision)).decode() for ruling in rulings],
        [place and place.topic for place in places],
        [place and place.partition for place in places],
        [place and place.position for place in places],
        [place and place.digest for place in places],
    )
