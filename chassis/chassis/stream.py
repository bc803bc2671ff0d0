"""The subscription that hands polls to a consumer."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from zlib import crc32

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaAckableMessage

from chassis.backoff import Backoff, pause
from chassis.broker import Broker
from chassis.consumer import Consumer
from chassis.failpoint import failpoint
from chassis.health import Health
from chassis.lag import measure_lag
from chassis.places import Places
from chassis.polls import POLL_MS, Polls
from chassis.topics import refused
from chassis.watch import Watch

log = logging.getLogger(__name__)

LAG_SECONDS = 5.0
DRAIN_SECONDS = 20.0
"""For the batch at hand; the process has a little more (DRAINED_WITHIN)."""
EMPTY_MS = 1
"""How long FastStream waits for records, and sleeps once more when there were none."""
GATHERED_BYTES = 64 * 1024
"""What is worth a poll for who gathers; less is brought when the time is over."""
LOOK_SECONDS = 10.0


class Poll(KafkaAckableMessage):
    """What one poll has brought. FastStream's own would commit the place in every partition at once with it: two dozen
    records for the broker to write."""

    def __init__(self, raws: tuple[ConsumerRecord, ...], consumer: AIOKafkaConsumer, places: Places) -> None:
        super().__init__(raw_message=raws, body=b"", consumer=consumer)
        self._places = places

    async def ack(self) -> None:
        if not self.committed:
            come = {TopicPartition(raw.topic, raw.partition) for raw in self.raw_message}
            await self._places.reached(self.consumer, come)
        await super(KafkaAckableMessage, self).ack()


class Subscription:
    """One FastStream batch subscriber over all topics of a service."""

    def __init__(
        self,
        consumer: Consumer,
        topics: Sequence[str],
        *,
        broker: Broker,
        group: str,
        instance: str | None,
        records: int,
        health: Health,
        gathers: float = 0.0,
    ) -> None:
        self._consumer = consumer
        self._topics = topics
        self._broker = broker
        self._group = group
        # The broker gives a member whose name it knows what it had, whatever it subscribes to now: a topic that has
        # come with an upgrade, as a new centre's, would be nobody's.
        self._member = f"{instance}.{crc32(','.join(sorted(topics)).encode()):08x}" if instance else None
        self._records = records
        self._health = health
        self._gathers = gathers
        self._at_hand: Sequence[ConsumerRecord] = ()
        self._watch = Watch(broker)

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop`, then finish the batch at hand and leave the group. Raises Stuck."""
        backoff = Backoff()
        while not stop.is_set():
            try:
                # A consumer that subscribes before its topic exists learns of it only minutes later.
                if not (found := await refused(self._broker, self._topics)):
                    await self._consume(stop)
                    return
                # One that this account has no right to is not missing: nobody should go and make it.
                for topic, error in found.items():
                    if error is not UnknownTopicOrPartitionError:
                        raise error(topic)
                self._health.down("stream", "topics_missing")
            except (KafkaError, OSError) as error:
                self._health.down("stream", type(error).__name__)
                log.warning("stream: %s, trying again", type(error).__name__)
            await backoff.wait(stop)

    async def _consume(self, stop: asyncio.Event) -> None:
        broker = KafkaBroker(
            self._broker.servers,
            security=self._broker.security,
            allow_auto_create_topics=False,
            graceful_timeout=DRAIN_SECONDS,
            logger=None,
            apply_types=False,
        )

        async def as_they_are(raws: tuple[ConsumerRecord, ...]) -> Poll:
            # The default parser decodes headers, and loses a whole poll to one that is not UTF-8.
            return Poll(raws, handle.consumer, places)

        places = Places(stop)
        handle = broker.subscriber(
            *self._topics,
            batch=True,
            group_id=self._group,
            group_instance_id=self._member,
            # The defaults would begin at the end, and commit what a failing handler has not done.
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.NACK_ON_ERROR,
            max_records=self._records,
            batch_timeout_ms=EMPTY_MS,
            fetch_min_bytes=GATHERED_BYTES if self._gathers else 1,
            fetch_max_wait_ms=int(self._gathers * 1000) or POLL_MS,
            listener=places,
            partition_assignment_strategy=(RangePartitionAssignor,),
            parser=as_they_are,
            decoder=_raws,
        )

        @handle
        async def on_poll(raws: tuple[ConsumerRecord, ...]) -> None:
            self._at_hand = raws
            self._watch.polls += 1
            try:
                await self._consumer.consume(raws, stop)
                # Between the transaction and the offsets.
                failpoint("stream.consumed")
            finally:
                self._watch.polls += 1
                self._at_hand = ()

        try:
            await broker.connect()
            _poll_our_way(broker)
            await broker.start()
            assert handle.consumer is not None, "it was started"
            while not stop.is_set():
                # With the broker away, or without the right to its group, it polls and is given nothing.
                if handle.consumer._coordinator.coordinator_id is None:
                    self._health.down("stream", "no_coordinator")
                else:
                    self._health.up("stream")
                # Who is waiting for a position has none to tell of: next time.
                with suppress(TimeoutError, KafkaError):
                    await asyncio.wait_for(measure_lag(handle.consumer, self._topics, self._at_hand), LAG_SECONDS)
                with suppress(TimeoutError, KafkaError):
                    await asyncio.wait_for(self._watch.look(handle.consumer, self._at_hand), LOOK_SECONDS)
                await pause(LAG_SECONDS, stop)
        finally:
            try:
                if handle.consumer is not None:
                    with suppress(TimeoutError, KafkaError):
                        await places.tell_at_last(handle.consumer)
            finally:
                await broker.stop()
                await places.close()


def _poll_our_way(broker: KafkaBroker) -> None:
    """Have consumers poll by `Polls`: FastStream has one time for waiting and sleeping, and goes on after an error."""
    config = broker.config.broker_config
    build = config.builder

    def our_way(**options: Any) -> AIOKafkaConsumer:
        consumer = build(**options)
        consumer.getmany = Polls(consumer).getmany
        return consumer

    config.builder = our_way


async def _raws(message: Poll) -> object:
    return message.raw_message
