"""CPU of a database round trip on asyncio's event loop and on uvloop, side by side; last line JSON.

`python benchmarks/event_loop.py` starts the embedded PostgreSQL on a folder of its own.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import asyncpg
import uvloop

from geleit.embedded import postgres

ROUND_TRIPS = 3000
RUNS = 7


async def _round_trips(url: str) -> float:
    """Microseconds of this process's CPU for one round trip."""
    connection = await asyncpg.connect(url)
    begin = time.process_time()
    for _ in range(ROUND_TRIPS):
        await connection.fetchval("select 1")
    spent = time.process_time() - begin
    await connection.close()
    return spent / ROUND_TRIPS * 1e6


def _on(new_loop: Callable[[], asyncio.AbstractEventLoop], url: str) -> float:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(_round_trips(url))


async def _compare(folder: Path) -> dict[str, float]:
    async with postgres(folder) as server:
        loops = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
        runs: dict[str, list[float]] = {name: [] for name in loops}
        for _ in range(RUNS):
            for name, new_loop in loops.items():
                runs[name].append(await asyncio.to_thread(_on, new_loop, server.url))
    medians = {f"{name}_us": round(median(some), 1) for name, some in runs.items()}
    return medians | {"ratio": round(medians["uvloop_us"] / medians["asyncio_us"], 2)}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        print(json.dumps(asyncio.run(_compare(Path(made)))))  # noqa: T201 - the result is the purpose
