"""What became of the records of a poll: counted by partition, each record once, however often it is read."""

from collections import Counter
from collections.abc import Iterable
from enum import Enum, auto
from itertools import groupby
from operator import attrgetter

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


class Fate(Enum):
    """What becomes of a record that is not handled. Which of the others were superseded, the tables say."""

    PARKED = auto()
    IGNORED = auto()


class Tally:
    """The fates of one topic's records in one poll, in which each partition's are in their order."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._raws: list[ConsumerRecord] = []
        self._otherwise: dict[Place, Fate] = {}
        """Of the few that are not handled."""

    def read(self, raw: ConsumerRecord) -> None:
        """A record that will be handled, unless something else is said of it."""
        self._raws.append(raw)

    def note(self, raw: ConsumerRecord, fate: Fate) -> None:
        """What becomes of a record that was read."""
        self._otherwise[raw.partition, raw.offset] = fate

    async def write(self, tx: Tx) -> None:
        """Add to what is counted; what was counted when it was read before is left out."""
        again = await self._add(tx, self._raws)
        if again:
            # Their rows are locked now, so what is left out here is counted.
            held = {row["partition"]: row["next"] for row in await tx.fetch(_NEXT, self._topic, sorted(again))}
            await self._add(
                tx, [raw for raw in self._raws if raw.partition in again and raw.offset >= held[raw.partition]]
            )

    async def _add(self, tx: Tx, raws: Iterable[ConsumerRecord]) -> set[int]:
        """The partitions that were not added to, because some of their records are counted already."""
        found: dict[int, list[ConsumerRecord]] = {}
        for partition, some in groupby(raws, attrgetter("partition")):
            found.setdefault(partition, []).extend(some)
        if not found:
            return set()
        others = Counter(
            (partition, fate)
            for (partition, offset), fate in self._otherwise.items()
            if partition in found and offset >= found[partition][0].offset
        )
        parked, ignored = ([others[partition, fate] for partition in found] for fate in Fate)
        handled = [len(some) - p - i for some, p, i in zip(found.values(), parked, ignored, strict=True)]
        rows = await tx.fetch(
            _COUNT,
            self._topic,
            list(found),
            [some[0].offset for some in found.values()],
            [some[-1].offset + 1 for some in found.values()],
            handled,
            parked,
            ignored,
        )
        return found.keys() - {row["partition"] for row in rows}
