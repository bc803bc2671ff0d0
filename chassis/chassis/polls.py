"""Polls of a consumer: how long they wait, and that what nobody can unpack stops its own partition only."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import ConsumerStoppedError, CorruptRecordException, KafkaError, UnsupportedCodecError

log = logging.getLogger(__name__)

POLL_MS = 500
"""How long a poll really waits: what comes meanwhile ends it."""
TURN_MS, THERE_MS = 3 * POLL_MS, 5000
"""How long a poll of one partition waits, and where something is known to be there: a fetch that is under way comes
before, and both may gather."""
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


class _Turn(NamedTuple):
    """A partition is asked by itself; if a poll of it was torn, for fewer and fewer records."""

    place: TopicPartition
    waits_ms: int
    most: int
    left: int = 0
    """So many records at most are still before what cannot be unpacked, if that was met."""


class Polls:
    """A consumer's `getmany`, which it takes the place of.

    aiokafka unpacks while it hands out. Where it cannot, what it has taken of other partitions for the same poll is
    gone, and they stand behind it. So all go back to what their group was told, and each is asked alone until the one
    is found. That one stands still where it is; the log and its lag say so.
    """

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._poll = consumer.getmany
        self._gone = False
        """A poll was torn, and not all partitions are back yet."""
        self._turns: deque[_Turn] = deque()
        self._standing: dict[TopicPartition, float] = {}
        """Who stands still, and until when."""

    async def getmany(self, *, timeout_ms: int, max_records: int) -> Found:
        """What is there of all partitions, or of one. Raises KafkaError."""
        self._try_again(max_records)
        if self._gone:
            await self._go_back(max_records)
        if self._turns:
            return await self._take(self._turns.popleft())
        try:
            return await unpacked(self._poll(timeout_ms=max(timeout_ms, POLL_MS), max_records=max_records))
        except Unreadable:
            self._gone = True
            return {}

    async def _go_back(self, most: int) -> None:
        told = {place: await self._consumer.committed(place) for place in self._consumer.assignment()}
        # Some may have been taken away meanwhile.
        held = {place: at for place, at in told.items() if place in self._consumer.assignment()}
        for place, at in held.items():
            if at is not None:
                self._consumer.seek(place, at)
        if untold := [place for place, at in held.items() if at is None]:
            await self._consumer.seek_to_beginning(*untold)
        self._turns = deque(_Turn(place, TURN_MS, most) for place in held.keys() - self._consumer.paused())
        self._gone = False

    async def _take(self, turn: _Turn) -> Found:
        if turn.place not in self._consumer.assignment():
            return {}
        try:
            found = await unpacked(self._poll(turn.place, timeout_ms=turn.waits_ms, max_records=turn.most))
        except Unreadable as error:
            if turn.most == 1:
                await self._let_stand(turn.place, str(error))
            else:
                self._turns.append(_Turn(turn.place, THERE_MS, turn.most // 2, left=turn.most))
            return {}
        # What was met may be gone meanwhile: nobody has all the turns for it.
        if (left := turn.left - len(found.get(turn.place, ()))) > 0 and found:
            self._turns.append(turn._replace(left=left))
        return found

    async def _let_stand(self, place: TopicPartition, error: str) -> None:
        at = await self._consumer.position(place)
        self._consumer.pause(place)
        self._standing[place] = asyncio.get_running_loop().time() + AGAIN_SECONDS
        # The others are asked together again: a second one would tear that poll, too.
        self._turns.clear()
        log.critical("stream: %s/%s cannot be unpacked from %s on: %s", place.topic, place.partition, at, error)

    def _try_again(self, most: int) -> None:
        now = asyncio.get_running_loop().time()
        for place in [place for place, until in self._standing.items() if until <= now]:
            del self._standing[place]
            if place in self._consumer.paused():
                self._consumer.resume(place)
                self._turns.append(_Turn(place, THERE_MS, most))
