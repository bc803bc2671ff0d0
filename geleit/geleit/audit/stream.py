"""What the topics say: how far they go and groups have come, and every record up to ends noted after."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError

from chassis.broker import Broker
from chassis.cancellation import not_of_others
from chassis.polls import Unreadable, unpacked
from contracts.record import State, Undecodable, decode, encode
from contracts.submissions import Submission
from contracts.topics import CENTRE, Topic
from contracts.verdicts import Verdict
from geleit.probe import until

LOG_APPEND_TIME = 1
"""Kafka's number for a record's time that is the broker's, not the writer's."""
WITHIN = 30.0
"""Seconds for a broker to find out who keeps a group's offsets."""
BETWEEN_CLOCKS = timedelta(days=1)
"""The broker's and PostgreSQL's are not further apart."""
Look = Callable[[str, bytes], None]
"""Called with a place and what stands there."""


class Told(NamedTuple):
    """A record that can be read. `about` is a submission's digest, or the place that a verdict is about."""

    partition: int
    offset: int
    key: str
    revision: int
    home: int
    about: object = None
    household: UUID | None = None
    """Whom a verdict is about, and what it says."""
    outcome: str | None = None


@dataclass(slots=True)
class Read:
    """A topic as far as it was read. Of the states only the newest of each key is kept."""

    topic: Topic
    begins: Mapping[int, int]
    ends: Mapping[int, int]
    told: list[Told] = field(default_factory=list)
    newest: dict[str, State] = field(default_factory=dict)
    unreadable: list[tuple[int, int, int]] = field(default_factory=list)
    """Partition, offset, milliseconds since 1970."""
    offsets: dict[int, dict[int, int | None]] = field(default_factory=dict)
    """Of every record, also of those that nobody can read, and when the broker took it in milliseconds since 1970; None
    where only its writer says."""
    torn: dict[int, int] = field(default_factory=dict)
    """By partition, from which offset on a centre's topic is not read: nobody can unpack what stands there."""

    def keep(self, raw: ConsumerRecord) -> None:
        """Take a record in."""
        taken = raw.timestamp if raw.timestamp_type == LOG_APPEND_TIME else None
        self.offsets.setdefault(raw.partition, {})[raw.offset] = taken
        try:
            state = decode(raw.value, raw.headers, self.topic.known)
        except Undecodable:
            self.unreadable.append((raw.partition, raw.offset, raw.timestamp))
            return
        if state is None:
            return
        says = (state.household, state.outcome.value) if isinstance(state, Verdict) else ()
        self.told.append(
            Told(raw.partition, raw.offset, state.key, state.revision, state.partition, _about(state), *says)
        )
        if self.topic.retention is None:
            held = self.newest.get(state.key)
            if held is None or held.revision < state.revision:
                self.newest[state.key] = state

    def whole_since(self, partition: int) -> datetime | None:
        """From when on every record of a partition is there: before that, compaction may have taken some away."""
        readable = {one.offset for one in self.told if one.partition == partition}
        first = self.ends[partition]
        while first - 1 in readable:
            first -= 1
        if first == 0:
            return datetime.min.replace(tzinfo=UTC)
        at = self.offsets.get(partition, {}).get(first)
        return time_of(at) + BETWEEN_CLOCKS if at is not None else None

    def since(self, when: datetime) -> list[Told]:
        """What was told from then on, or by its writer's clock only."""
        taken = ((one, self.offsets.get(one.partition, {}).get(one.offset)) for one in self.told)
        return [one for one, at in taken if at is None or time_of(at) >= when]


@dataclass(frozen=True, slots=True)
class Marks:
    """How things stood before any table was read: what is above them may be newer than the tables."""

    committed: Mapping[str, Mapping[TopicPartition, int]]
    """By group. What it had committed by then, its tables hold."""
    ends: Mapping[TopicPartition, int]
    """What had been sent by then, its writer's tables hold."""


