"""Records nobody could apply: kept encrypted with their place and error, until a person decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from aiokafka import ConsumerRecord

from chassis.database import Tx
from chassis.vault import Sealed, Vault

KEPT = timedelta(days=30)

_INSERT = """
insert into parked (topic, partition, position, error, ce_type, traceparent, payload, wrapped_key,
                    parked_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict (topic, partition, position) do update set
    error = excluded.error, ce_type = excluded.ce_type, traceparent = excluded.traceparent, payload = excluded.payload,
    wrapped_key = excluded.wrapped_key, parked_at = excluded.parked_at, expires_at = excluded.expires_at,
    resolved_at = null, resolution = null
where parked.parked_at < $11
"""
_LIST = """
select id, topic, partition, position, error, ce_type, parked_at, resolved_at, resolution from parked
where ($1 or resolved_at is null) order by id limit $2
"""


@dataclass(frozen=True, slots=True)
class Parked:
    """One parked record as a list shows it: place, error class and times, not its content."""

    id: int
    topic: str
    partition: int
    position: int
    error: str
    ce_type: str | None
    parked_at: datetime
    resolved_at: datetime | None
    resolution: str | None


async def park(tx: Tx, vault: Vault, record: ConsumerRecord, error: str, traceparent: str | None) -> None:
    """Keep a record under a key of its own; a record that is parked already stays as it is.

    What stood at its place before a restore is another one, of a broker that was lost, and gives way.
    """
    place = f"{record.topic}/{record.partition}/{record.offset}"
    content = orjson.dumps(
        {
            "key": None if record.key is None else record.key.hex(),
            "value": None if record.value is None else record.value.hex(),
            "headers": [[name, value.hex()] for name, value in record.headers],
            "timestamp": record.timestamp,
        }
    )
    sealed = vault.seal(content, place.encode())
    await tx.execute(
        _INSERT,
        record.topic,
        record.partition,
        record.offset,
        error,
        _text(next((value for name, value in record.headers if name == "ce_type"), None)),
        traceparent,
        sealed.box,
        sealed.key,
        tx.now,
        tx.now + KEPT,
        tx.started,
    )


async def listed(tx: Tx, *, resolved: bool = False, limit: int = 100) -> Sequence[Parked]:
    """Parked records, oldest first; those that are settled too if `resolved`."""
    return [Parked(**row) for row in await tx.fetch(_LIST, resolved, limit)]


async def opened(tx: Tx, vault: Vault, parked: int) -> ConsumerRecord | None:
    """The record as it was read, locked until the transaction ends; None if it is settled or unknown."""
    row = await tx.fetchrow(
        "select topic, partition, position, payload, wrapped_key from parked"
        " where id = $1 and resolved_at is null for update",
        parked,
    )
    if row is None:
        return None
    place = f"{row['topic']}/{row['partition']}/{row['position']}"
    content = orjson.loads(vault.open(Sealed(row["wrapped_key"], row["payload"]), place.encode()))
    key, value = (None if content[name] is None else bytes.fromhex(content[name]) for name in ("key", "value"))
    return ConsumerRecord(
        topic=row["topic"],
        partition=row["partition"],
        offset=row["position"],
        timestamp=content["timestamp"],
        timestamp_type=0,
        key=key,
        value=value,
        checksum=None,
        serialized_key_size=len(key or b""),
        serialized_value_size=len(value or b""),
        headers=tuple((name, bytes.fromhex(header)) for name, header in content["headers"]),
    )


async def settle(tx: Tx, parked: int, resolution: str) -> None:
    """Write down how a parked record ended: `applied`, or `discarded: <reason>`. The content is destroyed."""
    await tx.execute(
        "update parked set resolved_at = $2, resolution = $3, payload = null, wrapped_key = '' where id = $1",
        parked,
        tx.now,
        resolution,
    )
    await tx.audit("parked." + resolution.partition(":")[0], str(parked))


def _text(raw: bytes | None) -> str | None:
    """A header as a list may show it: PostgreSQL's text takes no NUL, a terminal no control characters."""
    if raw is None:
        return None
    return "".join(
        one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in raw[:100].decode("ascii", "replace")
    )
