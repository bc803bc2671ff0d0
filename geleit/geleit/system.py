"""All of Geleit on one machine: servers, migrations, the pages and a worker for each service, from start to stop."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from geleit.kept import KeptPart
from geleit.logs import last_lines, log_file, mail_dir, rotate
from geleit.probe import LOOPBACK, free_port, is_free
from geleit.processes import Process
from geleit.progress import Steps
from geleit.settings import Settings
from geleit.state import intake_key, master_key, publish_addresses, sole_owner
from geleit.supervisor import NotStarted, PortTaken, Program, Supervised, pid_file, stop_leftovers

SERVICES = ("intake", "matching", "notifications", "reporting")
PYTHON = (sys.executable, "-m")
CATCHER = "smtp-catcher"
SPAN_CATCHER = "span-catcher"
CATCHERS = (CATCHER, SPAN_CATCHER)
MIGRATED_WITHIN = 120.0


@dataclass(frozen=True, slots=True)
class Running:
    """What runs inside `async with system(…)`; a part is None where an address was given instead."""

    url: str
    state_dir: Path
    environment: Mapping[str, str]
    """The variables of every process; enough to run one more."""
    processes: Mapping[str, Supervised]
    kafka: KeptPart | None
    postgres: KeptPart | None
    zipkin: KeptPart | None

    def process(self, name: str) -> Supervised:
        """`web`, `matching.0` (the first worker of matching), `smtp-catcher` …"""
        return self.processes[name]

    @property
    def mail_dir(self) -> Path:
        """Where the catcher puts each mail as a file."""
        return mail_dir(self.state_dir)


@asynccontextmanager
async def system(
    settings: Settings,
    *,
    workers: Mapping[str, int] | None = None,
    env: Mapping[str, str] | None = None,
    spans: float | None = None,
    steps: Steps | None = None,
) -> AsyncIterator[Running]:
    """Run everything inside the block; it is ready when the block begins and has stopped when it is left.

    `workers` is how many of each service (default one), `env` goes to every process, `spans` is the share of
    traces that are recorded and kept in the state folder (None: none). Raises Failure.
    """
    steps = steps or Steps(quiet=True)
    state_dir = settings.state_dir
    async with AsyncExitStack() as stack:
        await _alone(stack, state_dir, steps)
        if not is_free(settings.port):
            raise PortTaken(settings.port)
        rotate(state_dir)
        parts = await _started(stack, settings, steps)
        catcher_port = free_port()
        made = _made_up(settings, parts, catcher_port)
        span_port = None if spans is None or os.environ.get("OTEL_TRACES_EXPORTER") else free_port()
        if span_port is not None:
            made |= _recorded(spans or 0.0, span_port, made.get("OTEL_TRACES_EXPORTER"))
        # What was given stays with whoever gave it: it may hold a password.
        publish_addresses(state_dir, {name: value for name, value in made.items() if os.environ.get(name) != value})
        environment = {**os.environ, **made, **(env or {})}
        await _migrate(state_dir, environment, steps)
        programs = list(_programs(settings, workers or {}, catcher_port, span_port))
        processes = {one.name: Supervised(one, state_dir, environment, steps) for one in programs}
        # Stopped last: the workers' last mails and spans are still to be taken.
        stack.push_async_callback(_all, [one.stop for name, one in processes.items() if name in CATCHERS])
        stack.push_async_callback(_all, [one.stop for name, one in processes.items() if name not in CATCHERS])
        with steps.step(f"{len(processes)} processes"):
            for one in processes.values():
                await one.start()
            await _together(one.ready() for one in processes.values())
        stack.callback(steps.say, "Stopping …")
        yield Running(
            url=settings.url,
            state_dir=state_dir,
            environment=environment,
            processes=processes,
            kafka=parts.get("kafka"),
            postgres=parts.get("postgres"),
            zipkin=parts.get("zipkin"),
        )


@asynccontextmanager
async def servers(settings: Settings, steps: Steps) -> AsyncIterator[None]:
    """PostgreSQL and Kafka and none of our processes, for commands that nobody may disturb. Raises Failure."""
    async with AsyncExitStack() as stack:
        await _alone(stack, settings.state_dir, steps)
        parts = await _started(stack, settings, steps)
        made = _made_up(settings, parts, free_port())
        publish_addresses(settings.state_dir, {name: value for name, value in made.items() if not os.environ.get(name)})
        yield


async def _alone(stack: AsyncExitStack, state_dir: Path, steps: Steps) -> None:
    stack.enter_context(sole_owner(state_dir))
    for name in await stop_leftovers(state_dir, last=CATCHERS):
        steps.say(f"  stopped {name}, left behind by a run that was killed")


async def _started(stack: AsyncExitStack, settings: Settings, steps: Steps) -> dict[str, KeptPart]:
    parts = _parts(settings, steps)
    stack.push_async_callback(_all, [part.stop for part in parts.values()])
    await _together(part.start() for part in parts.values())
    return parts


async def stop_parts(state_dir: Path, steps: Steps) -> None:
    """Stop embedded parts that a killed run has left running."""
    from geleit.embedded.kafka import Kafka  # noqa: PLC0415 - installed for development only
    from geleit.embedded.postgres import Postgres  # noqa: PLC0415
    from geleit.embedded.zipkin import Zipkin  # noqa: PLC0415

    parts = (Kafka(state_dir, steps), Postgres(state_dir, steps), Zipkin(state_dir, steps))
    await asyncio.gather(*(part.stop() for part in parts))


def _parts(settings: Settings, steps: Steps) -> dict[str, KeptPart]:
    parts: dict[str, KeptPart] = {}
    if settings.kafka_bootstrap_servers is None:
        from geleit.embedded.kafka import Kafka  # noqa: PLC0415 - installed for development only

        parts["kafka"] = KeptPart(Kafka(settings.state_dir, steps), steps)
    if settings.database_url is None:
        from geleit.embedded.postgres import Postgres  # noqa: PLC0415

        parts["postgres"] = KeptPart(Postgres(settings.state_dir, steps), steps)
    if settings.tracing:
        from geleit.embedded.zipkin import Zipkin  # noqa: PLC0415

        parts["zipkin"] = KeptPart(Zipkin(settings.state_dir, steps), steps)
    return parts


def _made_up(settings: Settings, parts: Mapping[str, KeptPart], catcher_port: int) -> dict[str, str]:
    made = {
        "GELEIT_STATE_DIR": str(settings.state_dir),
        "DATABASE_URL": settings.database_url or parts["postgres"].url,
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers or parts["kafka"].url,
        "PUBLIC_URL": settings.url,
        "SMTP_URL": settings.smtp_url or f"smtp://{LOOPBACK}:{catcher_port}",
    }
    if "zipkin" in parts:
        made["ZIPKIN_URL"] = parts["zipkin"].url
    if "zipkin" in parts and not os.environ.get("OTEL_TRACES_EXPORTER"):
        made["OTEL_TRACES_EXPORTER"] = "zipkin_json"
        made["OTEL_EXPORTER_ZIPKIN_ENDPOINT"] = f"{parts['zipkin'].url}/api/v2/spans"
    for name, kept in (("VAULT_MASTER_KEY", master_key), ("INTAKE_PRIVATE_KEY", intake_key)):
        if not (os.environ.get(name) or os.environ.get(f"{name}_FILE")):
            made[f"{name}_FILE"] = str(kept(settings.state_dir))
    return made


def _recorded(share: float, port: int, beside: str | None) -> dict[str, str]:
    """The variables, all OpenTelemetry's own, that send spans to the catcher on this port, except what is given."""
    made = {
        "OTEL_TRACES_EXPORTER": ",".join(filter(None, (beside, "otlp_proto_http"))),
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://{LOOPBACK}:{port}/v1/traces",
        "OTEL_BSP_SCHEDULE_DELAY": "500",
    }
    if not os.environ.get("OTEL_TRACES_SAMPLER"):
        # Only this sampler is known to take a share.
        made |= {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": str(share)}
    made = {name: value for name, value in made.items() if not os.environ.get(name)}
    # A proxy of the machine's is for other machines.
    return made | {"NO_PROXY": ",".join(filter(None, (os.environ.get("NO_PROXY"), LOOPBACK)))}


def _programs(
    settings: Settings, workers: Mapping[str, int], catcher_port: int, span_port: int | None
) -> Iterable[Program]:
    if settings.smtp_url is None:
        command = (*PYTHON, "geleit.catcher")
        yield Program(CATCHER, command, port=catcher_port, port_variable="SMTP_PORT", ready=None)
    if span_port is not None:
        # Not a command of `geleit`: that knows all services, and importing them takes longer than all it has to do.
        command = (*PYTHON, "geleit.spans")
        yield Program(SPAN_CATCHER, command, port=span_port, port_variable="SPANS_PORT", ready=None)
    yield Program("web", (*PYTHON, "geleit", "web"), port=settings.port, port_variable="PORT")
    for service in SERVICES:
        for number in range(workers.get(service, 1)):
            name = f"{service}.{number}"
            yield Program(name, (*PYTHON, service, "worker"), {"INSTANCE": name})


async def _migrate(state_dir: Path, environment: Mapping[str, str], steps: Steps) -> None:
    migration = Process("migrate", pid_file(state_dir, "migrate"))
    log = log_file(state_dir, "migrate")
    with steps.step("Tables and topics"):
        try:
            migration.spawn((*PYTHON, "geleit", "migrate"), log=log, env=environment)
            if not await migration.ended(MIGRATED_WITHIN) or migration.ending() != "exited with 0":
                raise NotStarted(f"The migration {migration.ending()} ({log}):\n{last_lines(log)}")
        finally:
            await migration.stop()


async def _together(starts: Iterable[Coroutine[object, object, None]]) -> None:
    """All at once; the first failure ends the others and is raised as itself."""
    try:
        async with asyncio.TaskGroup() as group:
            for start in starts:
                group.create_task(start)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def _all(stops: Iterable[Callable[[], Coroutine[object, object, None]]]) -> None:
    await asyncio.gather(*(stop() for stop in stops))
