"""One running Geleit as the people and programs around it see it: centres, municipalities, mails, topics."""

import csv
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from io import StringIO
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
from aiokafka import AIOKafkaProducer, ConsumerRecord

from chassis.access import Role
from chassis.access.keys import issue_key
from chassis.database import OWNER, Database
from chassis.service import Service
from contracts.record import encode, headers
from contracts.submissions import Submission
from contracts.topics import submissions
from contracts.vocabulary import SubmissionKind
from e2e.gate import Gate
from geleit import loopback
from geleit.probe import LOOPBACK, free_port
from geleit.services import database_of, services_with
from geleit.settings import Settings
from geleit.system import Running, system
from intake.generate import generate
from intake.identity import encrypt
from intake.municipalities import import_register
from matching.roster.file import Report, import_roster
from matching.roster.rows import manager_id
from notifications.contacts import import_contacts
from offers import a_registration
from stream import eventually

CENTRE = "karlsruhe"
HOUSEHOLDS = "/intake/v1/households"
A_MANAGER = "Ada Muster"
UNITS_PER_FTE = 1200


class World:
    """Everything a test may use; towns are handed out so that no two tests share one."""

    def __init__(self, running: Running, gate: Gate, services: Mapping[str, Service]) -> None:
        self.running = running
        self.gate = gate
        self.services = services
        self.databases: dict[str, Database] = {}
        self.owner: Database
        self.producer: AIOKafkaProducer
        self._stack = AsyncExitStack()
        self._clients: dict[tuple[Role, str], httpx.AsyncClient] = {}
        self._towns = _towns()
        self._public_key: dict[str, Any] = {}
        self._codes = count(1)

    @property
    def bootstrap(self) -> str:
        return self.running.environment["KAFKA_BOOTSTRAP_SERVERS"]

    async def open(self) -> None:
        """Connect, import the register and a mail address for each municipality."""
        for name, service in self.services.items():
            self.databases[name] = await self._stack.enter_async_context(database_of(service))
        self.owner = await self._stack.enter_async_context(database_of(self.services["intake"], OWNER))
        self.producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, acks="all")
        await self._stack.enter_async_context(self.producer)
        register = generate()
        async with self.databases["intake"].transaction() as tx:
            await import_register(tx, register)
        async with self.databases["notifications"].transaction() as tx:
            await import_contacts(tx, ["ags;address", *(f"{one.ags};{address_of(one.ags)}" for one in register)])
        for name in ("matching", "notifications", "reporting"):
            await self.sees(name, "select count(*) = $1 from municipality", len(register), within=60)
        self._public_key = (await (await self.client(Role.CENTRE, CENTRE)).get("/intake/v1/key")).json()

    async def close(self) -> None:
        await self._stack.aclose()

    def town(self) -> str:
        """The AGS of a municipality that nobody else has."""
        return next(self._towns)

    async def client(self, role: Role, tenant: str) -> httpx.AsyncClient:
        """A program with an API key of its own for this role and tenant."""
        if (role, tenant) not in self._clients:
            async with self.owner.transaction() as tx:
                key = await issue_key(tx, role=role, tenant=tenant, label="e2e")
            client = loopback.client(
                base_url=self.running.url, headers={"Authorization": f"Bearer {key.secret}"}, timeout=30
            )
            self._clients[role, tenant] = await self._stack.enter_async_context(client)
        return self._clients[role, tenant]

    async def manager(self, town: str, *, room: int = 600, fte: str = "1", **cells: str) -> UUID:
        """A manager of this town who can take `room` units more; her id."""
        provider, code = f"town-{town}", f"m{next(self._codes)}"
        capacity = int(float(fte.replace(",", ".")) * UNITS_PER_FTE)
        row = {"code": code, "name": A_MANAGER, "provider": provider, "fte": fte, "languages": "de uk"}
        row |= {"skills": "", "service_area": town, "base_load": str(capacity - room), **cells}
        report = await self.roster(row)
        assert report.possible, report.faults
        return manager_id(provider, row["code"])

    async def roster(self, *rows: Mapping[str, str], complete: bool = False) -> Report:
        """Import a roster."""
        async with self.databases["matching"].transaction() as tx:
            vault = self.services["matching"].vault()
            return await import_roster(tx, vault, roster_csv(rows).encode(), complete=complete)

    async def register(self, town: str | None, *, key: str | None = None, **form: Any) -> httpx.Response:
        """A centre's request to register a household for this town."""
        centre = await self.client(Role.CENTRE, CENTRE)
        return await centre.post(HOUSEHOLDS, json=registration(town, **form), headers=key_header(key))

    async def registered(self, town: str | None, **form: Any) -> UUID:
        """The id of a household that was taken in."""
        answer = await self.register(town, **form)
        assert answer.status_code == 202, answer.text
        return UUID(answer.json()["id"])

    async def household(self, reference: str, *, within: float = 60.0) -> UUID:
        """The id of the household of a reference, once it is taken in."""
        sql = "select id from household where reference = $1"
        return UUID(str(await eventually(lambda: self.ask("intake", sql, reference), within=within)))

    async def care(self, household: UUID, *statuses: str, within: float = 30.0) -> dict[str, Any]:
        """The care that intake shows its centre, once it has one of the statuses."""
        centre = await self.client(Role.CENTRE, CENTRE)

        async def shown() -> Any:
            answer = await centre.get(f"{HOUSEHOLDS}/{household}")
            care = answer.json().get("care") if answer.is_success else None
            return care if care and (not statuses or care["status"] in statuses) else None

        return dict(await eventually(shown, within=within))

    async def item(self, town: str, household: UUID, *statuses: str, manager: str | None = None) -> dict[str, Any]:
        """The newest inbox item of a household as its municipality's program reads it."""
        program = await self.client(Role.MUNICIPALITY, town)

        async def shown() -> Any:
            answer = await program.get(f"/inbox/v1/assignments/{household}")
            item = answer.json()["items"][0] if answer.is_success else None
            fits = item and (not statuses or item["status"] in statuses) and manager in {None, item["manager"]}
            return item if fits else None

        return dict(await eventually(shown))

    async def answer(self, town: str, household: UUID, item: int, answer: str, **body: Any) -> httpx.Response:
        """A municipality's answer by its program."""
        program = await self.client(Role.MUNICIPALITY, town)
        path = f"/inbox/v1/assignments/{household}/answers"
        return await program.post(path, json={"item": item, "answer": answer, **body})

    def submission(self, reference: str, kind: SubmissionKind, **parts: Any) -> Submission:
        """A centre's record; its identity is encrypted to intake's public key."""
        identity = parts.pop("identity", None)
        jwe = encrypt(identity, self._public_key) if identity is not None else None
        return Submission(reference=reference, kind=kind, identity=jwe, **parts)

    async def submit(
        self, state: Submission, *, centre: str = CENTRE, traceparent: str | None = None
    ) -> tuple[str, int, int]:
        """Send a submission; topic, partition and offset."""
        told = headers(state, source=centre, time=datetime.now(UTC), traceparent=traceparent)
        return await self.send(submissions(centre).name, state.reference, encode(state), told)

    async def send(
        self, topic: str, key: str, value: bytes | None, told: Sequence[tuple[str, bytes | None]]
    ) -> tuple[str, int, int]:
        """Send bytes to partition 0 of a topic; topic, partition and offset."""
        sent = await self.producer.send_and_wait(topic, value, key=key.encode(), partition=0, headers=list(told))
        return sent.topic, sent.partition, sent.offset

    def mails(self, town: str | None = None) -> list[EmailMessage]:
        """Caught mails to a town, or all."""
        found = [read_mail(file) for file in sorted(self.running.mail_dir.glob("*.eml"))]
        return [mail for mail in found if town is None or mail["Delivered-To"] == address_of(town)]

    async def mailed(self, town: str, number: int = 1, *, within: float = 30.0) -> list[EmailMessage]:
        """The mails to a town, once there are so many."""

        async def enough() -> list[EmailMessage] | None:
            mails = self.mails(town)
            return mails if len(mails) >= number else None

        return list(await eventually(enough, within=within))

    async def ask(self, service: str, sql: str, *args: object) -> Any:
        """One value from a service's tables, as its worker."""
        async with self.databases[service].transaction() as tx:
            return await tx.fetchval(sql, *args)

    async def sees(self, service: str, sql: str, *args: object, within: float = 30.0) -> None:
        """Wait until a query says true."""
        await eventually(lambda: self.ask(service, sql, *args), within=within)


