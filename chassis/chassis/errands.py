"""Errands: work on the outside world, which no transaction can take back: claim, perform, settle."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from opentelemetry.trace import SpanKind

from chassis import telemetry
from chassis.backoff import Backoff, pause
from chassis.database import TRANSIENT, Database, Tx
from chassis.failpoint import failpoint
from chassis.health import Health
from contracts.record import State

log = logging.getLogger(__name__)


class NotPerformed(Exception):
    """The result of an item that was claimed when the process began to stop: nothing was tried."""


@dataclass(frozen=True, slots=True)
class Errand:
    """One kind of work outside.

    `claim` takes items under a lease, in a transaction; `perform` does one of them, outside of any;
    `settle` writes down its result, or the exception it raised, in a transaction. A process that dies
    in between leaves the lease to end: `perform` may happen twice, and has to be recognisable by then.
    An item may have an attribute `traceparent`: its span then continues that trace.
    """

    name: str
    claim: Callable[[Tx], Awaitable[Sequence[Any]]]
    perform: Callable[[Any], Awaitable[Any]]
    settle: Callable[[Tx, Any, Any], Awaitable[Sequence[State]]]
    every: timedelta = timedelta(seconds=1)
    concurrency: int = 8


class Errands:
    """Runs one errand of a service until the end of the process."""

    def __init__(self, database: Database, errand: Errand, health: Health) -> None:
        self._database = database
        self._errand = errand
        self._health = health
        self._wake = asyncio.Event()
        for fate in ("done", "failed"):
            # There from the start: what first appears as 1 has not risen for who looks at it.
            telemetry.errands_total.labels(errand.name, fate)

    async def run(self, stop: asyncio.Event) -> None:
        """Claim, perform and settle until `stop`."""
        backoff = Backoff()
        while not stop.is_set():
            try:
                await self._session(stop, backoff)
            except TRANSIENT as error:
                self._health.down(self._errand.name, type(error).__name__)
                log.warning("%s: %s, trying again", self._errand.name, type(error).__name__)
                await backoff.wait(stop)

    async def _session(self, stop: asyncio.Event, backoff: Backoff) -> None:
        listening = await self._database.dedicated()
        try:
            schema = await listening.fetchval("select current_schema()")
            await listening.add_listener(f"errand_{schema}", lambda *_: self._wake.set())
            self._health.up(self._errand.name)
            while not stop.is_set():
                self._wake.clear()
                async with self._database.transaction() as tx:
                    items = await self._errand.claim(tx)
                    failpoint("errands.claiming")
                backoff.reset()
                if items:
                    failpoint("errands.claimed")
                    await self._do(items, stop)
                else:
                    await pause(self._errand.every.total_seconds(), self._wake, stop)
        finally:
            await self._database.release(listening)

    async def _do(self, items: Sequence[Any], stop: asyncio.Event) -> None:
        turns = asyncio.Semaphore(self._errand.concurrency)
        away: list[Exception] = []

        async def one(item: Any) -> None:
            async with turns:
                try:
                    await self._one(item, stop)
                except TRANSIENT as error:
                    # Those that are under way go on: what they have done is to be settled, not done twice.
                    away.append(error)

        async with asyncio.TaskGroup() as group:
            for item in items:
                group.create_task(one(item))
        if away:
            raise away[0]

    async def _one(self, item: Any, stop: asyncio.Event) -> None:
        context = telemetry.context_of(getattr(item, "traceparent", None))
        with telemetry.current_span(self._errand.name, context, SpanKind.CLIENT) as span:
            result: Any
            try:
                if stop.is_set():
                    raise NotPerformed
                result = await self._errand.perform(item)
            except Exception as error:
                result = error
                span.set_attribute("error.type", type(error).__name__)
            failpoint("errands.performed")
            async with self._database.transaction() as tx:
                await tx.publish(await self._errand.settle(tx, item, result))
                failpoint("errands.settled")
            failpoint("errands.committed")
        telemetry.errands_total.labels(self._errand.name, _fate(result)).inc()


def _fate(result: Any) -> str:
    if isinstance(result, NotPerformed):
        return "given_back"
    return "failed" if isinstance(result, Exception) else "done"
