"""The processes that run services: worker, web, or both."""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg
import uvicorn
import uvloop
from pydantic import ValidationError
from starlette.applications import Starlette

from chassis import telemetry
from chassis.backoff import Backoff, pause
from chassis.broker import Broker
from chassis.cancellation import not_of_others
from chassis.consumer import Consumer
from chassis.database import AWAY, Database
from chassis.errands import Errands
from chassis.failpoint import failpoint
from chassis.gauges import keep_measuring
from chassis.health import Health
from chassis.parked import RETRY
from chassis.relay import Relay
from chassis.retention import keep_forgetting
from chassis.service import Service, open_database
from chassis.settings import Settings, wrong_variables
from chassis.stream import Subscription
from chassis.timers import Timers

if TYPE_CHECKING:
    from fastapi import FastAPI

log = logging.getLogger(__name__)

DRAINED_WITHIN = 25.0
"""Seconds from SIGTERM on: `geleit up` kills after thirty, a container is killed after forty."""
ASKED_EVERY = 5.0
"""Seconds between two questions of a web process to its databases."""

S = TypeVar("S", bound=Settings)


async def work(service: Service, stop: asyncio.Event, health: Health) -> None:
    """Consume, keep time, run errands and send until `stop`; then drain what the outbox holds."""
    vault = service.vault()
    database = await _patiently(service, "worker", stop, health)
    if database is None:
        return
    failpoint("service.connected")
    settings, broker = service.settings, Broker.of(service.settings)
    consumer = Consumer(database, vault, service.on, health)
    subscription = Subscription(
        consumer,
        [topic.name for topic in service.on],
        broker=broker,
        group=service.name,
        instance=settings.instance,
        records=settings.poll_records,
        health=health,
        gathers=service.gathers,
    )
    relay = Relay(
        database,
        service=service.name,
        broker=broker,
        batch=settings.poll_records,
        health=health,
    )
    _settle_memory()
    consumed = asyncio.Event()
    sources: dict[str, Coroutine[Any, Any, None]] = {
        "stream": subscription.run(stop),
        "retention": keep_forgetting(database, stop),
        "gauges": keep_measuring(database, service.measures, stop),
        "timers": Timers(database, {**service.on_due, RETRY: partial(consumer.on_retry, stop)}, health).run(stop),
        **{errand.name: Errands(database, errand, health).run(stop) for errand in service.errands},
    }
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_watched("relay", relay.run(consumed), stop), name="relay")
            try:
                async with asyncio.TaskGroup() as inner:
                    for name, source in sources.items():
                        inner.create_task(_watched(name, source, stop), name=name)
                failpoint("service.consumed")
            finally:
                # First nothing more comes in, then what came out of it is sent.
                consumed.set()
    finally:
        await database.close()


class PartEnded(RuntimeError):
    """A part of a process has ended that was to run as long as the process."""


async def _watched(name: str, part: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
    """Run a part; a fault that nobody foresaw ends the process, and whoever keeps it starts it on clean ground.

    So does a part that ends before it is told to. It is told by `stop` too: a cancellation alone can be lost in a
    library, and the process would go on without a part.
    """
    try:
        with not_of_others():
            await part
        if not stop.is_set():
            raise PartEnded(name)
    except Exception as error:
        log.critical("%s: %s; the process ends", name, telemetry.place_of(error))
        stop.set()
        raise


def main(make: Callable[[S], Service], settings: type[S]) -> None:
    """`python -m <service> [worker|web]`: one of the two, or both in one process."""
    use = sys.argv[1] if len(sys.argv) > 1 else "both"
    try:
        service = make(settings())
    except ValidationError as error:
        sys.exit(wrong_variables(error))
    if use not in {"worker", "web", "both"}:
        sys.exit(f"usage: python -m {service.package} [worker|web]")
    telemetry.setup(f"{service.name}-{use}" if use != "both" else service.name, service.settings.log_level)
    run([service], worker=use != "web", web=use != "worker")


def run(services: Sequence[Service], *, worker: bool, web: bool) -> None:
    """Run workers and web apps of these services in this process until SIGTERM or SIGINT."""
    try:
        uvloop.run(_run(services, worker=worker, web=web))
    except Exception as error:
        # Python would print what it says, which may be what somebody wrote to us.
        log.critical("%s; the process ends", telemetry.place_of(error))
        sys.exit(1)
    finally:
        telemetry.flush()


async def _run(services: Sequence[Service], *, worker: bool, web: bool) -> None:
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    settings = services[0].settings
    health = Health(*(["relay", "stream", "timers"] if worker else []))
    app = _web(services, health) if web else Starlette(routes=health.routes())
    port = settings.port if web else settings.health_port
    server = _Server(
        uvicorn.Config(app, settings.host, port, log_config=None, access_log=False, timeout_graceful_shutdown=20)
    )
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server.serve(), name="http")
        # A server that cannot begin (its port is taken) ends the process, with its own message in the log.
        serving.add_done_callback(lambda _: stop.set())
        if worker:
            for service in services:
                group.create_task(work(service, stop, health), name=service.name)
        await stop.wait()
        # Beside the workers, not after them: SIGTERM leaves one time for both.
        server.should_exit = True
        asyncio.get_running_loop().call_later(DRAINED_WITHIN, _end_undrained)


def _end_undrained() -> None:
    """A server that hangs is waited for by clients in ways of their own. Without it nothing is lost: what is not
    committed comes again, and what is not sent waits in the outbox."""
    log.critical("not drained within %.0f s: the process ends", DRAINED_WITHIN)
    logging.shutdown()
    os._exit(1)


def _web(services: Sequence[Service], health: Health) -> "FastAPI":
    from chassis.web import build_app  # noqa: PLC0415 - a worker needs no templates

    return build_app(services, health)


async def _patiently(service: Service, use: str, stop: asyncio.Event, health: Health) -> Database | None:
    """Connect as soon as the database is there and migrated; None if `stop` comes first."""
    part = f"database.{service.name}"
    backoff = Backoff()
    while not stop.is_set():
        try:
            database = await open_database(service, use)
        except (*AWAY, asyncpg.PostgresError) as error:
            health.down(part, type(error).__name__)
            log.warning("%s: database not ready: %s", service.name, type(error).__name__)
            await backoff.wait(stop)
        else:
            health.up(part)
            return database
    return None


async def _keep_asking(database: Database, part: str, stop: asyncio.Event, health: Health) -> None:
    """Say whether the database answers: pages that nobody opens would not notice."""
    while not stop.is_set():
        try:
            await database.ping()
        except (*AWAY, asyncpg.PostgresError) as error:
            health.down(part, type(error).__name__)
        else:
            health.up(part)
        await pause(ASKED_EVERY, stop)


@asynccontextmanager
async def web_databases(services: Sequence[Service], health: Health) -> AsyncIterator[Mapping[str, Database]]:
    """Each service's database as its web role, by name; there once it is connected, which is tried until it works."""
    stop = asyncio.Event()
    found: dict[str, Database] = {}

    async def connect(service: Service) -> None:
        database = await _patiently(service, "web", stop, health)
        if database is not None:
            found[service.name] = database
            await _keep_asking(database, f"database.{service.name}", stop, health)

    async with asyncio.TaskGroup() as group:
        for service in services:
            group.create_task(connect(service))
        try:
            yield found
        finally:
            stop.set()
    for database in found.values():
        await database.close()


def _settle_memory() -> None:
    """Take what start-up made out of the collector's sight and let it run less often: 1.45 times as fast."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: this process has its own order of stopping."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
