"""What the demo reads from the services' tables, each as that service's worker."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from chassis.database import Tx
from geleit.demo.households import Town


async def towns(tx: Tx) -> list[Town]:
    """Intake's register."""
    return [Town(**row) for row in await tx.fetch("select ags, population from municipality where active order by ags")]


async def known_towns(tx: Tx) -> int:
    """How many municipalities another service has heard of."""
    return int(await tx.fetchval("select count(*) from municipality where active"))


async def managers(tx: Tx) -> int:
    """How many managers matching has."""
    return int(await tx.fetchval("select count(*) from manager"))


async def households(tx: Tx) -> int:
    """How many households intake has, erased ones too."""
    return int(await tx.fetchval("select count(*) from household"))


async def contact_points(tx: Tx) -> int:
    """How many municipalities have an address."""
    return int(await tx.fetchval("select count(*) from contact_point"))


async def manager_in(tx: Tx, ags: str) -> str | None:
    """The id of a manager who serves a municipality."""
    found = await tx.fetchval("select id from manager where service_area @> array[$1] order by id limit 1", ags)
    return str(found) if found else None


async def http_verdicts(tx: Tx, since: datetime) -> set[tuple[str, str, str]]:
    """Centre, reference and outcome of what was offered by HTTP."""
    rows = await tx.fetch(
        "select distinct centre, reference, outcome from verdict"
        " where channel = 'http' and at >= $1 and reference is not null",
        since,
    )
    return {(row["centre"], row["reference"], row["outcome"]) for row in rows}


async def references(tx: Tx, since: datetime) -> dict[UUID, tuple[str, str]]:
    """Centre and reference of the households that were registered."""
    rows = await tx.fetch("select id, centre, reference from household where registered_at >= $1", since)
    return {row["id"]: (row["centre"], row["reference"]) for row in rows}


async def outcomes(tx: Tx, since: datetime) -> dict[tuple[str, str], int]:
    """How many verdicts there are by channel and outcome."""
    rows = await tx.fetch(
        "select channel, outcome, count(*) as verdicts from verdict where at >= $1 group by channel, outcome", since
    )
    return {(row["channel"], row["outcome"]): row["verdicts"] for row in rows}


async def parked(tx: Tx, since: datetime, topics: Collection[str] = ()) -> int:
    """How many records were parked, of these topics or of all others if there are none."""
    return int(
        await tx.fetchval(
            "select count(*) from parked where parked_at >= $1"
            " and (cardinality($2::text[]) = 0 or topic = any($2::text[]))",
            since,
            list(topics),
        )
    )


async def fed(tx: Tx, since: datetime) -> tuple[int, float]:
    """How many records intake ruled on or parked, and in how many seconds from the first to the last."""
    row = await tx.fetchrow(
        "select count(*) as records, extract(epoch from max(at) - min(at))::float8 as seconds from"
        " (select at from verdict where at >= $1 union all select parked_at from parked where parked_at >= $1) as r",
        since,
    )
    assert row is not None
    return row["records"], row["seconds"] or 0.0


async def fates(tx: Tx, since: datetime) -> Mapping[str, Any]:
    """Reporting's counts of the households that were registered, and the percentiles of their waiting in ms."""
    row = await tx.fetchrow(
        "select count(*) filter (where outcome = 'assigned') as assigned,"
        " count(*) filter (where outcome = 'waiting') as waiting,"
        " count(*) filter (where outcome = 'not_eligible') as not_eligible,"
        " count(*) filter (where outcome in ('withdrawn', 'departed')) as withdrawn,"
        " count(*) filter (where outcome = 'handed_over') as handed_over,"
        " coalesce(sum(declines), 0)::int as declined,"
        " count(*) filter (where outcome = 'assigned' and declines > 0) as reassigned,"
        " count(*) filter (where declines > 0 and outcome not in ('assigned', 'waiting')) as forgotten,"
        " percentile_disc(array[0.5, 0.95, 0.99]) within group (order by assigned_after_ms) as percentiles"
        " from household where registered_at >= $1",
        since,
    )
    assert row is not None
    return dict(row)


async def waiting_reasons(tx: Tx, since: datetime) -> dict[str, int]:
    """Why households wait, the most frequent reason first."""
    rows = await tx.fetch(
        "select care_reason, count(*) as households from household where registered_at >= $1 and outcome = 'waiting'"
        " group by care_reason order by households desc, care_reason",
        since,
    )
    return {row["care_reason"]: row["households"] for row in rows}


async def mails_sent(tx: Tx, since: datetime) -> int:
    """How many messages were sent."""
    return int(await tx.fetchval("select count(*) from message where sent_at >= $1", since))


async def open_items(tx: Tx) -> dict[UUID, str]:
    """The municipality of each household whose proposal nobody has answered."""
    rows = await tx.fetch("select household, municipality from inbox where status = 'open' and item = current_item")
    return {row["household"]: row["municipality"] for row in rows if row["municipality"]}


async def unfinished(tx: Tx) -> int:
    """What a service still has to send or to do now: outbox rows and dues."""
    return int(
        await tx.fetchval(
            "select (select count(*) from outbox where published_at is null)"
            " + (select count(*) from due where at <= $1)",
            tx.now,
        )
    )


async def unsent(tx: Tx) -> int:
    """Messages that are still to be sent, and answers matching has not judged."""
    return int(
        await tx.fetchval(
            "select (select count(*) from message where sent_at is null and failed_at is null)"
            " + (select count(*) from inbox where fate = 'pending')"
        )
    )


async def recorded(tx: Tx, households: Collection[UUID]) -> list[asyncpg.Record]:
    """Those of the households that have a manager who was accepted and whose trace is recorded: id, traceparent."""
    return await tx.fetch(
        "select h.id, h.traceparent from household h join care c on c.household = h.id"
        " where h.id = any($1::uuid[]) and c.status = 'confirmed' and h.traceparent ~ '[13579bdf]$'"
        " order by c.assigned_at",
        list(households),
    )


async def steps_of_care(tx: Tx, household: UUID) -> list[tuple[datetime, str]]:
    """What matching did for a household."""
    rows = await tx.fetch(
        "select a.assigned_at, a.ended_at, a.reason, m.code from assignment a join manager m on m.id = a.manager"
        " where a.household = $1 order by a.item",
        household,
    )
    steps = [(row["assigned_at"], f"proposed to integration manager {row['code']}") for row in rows]
    steps += [(row["ended_at"], f"taken back: {row['reason']}") for row in rows if row["ended_at"]]
    return steps


async def steps_of_messages(tx: Tx, household: UUID) -> list[tuple[datetime, str]]:
    """What the municipality was told of a household, and what it answered."""
    rows = await tx.fetch("select kind, municipality, sent_at from message where household = $1", household)
    steps = [(row["sent_at"], f"{row['kind']} mailed to {row['municipality']}") for row in rows if row["sent_at"]]
    answer = await tx.fetchrow("select answer, answered_at from response where household = $1", household)
    if answer:
        steps.append((answer["answered_at"], f"{answer['answer']} by the municipality"))
    return steps


async def registration(tx: Tx, household: UUID) -> tuple[datetime, str]:
    """When and where a household was registered."""
    row = await tx.fetchrow("select registered_at, centre, reference from household where id = $1", household)
    assert row is not None
    return row["registered_at"], f"registered by {row['centre']} as {row['reference']}"
