"""One audit: marks, tables, topics, checks, in the order that makes what goes on meanwhile harmless."""

from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from chassis.broker import Broker
from chassis.service import Service
from chassis.topics import refused
from contracts.topics import ASSIGNMENTS, all_topics
from geleit.audit import canaries, decisions, folds, promises, store
from geleit.audit.finding import Finding
from geleit.audit.journal import Journal
from geleit.audit.stream import open_stream
from geleit.services import database_of

PATIENCE = timedelta(minutes=5)
"""What waits in an outbox, on a topic or for its first mail is sent or read within seconds where everything works."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked at besides tables and topics, and how long something may wait before it is a fault."""

    journal: Journal = field(default_factory=Journal)
    canaries: Iterable[str] = ()
    state_dir: Path | None = None
    """Whose logs, spans and mails are searched for canaries; other files are named in `files`."""
    files: Sequence[Path] = ()
    patience: timedelta = PATIENCE


async def audit(services: Sequence[Service], broker: Broker, asked: Asked) -> list[Finding]:
    """What holds, I1 to I11. Reads only; workers and pages may go on meanwhile.

    First what groups have committed and where topics end, then each schema in a snapshot, then the topics: so a
    table holds at least what the marks say, and a topic at least what a table says. What is newer waits; without any
    patience nothing may.

    Raises one of AWAY, KafkaError, asyncpg.PostgresError.
    """
    topics = all_topics(next(iter(services)).settings.centres)
    names = canaries.Canaries(asked.canaries)
    # Of one that is missing a consumer would say after a minute that there is no broker.
    if missing := await refused(broker, [topic.name for topic in topics]):
        raise next(iter(missing.values()))
    async with AsyncExitStack() as stack:
        databases = {one.name: await stack.enter_async_context(database_of(one)) for one in services}
        stream = await stack.enter_async_context(open_stream(broker))
        marks = await stream.marks(databases, topics)
        kept = {}
        for service in services:
            async with databases[service.name].snapshot() as tx:
                kept[service.name] = await store.kept(tx, service.name, service.on)
                if service.name == "matching":
                    capacity, receipts = await decisions.proven(tx, kept[service.name])
        read = await stream.read(topics, names.look if names.names else None)
        if names.names:
            async for place, content in canaries.rows(databases):
                names.look(place, content)
            for place, content in canaries.files(asked.state_dir, asked.files):
                names.look(place, content)
    findings = [
        promises.taken_once(kept["intake"], kept["notifications"], read, asked.journal),
        promises.ruled_once(kept["intake"], read),
        decisions.never_two_managers(kept["matching"]),
        capacity,
        folds.rows_are_folds(kept, read),
        folds.revisions_ascend(kept, read, marks),
        promises.told_to_municipalities(kept["notifications"], read[ASSIGNMENTS.name], asked.patience),
        promises.all_published(kept, read, asked.patience),
        folds.everything_accounted(kept, read, marks, asked.patience),
        receipts,
        names.finding(),
    ]
    if not asked.patience:
        for one in findings:
            one.faults += [f"{one.waiting} waiting"] if one.waiting else []
    return findings
