"""Receipts in their districts' chains, and whose they are."""

from collections.abc import Collection, Sequence

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


async def write_receipts(tx: Tx, receipts: Sequence[Receipt], cares: Sequence[Care]) -> None:
    """Append receipts to their chains, and say whose they are; `cares` are in the same order."""
    if not receipts:
        return
    districts, positions = [one.district for one in receipts], [one.position for one in receipts]
    await tx.execute(
        "insert into decision (district, position, hash, receipt, decided_at)"
        " select d, p, h, c, $5 from unnest($1::text[], $2::bigint[], $3::bytea[], $4::bytea[]) as r (d, p, h, c)",
        districts,
        positions,
        [one.hash for one in receipts],
        [one.content for one in receipts],
        tx.now,
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
