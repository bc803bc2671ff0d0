"""The consumer: what one poll brings becomes transactions, then offsets; what cannot is parked."""

import asyncio
import logging
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import asyncpg
from aiokafka import ConsumerRecord
from opentelemetry.trace import Span, SpanKind

from chassis import telemetry
from chassis.backoff import Backoff
from chassis.database import TRANSIENT, UNFIT, Database, Tx
from chassis.failpoint import failpoint
from chassis.health import Health
from chassis.parked import RETRY, note, opened, park, settle
from chassis.tally import Fate, Tally
from chassis.timers import Due
from chassis.vault import Vault
from contracts.record import Record, State, Undecodable, decode
from contracts.topics import CENTRE, Topic

log = logging.getLogger(__name__)

S = TypeVar("S", bound=State)
Handler = Callable[[Sequence[Record[Any]], Tx], Awaitable[Sequence[State]]]

APPLIED = "applied"
TRIES_IN_PLACE = 12
"""With the pauses of Backoff about a minute: well below the five minutes until Kafka thinks us dead."""
MOST_REFUSED = 0.5
FEWEST_TO_JUDGE = 200
"""From so many records on, a batch of services' records most of which are refused says that we are wrong, not they."""
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class Refused(Exception):
    """A handler refuses one record for good; `reason` is a code. The record is parked, the rest goes on."""

    def __init__(self, record: Record[Any], reason: str) -> None:
        super().__init__(reason)
        self.record = record
        self.reason = reason


class TooManyRefused(Exception):
    """Most of what services wrote in a large batch can be neither read nor applied: it is not parked, an operator has
    to look."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A record beside the raw one it was read from."""

    record: Record[Any]
    raw: ConsumerRecord


def newest(batch: Sequence[Record[S]]) -> list[Record[S]]:
    """The record with the highest revision of each key, by key: the order in which rows are locked."""
    best: dict[str, Record[S]] = {}
    for record in batch:
        held = best.get(record.state.key)
        if held is None or record.state.revision > held.state.revision:
            best[record.state.key] = record
    return [best[key] for key in sorted(best)]


