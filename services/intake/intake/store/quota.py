"""The rows behind a district's quota ledger, and its households that wait for a municipality."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from chassis.database import Tx
from intake.domain import Household
from intake.quota import Account, Ledger
from intake.shapes import facts_state
from intake.store.query import query


@dataclass(frozen=True, slots=True)
class Waiting:
    """A household without a municipality as its district sees it; no names."""

    id: UUID
    reference: str
    centre: str
    revision: int
    registered_at: datetime
    arrived_on: date
    size: int
    languages: tuple[str, ...]


async def allotted_in(tx: Tx, district: str) -> dict[str, int]:
    """How many households each municipality of a district has: those that are there, and those that have left."""
    rows = await tx.fetch(query("allotted"), district)
    return {row["municipality"]: row["households"] for row in rows}


async def ledger_of(tx: Tx, district: str) -> Ledger:
    """The ledger as it stands."""
    allotted = await allotted_in(tx, district)
    rows = await tx.fetch(query("quota_accounts"), district)
    return Ledger(
        district,
        tuple(
            Account(row["ags"], row["population"], allotted.get(row["ags"], 0), row["before"], row["opening"])
            for row in rows
        ),
    )


async def names_in(tx: Tx, district: str) -> dict[str, str]:
    """The municipalities of a district by AGS, in the order of their names."""
    rows = await tx.fetch("select ags, name from municipality where active and district = $1 order by name", district)
    return {row["ags"]: row["name"] for row in rows}


async def save_ledgers(tx: Tx, ledgers: Iterable[Ledger]) -> None:
    """Keep what the accounts begin with under their new key."""
    accounts = sorted((account.ags, account) for ledger in ledgers for account in ledger.accounts)
    await tx.execute(
        query("save_quota_accounts"),
        [ags for ags, _ in accounts],
        [account.opening for _, account in accounts],
        [account.before for _, account in accounts],
    )


async def keep_in_ledger(tx: Tx, municipality: str) -> None:
    """Let a household that is erased count as before, though its facts are gone."""
    await tx.execute(
        "insert into quota_account (municipality, district, opening, before)"
        " select ags, district, 0, -1 from municipality where ags = $1"
        " on conflict (municipality) do update set before = quota_account.before - 1",
        municipality,
    )


async def confirmed_rounds(tx: Tx, district: str) -> int:
    """How many rounds a district has confirmed."""
    return int(await tx.fetchval("select number from quota_round where district = $1", district) or 0)


async def begin_round(tx: Tx, district: str, seen: int) -> bool:
    """Take the district's next round, unless somebody has taken it since `seen` of them were confirmed."""
    await tx.execute(
        "insert into quota_round (district, number) values ($1, 0) on conflict (district) do nothing", district
    )
    taken = await tx.fetchval(
        "update quota_round set number = number + 1 where district = $1 and number = $2 returning number",
        district,
        seen,
    )
    return taken is not None


async def waiting_in(tx: Tx, district: str, limit: int, after: tuple[datetime, UUID] | None = None) -> list[Waiting]:
    """A district's active households without a municipality, oldest first."""
    rows = await tx.fetch(query("without_municipality"), district, limit, *(after or (None, None)))
    return [
        Waiting(
            row["id"],
            row["reference"],
            row["centre"],
            row["revision"],
            row["registered_at"],
            date.fromisoformat(row["facts"]["arrived_on"]),
            row["facts"]["size"],
            tuple(row["facts"]["languages"]),
        )
        for row in rows
    ]


async def waiting_by_district(tx: Tx) -> Mapping[str | None, int]:
    """How many households wait for a municipality, by district; None where their centre states none."""
    rows = await tx.fetch(
        "select district, count(*) as households from household"
        " where status = 'active' and municipality is null group by district"
    )
    return {row["district"]: row["households"] for row in rows}


async def lock_households(tx: Tx, ids: Collection[UUID]) -> None:
    """Lock households of any centres by their references, as whoever changes one does; those that may be seen."""
    await tx.execute(
        "select from reference where household = any($1::uuid[]) order by centre, reference for update", list(ids)
    )


async def save_allotted(tx: Tx, changed: Sequence[Household]) -> None:
    """Write the next revisions of locked households."""
    await tx.execute(
        query("save_allotted"),
        [one.id for one in changed],
        [one.revision for one in changed],
        [one.change for one in changed],
        [facts_state(one.facts).model_dump(mode="json") if one.facts else None for one in changed],
        tx.now,
    )
