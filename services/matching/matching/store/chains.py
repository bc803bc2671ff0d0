"""Receipts in their districts' chains, and whose they are."""

from collections.abc import Collection, Sequence
from uuid import UUID

import asyncpg

from chassis.database import Tx
from matching.lifecycle import Care
from matching.receipts import Head, Receipt


async def lock_heads(tx: Tx, districts: Collection[str]) -> dict[str, Head]:
    """Lock the ends of the districts' chains, in order; a chain that has none yet begins."""
    wanted = sorted(set(districts))
    if not wanted:
        return {}
    await tx.execute(
        "insert into chain_head (district, position, hash) select d, 0, $2 from unnest($1::text[]) as d"
        " where not exists (select from chain_head h where h.district = d) on conflict do nothing",
        wanted,
        Head().hash,
    )
    rows = await tx.fetch(
        "select * from chain_head where district = any($1::text[]) order by district for no key update", wanted
    )
    return {row["district"]: Head(row["position"], row["hash"]) for row in rows}


async def districts(tx: Tx) -> list[str]:
    """The districts that have a chain."""
    return [row["district"] for row in await tx.fetch("select distinct district from decision order by district")]


async def receipts_of(tx: Tx, batches: Collection[UUID]) -> dict[UUID, list[Receipt]]:
    """The receipts of the decisions of these batches."""
    rows = await tx.fetch("select * from decision where batch = any($1::uuid[]) order by district, position", batches)
    found: dict[UUID, list[Receipt]] = {}
    for row in rows:
        found.setdefault(row["batch"], []).append(_receipt(row))
    return found


async def without_inputs(tx: Tx) -> list[tuple[str, int]]:
    """Where the receipts are for which no input was written down."""
    rows = await tx.fetch(
        "select district, position from decision d where not exists (select from stimulus s where s.batch = d.batch)"
    )
    return [(row["district"], row["position"]) for row in rows]


async def chain(tx: Tx, district: str) -> list[Receipt]:
    """A district's chain from its beginning."""
    rows = await tx.fetch("select * from decision where district = $1 order by position", district)
    return [_receipt(row) for row in rows]


async def receipts_at(tx: Tx, decisions: Sequence[tuple[UUID, int]]) -> dict[UUID, bytes]:
    """The receipts of these decisions: of a household, at that revision of its care."""
    if not decisions:
        return {}
    rows = await tx.fetch(
        "select l.household, d.receipt from unnest($1::uuid[], $2::bigint[]) as w (household, revision)"
        " join decision_link l using (household, revision) join decision d using (district, position)",
        [household for household, _ in decisions],
        [revision for _, revision in decisions],
    )
    return {row["household"]: row["receipt"] for row in rows}


async def places_of(tx: Tx, household: UUID) -> set[tuple[str, int]]:
    """Where the receipts of a household are; nowhere once it is erased."""
    rows = await tx.fetch("select district, position from decision_link where household = $1", household)
    return {(row["district"], row["position"]) for row in rows}


def _receipt(row: asyncpg.Record) -> Receipt:
    return Receipt(row["district"], row["position"], row["hash"], row["receipt"])


async def write_receipts(tx: Tx, batch: UUID, receipts: Sequence[Receipt], cares: Sequence[Care]) -> None:
    """Append receipts to their chains, and say whose they are; `cares` are in the same order."""
    if not receipts:
        return
    districts, positions = [one.district for one in receipts], [one.position for one in receipts]
    await tx.execute(
        "insert into decision (district, position, hash, receipt, decided_at, batch)"
        " select d, p, h, c, $5, $6 from unnest($1::text[], $2::bigint[], $3::bytea[], $4::bytea[]) as r (d, p, h, c)",
        districts,
        positions,
        [one.hash for one in receipts],
        [one.content for one in receipts],
        tx.now,
        batch,
    )
    await tx.execute(
        "insert into decision_link (household, revision, district, position)"
        " select * from unnest($1::uuid[], $2::bigint[], $3::text[], $4::bigint[])",
        [care.household for care in cares],
        [care.revision for care in cares],
        districts,
        positions,
    )
    ends = {one.district: one for one in receipts}
    await tx.execute(
        "update chain_head as h set position = n.p, hash = n.h"
        " from unnest($1::text[], $2::bigint[], $3::bytea[]) as n (d, p, h) where h.district = n.d",
        list(ends),
        [one.position for one in ends.values()],
        [one.hash for one in ends.values()],
    )
