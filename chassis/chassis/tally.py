"""What became of the records of a poll: counted by partition, each record once, however often it is read."""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from aiokafka import ConsumerRecord

from chassis.database import Tx

_COUNT = """
insert into consumed as c (topic, partition, next, handled, parked, ignored)
select $1, p, n, h, k, i
from unnest($2::int[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[]) as t (p, n, h, k, i)
order by p
on conflict (topic, partition) do update set
    next = excluded.next, handled = c.handled + excluded.handled, parked = c.parked + excluded.parked,
    ignored = c.ignored + excluded.ignored
where c.next <= (select f from unnest($2::int[], $3::bigint[]) as t (p, f) where p = c.partition)
returning partition
"""
_NEXT = "select partition, next from consumed where topic = $1 and partition = any($2::int[])"

Place = tuple[int, int]
"""Partition, offset."""


class Fate(StrEnum):
    """What becomes of a record. Which of the handled ones were news and which superseded, the tables say."""

    HANDLED = "handled"
    PARKED = "parked"
    IGNORED = "ignored"


class Tally:
    """The fates of one topic's records in one poll."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._fates: dict[Place, Fate] = {}

    def note(self, raw: ConsumerRecord, fate: Fate) -> None:
        """What became of a record, or becomes of it in this transaction."""
        self._fates[raw.partition, raw.offset] = fate

    async def write(self, tx: Tx) -> None:
        """Add to what is counted; what was counted when it was read before is left out."""
        again = await self._add(tx, self._fates)
        if again:
            # Their rows are locked now, so what is left out here is counted.
            held = {row["partition"]: row["next"] for row in await tx.fetch(_NEXT, self._topic, sorted(again))}
            await self._add(tx, [one for one in self._fates if one[0] in again and one[1] >= held[one[0]]])

    async def _add(self, tx: Tx, places: Iterable[Place]) -> set[int]:
        """The partitions that were not added to, because some of their records are counted already."""
        offsets: dict[int, list[int]] = {}
        fates: Counter[tuple[int, Fate]] = Counter()
        for partition, offset in places:
            offsets.setdefault(partition, []).append(offset)
            fates[partition, self._fates[partition, offset]] += 1
        if not offsets:
            return set()
        rows = await tx.fetch(
            _COUNT,
            self._topic,
            list(offsets),
            [min(some) for some in offsets.values()],
            [max(some) + 1 for some in offsets.values()],
            *([fates[partition, fate] for partition in offsets] for fate in Fate),
        )
        return offsets.keys() - {row["partition"] for row in rows}