class Stream:
    """The broker, as somebody sees it who only looks."""

    def __init__(self, broker: Broker, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        self._broker = broker
        self._consumer = consumer
        self._admin = admin

    async def marks(self, groups: Iterable[str], topics: Iterable[Topic]) -> Marks:
        """Ask what the groups have committed, and where the topics end. Raises KafkaError, NotInTime."""
        committed = {group: await self._committed(group) for group in groups}
        return Marks(committed, await self._consumer.end_offsets(_places(topics)))

    async def written(self, topics: Sequence[Topic]) -> dict[str, int]:
        """How many records these topics have ever had."""
        written = {topic.name: 0 for topic in topics}
        for place, end in (await self._consumer.end_offsets(_places(topics))).items():
            written[place.topic] += end
        return written

    async def _committed(self, group: str) -> Mapping[TopicPartition, int]:
        found: dict[TopicPartition, int] = {}

        async def told() -> bool:
            # A broker that has never had a group makes the topic of their offsets when it is asked for one.
            with suppress(GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError, GroupLoadInProgressError):
                offsets = await self._admin.list_consumer_group_offsets(group)
                found.update({place: one.offset for place, one in offsets.items() if one.offset >= 0})
                return True
            return False

        await until(told, within=WITHIN, what=f"offsets of {group}")
        return found

    async def read(self, topics: Sequence[Topic], look: Look | None = None) -> dict[str, Read]:
        """Every record that the topics hold now, by topic; `look` is shown each of them.

        Raises KafkaError; Unreadable where a service's own topic cannot be unpacked.
        """
        places = _places(topics)
        self._consumer.assign(places)
        begins, ends = await self._consumer.beginning_offsets(places), await self._consumer.end_offsets(places)
        await self._consumer.seek_to_beginning(*places)
        found = {
            topic.name: Read(
                topic,
                {place.partition: begins[place] for place in places if place.topic == topic.name},
                {place.partition: ends[place] for place in places if place.topic == topic.name},
            )
            for topic in topics
        }
        # One after the other: so it is known where what cannot be unpacked stands, and no other loses a record by it.
        for place in places:
            read = found[place.topic]
            async for record in self._records(read, place.partition):
                read.keep(record)
                if look:
                    look(f"topic {place.topic}", _content(record))
        return found

    async def _records(self, read: Read, partition: int) -> AsyncIterator[ConsumerRecord]:
        place, end, most = TopicPartition(read.topic.name, partition), read.ends[partition], 4000
        at = read.begins[partition]
        while at < end:
            try:
                polled = await unpacked(self._consumer.getmany(place, timeout_ms=500, max_records=most))
            except Unreadable as error:
                if most > 1:
                    most = 1  # what was unpacked before it is gone, and comes again
                elif read.topic.writer == CENTRE:
                    read.torn[partition] = at
                    return
                else:
                    raise Unreadable(f"{place.topic}/{partition} from {at} on: {error}") from error
            else:
                for record in polled.get(place, ()):
                    if record.offset < end:
                        yield record
            at = await self._consumer.position(place)


@asynccontextmanager
async def open_stream(broker: Broker) -> AsyncIterator[Stream]:
    """Connect without a group, so that no offset is ever committed. Raises KafkaError."""
    consumer = AIOKafkaConsumer(**broker.client, group_id=None, enable_auto_commit=False, auto_offset_reset="earliest")
    admin = AIOKafkaAdminClient(**broker.client)
    try:
        await consumer.start()
        await admin.start()
        yield Stream(broker, consumer, admin)
    finally:
        await admin.close()
        await stopped(consumer)


async def stopped(consumer: AIOKafkaConsumer) -> None:
    """Stop it, also with the broker gone: then it lets the cancellation of a task of its own out."""
    with not_of_others():
        await consumer.stop()


def _places(topics: Iterable[Topic]) -> list[TopicPartition]:
    return [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]


def time_of(milliseconds: int) -> datetime:
    """A record's time."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _about(state: State) -> object:
    match state:
        case Submission():
            return sha256(encode(state)).digest()
        case Verdict():
            return state.partition_read, state.offset_read
        case _:
            return None


def _content(record: ConsumerRecord) -> bytes:
    told = b" ".join(name.encode() + b"=" + (value or b"") for name, value in record.headers)
    return b" ".join((record.key or b"", record.value or b"", told))
