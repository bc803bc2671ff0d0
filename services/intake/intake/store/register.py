"""The rows of the municipality register."""

from collections.abc import Iterable, Sequence

from chassis.database import Tx
from intake.register import Entry, Held
from intake.store.query import query


async def existing_municipalities(tx: Tx, ags: Iterable[str]) -> frozenset[str]:
    """Those of the keys that are municipalities today."""
    rows = await tx.fetch("select ags from municipality where active and ags = any($1::text[])", sorted(set(ags)))
    return frozenset(row["ags"] for row in rows)


async def lock_register(tx: Tx) -> dict[str, Held]:
    """The whole register; before this transaction ends no other import begins and no erasure books into a ledger."""
    await tx.execute("lock table municipality, quota_account in share row exclusive mode")
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
        query("save_register"),
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


async def choices(tx: Tx, chosen: str | None = None) -> list[tuple[str, str]]:
    """All municipalities as (AGS, name with district), by name; a dissolved one if it is `chosen`."""
    # Chosen is what somebody sent: PostgreSQL could not even be asked for a text with a NUL.
    rows = await tx.fetch("select ags, name, district_name, active from municipality order by name, ags")
    return [
        (row["ags"], row["name"] if row["name"] == row["district_name"] else f"{row['name']} ({row['district_name']})")
        for row in rows
        if row["active"] or row["ags"] == chosen
    ]
