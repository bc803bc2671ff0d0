"""Waits until everything that was started has come to its end: nothing unread, unsent, undone or unanswered."""

from collections.abc import Iterable

from chassis.service import Service
from geleit.audit.stream import Marks, Stream
from geleit.demo import store
from geleit.demo.doors import Doors
from geleit.probe import until

WITHIN = 120.0
"""Seconds after which somebody has to look."""


async def settled(doors: Doors, stream: Stream, *, within: float = WITHIN) -> None:
    """Return once nothing is under way. Raises NotInTime.

    Work in flight is a record that is not committed, or a row that is not sent. Ends, then rows, then the same ends
    again, all of them read: then nothing was in flight at the moment the rows were looked at.
    """
    services = doors.services.values()
    topics = {topic for service in services for topic in service.on}

    async def marks() -> Marks:
        return await stream.marks([service.name for service in services], topics)

    async def is_settled() -> bool:
        before = await marks()
        if _unread(before, services):
            return False
        for database in doors.databases.values():
            async with database.transaction() as tx:
                if await store.unfinished(tx):
                    return False
        async with doors["notifications"].transaction() as tx:
            if await store.unsent(tx):
                return False
        after = await marks()
        return before.ends == after.ends and not _unread(after, services)

    await until(is_settled, within=within, what="the end of all work", every=0.1)


def _unread(marks: Marks, services: Iterable[Service]) -> bool:
    """Whether some service has not committed all that it reads."""
    return any(
        marks.committed[service.name].get(place, 0) < end
        for service in services
        for place, end in marks.ends.items()
        if place.topic in {topic.name for topic in service.on}
    )
