"""Notifications and reporting: how fast each folds the assignments that matching has published."""

import time

import asyncpg
from benchmarks.stream.parts import Servers, environment, running

from geleit.probe import until

FOLDED = {
    "notifications": "select count(*) from care",
    "reporting": "select count(*) from household where care_revision > 0",
}


async def per_second(given: Servers, url: str, service: str, records: int) -> float:
    """Assignments a second that a worker of its own applies, from the first batch it has committed to the last."""
    owner = await asyncpg.connect(url, server_settings={"search_path": service})
    first: tuple[float, int] | None = None

    async def all_folded() -> bool:
        nonlocal first
        folded = int(await owner.fetchval(FOLDED[service]))
        if folded and first is None:
            first = time.perf_counter(), folded
        return folded >= records

    async with running(given, f"{service}.0", ("-m", service, "worker"), environment(given, url)):
        await until(all_folded, within=600, what=f"{service} has folded all", every=0.05)
    end = time.perf_counter()
    await owner.close()
    assert first, "nothing is folded before it is looked at"
    began, before = first
    return (records - before) / (end - began)
