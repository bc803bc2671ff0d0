"""Geleit at rest: when nothing is on its way any more, and what the auditor and the mail server say then."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from chassis.broker import Broker
from chassis.database import Database
from e2e.world import A_MANAGER, World
from geleit.audit.journal import Journal
from geleit.audit.run import Asked, audit
from offers import an_identity


def names() -> list[str]:
    """Whom everybody registers here: nobody of them may be found outside the vault."""
    identity = an_identity()
    persons = [person[part] for person in identity["persons"] for part in ("given_name", "family_name")]
    return [*persons, identity["contact"]["phone"], A_MANAGER]


async def faults(world: World, journal: Journal) -> list[str]:
    """Every fault, one line each with the name of its invariant; to be asked at rest."""
    asked = Asked(journal=journal, canaries=names(), state_dir=world.running.state_dir, patience=timedelta(0))
    found = await audit(list(world.services.values()), Broker(world.bootstrap), asked)
    lines = [f"{one.name}: {fault}" for one in found for fault in one.faults]
    return [*lines, *await mail_faults(world)]


async def parked(databases: Mapping[str, Database]) -> list[str]:
    """Every record that was ever parked, one line each: a fault where all that is sent can be applied."""
    found = []
    for service, database in databases.items():
        async with database.transaction() as tx:
            rows = await tx.fetch("select topic, partition, position, error from parked order by id")
        found += [
            f"parked: {service}, {row['topic']}/{row['partition']}/{row['position']}: {row['error']}" for row in rows
        ]
    return found


async def is_quiet(world: World) -> bool:
    """Whether nothing is on its way: outboxes, dues and errands are empty, and everything is consumed."""
    return not [one async for one in unrest(world)]


async def unrest(world: World) -> AsyncIterator[str]:
    """What is still on its way, one line each."""
    async for line in backlog(world):
        yield line
    # Last: what was consumed meanwhile may have written some.
    messages = "select count(*) from message where sent_at is null and failed_at is null"
    if mails := await world.ask("notifications", messages):
        yield f"{mails} mails are not sent"


async def backlog(world: World) -> AsyncIterator[str]:
    """What the services have yet to do, one line each; not the mails: one that was refused waits for its time."""
    async for line in _unsent(world):
        yield line
    for name, behind in (await _lags(world)).items():
        if behind:
            yield f"{name}: {sum(behind.values())} records behind in {', '.join(behind)}"
    # Once more: what was consumed meanwhile may have filled them.
    async for line in _unsent(world):
        yield line


async def _unsent(world: World) -> AsyncIterator[str]:
    for name in world.databases:
        if rows := await world.ask(name, "select count(*) from outbox where published_at is null"):
            yield f"{name}: {rows} rows are not published"
        if dues := await world.ask(name, "select count(*) from due where at <= now()"):
            yield f"{name}: {dues} dues"


async def _lags(world: World) -> dict[str, dict[str, int]]:
    """How many records each service has not committed, of each partition where it is behind."""
    topics = {name: [topic.name for topic in service.on] for name, service in world.services.items()}
    admin = AIOKafkaAdminClient(bootstrap_servers=world.bootstrap)
    reader = AIOKafkaConsumer(bootstrap_servers=world.bootstrap, group_id=None, enable_auto_commit=False)
    await admin.start()
    try:
        committed = {name: await admin.list_consumer_group_offsets(name) for name in topics}
        described = await admin.describe_topics(sorted({topic for some in topics.values() for topic in some}))
        # Last: one that is stopped before it has had a turn raises CancelledError, whatever was the matter.
        await reader.start()
        places = [TopicPartition(one["topic"], part["partition"]) for one in described for part in one["partitions"]]
        ends = await reader.end_offsets(places)
    finally:
        await reader.stop()
        await admin.close()
    return {
        name: {
            f"{place.topic}/{place.partition}": behind
            for place, end in ends.items()
            if place.topic in topics[name]
            and (behind := end - (committed[name][place].offset if place in committed[name] else 0))
        }
        for name in topics
    }


async def mail_faults(world: World) -> list[str]:
    """Each message was caught; twice only under the same Message-ID, as after a kill between sending and noting it."""
    rows = await _messages(world)
    caught = Counter(str(mail["Message-ID"]).strip("<>").partition("@")[0] for mail in world.mails())
    known = {str(row["id"]) for row in rows}
    doubled = Counter((row["household"], row["item"], row["kind"]) for row in rows)
    sent = [str(row["id"]) for row in rows if row["sent_at"]]
    found = [f"mail: message {one} was sent and not caught" for one in sent if not caught[one]]
    found += [f"mail: {one} belongs to no message" for one in caught.keys() - known]
    return found + [f"mail: {number} messages about {one}" for one, number in doubled.items() if number > 1]


async def _messages(world: World) -> list[Any]:
    async with world.databases["notifications"].transaction() as tx:
        return list(await tx.fetch("select id, household, item, kind, sent_at from message"))
