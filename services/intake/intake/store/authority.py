"""What only a restore does to the rows: raise revisions, keep what was heard of and is not held."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from chassis.database import Tx, columns
from contracts.households import Household
from contracts.municipalities import Municipality
from contracts.vocabulary import HouseholdStatus, Outcome
from contracts.zone import day_only
from intake.register import Entry, Held
from intake.store.register import save_register

HOUSEHOLD_IDS = "select id from household where id > $1 order by id limit $2"


async def raise_households(tx: Tx, revisions: Mapping[UUID, int]) -> None:
    """Give households these revisions."""
    await tx.execute(
        "update household h set revision = n.r from unnest($1::uuid[], $2::int[]) as n (i, r) where h.id = n.i",
        list(revisions),
        list(revisions.values()),
    )


async def keep_erased(tx: Tx, heard: Sequence[Household]) -> None:
    """Keep households as erased ones, newer than they were heard of, with the change that was heard of."""
    await tx.execute(
        "insert into household (id, home, centre, revision, status, change, forms, registered_at, changed_at)"
        " select i, m, c, r, $7, h, '{}', coalesce(a, $8), $8 from unnest("
        "$1::uuid[], $2::int[], $3::text[], $4::int[], $5::text[], $6::timestamptz[]) as n (i, m, c, r, h, a)",
        [one.id for one in heard],
        [one.home for one in heard],
        [one.centre for one in heard],
        [one.revision + 1 for one in heard],
        [one.change for one in heard],
        [one.registered_at and day_only(one.registered_at) for one in heard],
        HouseholdStatus.ERASED,
        tx.now,
    )


async def lost_households(tx: Tx) -> list[UUID]:
    """Households that a restore did not know, and no centre has had erased."""
    rows = await tx.fetch("select id from household where status = $1 and change <> $1", HouseholdStatus.ERASED)
    return [row["id"] for row in rows]


async def raise_register(tx: Tx, revisions: Mapping[str, int]) -> None:
    """Give municipalities these revisions."""
    await tx.execute(
        "update municipality m set revision = n.r from unnest($1::text[], $2::int[]) as n (a, r) where m.ags = n.a",
        list(revisions),
        list(revisions.values()),
    )


async def keep_dissolved(tx: Tx, heard: Sequence[Municipality]) -> None:
    """Keep municipalities as dissolved ones, newer than they were heard of."""
    await save_register(
        tx,
        [
            Held(
                Entry(one.ags, one.name, one.district_name, one.population, one.latitude, one.longitude),
                one.revision + 1,
                False,
            )
            for one in heard
        ],
    )


async def keep_seen(tx: Tx, centre: str, topic: str, submitted: Sequence[tuple[int, int, bytes, UUID]]) -> None:
    """Write verdicts on submissions that are not to be read again: partition, offset, digest and household of each."""
    if submitted:
        await tx.execute(
            "insert into verdict"
            " (at, centre, channel, outcome, household, problems, topic, partition, position, digest)"
            " select $1, $2, 'kafka', $3, h, '[]', $4, p, o, d"
            " from unnest($5::int[], $6::bigint[], $7::bytea[], $8::uuid[]) as s (p, o, d, h)"
            " on conflict (topic, partition, position, digest) do nothing",
            tx.now,
            centre,
            Outcome.ACCEPTED,
            topic,
            *columns(submitted),
        )


async def raise_verdicts(tx: Tx, centre: str, heard: Mapping[str, int]) -> None:
    """Count at least so many verdicts on each reference, known or new."""
    await tx.execute(
        "insert into reference as r (centre, reference, verdicts) select $1, n, v"
        " from unnest($2::text[], $3::int[]) as h (n, v) order by n"
        " on conflict (centre, reference) do update set verdicts = greatest(r.verdicts, excluded.verdicts)",
        centre,
        list(heard),
        list(heard.values()),
    )