def geleit(environment: Mapping[str, str], *command: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of the command line to its end."""
    return subprocess.run(
        (sys.executable, "-m", "geleit", *command), env=environment, capture_output=True, text=True, check=False
    )


def registration(town: str | None, **form: Any) -> dict[str, Any]:
    """The body of a registration of two persons (25 units), under a new reference unless one is given."""
    body = a_registration(form.pop("reference", None) or f"e2e-{uuid4().hex[:12]}", **form)
    facts = {name: value for name, value in body["facts"].items() if name != "municipality"}
    return body | {"facts": facts | ({"municipality": town} if town else {})}


def key_header(key: str | None = None) -> dict[str, str]:
    return {"Idempotency-Key": key or uuid4().hex}


def address_of(town: str) -> str:
    return f"inbox-{town}@towns.example"


def read_mail(file: Path) -> EmailMessage:
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def roster_csv(rows: Sequence[Mapping[str, str]]) -> str:
    """The file of a roster; the columns are those of the first row."""
    text = StringIO()
    sheet = csv.DictWriter(text, list(rows[0]), delimiter=";", lineterminator="\n")
    sheet.writeheader()
    sheet.writerows(rows)
    return text.getvalue()


def records_of(records: Sequence[ConsumerRecord], key: str) -> list[ConsumerRecord]:
    return [record for record in records if record.key == key.encode()]


def services_of(environment: Mapping[str, str]) -> dict[str, Service]:
    """The services as the processes of this environment have them."""

    def settings(kind: type[Any], _: str) -> Any:
        return kind(**{name: environment[name.upper()] for name in kind.model_fields if name.upper() in environment})

    return services_with(settings)


@asynccontextmanager
async def system_on(
    state: Path,
    gate: Gate,
    *,
    kafka: str | None = None,
    database: str | None = None,
    env: Mapping[str, str] | None = None,
    **how: Any,
) -> AsyncIterator[Running]:
    """All of Geleit on a folder, as long as the block lasts; its mail goes through the gate.

    On embedded servers, unless an address is given.
    """
    settings = Settings(
        geleit_state_dir=state,
        port=free_port(),
        kafka_bootstrap_servers=kafka,
        database_url=database,
        smtp_url=None,
        public_url=None,
        tracing=False,
    )
    env = {"SMTP_URL": f"smtp://{LOOPBACK}:{gate.port}", **(env or {})}
    async with system(settings, env=env, **how) as running:
        gate.target = running.process("smtp-catcher").port
        yield running


@asynccontextmanager
async def world_of(running: Running, gate: Gate) -> AsyncIterator[World]:
    world = World(running, gate, services_of(running.environment))
    try:
        await world.open()
        yield world
    finally:
        await world.close()


def _towns() -> Iterator[str]:
    """From the smallest up, a district after the other: neighbours in a test share no waiting list."""
    yield from (entry.ags for entry in sorted(generate(), key=lambda entry: (entry.ags[5:], entry.ags)))
