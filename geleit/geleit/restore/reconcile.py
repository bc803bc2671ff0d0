"""What the tables say becomes what the broker says: before any process of a service starts again."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from aiokafka import AIOKafkaConsumer, OffsetAndMetadata, TopicPartition
from aiokafka.errors import CommitFailedError

from chassis.authority import Settled, tell_again
from chassis.broker import Broker
from chassis.database import RESTORING, Tx
from chassis.failpoint import failpoint
from chassis.service import Service
from chassis.settings import Settings
from contracts.households import Household
from contracts.topics import HOUSEHOLDS, STATE_TOPICS, all_topics, submissions, verdicts
from contracts.vocabulary import HouseholdStatus, Outcome
from geleit.audit.stream import Read, open_stream, stopped
from geleit.broker_admin import members
from geleit.failures import Failure
from geleit.owner import connected
from geleit.probe import until
from geleit.services import database_of
from intake.store import keep_seen, lost_households, raise_verdicts

LEFT_WITHIN = 60.0
"""Seconds until the broker counts a worker that was killed as gone."""
TELLS_WITHIN = 120.0
"""Seconds until one that has lost everything knows who keeps which group, on a machine that does other work."""


async def reconcile(services: Sequence[Service], broker: Broker, owner_url: str) -> tuple[Mapping[str, Settled], int]:
    """Raise what the broker has heard newer, tell everything again, and let every group go on from there.

    What was told, by topic, and how many households their centres have to register again.

    Nothing may run meanwhile. Safe to do again. Raises Failure, one of AWAY, KafkaError, asyncpg.PostgresError.
    """
    centres = next(iter(services)).settings.centres
    async with open_stream(broker) as stream:
        heard = await stream.read(all_topics(centres))
    told: dict[str, Settled] = {}
    lost: Collection[UUID] = ()
    for service in services:
        async with database_of(service, restoring=True) as database:
            async with database.transaction() as tx:
                if service.come_back:
                    await service.come_back(tx)
                if service.name == "intake":
                    await _count_verdicts(tx, service, heard)
                await _forget_unsent(tx, heard)
                for topic, authority in service.writes.items():
                    told[topic.name] = await tell_again(tx, authority, heard[topic.name].newest)
                if service.name == "intake":
                    lost = await lost_households(tx)
            failpoint("restore.told")
    for service in services:
        await _place_group(broker, service, heard)
        failpoint("restore.placed")
    await _nobody_is_connected(owner_url, services)
    await _begin_again(owner_url, services, heard)
    failpoint("restore.let_in")
    return told, _to_register_again(centres, heard, lost)


async def nobody_is_there(services: Sequence[Service], settings: Settings) -> None:
    """Raise Failure if a process of a service holds a connection, or reads topics and only waits for the database."""
    await _nobody_is_connected(settings.database_url, services)
    from confluent_kafka import KafkaException  # noqa: PLC0415 - other commands need not wait for it

    async def readers() -> list[str] | None:
        try:
            return await asyncio.to_thread(members, settings, [service.name for service in services])
        except (KafkaException, TimeoutError):
            # A broker that has just begun does not know yet who keeps which group, and says so in many ways.
            return None

    async def broker_tells() -> bool:
        return await readers() is not None

    async def nobody_reads() -> bool:
        return await readers() == []

    await until(broker_tells, within=TELLS_WITHIN, what="the broker says who reads topics", every=0.5)
    # A worker that was killed, or that keeps its place for its return, counts as a member until its session ends.
    await until(nobody_reads, within=LEFT_WITHIN, what="no worker reads topics any more: stop all of them", every=0.5)


async def hold_back(owner_url: str, *, with_backup: bool = False) -> None:
    """Let no process work on the database, and nobody migrate it, until `reconcile` has come to its end.

    Raises Failure without a backup where one was being put back: of half of it nobody is to be told.
    """
    async with connected(owner_url) as connection:
        begun = await connection.fetchval("select obj_description(to_regnamespace($1), 'pg_namespace')", RESTORING)
        if begun and not with_backup:
            raise Failure(f"{begun}: give its file")
        await connection.execute(f'create schema if not exists "{RESTORING}"')
        if with_backup:
            await connection.execute(f"comment on schema \"{RESTORING}\" is 'A backup is being put back'")


async def _nobody_is_connected(owner_url: str, services: Iterable[Service]) -> None:
    """It would write beside a restore."""
    ours = [f"{service.name}_{use}" for service in services for use in ("worker", "web")]
    async with connected(owner_url) as connection:
        rows = await connection.fetch(
            "select distinct application_name as name from pg_stat_activity"
            " where datname = current_database() and application_name = any($1::text[])",
            ours,
        )
    if rows:
        names = ", ".join(sorted(row["name"] for row in rows))
        raise Failure(f"Still connected to the database: {names}. Stop them first (`geleit down`).")


async def _count_verdicts(tx: Tx, service: Service, heard: Mapping[str, Read]) -> None:
    for centre in service.settings.centres:
        counted: Counter[str] = Counter()
        for one in heard[verdicts(centre).name].told:
            counted[one.key] = max(counted[one.key], one.revision)
        if counted:
            await raise_verdicts(tx, centre, counted)
        # Read once more, what was submitted of who is erased would bring them back.
        await keep_seen(tx, centre, submissions(centre).name, _of_erased(centre, heard))


def _of_erased(centre: str, heard: Mapping[str, Read]) -> list[tuple[int, int, bytes, UUID]]:
    """Where submissions stand whose household was erased since: partition, offset, digest and household.

    A restore erases too, namely strangers, and what it then read anew has another household now: unless that is erased
    as well, it is read once more.
    """
    erased = _erased(heard)
    ruled = [one for one in heard[verdicts(centre).name].told if one.household]
    living = {one.about for one in ruled if one.household not in erased}
    whose = {one.about: one.household for one in ruled if one.about not in living}
    return [
        (one.partition, one.offset, one.about, household)
        for one in heard[submissions(centre).name].told
        if isinstance(one.about, bytes) and (household := whose.get((one.partition, one.offset)))
    ]


def _to_register_again(centres: Iterable[str], heard: Mapping[str, Read], lost: Collection[UUID]) -> int:
    """How many of these households the broker still knows as there, and do not come back from their submissions.

    By the tables, not by what this run adopts: one that broke off may have done so before.
    """
    read_again: set[UUID | None] = set()
    for centre in centres:
        places = {(one.partition, one.offset) for one in heard[submissions(centre).name].told}
        told = heard[verdicts(centre).name].told
        read_again |= {one.household for one in told if one.outcome == Outcome.ACCEPTED and one.about in places}
    return len(set(lost) & _known(heard).keys() - _erased(heard) - read_again)


def _erased(heard: Mapping[str, Read]) -> set[UUID]:
    return {key for key, one in _known(heard).items() if one.status is HouseholdStatus.ERASED}


def _known(heard: Mapping[str, Read]) -> Mapping[UUID, Household]:
    return {one.id: one for one in heard[HOUSEHOLDS.name].newest.values() if isinstance(one, Household)}


async def _forget_unsent(tx: Tx, heard: Mapping[str, Read]) -> None:
    """States are told anew; a verdict that the broker has is sent, and one that it has lost, or never had, is not.

    One that is older than its topic keeps any is not lost: told again, it would come after newer ones.
    """
    await tx.execute("delete from outbox where topic = any($1::text[])", [topic.name for topic in STATE_TOPICS])
    for name, read in heard.items():
        if retention := read.topic.retention:
            await tx.execute(
                "update outbox o set published_at = case when exists ("
                "select from unnest($1::text[], $2::bigint[]) as n (k, r) where o.key = n.k and o.revision = n.r)"
                " then coalesce(o.published_at, $3) when o.created_at < $5 then o.published_at end where o.topic = $4",
                [one.key for one in read.told],
                [one.revision for one in read.told],
                tx.now,
                name,
                tx.now - retention,
            )


async def _place_group(broker: Broker, service: Service, heard: Mapping[str, Read]) -> None:
    """Let a service go on where its topics end now, because all states are told again, but read submissions anew.

    What the broker has heard since the backup must not be folded: it tells of a past that is gone.
    """
    places = {
        TopicPartition(topic.name, number): OffsetAndMetadata(_where_to_go_on(heard[topic.name])[number], "")
        for topic in service.on
        for number in range(topic.partitions)
    }
    consumer = AIOKafkaConsumer(**broker.client, group_id=service.name, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign(list(places))

        async def committed() -> bool:
            try:
                await consumer.commit(places)
            except CommitFailedError:
                return False
            return True

        await until(committed, within=LEFT_WITHIN, what=f"the group {service.name} is empty", every=0.5)
    finally:
        await stopped(consumer)


def _where_to_go_on(read: Read) -> Mapping[int, int]:
    return read.ends if read.topic in STATE_TOPICS else read.begins


async def _begin_again(owner_url: str, services: Sequence[Service], heard: Mapping[str, Read]) -> None:
    """Count records from where the groups go on, write to nobody about what was before now, and let all in again.

    Nobody goes on in a backup's session.
    """
    let_in = f'delete from access.session; drop schema "{RESTORING}";'  # noqa: S608 - our name
    async with connected(owner_url) as connection:
        # One script is one transaction.
        await connection.execute("\n".join([*(_script(service, heard) for service in services), let_in]))


def _script(service: Service, heard: Mapping[str, Read]) -> str:
    rows = [
        f"('{topic.name}', {number}, {end}, {len(heard[topic.name].offsets.get(number, ()))}, 0, 0)"
        for topic in service.on
        if topic in STATE_TOPICS
        for number, end in heard[topic.name].ends.items()
        if end
    ]
    counted = f"insert into consumed values {', '.join(rows)};" if rows else ""  # noqa: S608 - all of it is ours
    return f'''
        set local search_path = "{service.name}";
        delete from consumed; {counted}
        update started set at = clock_timestamp();
    '''  # noqa: S608 - names and numbers of ours, and a script takes no parameters
