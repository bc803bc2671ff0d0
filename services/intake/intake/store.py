"""Intake's rows. Locks are taken in one order: idempotency key, references (sorted), municipalities."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
import orjson

from chassis.database import Tx
from chassis.vault import Sealed
from contracts.assignments import Care
from contracts.vocabulary import HouseholdChange, HouseholdStatus
from intake.domain import Decision, Household
from intake.register import Entry, Held
from intake.shapes import facts_of, facts_state, household_of, outcome_of, problems_of


@dataclass(frozen=True, slots=True)
class Place:
    """Where on the stream a submission stood; `digest` is the record's own, not the form's."""

    topic: str
    partition: int
    position: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """What a reference leads to, and how many verdicts its topic has had."""

    household: UUID | None
    verdicts: int = 0


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision on an offer, for the book of verdicts."""

    reference: str | None
    decision: Decision
    place: Place | None = None


async def seen(tx: Tx, places: Sequence[Place]) -> set[Place]:
    """Those places that have their verdict already."""
    rows = await tx.fetch(
        "select v.topic, v.partition, v.position, v.digest from verdict v"
        " join unnest($1::text[], $2::int[], $3::bigint[], $4::bytea[]) as p(topic, partition, position, digest)"
        " using (topic, partition, position, digest)",
        [one.topic for one in places],
        [one.partition for one in places],
        [one.position for one in places],
        [one.digest for one in places],
    )
    return {Place(**row) for row in rows}


async def lock_references(tx: Tx, centre: str, references: Iterable[str]) -> dict[str, Head]:
    """Lock the references, known or new, in their order; what they lead to."""
    rows = await tx.fetch(
        "insert into reference (centre, reference) select $1, r from unnest($2::text[]) as r order by r"
        " on conflict (centre, reference) do update set centre = excluded.centre"
        " returning reference, household, verdicts",
        centre,
        sorted(set(references)),
    )
    return {row["reference"]: Head(row["household"], row["verdicts"]) for row in rows}


async def save_heads(tx: Tx, centre: str, heads: Mapping[str, Head]) -> None:
    """Write locked references back."""
    await tx.execute(
        "update reference as r set household = h.household, verdicts = h.verdicts"
        " from unnest($2::text[], $3::uuid[], $4::int[]) as h(reference, household, verdicts)"
        " where r.centre = $1 and r.reference = h.reference",
        centre,
        list(heads),
        [head.household for head in heads.values()],
        [head.verdicts for head in heads.values()],
    )


async def households(tx: Tx, ids: Iterable[UUID]) -> dict[UUID, Household]:
    """Households by id, of those that the transaction may see; lock their references to change them."""
    rows = await tx.fetch(
        "select id, home, centre, reference, revision, status, change, version, facts, forms, person_digest,"
        " registered_at, changed_at from household where id = any($1::uuid[])",
        list(ids),
    )
    return {row["id"]: _household(row) for row in rows}


async def save_households(tx: Tx, changed: Sequence[Household]) -> None:
    """Insert or replace."""
    await tx.execute(
        "insert into household (id, home, centre, reference, revision, status, change, version, facts, forms,"
        " person_digest, registered_at, changed_at)"
        " select id, home, centre, reference, revision, status, change, version, facts,"
        " array(select decode(form, 'hex') from unnest(string_to_array(forms, ',')) as form),"
        " person_digest, registered_at, changed_at from unnest($1::uuid[], $2::int[], $3::text[], $4::text[],"
        " $5::int[], $6::text[], $7::text[], $8::int[], $9::jsonb[], $10::text[], $11::bytea[], $12::timestamptz[],"
        " $13::timestamptz[]) as h(id, home, centre, reference, revision, status, change, version, facts, forms,"
        " person_digest, registered_at, changed_at) order by id"
        " on conflict (id) do update set reference = excluded.reference, revision = excluded.revision,"
        " status = excluded.status, change = excluded.change, version = excluded.version, facts = excluded.facts,"
        " forms = excluded.forms, person_digest = excluded.person_digest, changed_at = excluded.changed_at",
        [one.id for one in changed],
        [one.home for one in changed],
        [one.centre for one in changed],
        [one.reference for one in changed],
        [one.revision for one in changed],
        [one.status for one in changed],
        [one.change for one in changed],
        [one.version for one in changed],
        [facts_state(one.facts).model_dump(mode="json") if one.facts else None for one in changed],
        [",".join(sorted(form.hex() for form in one.forms)) for one in changed],
        [one.person_digest for one in changed],
        [one.registered_at for one in changed],
        [one.changed_at for one in changed],
    )


