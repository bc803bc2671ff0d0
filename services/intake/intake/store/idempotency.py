"""The answers that are kept for idempotency keys."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from chassis.database import Tx


@dataclass(frozen=True, slots=True)
class Kept:
    """The answer kept for an idempotency key; nobody sees its row before the answer is in it."""

    digest: bytes
    status: int
    location: str
    body: Mapping[str, object]


async def claim_keys(tx: Tx, centre: str, digests: Mapping[str, bytes]) -> dict[str, Kept]:
    """Claim idempotency keys, each for the request of its digest; what is kept for those that are not ours now.

    Waits for requests that hold one of them at this moment.
    """
    claimed = await tx.fetch(
        "insert into idempotency (centre, key, digest, at)"
        " select $1, k, d, $4 from unnest($2::text[], $3::bytea[]) as i(k, d) order by k"
        " on conflict (centre, key) do nothing returning key",
        centre,
        list(digests),
        list(digests.values()),
        tx.now,
    )
    others = digests.keys() - {row["key"] for row in claimed}
    if not others:
        return {}
    rows = await tx.fetch(
        "select key, digest, status, location, body from idempotency where centre = $1 and key = any($2::text[])",
        centre,
        list(others),
    )
    return {row["key"]: Kept(row["digest"], row["status"], row["location"], row["body"]) for row in rows}


async def keep_answers(tx: Tx, centre: str, kept: Mapping[str, Kept]) -> None:
    """Keep the answers for whoever asks again with these keys."""
    # `any` leads to the keys whatever PostgreSQL knew of the table when it planned; else it reads all the centre has.
    await tx.execute(
        "update idempotency as i set status = k.status, location = k.location, body = k.body"
        " from unnest($2::text[], $3::int[], $4::text[], $5::jsonb[]) as k(key, status, location, body)"
        " where i.centre = $1 and i.key = k.key and i.key = any($2)",
        centre,
        list(kept),
        [one.status for one in kept.values()],
        [one.location for one in kept.values()],
        [one.body for one in kept.values()],
    )


async def release_keys(tx: Tx, centre: str, keys: Collection[str]) -> None:
    """Let the keys be used again: what they came with was refused."""
    await tx.execute("delete from idempotency where centre = $1 and key = any($2::text[])", centre, list(keys))


async def forget_keys(tx: Tx, before: datetime) -> None:
    """Forget answers that nobody will ask for again."""
    await tx.execute("delete from idempotency where at < $1", before)
