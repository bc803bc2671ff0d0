"""Where a consumer stands, and when its group is told."""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener

from chassis.backoff import pause
from chassis.failpoint import failpoint

log = logging.getLogger(__name__)

TOLD_AFTER = 0.25
"""Seconds between what a poll did and what its group knows of it."""
LAST_SECONDS = 5.0
"""So long a process that is to end tries to tell: aiokafka waits for ever for a group's coordinator."""


class Places(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """How far a consumer's polls have come. Its group is told a few times a second, and not by every poll.

    To be told is one more record for the broker to write, on three disks. Of a place that nobody was told the records
    are handled once more, which changes nothing: revisions say that they are known, `consumed` that they are counted.
    """

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop
        self._untold: dict[TopicPartition, int] = {}
        self._one_by_one = asyncio.Lock()
        self._telling: asyncio.Task[None] | None = None

    async def reached(self, consumer: AIOKafkaConsumer, places: Iterable[TopicPartition]) -> None:
        """A poll with records of these partitions is done.

        Raises KafkaError where one is taken away meanwhile, TimeoutError if the group cannot be told at the end.
        """
        # Its position, not the last record: somebody else may have had the partition meanwhile, and gone on.
        reached = {place: await consumer.position(place) for place in places}
        self._untold |= reached
        if self._stop.is_set():
            await self.tell_at_last(consumer)
        elif self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell_soon(consumer))

    async def tell(self, consumer: AIOKafkaConsumer) -> None:
        """Tell the group now. Raises KafkaError."""
        async with self._one_by_one:
            # One place of a partition that has gone meanwhile, and the broker would hear of none.
            held = consumer.assignment()
            self._untold = {place: at for place, at in self._untold.items() if place in held}
            if telling := dict(self._untold):
                await consumer.commit(telling)
                failpoint("stream.told")
                # Meanwhile a poll may have come further.
                self._untold = {place: at for place, at in self._untold.items() if telling.get(place) != at}

    async def tell_at_last(self, consumer: AIOKafkaConsumer) -> None:
        """Tell the group before the process ends. Raises KafkaError, or TimeoutError if that takes too long."""
        await asyncio.wait_for(self.tell(consumer), LAST_SECONDS)

    async def close(self) -> None:
        """Tell nobody any more: the consumer has gone."""
        if self._telling is not None:
            self._telling.cancel()
            with suppress(asyncio.CancelledError):
                await self._telling

    async def _tell_soon(self, consumer: AIOKafkaConsumer) -> None:
        while self._untold and not self._stop.is_set():
            await pause(TOLD_AFTER, self._stop)
            try:
                await self.tell(consumer)
            except Exception as error:
                # Whatever it is: without this task the last place would stay untold.
                log.info("stream: %s, the group will be told later", type(error).__name__)

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Who gets them now goes on from what the group was told, and may be further when they come back."""
        self._untold.clear()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """A poll may have ended while they were taken away, and what it reached is the same as above."""
        self._untold.clear()
