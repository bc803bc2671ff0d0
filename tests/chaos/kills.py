"""Load and a nemesis: rounds of everything at once, and rounds of one outage after the other with its recovery."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from aiokafka.errors import KafkaError

from chaos.load import Load
from chaos.nemesis import Nemesis
from chaos.progress import counted
from chaos.stage import a_world, make_older
from chaos.volume import small_volume
from chassis.database import AWAY
from chassis.failpoint import VARIABLE
from e2e.rest import backlog, faults, parked, unrest
from e2e.world import World
from geleit.audit.journal import Journal
from geleit.failures import Failure
from notifications.deliver import retry
from stream import eventually

TOWNS = 12
MANAGERS = 3
ROOM = 500
"""Units of each manager: twenty households, so that the waiting list is always in use."""
EVERY = 1.6
"""Seconds between two kills: two cores start a process in about three."""
READY_WITHIN, QUIET_WITHIN = 120.0, 180.0
RECOVERED_WITHIN = 60.0
OUTAGES_A_ROUND = 5
"""Of the broker, and as many of the database."""
LOAD_SECONDS = 2.0
SHOWN = (
    *("kills", "freezes", "zombies", "sessions", "mail", "clocks", "disk_full"),
    *("redelivered", "redeliveries_broken_off"),
)


@dataclass(frozen=True, slots=True)
class Round:
    """One round of a seed; what everybody asks for in it goes to `book`."""

    seed: int
    number: int
    book: Path

    @property
    def chance(self) -> int:
        """The seed of everything by chance in it."""
        return self.seed * 1000 + self.number

    def __str__(self) -> str:
        return f"{self.seed}/{self.number}"


@dataclass(frozen=True, slots=True)
class Scene:
    """A system under load with somebody who breaks it."""

    world: World
    load: Load
    nemesis: Nemesis


@dataclass(frozen=True, slots=True)
class Rest:
    """How everything came to rest."""

    recovered: float
    """Seconds until the backlog was zero."""
    mailed: float
    """Seconds until the mails were sent too: one that was refused waits for its time."""
    last: list[str]
    """What was last in the way of the backlog's end."""
    stuck: list[str]
    """What did not come to rest within the longest time."""


@asynccontextmanager
async def _under_load(seed: int, book: Path) -> AsyncIterator[Scene]:
    """Load while the block runs; it and what was broken have ended when the block is left."""
    clocks = book.with_name("clocks")
    for wrong in clocks.glob("clock.*"):
        wrong.unlink()  # of a run that was killed
    with small_volume(book.parent) as volume:
        async with a_world("kills", {VARIABLE: str(clocks)}, volume) as world:
            nemesis = Nemesis(world, Random(seed), clocks, volume)
            async with _fed(world, seed, book, nemesis) as scene:
                yield scene


@asynccontextmanager
async def _fed(world: World, seed: int, book: Path, nemesis: Nemesis) -> AsyncIterator[Scene]:
    await make_older(world)
    towns = [world.town() for _ in range(TOWNS)]
    for town in towns:
        for _ in range(MANAGERS):
            await world.manager(town, room=ROOM)
    stop = asyncio.Event()
    scene = Scene(world, Load(world, Journal(), towns, stop, book), nemesis)
    await scene.load.prepare()
    async with asyncio.TaskGroup() as group:
        group.create_task(scene.load.run(seed))
        try:
            yield scene
        finally:
            await scene.nemesis.mend()
            stop.set()
            scene.load.begins.set()


async def at_once(this: Round, seconds: float) -> dict[str, Any]:
    """A round of everything by chance, then rest, then the auditor; its figures."""
    async with _under_load(this.chance, this.book) as scene:
        await scene.nemesis.run(seconds, EVERY)
        await scene.nemesis.mend()
        scene.load.begins.clear()
        rest = await _until_quiet(scene)
        figures = await _figures(scene, rest.stuck)
    faults = [*too_slow("everything at once", rest), *figures["faults"]]
    return {"recover_s": rest.recovered, "mails_s": rest.mailed, "waited_for": rest.last, **figures, "faults": faults}


