"""Polls of a consumer: how long they wait, and that what nobody can unpack stops its own partition only."""

import asyncio
import logging
from collections.abc import Awaitable

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import ConsumerStoppedError, CorruptRecordException, KafkaError, UnsupportedCodecError

log = logging.getLogger(__name__)

POLL_MS = 500
"""How long a poll really waits: what comes meanwhile ends it."""
AGAIN_SECONDS = 60.0
"""After so long a partition that stands still is tried again."""

Found = dict[TopicPartition, list[ConsumerRecord]]


class Unreadable(Exception):
    """A batch cannot be unpacked."""


async def unpacked(poll: Awaitable[Found]) -> Found:
    """What a poll brings. Raises Unreadable, KafkaError."""
    try:
        return await poll
    except (UnsupportedCodecError, CorruptRecordException) as error:
        raise Unreadable(type(error).__name__) from error
    except (KafkaError, ConsumerStoppedError):
        raise
    except Exception as error:
        # A header's name that is not UTF-8, broken gzip: every library on the way has errors of its own.
        raise Unreadable(type(error).__name__) from error


class Polls:
    """A consumer's `getmany`, which it takes the place of.

    aiokafka unpacks while it hands out. Where it cannot, what it has taken of other partitions for the same poll is
    gone, and they stand behind it. So all go back to what their group was told, and each is asked alone until the one
    is found. That one stands still where it is; the log and its lag say so.
    """

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._poll = consumer.getmany
        self._torn = False
        """A poll has failed, and not all partitions are back yet."""
        self._alone: list[tuple[TopicPartition, bool]] = []
        """Partitions that are asked by themselves, and whether one record at a time: up to what cannot be unpacked."""
        self._standing: dict[TopicPartition, float] = {}
        """Until when they do."""

    async def getmany(self, *, timeout_ms: int, max_records: int | None = None) -> Found:
        """What is there of all partitions, or of one. Raises KafkaError."""
        self._try_again()
        if self._torn:
            await self._go_back()
        if self._alone:
            return await self._ask_one(max_records)
        try:
            return await unpacked(self._poll(timeout_ms=max(timeout_ms, POLL_MS), max_records=max_records))
        except Unreadable:
            self._torn = True
            return {}

    async def _go_back(self) -> None:
        for place in self._consumer.assignment():
            told = await self._consumer.committed(place)
            if place not in self._consumer.assignment():
                continue
            if told is None:
                await self._consumer.seek_to_beginning(place)
            else:
                self._consumer.seek(place, told)
        self._alone = [(place, False) for place in self._consumer.assignment() - self._consumer.paused()]
        self._torn = False

    async def _ask_one(self, most: int | None) -> Found:
        place, one_by_one = self._alone.pop()
        if place not in self._consumer.assignment():
            return {}
        try:
            found = await unpacked(self._poll(place, timeout_ms=POLL_MS, max_records=1 if one_by_one else most))
        except Unreadable as error:
            if one_by_one:
                await self._let_stand(place, str(error))
            else:
                self._alone.append((place, True))
            return {}
        if found and one_by_one:
            self._alone.append((place, True))
        return found

    async def _let_stand(self, place: TopicPartition, error: str) -> None:
        at = await self._consumer.position(place)
        self._consumer.pause(place)
        self._standing[place] = asyncio.get_running_loop().time() + AGAIN_SECONDS
        log.critical("stream: %s/%s cannot be unpacked from %s on: %s", place.topic, place.partition, at, error)

    def _try_again(self) -> None:
        now = asyncio.get_running_loop().time()
        for place in [place for place, until in self._standing.items() if until <= now]:
            del self._standing[place]
            if place in self._consumer.paused():
                self._consumer.resume(place)
                self._alone.append((place, False))
