"""Three runs of `geleit demo` on one folder: the first is killed half-way, the second resumes it, the third goes on."""

import asyncio
import json
import signal
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from e2e.shell import ran, started
from geleit.embedded import kafka, postgres
from geleit.embedded.postgres import Postgres
from geleit.probe import LOOPBACK, free_port, until
from geleit.progress import Steps
from stream import eventually
from workbooks import HEADER, a_district_row, a_municipality_row, write_workbook

ARRIVALS, OF_THE_NEXT = 200, 120
DISTRICTS = {"08111": 1, "08115": 14, "08317": 20, "08415": 12, "08426": 9}
"""How many municipalities the file has in each."""
TOWNS = {
    f"{district}{number:03}": (f"Amtlich {district} {number}", 1000 + 7919 * number % 60_000)
    for district, municipalities in DISTRICTS.items()
    for number in range(municipalities)
}
"""Name and population by AGS; a generated register has no such names."""

Finished = subprocess.CompletedProcess[str]


@dataclass(frozen=True, slots=True)
class Weeks:
    """What the three runs have left; Kafka and PostgreSQL serve again."""

    state: Path
    arrived: int
    """Households that were in by HTTP after the kill."""
    metrics: bytes
    """Of the web process, at that time."""
    runs: Sequence[Finished]
    """The two that came to their end."""
    figures: Sequence[dict[str, Any]]
    """What each of these wrote to demo.json."""
    bootstrap: str
    database_url: str


@asynccontextmanager
async def three_runs(state: Path) -> AsyncIterator[Weeks]:
    """Let them run, then serve what they have left."""
    register, port = write_register(state / "register.xlsx"), free_port()
    recorded = {"OTEL_TRACES_SAMPLER_ARG": "1.0"}
    first = recorded | {"REGISTER": str(register), "ARRIVALS": str(ARRIVALS)}
    database_url = Postgres(state, Steps(quiet=True)).url
    with started(state, port, "demo", **first) as run:
        # A quick machine is through with the rest in a fifth of a second: a connection for each look would be too slow.
        intake = await eventually(lambda: has_begun(database_url), within=120)

        async def is_half_way() -> bool:
            assert run.poll() is None, "the demo has ended before it could be killed"
            return await in_by_http(intake) > 0

        await until(is_half_way, within=120, what="the first of the week", every=0.005)
        run.send_signal(signal.SIGKILL)
        await asyncio.to_thread(run.wait)
    arrived = await in_by_http(intake)
    await intake.close()
    async with httpx.AsyncClient(trust_env=False) as http:
        metrics = (await http.get(f"http://{LOOPBACK}:{port}/metrics")).content
    runs, figures = [], []
    # Neither is asked for the first one's week: whoever resumes it knows how large it was, and has its register.
    for _ in range(2):
        runs.append(await ran(state, port, "demo", **recorded, ARRIVALS=str(OF_THE_NEXT)))
        figures.append(json.loads((state / "demo.json").read_text("utf-8")))
    async with kafka(state) as broker, postgres(state) as server:
        yield Weeks(state, arrived, metrics, runs, figures, broker.url, server.url)


async def has_begun(database_url: str) -> asyncpg.Connection | None:
    """A connection, once intake has its tables."""
    try:
        connection = await asyncpg.connect(database_url)
    except (OSError, asyncpg.PostgresError):
        return None
    if await connection.fetchval("select to_regclass('intake.verdict') is not null"):
        return connection
    await connection.close()
    return None


async def in_by_http(intake: asyncpg.Connection) -> int:
    """How many households intake has taken in by HTTP."""
    sql = "select count(*) from intake.verdict where channel = 'http' and outcome = 'accepted'"
    return int(await intake.fetchval(sql))


def write_register(path: Path) -> Path:
    """The official workbook of `TOWNS`."""
    rows = [a_district_row(district, f"Kreis {district}, Landkreis") for district in DISTRICTS]
    for ags, (name, population) in TOWNS.items():
        rows.append(a_municipality_row(f"{ags[:5]}5001{ags[5:]}", f"{name}, Stadt", population, "9,1", "48,6"))
    return write_workbook(path, [*HEADER, *rows])
