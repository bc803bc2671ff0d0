"""Households, the references that lead to them, and the boxes of their identities."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from chassis.database import Tx
from chassis.vault import Sealed
from contracts.vocabulary import HouseholdChange, HouseholdStatus
from intake.domain import Household
from intake.shapes import facts_of, facts_state
from intake.store.query import query


@dataclass(frozen=True, slots=True)
class Head:
    """What a reference leads to, and how many verdicts its topic has had."""

    household: UUID | None
    verdicts: int = 0


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


async def heads(tx: Tx, centre: str, references: Iterable[str]) -> dict[str, Head]:
    """What known references lead to; nothing is locked."""
    rows = await tx.fetch(
        "select reference, household, verdicts from reference where centre = $1 and reference = any($2::text[])",
        centre,
        sorted(set(references)),
    )
    return {row["reference"]: Head(row["household"], row["verdicts"]) for row in rows}


async def save_heads(tx: Tx, centre: str, heads: Mapping[str, Head]) -> None:
    """Write locked references back."""
    # All of them are there. An update would join, and a join is planned by what PostgreSQL knows of the table then.
    await tx.execute(
        "insert into reference (centre, reference, household, verdicts)"
        " select $1, r, h, v from unnest($2::text[], $3::uuid[], $4::int[]) as head(r, h, v) order by r"
        " on conflict (centre, reference) do update set household = excluded.household, verdicts = excluded.verdicts",
        centre,
        list(heads),
        [head.household for head in heads.values()],
        [head.verdicts for head in heads.values()],
    )


async def households(tx: Tx, ids: Iterable[UUID]) -> dict[UUID, Household]:
    """Households by id, of those that the transaction may see; lock their references to change them."""
    if not (wanted := list(ids)):
        return {}
    rows = await tx.fetch(
        "select id, home, centre, reference, revision, status, change, version, facts, forms, person_digest,"
        " allotted, registered_at, changed_at from household where id = any($1::uuid[])",
        wanted,
    )
    return {row["id"]: _household(row) for row in rows}


async def save_households(tx: Tx, changed: Sequence[Household]) -> None:
    """Insert or replace."""
    await tx.execute(
        query("save_households"),
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
        [one.allotted for one in changed],
    )


async def sealed(tx: Tx, ids: Iterable[UUID]) -> dict[UUID, Sealed]:
    """The vault's boxes of households, of those that the transaction may see."""
    if not (wanted := list(ids)):
        return {}
    rows = await tx.fetch(
        "select household, wrapped_key, sealed from person_vault where household = any($1::uuid[])", wanted
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
        allotted=row["allotted"],
    )
