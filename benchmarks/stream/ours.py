"""Ours: the real worker of matching, one process, from the record consumed to the assignment published."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
from benchmarks.stream.given import Raw, municipalities, roster
from benchmarks.stream.parts import Servers, a_database, drop_topics, environment, produce, run, running

from chassis.database import Database
from chassis.vault import Vault, master_key
from contracts.record import Record
from contracts.topics import HOUSEHOLDS
from geleit import state
from geleit.probe import until
from matching import handlers
from matching.roster.file import import_roster

WORKER = ("-m", "matching", "worker")
_PUBLISHED = """
select count(*) filter (where published_at is not null) as published,
       extract(epoch from max(published_at) - min(created_at)) as seconds
from outbox where topic = 'assignments'
"""


async def per_second(given: Servers, url: str, records: Sequence[Raw], command: tuple[str, ...] = WORKER) -> float:
    """Households a second, from the first transaction to the last acknowledgement of the broker."""
    await produce(given.bootstrap, HOUSEHOLDS.name, records)
    owner = await asyncpg.connect(url, server_settings={"search_path": "matching"})
    row = None

    async def all_published() -> bool:
        nonlocal row
        row = await owner.fetchrow(_PUBLISHED)
        return row is not None and row["published"] >= len(records)

    async with running(given, "matching.0", command, environment(given, url)):
        await until(all_published, within=600, what="assignments published", every=0.5)
    await owner.close()
    assert row is not None
    return len(records) / float(row["seconds"])


@asynccontextmanager
async def matching(given: Servers) -> AsyncIterator[str]:
    """An empty database and empty topics, with roster and register in place; the owner's URL."""
    await drop_topics(given)
    async with a_database(given, "ours") as url:
        await run(environment(given, url), "geleit", "migrate")
        await _furnish(given, url)
        yield url


async def _furnish(given: Servers, url: str) -> None:
    database = await Database.open(url, service="matching", use="worker")
    vault = Vault(master_key(None, state.master_key(given.state_dir)))
    async with database.transaction() as tx:
        await handlers.on_municipalities([Record(one, "", 0, 0) for one in municipalities()], tx)
    async with database.transaction() as tx:
        report = await import_roster(tx, vault, roster(), complete=False)
        assert report.possible, report.faults
    await database.close()
