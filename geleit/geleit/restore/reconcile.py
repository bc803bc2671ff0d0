"""What the tables say becomes what the broker says: before any process of a service starts again."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import asyncpg
from aiokafka import AIOKafkaConsumer, OffsetAndMetadata, TopicPartition
from aiokafka.errors import KafkaError

from chassis.authority import Settled, tell_again
from chassis.broker import Broker
from chassis.database import Tx
from chassis.service import Service, open_database
from contracts.topics import STATE_TOPICS, all_topics, verdicts
from geleit.audit.stream import Read, open_stream
from geleit.failures import Failure
from geleit.probe import until
from intake.authority import count_verdicts_on

LEFT_WITHIN = 60.0
"""Seconds until the broker counts a worker that was killed as gone."""


async def reconcile(services: Sequence[Service], broker: Broker, owner_url: str) -> dict[str, Settled]:
    """Raise what the broker has heard newer, tell everything again, and let every group read from the beginning.

    What was told, by topic.

    Nothing may run meanwhile. Safe to do again. Raises Failure, one of AWAY, KafkaError, asyncpg.PostgresError.
    """
    await _nobody_is_connected(owner_url)
    topics = all_topics(next(iter(services)).settings.centres)
    async with open_stream(broker) as stream:
        heard = await stream.read(topics)
    told: dict[str, Settled] = {}
    for service in services:
        database = await open_database(service, "worker")
        try:
            async with database.transaction() as tx:
                if service.name == "intake":
                    await _count_verdicts(tx, service, heard)
                await _forget_unsent(tx, heard)
                for topic, authority in service.writes.items():
                    told[topic.name] = await tell_again(tx, authority, heard[topic.name].newest)
        finally:
            await database.close()
    for service in services:
        await _read_from_the_beginning(broker, service)
    await _begin_again(owner_url, [service.name for service in services])
    return told


async def _nobody_is_connected(owner_url: str) -> None:
    """Raise Failure if a process of a service holds a connection: it would write beside this."""
    connection = await asyncpg.connect(owner_url)
    try:
        rows = await connection.fetch(
            "select distinct application_name as name from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid() and application_name <> ''"
        )
    finally:
        await connection.close()
    if rows:
        names = ", ".join(sorted(row["name"] for row in rows))
        raise Failure(f"Still connected to the database: {names}. Stop them first (`geleit down`).")


async def _count_verdicts(tx: Tx, service: Service, heard: Mapping[str, Read]) -> None:
    for centre in service.settings.centres:
        counted: Counter[str] = Counter()
        for one in heard[verdicts(centre).name].told:
            counted[one.key] = max(counted[one.key], one.revision)
        if counted:
            await count_verdicts_on(tx, centre, counted)


async def _forget_unsent(tx: Tx, heard: Mapping[str, Read]) -> None:
    """What waited to be sent is told anew, or, as a verdict, was sent after the backup, or is sent now."""
    await tx.execute("delete from outbox where topic = any($1::text[])", [topic.name for topic in STATE_TOPICS])
    for name, read in heard.items():
        if read.topic not in STATE_TOPICS:
            await tx.execute(
                "update outbox o set published_at = $3 from unnest($1::text[], $2::bigint[]) as n (k, r)"
                " where o.topic = $4 and o.published_at is null and o.key = n.k and o.revision = n.r",
                [one.key for one in read.told],
                [one.revision for one in read.told],
                tx.now,
                name,
            )


async def _read_from_the_beginning(broker: Broker, service: Service) -> None:
    """Put the service's group at the beginning of each partition; a newer revision wins, so nothing happens twice."""
    places = [TopicPartition(topic.name, number) for topic in service.on for number in range(topic.partitions)]
    consumer = AIOKafkaConsumer(**broker.client, group_id=service.name, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign(places)
        begins = await consumer.beginning_offsets(places)

        async def committed() -> bool:
            try:
                await consumer.commit({place: OffsetAndMetadata(begins[place], "") for place in places})
            except KafkaError:
                # A worker that was killed counts as a member until its session ends.
                return False
            return True

        await until(committed, within=LEFT_WITHIN, what=f"the group {service.name} is empty", every=0.5)
    finally:
        await consumer.stop()


async def _begin_again(owner_url: str, schemas: Iterable[str]) -> None:
    """Count records from the beginning, and write to nobody about what was before now."""
    connection = await asyncpg.connect(owner_url)
    try:
        # One script is one transaction.
        await connection.execute(
            "\n".join(
                f'delete from "{schema}".consumed; update "{schema}".started set at = clock_timestamp();'  # noqa: S608
                for schema in schemas
            )
        )
    finally:
        await connection.close()
