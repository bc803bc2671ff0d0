"""Intake's rows. Locks are taken in one order: idempotency key, references (sorted), municipalities."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any
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
        _query("save_households"),
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
        _query("write_verdicts"),
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
        _query("save_register"),
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
        _query("apply_cares"),
        tx.now,
        [care.household for care in cares],
        [care.revision for care in cares],
        [care.status for care in cares],
        [care.reason for care in cares],
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


async def release_key(tx: Tx, centre: str, key: str) -> None:
    """Let the key be used again: what it came with was refused."""
    await tx.execute("delete from idempotency where centre = $1 and key = $2", centre, key)


async def forget_keys(tx: Tx, before: datetime) -> None:
    """Forget answers that nobody will ask for again."""
    await tx.execute("delete from idempotency where at < $1", before)


@dataclass(frozen=True, slots=True)
class Shown:
    """A household as its centre sees it in a list, with what became of it; no names."""

    id: UUID
    reference: str
    revision: int
    status: HouseholdStatus
    registered_at: datetime
    changed_at: datetime
    facts: dict[str, Any]
    municipality_name: str | None
    care: dict[str, Any] | None
    """The newest state on `assignments`, as JSON."""


async def shown(
    tx: Tx,
    *,
    limit: int,
    after: tuple[datetime, UUID] | None = None,
    newest_first: bool = True,
    reference: str = "",
    status: str | None = None,
    care: str | None = None,
    since: datetime | None = None,
    same_persons_as: UUID | None = None,
    id: UUID | None = None,
) -> list[Shown]:
    """Households by registration, of the transaction's centre; `since` looks at the care's changes too."""
    rows = await tx.fetch(
        _query("shown_newest_first" if newest_first else "shown"),
        limit,
        *(after or (None, None)),
        reference.replace("\\", "").replace("%", "").replace("_", "\\_") + "%",
        status,
        care,
        since,
        same_persons_as,
        id,
    )
    return [Shown(**{**row, "status": HouseholdStatus(row["status"])}) for row in rows]


async def choices(tx: Tx) -> list[tuple[str, str]]:
    """All municipalities as (AGS, name with district), by name."""
    rows = await tx.fetch("select ags, name, district_name from municipality where active order by name, ags")
    return [
        (row["ags"], row["name"] if row["name"] == row["district_name"] else f"{row['name']} ({row['district_name']})")
        for row in rows
    ]


@cache
def _query(name: str) -> str:
    return (files("intake") / "queries" / f"{name}.sql").read_text("utf-8")


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
