"""kill -9 for half a minute under load, of workers, pages, Kafka and PostgreSQL: nothing lost, doubled, overbooked."""

import asyncio
import os
from random import Random
from uuid import uuid4

import pytest

from chaos.load import Load
from chaos.nemesis import PROCESSES
from e2e.rest import faults, is_quiet, unrest
from e2e.world import World
from geleit.audit.journal import Journal
from geleit.kept import KeptPart
from geleit.supervisor import Supervised
from stream import eventually

SECONDS = float(os.environ.get("KILL_SECONDS", "30"))
EVERY = 2.0
TOWNS = 12
MANAGERS = 3
ROOM = 500
"""Units of each manager: twenty households, so that the waiting list is always in use."""


@pytest.mark.alone
@pytest.mark.timeout(400)
async def test_nothing_is_lost_or_doubled_while_processes_are_killed(breakable: World) -> None:
    world, seed = breakable, int(os.environ.get("KILL_SEED") or uuid4().int % 1_000_000)
    print(f"KILL_SEED={seed}")  # noqa: T201 - whoever reads of a failure needs it to see it again
    chance, stop = Random(seed), asyncio.Event()
    towns = [world.town() for _ in range(TOWNS)]
    for town in towns:
        for _ in range(MANAGERS):
            await world.manager(town, room=ROOM)
    load = Load(world, Journal(), towns, stop, world.running.state_dir / f"requests-{seed}.jsonl")
    await load.prepare()
    async with asyncio.TaskGroup() as group:
        group.create_task(load.run(seed))
        killed = await kill(world, chance)
        stop.set()
    journal = load.journal
    assert killed >= SECONDS / EVERY / 2
    for part in (world.running.kafka, world.running.postgres):
        assert part is not None
        assert part.restarts
    await asyncio.gather(*(process.ready(90) for process in world.running.processes.values()))
    try:
        await eventually(lambda: is_quiet(world), within=120)
    except TimeoutError:
        raise AssertionError([line async for line in unrest(world)]) from None
    found = await faults(world, journal)
    report = "\n".join(found[:40])
    assert not found, f"{len(found)} faults after {killed} kills, KILL_SEED={seed}\n{report}"
    # As much as can be asked of a machine that does other work too, where 19 households came between 28 kills.
    assert len(journal.taken) >= killed / 4
    assert len(journal.submitted) >= killed / 4
    answered = await world.ask("notifications", "select count(*) from response")
    assert answered >= killed / 4


async def kill(world: World, chance: Random) -> int:
    """SIGKILL one process after the other at random, and once each Kafka and PostgreSQL; how many that were."""
    loop = asyncio.get_running_loop()
    begin, killed = loop.time(), 0
    parts = [part for part in (world.running.postgres, world.running.kafka) if part]
    at = sorted(chance.uniform(0.1, 0.8) * SECONDS for _ in parts)
    processes = [name for name in PROCESSES if name in world.running.processes]
    while (now := loop.time() - begin) < SECONDS:
        victim: KeptPart | Supervised
        if at and now > at[0]:
            at.pop(0)
            victim = parts.pop(0)
        else:
            victim = world.running.process(chance.choice(processes))
        if victim.alive():
            victim.kill()
            killed += 1
        # The rhythm of the kills, not a wait for something.
        await asyncio.sleep(EVERY * chance.uniform(0.5, 1.5))
    return killed
