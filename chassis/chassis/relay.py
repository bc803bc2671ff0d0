"""The relay: sends what the outbox holds, in order, from one elected owner per service."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from itertools import groupby
from operator import itemgetter

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder
from opentelemetry.trace import SpanKind

from chassis import owner, telemetry
from chassis.backoff import Backoff, pause
from chassis.broker import Broker
from chassis.database import AWAY, Connection, Database
from chassis.failpoint import failpoint
from chassis.health import Health
from chassis.topics import refused
from contracts.record import cloud_event

log = logging.getLogger(__name__)

PART = "relay"
BATCH_BYTES = 512 * 1024
POLL_SECONDS = 1.0
"""Fallback where a notification was missed."""
STUCK_SECONDS = 60.0
"""The same row is the oldest for so long under a living owner: the owner is frozen, and its session is ended."""
SEND_TIMEOUT_MS = 30_000
LOOK_SECONDS = 5.0
"""How long who waits for its turn waits for the broker."""
LOOK_AGAIN_SECONDS = 10.0
"""After so long a topic that was not there is looked for again."""
SLOW_SECONDS = 5.0
"""A broker that takes longer to acknowledge is as good as away: the process says so until it does."""

_SELECT = """
select id, topic, partition, key, ce_id, ce_type, payload, traceparent, created_at, xmin::text::bigint as version
from outbox where published_at is null and topic <> all($2::text[]) order by id limit $1
"""
_MARK = """
update outbox set published_at = clock_timestamp()
from unnest($1::bigint[], $2::bigint[]) as sent(id, version) where outbox.id = sent.id and xmin::text::bigint = version
"""
"""Only what nobody has touched since it was selected: a row that was un-marked meanwhile is to be sent once more."""
_UNMARK_NEWEST = """
update outbox set published_at = null
where id in (select max(o.id) from outbox o join unnest($1::text[], $2::text[]) as sent(topic, key)
             on o.topic = sent.topic and o.key = sent.key where o.id >= $3 group by o.topic, o.key)
"""
"""Looked for from the first id that was tried on: no key has its newest before, and a week's outbox is not read."""


class SendFailed(Exception):
    """Some rows could not be sent; what was sent is marked."""