async def one_by_one(this: Round) -> dict[str, Any]:
    """A round of outages: broker and database in turn, then a full disk; after each the backlog has to come to zero."""
    recoveries: list[float] = []
    slow: list[str] = []
    stuck: list[str] = []
    async with _under_load(this.chance, this.book) as scene:
        nemesis = scene.nemesis
        for outage in (*[nemesis.break_broker, nemesis.end_database] * OUTAGES_A_ROUND, nemesis.fill_disk):
            # The pace of a load, not a wait for something.
            await asyncio.sleep(LOAD_SECONDS)
            await outage()
            scene.load.begins.clear()
            rest = await _until_quiet(scene)
            scene.load.begins.set()
            recoveries.append(rest.recovered)
            slow += too_slow(outage.__name__, rest)
            stuck += rest.stuck
        scene.load.begins.clear()
        stuck += (await _until_quiet(scene)).stuck
        figures = await _figures(scene, stuck)
    return {"recover_s": max(recoveries), **figures, "faults": [*slow, *figures["faults"]]}


def too_slow(what: str, rest: Rest) -> list[str]:
    """The fault of a recovery that took longer than it may."""
    if rest.recovered <= RECOVERED_WITHIN:
        return []
    return [f"{what} took {rest.recovered:.0f} s to recover: {'; '.join(rest.stuck or rest.last)}"]


async def _until_quiet(scene: Scene) -> Rest:
    """Wait until all can work and nothing is on its way."""
    loop = asyncio.get_running_loop()
    begin = loop.time()
    world = scene.world
    recovered: float | None = None
    last: list[str] = []

    def since() -> float:
        return round(loop.time() - begin, 1)

    async def mailed_again() -> bool:
        # An operator: the mail server takes again what it had refused for good.
        async with world.databases["notifications"].transaction() as tx:
            await retry(tx, None)
        return True

    async def worked_off() -> bool:
        nonlocal last
        behind = [line async for line in backlog(world)]
        last = behind or last
        return not behind

    async def quiet() -> bool:
        return not [line async for line in unrest(world)]

    async def works(check: Callable[[], Awaitable[bool]]) -> bool:
        try:
            return await check()
        except (*AWAY, KafkaError):
            return False

    stuck: list[str] = []
    try:
        await asyncio.gather(*(one.ready(READY_WITHIN) for one in world.running.processes.values()))
        await eventually(lambda: works(mailed_again), within=QUIET_WITHIN)
        await eventually(lambda: works(worked_off), within=QUIET_WITHIN)
        recovered = since()
        await eventually(lambda: works(quiet), within=QUIET_WITHIN)
    except TimeoutError:
        # What came to rest only now did so too late, and then nothing is left to name.
        stuck = [line async for line in unrest(world)] or [f"came to rest only after {since():.0f} s"]
    except Failure as failure:
        stuck = [str(failure)]
    return Rest(since() if recovered is None else recovered, since(), last, stuck)


def partitions(stuck: list[str]) -> int:
    """How many partitions a service is behind of."""
    return sum(line.partition("records behind in ")[2].count("/") for line in stuck)


async def _figures(scene: Scene, stuck: list[str]) -> dict[str, Any]:
    # Whatever the load sends can be read and applied, and gets a verdict.
    found = [*await faults(scene.world, scene.load.journal), *await parked(scene.world.databases)]
    counts, answered = scene.nemesis.counts, scene.load.answered
    return {
        **{name: counts[name] for name in SHOWN},
        "broker_restarts": counts["kafka_restarts"],
        "db_restarts": counts["postgres_restarts"],
        "db_clean_restarts": counts["postgres_clean_restarts"],
        "taken": len(scene.load.journal.taken),
        "submitted": len(scene.load.journal.submitted),
        "http_500": sum(number for status, number in answered.items() if status >= 500 and status != 503),
        "http_503": answered[503],
        **counted(found),
        "stuck_partitions": partitions(stuck),
        "faults": [*stuck, *found, *scene.nemesis.faults],
    }
