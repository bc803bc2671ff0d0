"""Whether a consumer moves: after a rebalance one can stay without ever fetching again."""

import asyncio
from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from chassis.broker import Broker
from chassis.lag import positions_of

STUCK_SECONDS = 180.0
"""So long a consumer may stand still before records: a database that is away is tried in place for a minute."""
BEHIND_SECONDS = 600.0
"""So long one partition may stand still while others go on: where the database is slow, its turn comes late."""


class Stuck(Exception):
    """The consumer stands still although there are records: only a new process is sure to go on."""


class Watch:
    """Looks at one consumer from time to time."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.polls = 0
        """Begun and ended."""
        self._begun = 0
        self._seen: object = None
        self._since = 0.0
        self._furthest: Mapping[TopicPartition, int] = {}
        self._left: dict[TopicPartition, float] = {}
        """How far each partition has come, and since when others have left it behind."""

    async def look(self, consumer: AIOKafkaConsumer, at_hand: Sequence[ConsumerRecord]) -> None:
        """Raise Stuck if nothing has moved for STUCK_SECONDS though there is something, if one partition has stood
        still for BEHIND_SECONDS while others went on, or if it can never move again; KafkaError if nobody knows.
        """
        # They end without a word by what aiokafka does not look for, as a heartbeat that it has cancelled before its
        # first turn; then nobody joins the group again, or learns where the broker is.
        if consumer._coordinator._coordination_task.done() or consumer._client._sync_task.done():
            raise Stuck("its place in the group is lost")
        # Who stands still before what cannot be unpacked would do so in a new process, too.
        positions = await positions_of(consumer, sorted(consumer.assignment() - consumer.paused()))
        now, seen = asyncio.get_running_loop().time(), (self.polls, positions)
        self._leave_behind(positions, now)
        if seen != self._seen:
            self._seen, self._since = seen, now
        standing = [place for place, since in self._left.items() if now - since > BEHIND_SECONDS]
        if now - self._since > STUCK_SECONDS:
            standing = list(positions)
        else:
            at_hand = ()
        if not standing and not at_hand:
            return
        # By a client of its own: the consumer's may be what is broken. Raises while the broker is away.
        ends = await _ends(self._broker, standing)
        known = [(ends[place], at) for place in standing if (at := positions[place]) is not None]
        behind, lost = sum(end - at for end, at in known), len(standing) - len(known)
        if at_hand or behind or lost:
            raise Stuck(f"{behind} records, {len(at_hand)} at hand, {lost} partitions without a position")
        self._since = now
        self._left |= dict.fromkeys(standing, now)

    def _leave_behind(self, positions: Mapping[TopicPartition, int | None], now: float) -> None:
        """Note who goes on, and who does not meanwhile. A database that is away leaves nobody behind: polls begin, and
        nobody goes on."""
        begun = (self.polls + 1) // 2
        known = {place: -1 if at is None else at for place, at in positions.items()}
        on = {place for place, at in known.items() if at > self._furthest.get(place, at)}
        has_failed = begun != self._begun and not on
        self._begun = begun
        self._furthest = {place: max(at, self._furthest.get(place, at)) for place, at in known.items()}
        self._left = {place: now if place in on or has_failed else self._left.get(place, now) for place in known}


async def _ends(broker: Broker, places: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
    reader = AIOKafkaConsumer(**broker.client, group_id=None, enable_auto_commit=False)
    try:
        await reader.start()
        ends: Mapping[TopicPartition, int] = await reader.end_offsets(places)
        return ends
    finally:
        await reader.stop()