class Consumer:
    """Applies polls to one service's handlers."""

    def __init__(self, database: Database, vault: Vault, handlers: Mapping[Topic, Handler], health: Health) -> None:
        self._database = database
        self._vault = vault
        self._handlers = {topic.name: (topic, handler) for topic, handler in handlers.items()}
        self._health = health
        for name in self._handlers:
            # There from the start: what first appears as 1 has not risen for who looks at it.
            telemetry.records_total.labels(name, "applied")
        self._hopeless = Backoff()
        """Between polls that fail for good, and come again all the same."""

    async def consume(self, raws: Sequence[ConsumerRecord], stop: asyncio.Event) -> None:
        """Apply what one poll brought. Returns when all of it is committed: the offsets may follow.

        Raises one of TRANSIENT after a minute of tries, TooManyRefused and what is a fault of ours at once: the
        poll comes again.
        """
        backoff = Backoff()
        for tried in range(1, TRIES_IN_PLACE + 1):
            try:
                await self._poll(raws)
            except TooManyRefused:
                self._health.down("consumer", "too_many_refused")
                log.critical("consumer: most of a batch is refused; stopped until somebody looks")
                await self._hopeless.wait(stop)
                raise
            except TRANSIENT as error:
                self._health.down("consumer", type(error).__name__)
                log.warning("consumer: %s, trying again", type(error).__name__)
                if tried == TRIES_IN_PLACE or stop.is_set():
                    raise
                await backoff.wait(stop)
            except Exception as error:
                # The subscriber swallows it and polls again: said here, or said nowhere.
                self._health.down("consumer", type(error).__name__)
                log.critical("consumer: a poll can neither be applied nor parked: %s", telemetry.place_of(error))
                await self._hopeless.wait(stop)
                raise
            else:
                self._health.up("consumer")
                self._hopeless.reset()
                return

    async def _poll(self, raws: Sequence[ConsumerRecord]) -> None:
        by_topic: defaultdict[str, list[Decoded]] = defaultdict(list)
        tallies = {topic: Tally(topic) for topic in {raw.topic for raw in raws}}
        unreadable: list[tuple[ConsumerRecord, str]] = []
        for raw in raws:
            tally = tallies[raw.topic]
            tally.read(raw)
            try:
                decoded = self._decode(raw)
            except Undecodable as error:
                unreadable.append((raw, _error_class(error)))
                tally.note(raw, Fate.PARKED)
            else:
                if decoded is None:
                    telemetry.records_total.labels(raw.topic, "ignored").inc()
                    tally.note(raw, Fate.IGNORED)
                else:
                    by_topic[raw.topic].append(decoded)
        # What a centre sends, it alone answers for: it must not stop what others send.
        _judge(self._from_services(raw for raw, _ in unreadable), self._from_services(raws))
        failpoint("consume.decoded")
        if unreadable:
            await self._park(unreadable)
        # A transaction a topic: each handler locks in the one order only if it is alone in its transaction.
        for name in self._handlers:
            if name not in tallies:
                continue
            batch, tally = by_topic[name], tallies[name]
            culprits: list[tuple[ConsumerRecord, str]] = []
            if not batch or not await self._apply(name, batch, tally, culprits):
                if culprits:
                    await self._park(culprits)
                for raw, _ in culprits:
                    tally.note(raw, Fate.PARKED)
                async with self._database.transaction() as tx:
                    await tally.write(tx)
                    failpoint("tally.written")

    def _from_services(self, raws: Iterable[ConsumerRecord]) -> int:
        """How many of these records another service has written."""
        return sum(self._handlers[raw.topic][0].writer != CENTRE for raw in raws)

    async def _apply(
        self,
        topic: str,
        batch: Sequence[Decoded],
        tally: Tally,
        culprits: list[tuple[ConsumerRecord, str]],
        *,
        of: int | None = None,
    ) -> bool:
        """Apply a batch; on a fault of its own divide it until the culprits are alone, and add them to `culprits`.

        `of` is how many the whole had, of which this is a part. Whether it was applied undivided, and the tally written
        with it: parts would be counted out of their order. Raises TooManyRefused, and one of TRANSIENT or UNFIT.
        """
        try:
            await self.apply(topic, [decoded.record for decoded in batch], None if of else tally)
        except (*TRANSIENT, *UNFIT):
            raise
        except Exception as error:
            of = of or len(batch)
            culprit = batch[0] if len(batch) == 1 else None
            if isinstance(error, Refused):
                culprit = next(one for one in batch if one.record is error.record)
            elif culprit:
                log.error("consumer: a record of %s cannot be applied: %s", topic, telemetry.place_of(error))
            if culprit:
                culprits.append((culprit.raw, _error_class(error)))
                if self._handlers[topic][0].writer != CENTRE:
                    _judge(len(culprits), of)
            rest = [one for one in batch if one is not culprit]
            middle = (len(rest) + 1) // 2
            for part in (rest[:middle], rest[middle:]):
                if part:
                    await self._apply(topic, part, tally, culprits, of=of)
            return False
        return True

    async def apply(
        self, topic: str, batch: Sequence[Record[Any]], tally: Tally | None = None, *, trial: bool = False
    ) -> None:
        """Hand records of one topic to its handler, in one transaction with what comes of them and their tally.

        A trial leaves nothing of it.
        """
        _, handler = self._handlers[topic]
        begin = self._database.trial if trial else self._database.transaction
        with _spans(topic, batch) as spans, telemetry.handle_seconds.labels(topic).time():
            async with begin() as tx:
                for record in batch:
                    key = record.state.key
                    if span := spans.get(key):
                        tx.spans[key] = span
                        tx.traces[key] = telemetry.traceparent_of(span) or ""
                    elif record.traceparent:
                        tx.traces[key] = record.traceparent
                states = await handler(batch, tx)
                failpoint("consume.handled")
                await tx.publish(states)
                if tally is not None:
                    await tally.write(tx)
                failpoint("consume.tallied")
            failpoint("consume.committed")
        if not trial:
            telemetry.records_total.labels(topic, "applied").inc(len(batch))

    async def retry(self, parked: int, *, trial: bool = False) -> str | None:
        """Apply a parked record now and settle it: `applied`, or the error it stays parked with; None if it is
        unknown or settled. A trial only says so.

        Raises one of TRANSIENT.
        """
        try:
            async with self._database.transaction() as tx:
                raw = await opened(tx, self._vault, parked)
            if raw is None:
                return None
            if (decoded := self._decode(raw)) is not None:
                offered_at = datetime.fromtimestamp(raw.timestamp / 1000, UTC)
                await self.apply(raw.topic, [replace(decoded.record, offered_at=offered_at)], trial=trial)
        except TRANSIENT:
            raise
        except Exception as error:
            fault = _error_class(error)
            log.warning("consumer: parked record %d fails again: %s: %s", parked, fault, telemetry.place_of(error))
            if not trial:
                async with self._database.transaction() as tx:
                    await note(tx, parked, fault)
            return fault
        if trial:
            return APPLIED
        failpoint("retry.applied")
        async with self._database.transaction() as tx:
            await settle(tx, parked, APPLIED)
            failpoint("retry.settled")
        return APPLIED

    async def on_retry(self, stop: asyncio.Event, batch: Sequence[Due], tx: Tx) -> Sequence[State]:
        """Retry the parked records that a page has asked for: each in transactions of its own, after `stop` later."""
        for done, due in enumerate(batch):
            if stop.is_set():
                await tx.dues(RETRY, {left.aggregate: tx.now for left in batch[done:]})
                break
            await self.retry(int(due.aggregate))
        return ()

    def _decode(self, raw: ConsumerRecord) -> Decoded | None:
        topic, _ = self._handlers[raw.topic]
        state = decode(raw.value, raw.headers, topic.known)
        if state is None:
            return None
        return Decoded(Record(state, raw.topic, raw.partition, raw.offset, traceparent_in(raw)), raw)

    async def _park(self, records: Sequence[tuple[ConsumerRecord, str]]) -> None:
        async with self._database.transaction() as tx:
            for raw, reason in records:
                await park(tx, self._vault, raw, reason, traceparent_in(raw))
            failpoint("park.written")
        failpoint("park.committed")
        for raw, reason in records:
            telemetry.records_total.labels(raw.topic, "parked").inc()
            log.warning("parked %s/%s/%s: %s", raw.topic, raw.partition, raw.offset, reason)


