"""SIGTERM for all of them under load: each ends by itself, in time and as if all were well, and nothing is lost."""

import asyncio
import os
import signal
from uuid import uuid4

import pytest

from chaos.load import Load
from chaos.nemesis import PROCESSES
from e2e.rest import faults, is_quiet
from e2e.world import World
from geleit.audit.journal import Journal
from geleit.supervisor import GRACE
from stream import eventually

TOWNS = 4
MANAGERS = 2


@pytest.mark.timeout(300)
async def test_all_processes_drain_within_their_time(breakable: World) -> None:
    world, stop = breakable, asyncio.Event()
    towns = [world.town() for _ in range(TOWNS)]
    for town in towns:
        for _ in range(MANAGERS):
            await world.manager(town)
    load = Load(world, Journal(), towns, stop, world.running.state_dir / f"requests-{uuid4()}.jsonl")
    await load.prepare()
    async with asyncio.TaskGroup() as group:
        group.create_task(load.run(1))
        await eventually(lambda: busy(load))
        await asyncio.gather(*(stopped(world, name) for name in PROCESSES))
        stop.set()
    await eventually(lambda: is_quiet(world), within=60)
    assert await faults(world, load.journal) == []


async def busy(load: Load) -> bool:
    return len(load.journal.taken) >= TOWNS


async def stopped(world: World, name: str) -> None:
    """Ask the process to end while it works, and wait until it is there again."""
    process = world.running.process(name)
    await process.ready(60)
    pid, process.ending = process.pid, ""
    assert pid

    async def has_ended() -> bool:
        return bool(process.ending)

    os.kill(pid, signal.SIGTERM)
    await eventually(has_ended, within=GRACE)
    assert process.ending == "exited with 0", name
    await process.ready(60)
