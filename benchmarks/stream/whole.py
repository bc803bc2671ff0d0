"""All of Geleit at once: uploads, the time from arrival to inbox, a backlog, and what it uses when nothing happens."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from statistics import quantiles
from typing import Any

import httpx
import orjson
from benchmarks.stream.given import Raw, roster
from benchmarks.stream.lines import Lines
from benchmarks.stream.parts import produce

from chassis.access import Role
from chassis.access.keys import issue_key
from contracts.topics import HOUSEHOLDS
from geleit.audit.stream import Stream, open_stream
from geleit.demo.by_http import BULK, client, send
from geleit.demo.by_http import HOUSEHOLDS as ARRIVALS
from geleit.demo.doors import Doors, open_doors
from geleit.demo.furnish import fill_register
from geleit.demo.households import Towns
from geleit.demo.quiet import settled
from geleit.demo.records import Kind, plan
from geleit.probe import LOOPBACK, free_port, until
from geleit.settings import Settings
from geleit.system import Running, system
from matching.roster.file import import_roster

CENTRE = "karlsruhe"
AT_ONCE = 200
UPLOADS = 4
"""At the same time."""
STEADY = 50
"""Arrivals a second."""
BACK_AFTER = 0.2
"""Seconds until a request is made again that was told to come back."""
LOOKS = 0.01
"""Seconds between two looks into the inbox."""
QUIET_SECONDS = 20.0
PAGE = os.sysconf("SC_PAGE_SIZE")
_THERE = "select coalesce(array_agg(household), '{}') as there from care where household = any($1::uuid[])"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Whole:
    """A running Geleit with a roster and a register, and a reception centre's key."""

    running: Running
    doors: Doors
    stream: Stream
    http: httpx.AsyncClient
    port: int
    key: str
    towns: Towns

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        await settled(self.doors, self.stream, within=1200)


@asynccontextmanager
async def whole(state_dir: Path) -> AsyncIterator[Whole]:
    """Everything with traces of one arrival in a hundred."""
    settings = Settings(geleit_state_dir=state_dir, port=free_port())
    async with system(settings, spans=0.01) as running:
        os.environ.update(running.environment)
        async with open_doors() as doors, open_stream(doors.kafka) as stream:
            towns = await fill_register(doors, None)
            await settled(doors, stream)
            async with doors["matching"].transaction() as tx:
                report = await import_roster(tx, doors.services["matching"].vault(), roster(), complete=False)
                assert report.possible, report.faults
            async with doors.owner.transaction() as tx:
                key = await issue_key(tx, role=Role.CENTRE, tenant=CENTRE, label="benchmark")
            async with client(running.url) as http:
                await settled(doors, stream)
                yield Whole(running, doors, stream, http, settings.port, key.secret, Towns(towns))


def forms(of: Whole, number: int, week: int) -> list[dict[str, Any]]:
    """So many registrations that hold."""
    offers = plan(week, number * 4, of.towns, [CENTRE], datetime.now(UTC).date()).offers
    arrivals = [one for one in offers if one.kind is Kind.ARRIVAL][:number]
    return [{"reference": one.reference, "facts": one.facts, "identity": one.identity} for one in arrivals]


async def intake_per_second(of: Whole, number: int) -> float:
    """Households a second by uploads of 200, from the first request to the last record on the topic."""
    left = iter(_in_parts(forms(of, number, 1)))
    began = time.perf_counter()

    async def upload() -> None:
        for part in left:
            items = [{"idempotency_key": one["reference"], "form": one} for one in part]
            answer = await send(of.http, "POST", BULK, of.key, json={"households": items})
            assert answer.status_code == 200, answer.text
            assert all(one["status"] == 202 for one in answer.json()["results"]), answer.text

    async with asyncio.TaskGroup() as group:
        for _ in range(UPLOADS):
            group.create_task(upload())

    async def all_sent() -> bool:
        async with of.doors["intake"].transaction() as tx:
            return not await tx.fetchval("select exists (select from outbox where published_at is null)")

    await until(all_sent, within=300, what="intake's outbox is sent")
    spent = time.perf_counter() - began
    await of.settled()
    return number / spent


def _in_parts(items: Sequence[dict[str, Any]]) -> list[Sequence[dict[str, Any]]]:
    return [items[first : first + AT_ONCE] for first in range(0, len(items), AT_ONCE)]


async def latencies(of: Whole, seconds: int) -> Sequence[float]:
    """Milliseconds from the request to the care in the inbox's tables, proposed or waiting; sorted."""
    sent: dict[str, float] = {}
    found: dict[str, float] = {}
    arriving = [(form["reference"], orjson.dumps(form)) for form in forms(of, STEADY * seconds, 2)]
    lines = Lines(LOOPBACK, of.port)
    over = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def arrive(reference: str, form: bytes) -> None:
        began = loop.time()
        headers = {"Authorization": f"Bearer {of.key}", "Idempotency-Key": reference}
        status, answer = await lines.post(ARRIVALS, form, headers)
        while status == HTTPStatus.SERVICE_UNAVAILABLE:
            await asyncio.sleep(BACK_AFTER)
            status, answer = await lines.post(ARRIVALS, form, headers)
        assert status == HTTPStatus.ACCEPTED, answer
        sent[orjson.loads(answer)["id"]] = began

    async def look() -> None:
        while not over.is_set() or sent:
            row = await of.doors["notifications"].fetchrow(_THERE, list(sent))
            now, there = loop.time(), map(str, row["there"] if row else ())
            found.update({household: (now - sent.pop(household)) * 1000 for household in there})
            await asyncio.sleep(LOOKS)

    with closing(lines):
        async with asyncio.TaskGroup() as watch:
            watch.create_task(asyncio.wait_for(look(), seconds + 120))
            begin = loop.time()
            async with asyncio.TaskGroup() as group:
                for number, (reference, form) in enumerate(arriving):
                    await asyncio.sleep(begin + number / STEADY - loop.time())
                    group.create_task(arrive(reference, form))
            over.set()
    return sorted(found.values())


def percentile(values: Sequence[float], of_a_hundred: int) -> float:
    """The value that so many of a hundred do not exceed."""
    return quantiles(values, n=100, method="inclusive")[of_a_hundred - 1]


async def drain_seconds(of: Whole, backlog: Sequence[Raw]) -> float:
    """Seconds until all services have worked off a backlog of arrivals, mail aside."""
    workers = [one for name, one in of.running.processes.items() if "." in name]
    for one in workers:
        one.freeze()
    await produce(of.running.environment["KAFKA_BOOTSTRAP_SERVERS"], HOUSEHOLDS.name, backlog)
    began = time.perf_counter()
    for one in workers:
        one.thaw()
    await of.settled()
    return time.perf_counter() - began


async def idle_cpu(of: Whole) -> float:
    """The share of a core that all our processes take together while nothing happens."""
    await of.settled()
    pids = [one.pid for one in of.running.processes.values() if one.pid]
    before = sum(map(_cpu_seconds, pids))
    await asyncio.sleep(QUIET_SECONDS)
    return (sum(map(_cpu_seconds, pids)) - before) / QUIET_SECONDS


def resident_bytes(of: Whole) -> dict[str, int]:
    """What each of our processes holds in memory."""
    processes = of.running.processes.items()
    return {name: _pages(one.pid) * PAGE for name, one in processes if one.pid}


def _pages(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1])


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