async def sealed(tx: Tx, ids: Iterable[UUID]) -> dict[UUID, Sealed]:
    """The vault's boxes of households, of those that the transaction may see."""
    rows = await tx.fetch(
        "select household, wrapped_key, sealed from person_vault where household = any($1::uuid[])", list(ids)
    )
    return {row["household"]: Sealed(row["wrapped_key"], row["sealed"]) for row in rows}


async def save_sealed(tx: Tx, centre: str, boxes: Mapping[UUID, Sealed]) -> None:
    """Put boxes in the vault; the key of an earlier one is gone with it."""
    await tx.execute(
        "insert into person_vault (household, centre, wrapped_key, sealed, changed_at)"
        " select h, $1, k, b, $2 from unnest($3::uuid[], $4::bytea[], $5::bytea[]) as v(h, k, b) order by h"
        " on conflict (household) do update set wrapped_key = excluded.wrapped_key, sealed = excluded.sealed,"
        " changed_at = excluded.changed_at",
        centre,
        tx.now,
        list(boxes),
        [one.key for one in boxes.values()],
        [one.box for one in boxes.values()],
    )


async def destroy_sealed(tx: Tx, household: UUID) -> None:
    """Delete a box and its data key."""
    await tx.execute("delete from person_vault where household = $1", household)


async def write_verdicts(tx: Tx, centre: str, channel: str, rulings: Sequence[Ruling]) -> None:
    """Add to the book of verdicts."""
    places = [ruling.place for ruling in rulings]
    abouts = [household_of(ruling.decision) for ruling in rulings]
    await tx.execute(
        "insert into verdict (at, centre, channel, outcome, reference, household, household_revision, problems,"
        " topic, partition, position, digest)"
        " select $1, $2, $3, o, r, h, hr, p::jsonb, t, pn, ps, d"
        " from unnest($4::text[], $5::text[], $6::uuid[], $7::int[], $8::text[],"
        " $9::text[], $10::int[], $11::bigint[], $12::bytea[]) with ordinality"
        " as v(o, r, h, hr, p, t, pn, ps, d, n) order by n",
        tx.now,
        centre,
        channel,
        [outcome_of(ruling.decision) for ruling in rulings],
        [ruling.reference for ruling in rulings],
        [household for household, _ in abouts],
        [revision for _, revision in abouts],
        [orjson.dumps(problems_of(ruling.decision)).decode() for ruling in rulings],
        [place and place.topic for place in places],
        [place and place.partition for place in places],
        [place and place.position for place in places],
        [place and place.digest for place in places],
    )


async def existing_municipalities(tx: Tx, ags: Iterable[str]) -> frozenset[str]:
    """Those of the keys that are municipalities today."""
    rows = await tx.fetch("select ags from municipality where active and ags = any($1::text[])", sorted(set(ags)))
    return frozenset(row["ags"] for row in rows)


async def lock_register(tx: Tx) -> dict[str, Held]:
    """The whole register; no other import begins before this transaction ends."""
    await tx.execute("lock table municipality in share row exclusive mode")
    rows = await tx.fetch(
        "select ags, name, district_name, population, latitude, longitude, active, revision from municipality"
    )
    return {
        row["ags"]: Held(
            Entry(
                row["ags"],
                row["name"],
                row["district_name"],
                row["population"],
                row["latitude"],
                row["longitude"],
            ),
            row["revision"],
            row["active"],
        )
        for row in rows
    }