class Relay:
    """Publishes one service's outbox. Any number may run; an advisory lock lets one of them send."""

    def __init__(self, database: Database, *, service: str, broker: Broker, batch: int, health: Health) -> None:
        self._database = database
        self._source = service
        self._broker = broker
        self._batch = batch
        self._health = health
        self._wake = asyncio.Event()
        self._tried: Sequence[asyncpg.Record] = ()
        """What was given to the broker and not marked since, acknowledged or not: it may have written all of it."""
        self._there: set[str] = set()
        self._refused: set[str] = set()
        """Topics to which the broker lets us write, by what it said in this session, and those to which it does not,
        until it is asked again. Of a missing one a producer would say nothing for half a minute, and what is for the
        others would wait."""
        self._asks_again = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set and the outbox is empty; comes back from a lost database or broker."""
        backoff = Backoff()
        while not stop.is_set():
            try:
                await self._session(stop, backoff)
            except (*AWAY, asyncpg.PostgresError, KafkaError, SendFailed) as error:
                self._health.down("relay", type(error).__name__)
                log.warning("relay: %s, trying again", type(error).__name__)
                await backoff.wait(stop)

    async def _session(self, stop: asyncio.Event, backoff: Backoff) -> None:
        # Before anything else: once another owner has published these rows, nothing else tells of them.
        await self._unmark_newest()
        connection = await self._database.dedicated()
        try:
            schema = await connection.fetchval("select current_schema()")
            await connection.add_listener(f"outbox_{schema}", self._on_notify)
            # A mark that a power cut takes is a row that is sent once more: no disk has to be waited for.
            await connection.execute("set synchronous_commit = off")
            if not await self._elected(connection, stop):
                return
            failpoint("outbox.elected")
            self._there.clear()
            await self._send_all(connection, stop, backoff)
        finally:
            await self._database.release(connection)

    async def _elected(self, connection: Connection, stop: asyncio.Event) -> bool:
        loop = asyncio.get_running_loop()
        oldest, since = None, loop.time()
        while not await connection.fetchval(owner.FOR_SESSION, PART):
            self._health.up("relay")
            if stop.is_set():
                return False
            # By what is seen here: a row's own time says nothing of when it could be sent.
            before, oldest = oldest, await self._oldest(connection)
            if oldest is None or oldest != before:
                since = loop.time()
            elif loop.time() - since > STUCK_SECONDS:
                # Its topic may have gone since the broker was asked for it.
                self._there.clear()
                if oldest == await self._oldest(connection) and await connection.fetchval(owner.END, PART):
                    log.error("relay: ended the session of an owner that does not send")
                    oldest = None
            await self._woken(stop, 1.0)
        return True

    async def _oldest(self, connection: Connection) -> int | None:
        """The first row that could be sent; none with the broker away: then nobody sends, and nobody is to blame."""
        with suppress(TimeoutError, KafkaError):
            rows = await asyncio.wait_for(self._select(connection, 1), LOOK_SECONDS)
            return rows[0]["id"] if rows else None
        return None

    async def _send_all(self, connection: Connection, stop: asyncio.Event, backoff: Backoff) -> None:
        producer: AIOKafkaProducer | None = None
        try:
            while True:
                # What was told before this look is seen by it.
                self._wake.clear()
                rows = await self._select(connection, self._batch)
                if rows:
                    failpoint("outbox.selected")
                    if producer is None:
                        # Not before: a service that never publishes has no right to write anywhere.
                        producer = self._producer()
                        await producer.start()
                    await self._send(connection, producer, rows)
                    backoff.reset()
                elif stop.is_set():
                    return
                else:
                    # Only now, and after sending: whoever has rows and no broker is not ready.
                    self._say_whether_all_is_sent()
                    await self._woken(stop, POLL_SECONDS)
        finally:
            if producer is not None:
                await producer.stop()

    async def _select(self, connection: Connection, most: int) -> list[asyncpg.Record]:
        """The next rows whose topics can be written to. Raises KafkaError."""
        if self._refused and asyncio.get_running_loop().time() >= self._asks_again:
            self._refused.clear()
        while True:
            rows = await connection.fetch(_SELECT, most, list(self._refused))
            unknown = {row["topic"] for row in rows} - self._there
            found = await refused(self._broker, unknown) if unknown else {}
            self._there |= unknown - found.keys()
            if not found:
                return rows
            self._refused |= found.keys()
            self._asks_again = asyncio.get_running_loop().time() + LOOK_AGAIN_SECONDS
            log.warning("relay: cannot send to %s", {topic: error.__name__ for topic, error in found.items()})

    def _say_whether_all_is_sent(self) -> None:
        if self._refused:
            self._health.down("relay", "topics_refused")
        else:
            self._health.up("relay")

    def _producer(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            **self._broker.client,
            acks="all",
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=SEND_TIMEOUT_MS,
        )

    async def _send(self, connection: Connection, producer: AIOKafkaProducer, rows: Sequence[asyncpg.Record]) -> None:
        by_partition: defaultdict[tuple[str, int], list[asyncpg.Record]] = defaultdict(list)
        for row in rows:
            by_partition[row["topic"], row["partition"]].append(row)
        self._tried = rows
        # A producer waits in silence for a broker that has gone; nothing is raised that could be told.
        slow = asyncio.get_running_loop().call_later(SLOW_SECONDS, self._health.down, "relay", "broker_slow")
        try:
            counts = await asyncio.gather(
                *(self._send_partition(producer, *place, some) for place, some in by_partition.items())
            )
        finally:
            slow.cancel()
        failpoint("outbox.sent")
        self._say_whether_all_is_sent()
        sent = [row for some, count in zip(by_partition.values(), counts, strict=True) for row in some[:count]]
        await self._mark(connection, sent)
        failpoint("outbox.marked")
        for topic, some in groupby(sent, itemgetter("topic")):
            telemetry.outbox_sent_total.labels(topic).inc(sum(1 for _ in some))
        if len(sent) < len(rows):
            # After a failed send an idempotent producer can stay broken: the next session has a new one.
            raise SendFailed

    async def _send_partition(
        self, producer: AIOKafkaProducer, topic: str, partition: int, rows: Sequence[asyncpg.Record]
    ) -> int:
        """How many rows from the first on are acknowledged; nothing after a failure is sent."""
        done = 0
        while done < len(rows):
            batch = producer.create_batch()
            count = self._fill(batch, rows[done:])
            try:
                if count == 0:
                    raise SendFailed(f"row {rows[done]['id']} is larger than a batch")
                await (await producer.send_batch(batch, topic, partition=partition))
            except (KafkaError, SendFailed) as error:
                log.warning("relay: cannot send to %s: %s", topic, type(error).__name__)
                return done
            done += count
            failpoint("outbox.batch_sent")
        return done

    def _fill(self, batch: BatchBuilder, rows: Sequence[asyncpg.Record]) -> int:
        for count, row in enumerate(rows):
            if not self._append(batch, row):
                batch.close()
                return count
        batch.close()
        return len(rows)

    def _append(self, batch: BatchBuilder, row: asyncpg.Record) -> bool:
        traceparent = row["traceparent"]
        span = None
        if telemetry.is_sampled(traceparent):
            span = telemetry.tracer.start_span(
                f"send {row['topic']}",
                telemetry.context_of(traceparent),
                SpanKind.PRODUCER,
                attributes={
                    "messaging.system": "kafka",
                    "messaging.operation.type": "send",
                    "messaging.destination.name": row["topic"],
                    "messaging.kafka.message.key": row["key"],
                },
            )
            traceparent = telemetry.traceparent_of(span)
        appended = batch.append(
            timestamp=int(row["created_at"].timestamp() * 1000),
            key=row["key"].encode(),
            value=row["payload"],
            headers=cloud_event(
                id=row["ce_id"],
                type=row["ce_type"],
                source=self._source,
                time=row["created_at"],
                traceparent=traceparent,
            ),
        )
        if span and appended is not None:
            span.end()
        return appended is not None

    async def _mark(self, connection: Connection, sent: Sequence[asyncpg.Record]) -> None:
        try:
            failpoint("outbox.marking")
            await connection.execute(_MARK, [row["id"] for row in sent], [row["version"] for row in sent])
        except (*AWAY, asyncpg.PostgresError):
            await self._unmark_newest()
            raise
        self._tried = ()

    async def _unmark_newest(self) -> None:
        """Have the newest row of each key that was tried sent again, by whoever is the owner now.

        Our lock may have been gone, and newer rows of these keys published before ours arrived: so the topic ends with
        the newest.
        """
        if not self._tried:
            return
        async with self._database.transaction() as tx:
            keys = sorted({(row["topic"], row["key"]) for row in self._tried})
            first = min(row["id"] for row in self._tried)
            await tx.execute(_UNMARK_NEWEST, [topic for topic, _ in keys], [key for _, key in keys], first)
            await tx.wake("outbox")
            failpoint("outbox.unmarked")
        self._tried = ()

    def _on_notify(self, *_: object) -> None:
        self._wake.set()

    async def _woken(self, stop: asyncio.Event, seconds: float) -> None:
        await pause(seconds, self._wake, stop)
        # Cleared by who waited, the relay that waits for its turn too: a wake-up is one, not a state to spin on.
        self._wake.clear()
