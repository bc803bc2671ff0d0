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
    processes = [name for name in PROCESSES if name in world.running.processes]
    for town in towns:
        for _ in range(MANAGERS):
            await world.manager(town)
    book = world.running.state_dir / f"requests-{uuid4()}.jsonl"
    load = Load(world, Journal(), towns, stop, book)
    await load.prepare()
    async with asyncio.TaskGroup() as group:
        group.create_task(load.run(1))
        await eventually(lambda: busy(load))
        endings = await asyncio.gather(*(stopped(world, name) for name in processes))
        assert endings == ["exited with 0"] * len(processes)
        stop.set()
    await eventually(lambda: is_quiet(world), within=60)
    assert await faults(world, load.journal) == []
    assert Journal.read(book.with_name(f"journal-{book.name}")) == load.journal, "anybody can audit it once more"


@pytest.mark.timeout(180)
async def test_who_cannot_drain_because_the_broker_hangs_ends_in_time_and_loses_nothing(breakable: World) -> None:
    world, town = breakable, breakable.town()
    await world.manager(town)
    intake, kafka = world.running.process("intake.0"), world.running.kafka
    assert kafka
    assert kafka.pid
    os.killpg(kafka.pid, signal.SIGSTOP)
    try:
        household = await world.registered(town)
        assert await stopped(world, intake.name, until_ready=False) == "exited with 1"
    finally:
        os.killpg(kafka.pid, signal.SIGCONT)
    await world.care(household, "proposed", within=60)


async def busy(load: Load) -> bool:
    return len(load.journal.taken) >= TOWNS


async def stopped(world: World, name: str, *, until_ready: bool = True) -> str:
    """Ask the process to end while it works, and wait until it has ended and is there again; how it ended."""
    process = world.running.process(name)
    await process.ready(60)
    pid, process.ending = process.pid, ""
    assert pid

    async def how() -> str:
        return process.ending

    os.kill(pid, signal.SIGTERM)
    ending: str = await eventually(how, within=GRACE)
    if until_ready:
        await process.ready(60)
    return ending
