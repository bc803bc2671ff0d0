"""The answers that are kept for idempotency keys."""

from dataclasses import dataclass
from datetime import datetime

from chassis.database import Tx


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
