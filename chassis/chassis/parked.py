"""Records nobody could apply: kept encrypted with their place and error, until a person decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

import orjson
from aiokafka import ConsumerRecord

from chassis.database import Tx
from chassis.vault import Sealed, Vault
from contracts.record import LARGEST

KEPT = timedelta(days=30)
LONGEST_REASON = 200

_INSERT = """
insert into parked (topic, partition, position, error, ce_type, traceparent, payload, wrapped_key,
                    parked_at, expires_at, about)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $12)
on conflict (topic, partition, position) do update set
    error = excluded.error, ce_type = excluded.ce_type, traceparent = excluded.traceparent, payload = excluded.payload,
    wrapped_key = excluded.wrapped_key, parked_at = excluded.parked_at, expires_at = excluded.expires_at,
    about = excluded.about, tried_at = null, resolved_at = null, resolution = null
where parked.parked_at < $11
"""
_COLUMNS = """
id, topic, partition, position, error, ce_type, traceparent, parked_at, expires_at, tried_at, resolved_at, resolution,
exists (select from due where kind = 'retry' and aggregate = parked.id::text) as is_asked_for
"""
_LIST = f"""
select {_COLUMNS} from parked
where ($1 or resolved_at is null) and ($2::text is null or error = $2) and id > $3 order by id limit $4
"""  # noqa: S608 - columns only
_ONE = f"select {_COLUMNS} from parked where id = $1"  # noqa: S608 - columns only
_CLASSES = """
select error, count(*) as records, min(parked_at) as oldest from parked where resolved_at is null
group by error order by records desc, error
"""
_ASK = """
insert into due (kind, aggregate, at) select 'retry', id::text, $1 from parked
where resolved_at is null and ($2::bigint is null or id = $2) and ($3::text is null or error = $3) order by id
on conflict (kind, aggregate) do update set at = excluded.at, attempts = 0
"""
RETRY = "retry"
"""The kind of due by which a page asks the worker for it; its aggregate is the id of a parked record."""


@dataclass(frozen=True, slots=True)
class Parked:
    """One parked record as a list shows it: place, error class and times, not its content."""

    id: int
    topic: str
    partition: int
    position: int
    error: str
    ce_type: str | None
    traceparent: str | None
    parked_at: datetime
    expires_at: datetime
    tried_at: datetime | None
    """When it was last applied again in vain."""
    resolved_at: datetime | None
    resolution: str | None
    is_asked_for: bool
    """Somebody has asked for a retry that has not been done yet."""

    @property
    def place(self) -> str:
        """Topic, partition and offset."""
        return f"{self.topic}/{self.partition}/{self.position}"


async def park(tx: Tx, vault: Vault, record: ConsumerRecord, error: str, traceparent: str | None) -> None:
    """Keep a record under a key of its own; a record that is parked already stays as it is.

    What stood at its place before a restore is another one, of a broker that was lost, and gives way. A value that is
    larger than any that could be applied is not kept: it would fill the database a hundred times as fast as the topic.
    """
    kept = None if record.value is not None and len(record.value) > LARGEST else record.value
    place = f"{record.topic}/{record.partition}/{record.offset}"
    content = orjson.dumps(
        {
            "key": _hex(record.key),
            "value": _hex(kept),
            "headers": [[name, _hex(value)] for name, value in record.headers],
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
        None if record.key is None else _about(record.key),
    )


@dataclass(frozen=True, slots=True)
class ErrorClass:
    """How many open records have the same error, and since when."""

    error: str
    records: int
    oldest: datetime


async def listed(
    tx: Tx, *, resolved: bool = False, error: str | None = None, after: int = 0, limit: int = 100
) -> Sequence[Parked]:
    """Parked records of an error class (None: of all) after an id; those that are settled too if `resolved`."""
    return [Parked(**row) for row in await tx.fetch(_LIST, resolved, error, after, limit)]


async def one(tx: Tx, parked: int) -> Parked | None:
    """One parked record, settled or not; None if it is unknown or forgotten."""
    row = await tx.fetchrow(_ONE, parked)
    return None if row is None else Parked(**row)


async def classes(tx: Tx) -> Sequence[ErrorClass]:
    """The error classes of what is open, the most frequent first."""
    return [ErrorClass(**row) for row in await tx.fetch(_CLASSES)]


async def ask_for_retry(tx: Tx, *, parked: int | None = None, error: str | None = None) -> int:
    """Have the worker retry one record, those of an error class, or all that are open; how many those are."""
    asked = await tx.count(_ASK, tx.now, parked, error)
    if asked:
        await tx.audit("parked.retry", error or str(parked or "all"), records=asked)
    return asked


async def note(tx: Tx, parked: int, error: str) -> None:
    """A retry has failed."""
    await tx.execute(
        "update parked set error = $2, tried_at = $3 where id = $1 and resolved_at is null", parked, error, tx.now
    )


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
    key, value = _unhex(content["key"]), _unhex(content["value"])
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
        headers=tuple((name, _unhex(header)) for name, header in content["headers"]),
    )


def _hex(data: bytes | None) -> str | None:
    """Kafka has no value, key or header that may not be missing."""
    return None if data is None else data.hex()


def _unhex(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)


def _about(key: bytes) -> bytes:
    """By what the records of one key are found: what stands there instead of a key may be anything."""
    return sha256(key).digest()


async def discard_of(tx: Tx, topic: str, key: str, reason: str) -> None:
    """Destroy the content of a topic's parked records that have this key, and forget which had."""
    # No index: an erasure is rare and may read the table.
    rows = await tx.fetch(
        "update parked set about = null where topic = $1 and about = $2 returning id", topic, _about(key.encode())
    )
    for row in rows:
        await discard(tx, row["id"], reason)


async def discard(tx: Tx, parked: int, reason: str) -> bool:
    """Destroy the content of a parked record; False if it is unknown, or settled already."""
    return await settle(tx, parked, f"discarded: {reason[:LONGEST_REASON]}")


async def settle(tx: Tx, parked: int, resolution: str) -> bool:
    """Write down how a parked record ended: `applied`, `discarded: <reason>` or `expired`. The content is destroyed.

    False if it is unknown, or settled already.
    """
    done = await tx.count(
        "update parked set resolved_at = $2, resolution = $3, payload = null, wrapped_key = ''"
        " where id = $1 and resolved_at is null",
        parked,
        tx.now,
        resolution,
    )
    if not done:
        return False
    await tx.audit("parked." + resolution.partition(":")[0], str(parked))
    return True


async def expire(tx: Tx, limit: int) -> int:
    """Destroy the content of what nobody has settled in time, and write that down; how many those are."""
    rows = await tx.fetch(
        "update parked set resolved_at = $1, resolution = 'expired', payload = null, wrapped_key = '' where id in"
        " (select id from parked where expires_at < $1 and resolved_at is null order by id limit $2) returning id",
        tx.now,
        limit,
    )
    await tx.audits([("parked.expired", str(row["id"])) for row in rows])
    return len(rows)


def _text(raw: bytes | None) -> str | None:
    """A header as a list may show it: PostgreSQL's text takes no NUL, a terminal no control characters."""
    if raw is None:
        return None
    return "".join(
        one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in raw[:100].decode("ascii", "replace")
    )
