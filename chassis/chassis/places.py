"""Where a consumer stands, and when its group is told."""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import KafkaError

log = logging.getLogger(__name__)

TOLD_AFTER = 0.25
"""Seconds between what a poll did and what its group knows of it."""


class Places(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """How far a consumer's polls have come. Its group is told a few times a second, and not by every poll.

    What a poll did is in the database, with how far it has read: of a place that nobody was told, the records are read
    again and are known. To be told is one more record for the broker to write, on three disks.
    """

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop
        self._untold: dict[TopicPartition, int] = {}
        self._telling: asyncio.Task[None] | None = None

    async def reached(self, consumer: AIOKafkaConsumer, places: Iterable[TopicPartition]) -> None:
        """A poll with records of these partitions is done. Raises KafkaError where one is taken away meanwhile."""
        # Its position, not the last record: somebody else may have had the partition meanwhile, and gone on.
        reached = {place: await consumer.position(place) for place in places}
        self._untold |= reached
        if self._stop.is_set():
            await self.tell(consumer)
        elif self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell_soon(consumer))

    async def tell(self, consumer: AIOKafkaConsumer) -> None:
        """Tell the group now. Raises KafkaError."""
        if telling := dict(self._untold):
            await consumer.commit(telling)
            # Meanwhile a poll may have come further, or a partition have gone.
            self._untold = {place: at for place, at in self._untold.items() if telling.get(place) != at}

    async def _tell_soon(self, consumer: AIOKafkaConsumer) -> None:
        while self._untold and not self._stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), TOLD_AFTER)
            try:
                await self.tell(consumer)
            except KafkaError as error:
                log.info("stream: %s, the group is told again", type(error).__name__)

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Who gets them now goes on from what the group was told, and may be further when they come back."""
        self._untold.clear()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Where they begin is for the group to say."""
