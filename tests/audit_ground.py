"""All four services on one database and one broker, moved by hand step by step, for the auditor to look at."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError

from builders import REUTLINGEN, TUEBINGEN
from chassis.broker import Broker
from chassis.consumer import Consumer
from chassis.database import Database, Tx
from chassis.health import Health
from chassis.relay import Relay
from chassis.service import Service
from chassis.stream import Subscription
from chassis.topics import create_topics
from clocks import SetClock
from contracts.record import encode, headers
from contracts.submissions import Submission
from contracts.topics import all_topics, submissions
from contracts.vocabulary import SubmissionKind
from geleit.audit.finding import Finding
from geleit.audit.run import Asked, audit
from geleit.services import services_with
from intake.domain import Changed
from intake.handlers import on_submissions
from intake.identity import encrypt
from intake.municipalities import import_register
from intake.reception import take_one
from intake.register import Entry
from matching.roster.file import import_roster
from matching_stage import HEADER
from notifications.contacts import import_contacts
from notifications.deliver import errand
from offers import an_identity, an_offer, some_keys, stated_facts
from stream import eventually, send

CENTRE = "karlsruhe"
A_CASE = 25
"""Units of the household that `registered` makes."""


def services_on(database_url: str, kafka: str, password: str | None) -> dict[str, Service]:
    """The services as processes on these servers have them; intake with the keys that tests have."""

    def settings(kind: type[Any], _: str) -> Any:
        return kind(
            database_url=database_url,
            database_password=password,
            kafka_bootstrap_servers=kafka,
            centres=CENTRE,
            vault_master_key=b64encode(bytes(32)).decode(),
        )

    services = services_with(settings)
    taking = services["intake"]
    return services | {"intake": replace(taking, on={**taking.on, submissions(CENTRE): on_submissions(some_keys)})}


class Ground:
    """Services, databases and topics that nobody else uses meanwhile."""

    def __init__(
        self,
        services: Mapping[str, Service],
        databases: Mapping[str, Database],
        broker: Broker,
        clock: SetClock,
        open_as: Callable[..., Awaitable[Database]],
    ) -> None:
        self.services = services
        self.databases = databases
        self.broker = broker
        self.clock = clock
        self._open_as = open_as
        self.admin: AIOKafkaAdminClient

    # What people do

    async def begin(self, *managers: str) -> None:
        """Two towns with an address each, the policy and a roster (`code;name;provider;fte;service_area;…`)."""
        async with self.databases["intake"].transaction() as tx:
            await import_register(tx, [Entry(TUEBINGEN, "Tübingen", "T", 92_000), Entry(REUTLINGEN, "R", "R", 117_000)])
        async with self.databases["matching"].transaction() as tx:
            assert self.services["matching"].seed
            await tx.publish(await self.services["matching"].seed(tx))
        async with self.databases["notifications"].transaction() as tx:
            addresses = [f"{ags};town-{ags}@towns.example" for ags in (TUEBINGEN, REUTLINGEN)]
            await import_contacts(tx, ["ags;address", *addresses])
        self.clock.now += timedelta(seconds=1)
        await self.relay("intake")
        await self.consume("matching")
        padded = [line + ";" * (HEADER.count(";") - line.count(";")) for line in managers]
        async with self.databases["matching"].transaction() as tx:
            report = await import_roster(
                tx, self.services["matching"].vault(), "\n".join([HEADER, *padded]).encode(), complete=False
            )
        assert report.possible, report.faults

    async def registered(self, reference: str, town: str | None = None, tx: Tx | None = None) -> UUID:
        """A household that came by HTTP: in a transaction of its own, or in one that goes on."""
        return await self._offered(tx, reference, SubmissionKind.REGISTER, municipality=town)

    async def corrected(self, reference: str, tx: Tx | None = None, **facts: Any) -> UUID:
        """A correction of its facts."""
        return await self._offered(tx, reference, SubmissionKind.CORRECT, **facts)

    async def _offered(self, tx: Tx | None, reference: str, kind: SubmissionKind, **facts: Any) -> UUID:
        if tx is None:
            async with self.databases["intake"].transaction() as own:
                return await self._offered(own, reference, kind, **facts)
        # Of one district, so that all of them live in one partition.
        stated = stated_facts(**{"municipality": None, "district": TUEBINGEN[:5]} | facts)
        decision = await take_one(tx, some_keys(), CENTRE, an_offer(kind, reference=reference, facts=stated))
        assert isinstance(decision, Changed), decision
        return decision.household.id

    async def submitted(self, reference: str) -> None:
        """A household that comes by the centre's own topic."""
        identity = encrypt(an_identity(), some_keys().public_jwk)
        facts = stated_facts(municipality=None)
        state = Submission(reference=reference, kind=SubmissionKind.REGISTER, facts=facts, identity=identity)
        told = headers(state, source=CENTRE, time=self.clock.now)
        await send(self.broker.servers, submissions(CENTRE).name, [(state.key, encode(state), told)])

    # What the platform does

    def a_relay(self, service: str, kind: type[Relay] = Relay) -> Relay:
        return kind(self.databases[service], service=service, broker=self.broker, batch=100, health=Health())

    async def relay(self, service: str, kind: type[Relay] = Relay) -> None:
        """Send what the service's outbox holds."""
        async with self.relaying(service, kind):
            await eventually(
                lambda: self.ask(service, "select not exists (select from outbox where published_at is null)")
            )

    @asynccontextmanager
    async def relaying(self, service: str, kind: type[Relay] = Relay) -> AsyncIterator[None]:
        """A relay that runs."""
        async with self._running(self.a_relay(service, kind).run):
            yield

    @asynccontextmanager
    async def subscribed(self, service: str, consumer: Consumer | None = None) -> AsyncIterator[None]:
        """A subscription that runs."""
        subscription = Subscription(
            consumer or self.a_consumer(service),
            [topic.name for topic in self.services[service].on],
            broker=self.broker,
            group=service,
            instance=None,
            records=100,
            health=Health(),
        )
        async with self._running(subscription.run):
            yield

    @asynccontextmanager
    async def _running(self, run: Callable[[asyncio.Event], Awaitable[None]]) -> AsyncIterator[None]:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(_awaited(run(stop)))
            try:
                yield
            finally:
                stop.set()

    def a_consumer(self, service: str) -> Consumer:
        one = self.services[service]
        return Consumer(self.databases[service], one.vault(), one.on, Health())

    async def consume(self, service: str) -> None:
        """Apply what the service's group has not read yet, and commit."""
        consumer, stop = self.a_consumer(service), asyncio.Event()
        async with self.reading(service) as reader:
            for raws in await unread(reader):
                await consumer.consume(raws, stop)
            await reader.commit()

    @asynccontextmanager
    async def reading(self, service: str) -> AsyncIterator[AIOKafkaConsumer]:
        """A member of the service's group, alone in it, with every partition that it reads."""
        reader = AIOKafkaConsumer(
            **self.broker.client, group_id=service, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await reader.start()
        try:
            topics = self.services[service].on
            reader.assign([TopicPartition(topic.name, n) for topic in topics for n in range(topic.partitions)])
            yield reader
        finally:
            await reader.stop()

    async def raws(self, service: str, topic: str) -> list[ConsumerRecord]:
        """The records of a topic that the service's group has not read, in the order in which they were sent."""
        async with self.reading(service) as reader:
            found = [raw for raws in await unread(reader) for raw in raws if raw.topic == topic]
        return sorted(found, key=lambda raw: raw.timestamp)

    async def mailed(self) -> None:
        """Claim and settle what notifications has to send, as if the server had taken it."""
        sending = errand(self.services["notifications"].settings)  # type: ignore[arg-type]
        async with self.databases["notifications"].transaction() as tx:
            for one in await sending.claim(tx):
                await sending.settle(tx, one, None)

    async def flow(self) -> None:
        """Let everything come to rest."""
        for sender, *readers in (
            ("intake", "matching", "reporting"),
            ("matching", "intake", "notifications", "reporting"),
            ("intake",),
        ):
            await self.relay(sender)
            for reader in readers:
                await self.consume(reader)
        await self.mailed()

    async def another(self, service: str) -> Database:
        """The database of another worker of the service."""
        return await self._open_as(service, clock=self.clock)

    @asynccontextmanager
    async def owner(self) -> AsyncIterator[asyncpg.Connection]:
        """Whoever may change tables."""
        owner = await asyncpg.connect(self.services["intake"].settings.database_url)
        try:
            yield owner
        finally:
            await owner.close()

    # What is asked

    async def ask(self, service: str, sql: str, *args: object) -> Any:
        async with self.databases[service].transaction() as tx:
            return await tx.fetchval(sql, *args)

    async def waits_for_a_lock(self) -> bool:
        """Whether some transaction waits for another one."""
        return bool(await self.ask("intake", _BLOCKED))

    async def findings(self, **asked: Any) -> dict[str, Finding]:
        found = await audit(list(self.services.values()), self.broker, Asked(**asked))
        return {one.name: one for one in found}

    async def broken(self, **asked: Any) -> dict[str, list[str]]:
        """The faults of each invariant that does not hold."""
        return {name: one.faults for name, one in (await self.findings(**asked)).items() if one.faults}


_BLOCKED = """
select exists (select from pg_locks l where not l.granted
               and l.pid in (select pid from pg_stat_activity where datname = current_database()))
"""


async def unread(reader: AIOKafkaConsumer) -> list[list[ConsumerRecord]]:
    """Polls until the ends that the topics have now."""
    places = reader.assignment()
    ends = await reader.end_offsets(places)
    polls = []
    while rest := [place for place in places if await reader.position(place) < ends[place]]:
        if found := await reader.getmany(*rest, timeout_ms=500):
            polls.append([raw for raws in found.values() for raw in raws])
    return polls


@asynccontextmanager
async def a_ground(
    open_as: Callable[..., Awaitable[Database]], database_url: str, kafka: str, password: str | None
) -> AsyncIterator[Ground]:
    """A ground on a database of this test's own and on topics that are made anew."""
    services, broker = services_on(database_url, kafka, password), Broker(kafka)
    # After the start of every schema, so that people are told.
    clock = SetClock(datetime.now(UTC) + timedelta(minutes=1))
    databases = {name: await open_as(name, clock=clock) for name in services}
    ground = Ground(services, databases, broker, clock, open_as)
    ground.admin = AIOKafkaAdminClient(**broker.client)
    await ground.admin.start()
    try:
        await _made_anew(ground)
        yield ground
    finally:
        await ground.admin.close()


async def _made_anew(ground: Ground) -> None:
    topics = all_topics([CENTRE])
    names = {topic.name for topic in topics}

    async def gone() -> bool:
        return not names.intersection(await ground.admin.list_topics())

    async def forgotten() -> bool:
        # A broker that has never had a group makes the topic of their offsets when it is asked for one.
        with suppress(GroupCoordinatorNotAvailableError):
            return not [
                one for name in ground.services if (one := await ground.admin.list_consumer_group_offsets(name))
            ]
        return False

    if there := names.intersection(await ground.admin.list_topics()):
        await ground.admin.delete_topics(sorted(there))
        await eventually(gone)
        await eventually(forgotten)
    await create_topics(ground.broker, topics)


async def _awaited(work: Awaitable[None]) -> None:
    await work


def of(raws: Sequence[ConsumerRecord], household: UUID) -> ConsumerRecord:
    """A household's record."""
    return next(raw for raw in raws if raw.key == str(household).encode())