async def save_register(tx: Tx, changed: Sequence[Held]) -> None:
    """Insert or replace municipalities."""
    entries = [one.entry for one in changed]
    await tx.execute(
        "insert into municipality (ags, name, district, district_name, population, latitude, longitude, active,"
        " revision, changed_at)"
        " select a, n, left(a, 5), d, p, lat, lon, ac, r, $1 from unnest($2::text[], $3::text[], $4::text[], $5::int[],"
        " $6::float8[], $7::float8[], $8::bool[], $9::int[]) as m(a, n, d, p, lat, lon, ac, r) order by a"
        " on conflict (ags) do update set name = excluded.name, district_name = excluded.district_name,"
        " population = excluded.population, latitude = excluded.latitude, longitude = excluded.longitude,"
        " active = excluded.active, revision = excluded.revision, changed_at = excluded.changed_at",
        tx.now,
        [one.ags for one in entries],
        [one.name for one in entries],
        [one.district_name for one in entries],
        [one.population for one in entries],
        [one.latitude for one in entries],
        [one.longitude for one in entries],
        [one.active for one in changed],
        [one.revision for one in changed],
    )


async def apply_cares(tx: Tx, cares: Sequence[Care]) -> None:
    """Keep what became of households, unless something newer is kept; `cares` are sorted by household."""
    await tx.execute(
        "insert into care (household, centre, revision, status, municipality, manager, state)"
        " select h, (select centre from household where id = h), r, s, m, a, c from unnest($1::uuid[], $2::int[],"
        " $3::text[], $4::text[], $5::uuid[], $6::jsonb[]) as c(h, r, s, m, a, c) order by h"
        " on conflict (household) do update set centre = excluded.centre, revision = excluded.revision,"
        " status = excluded.status, municipality = excluded.municipality, manager = excluded.manager,"
        " state = excluded.state where care.revision < excluded.revision",
        [care.household for care in cares],
        [care.revision for care in cares],
        [care.status for care in cares],
        [care.municipality for care in cares],
        [care.assignee.id if care.assignee else None for care in cares],
        [care.model_dump(mode="json", exclude_none=True) for care in cares],
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """The answer kept for an idempotency key; `status` None while its request is being handled."""

    digest: bytes
    status: int | None
    location: str | None
    body: dict[str, object] | None


async def claim_key(tx: Tx, centre: str, key: str, digest: bytes) -> Kept | None:
    """Claim an idempotency key; None if it is ours now. Waits for a request that holds it at this moment."""
    claimed = await tx.fetchval(
        "insert into idempotency (centre, key, digest, at) values ($1, $2, $3, $4)"
        " on conflict (centre, key) do nothing returning key",
        centre,
        key,
        digest,
        tx.now,
    )
    if claimed is not None:
        return None
    row = await tx.fetchrow(
        "select digest, status, location, body from idempotency where centre = $1 and key = $2", centre, key
    )
    assert row is not None
    return Kept(**row)


async def keep_answer(tx: Tx, centre: str, key: str, kept: Kept) -> None:
    """Keep the answer for whoever asks again with this key."""
    await tx.execute(
        "update idempotency set status = $3, location = $4, body = $5 where centre = $1 and key = $2",
        centre,
        key,
        kept.status,
        kept.location,
        kept.body,
    )


async def forget_keys(tx: Tx, before: datetime) -> None:
    """Forget answers that nobody will ask for again."""
    await tx.execute("delete from idempotency where at < $1", before)


def _household(row: asyncpg.Record) -> Household:
    return Household(
        id=row["id"],
        home=row["home"],
        centre=row["centre"],
        reference=row["reference"],
        registered_at=row["registered_at"],
        changed_at=row["changed_at"],
        revision=row["revision"],
        status=HouseholdStatus(row["status"]),
        change=HouseholdChange(row["change"]),
        version=row["version"],
        facts=facts_of(row["facts"]) if row["facts"] else None,
        forms=frozenset(row["forms"]),
        person_digest=row["person_digest"],
    )