def _judge(refused: int, of: int) -> None:
    if refused > FEWEST_TO_JUDGE and refused > MOST_REFUSED * of:
        raise TooManyRefused


def traceparent_in(raw: ConsumerRecord) -> str | None:
    """The `traceparent` header of a raw record, if it is there and one: what else stands there, no table may take."""
    value = next((value for name, value in raw.headers if name == "traceparent"), None)
    return value.decode("ascii") if value is not None and _TRACEPARENT.fullmatch(value) else None


@contextmanager
def _spans(topic: str, batch: Sequence[Record[Any]]) -> Iterator[Mapping[str, Span]]:
    """A span for the batch, linked to every recorded record, and one for each of those in its own trace."""
    sampled = {one.state.key: one for one in batch if telemetry.is_sampled(one.traceparent)}
    links = [link for one in sampled.values() if (link := telemetry.link_to(one.traceparent or ""))]
    spans: dict[str, Span] = {
        key: telemetry.tracer.start_span(
            f"process {topic}",
            telemetry.context_of(one.traceparent),
            SpanKind.CONSUMER,
            attributes={
                "messaging.system": "kafka",
                "messaging.operation.type": "process",
                "messaging.destination.name": topic,
                "messaging.kafka.message.key": key,
                "messaging.destination.partition.id": str(one.partition),
                "messaging.kafka.offset": one.offset,
            },
        )
        for key, one in sampled.items()
    }
    try:
        with telemetry.current_span(f"batch {topic}", telemetry.context_of(None), links=links) as batch_span:
            batch_span.set_attribute("messaging.batch.message_count", len(batch))
            yield spans
    except Exception as error:
        for span in spans.values():
            telemetry.fail(span, error)
        raise
    finally:
        for span in spans.values():
            span.end()


def _error_class(error: Exception) -> str:
    if isinstance(error, Undecodable):
        return error.reason
    if isinstance(error, Refused):
        return f"refused:{error.reason}"
    state = f":{error.sqlstate}" if isinstance(error, asyncpg.PostgresError) else ""
    return f"error:{type(error).__name__}{state}"
