"""The clock: what is due is handed to the service, in time order, by one owner."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

from chassis import owner, telemetry
from chassis.backoff import Backoff, pause
from chassis.database import TRANSIENT, Database, Tx
from chassis.failpoint import failpoint
from chassis.health import Health
from contracts.record import State

log = logging.getLogger(__name__)

PART = "timers"
BATCH = 500
STUCK_SECONDS = 300.0
"""What is due first stays so for so long while another session has the clock: that one is frozen, and is ended."""
LONGEST_PAUSE_SECONDS = 1.0
RETRY_FIRST = timedelta(minutes=1)
RETRY_LAST = timedelta(hours=6)
DOUBLINGS = 9
"""More than it takes from the first to the last; without end they would be more than any time can be."""

_SELECT = "select at, kind, aggregate, attempts from due where at <= $1 and kind = any($2::text[]) order by at limit $3"
_DELETE = """
delete from due using unnest($1::text[], $2::text[], $3::timestamptz[]) as done(kind, aggregate, at)
where due.kind = done.kind and due.aggregate = done.aggregate and due.at = done.at
"""
_POSTPONED = "select at, kind, aggregate, attempts from due where attempts > 0 order by at, kind, aggregate limit $1"
_FAILING = "select kind || ' ' || aggregate as due from due where kind = any($1::text[]) and attempts > 0"
_REMAINING = """
select count(*) as remaining, count(*) filter (where attempts > 0) as postponed from due
where (kind = any($2::text[]) or kind = any($3::text[]) and (at <= $1 or attempts > 0))
  and kind || ' ' || aggregate <> all($4::text[])
"""
_HASTEN = "update due set at = $1 where attempts > 0 and at > $1"


@dataclass(frozen=True, slots=True)
class Due:
    """Something whose time has come."""

    at: datetime
    kind: str
    aggregate: str
    attempts: int = 0


DueHandler = Callable[[Sequence[Due], Tx], Awaitable[Sequence[State]]]


class Timers:
    """Runs one service's dues. Handlers look at the state they find: a due that comes twice is harmless."""

    def __init__(self, database: Database, handlers: Mapping[str, DueHandler], health: Health) -> None:
        self._database = database
        self._handlers = handlers
        self._health = health
        self._undone: Due | None = None
        self._since = 0.0
        for kind in handlers:
            # There from the start: what first appears as 1 has not risen for who looks at it.
            telemetry.dues_total.labels(kind, "postponed")

    async def run(self, stop: asyncio.Event) -> None:
        """Handle dues until `stop`."""
        backoff = Backoff()
        while not stop.is_set():
            try:
                handled = await self.tick()
            except TRANSIENT as error:
                self._health.down("timers", type(error).__name__)
                log.warning("timers: %s, trying again", type(error).__name__)
                await backoff.wait(stop)
                continue
            self._health.up("timers")
            backoff.reset()
            if handled < BATCH:
                await pause(LONGEST_PAUSE_SECONDS, stop)

    async def tick(self) -> int:
        """Handle what is due now, at most one batch; how many that were, none for who is not the owner."""
        async with self._database.transaction() as tx:
            rows = await tx.fetch(_SELECT, tx.now, list(self._handlers), BATCH)
        dues = sorted((Due(**row) for row in rows), key=attrgetter("kind", "at", "aggregate"))
        handled = sum([await self._apply(kind, list(some)) for kind, some in groupby(dues, attrgetter("kind"))])
        await self._look_at_owner(dues[0] if dues and not handled else None)
        return handled

    async def _look_at_owner(self, undone: Due | None) -> None:
        """`undone` is what another session should do, if one has the clock."""
        now = asyncio.get_running_loop().time()
        if undone is None or undone != self._undone:
            self._undone, self._since = undone, now
        elif now - self._since > STUCK_SECONDS:
            async with self._database.transaction() as tx:
                if await tx.fetchval(owner.END, PART):
                    log.error("timers: ended the session of an owner that stands")
            self._undone = None

    async def _apply(self, kind: str, dues: Sequence[Due]) -> int:
        try:
            async with self._database.transaction() as tx:
                if not await tx.fetchval(owner.FOR_TRANSACTION, PART):
                    return 0
                await tx.publish(await self._handlers[kind](dues, tx))
                failpoint("timers.handled")
                # Last, so that rows are locked in the order in which handlers lock them; a due that the
                # handler has set anew has another time and stays.
                await tx.execute(
                    _DELETE,
                    [one.kind for one in dues],
                    [one.aggregate for one in dues],
                    [one.at for one in dues],
                )
                failpoint("timers.deleted")
        except TRANSIENT:
            raise
        except Exception as error:
            if len(dues) > 1:
                middle = len(dues) // 2
                return await self._apply(kind, dues[:middle]) + await self._apply(kind, dues[middle:])
            log.error("timers: a due of kind %s comes again later: %s", kind, telemetry.place_of(error))
            await self._postpone(dues[0])
        else:
            failpoint("timers.committed")
            telemetry.dues_total.labels(kind, "handled").inc(len(dues))
        return len(dues)

    async def _postpone(self, due: Due) -> None:
        pause = min(RETRY_FIRST * 2 ** min(due.attempts, DOUBLINGS), RETRY_LAST)
        async with self._database.transaction() as tx:
            await tx.execute(
                "update due set at = $4, attempts = attempts + 1 where kind = $1 and aggregate = $2 and at = $3",
                due.kind,
                due.aggregate,
                due.at,
                tx.now + pause,
            )
            failpoint("timers.postponed")
        telemetry.dues_total.labels(due.kind, "postponed").inc()


async def postponed(tx: Tx, limit: int) -> Sequence[Due]:
    """Dues that have failed, by when they come again."""
    return [Due(**row) for row in await tx.fetch(_POSTPONED, limit)]


async def failing(tx: Tx, kinds: Sequence[str]) -> list[str]:
    """The names of those dues of these kinds that have failed."""
    return [row["due"] for row in await tx.fetch(_FAILING, list(kinds))]


async def remaining(tx: Tx, kinds: Sequence[str], now: Sequence[str], without: Sequence[str]) -> tuple[int, int]:
    """How many dues are still to be handled, and how many of them have failed; all of some `kinds`, of others those
    whose time is `now`, or was before they failed. Names in `without` do not count."""
    row = await tx.fetchrow(_REMAINING, tx.now, list(kinds), list(now), list(without))
    assert row is not None
    return row["remaining"], row["postponed"]


async def hasten(tx: Tx) -> int:
    """Have all dues that have failed come again now; how many those are."""
    return await tx.count(_HASTEN, tx.now)
