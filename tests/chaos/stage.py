"""All of Geleit as processes on servers of its own, for somebody who breaks them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

from chaos.volume import Volume
from e2e.gate import open_gate
from e2e.world import World, system_on, world_of
from folders import fresh, remove
from geleit.embedded.accounts import open_way_to

OLDER = timedelta(hours=2)
"""More than any clock is set off."""
WORKERS = {"intake": 2, "matching": 2, "notifications": 2}
"""Who publishes has a rival relay; reporting publishes nothing."""


@asynccontextmanager
async def a_world(
    name: str, env: Mapping[str, str] | None = None, volume: Volume | None = None
) -> AsyncIterator[World]:
    """A system with two workers of whoever publishes, and its register; `env` goes to every process.

    With a `volume` its database is there.
    """
    state = await fresh(f"chaos-{name}")
    if volume:
        (state / "postgres").symlink_to(volume.folder)
        # PostgreSQL's own account comes by here; to where the link leads it has a way.
        open_way_to(state / "link")
    try:
        async with (
            open_gate() as gate,
            system_on(state, gate, workers=WORKERS, env=env) as running,
            world_of(running, gate) as world,
        ):
            yield world
    finally:
        await remove(state)


async def make_older(world: World) -> None:
    """Have notifications, and whom they write to, be there for some time already.

    Of a case older than that nobody is told, rightly, and the auditor misses no mail: without it that would be every
    case that is decided by a clock an hour slow.
    """
    async with world.owner.transaction() as tx:
        await tx.execute("update notifications.started set at = at - $1::interval", OLDER)
        await tx.execute("update notifications.contact_point set since = since - $1::interval", OLDER)
    # A worker reads its service's age when it starts.
    for name, process in world.running.processes.items():
        if name.startswith("notifications."):
            await process.stop()
            await process.start()
            await process.ready()
