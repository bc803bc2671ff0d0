"""A freshly migrated database for each test that asks for one, on the session's real PostgreSQL."""

import os
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from argon2 import PasswordHasher
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from audit_ground import Ground, a_ground
from chassis.access import passwords
from chassis.database import Clock, Database
from chassis.migrate import migrate
from chassis.vault import KEY_BYTES
from geleit.embedded.postgres import database_url as on_database
from matching_stage import Stage, on_stage
from recorded import recorded_of_all

SERVICES = ("intake", "matching", "notifications", "reporting", "probe")
NOBODY = "127.0.0.1:1"
"""Where nothing listens."""
OpenDatabase = Callable[..., Awaitable[Database]]


@asynccontextmanager
async def a_database(server: str, like: str = "") -> AsyncIterator[str]:
    """The name of a database that is there as long as the block lasts: an empty one, unless told otherwise."""
    name = f"test_{uuid4().hex}"
    owner = await asyncpg.connect(server)
    try:
        await owner.execute(f"create database {name} {like}")
        yield name
    finally:
        await owner.execute(f"drop database if exists {name} with (force)")
        await owner.close()


@pytest.fixture(autouse=True)
def passwords_in_no_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Argon2id that costs nothing, for tests in which somebody only signs in: else each does so for half a second."""
    passwords._hash_of_nobody.cache_clear()
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    yield
    passwords._hash_of_nobody.cache_clear()


@pytest.fixture(scope="session")
async def migrated_template(postgres_url: str, services_password: str | None) -> AsyncIterator[str]:
    """The name of a database with every migration applied, to copy from."""
    async with a_database(postgres_url) as name:
        await migrate(
            on_database(postgres_url, name),
            [(service, service) for service in SERVICES],
            passwords=dict.fromkeys(SERVICES, services_password),
        )
        yield name


@pytest.fixture
async def database_url(postgres_url: str, migrated_template: str) -> AsyncIterator[str]:
    """The owner's URL of a database of this test's own."""
    async with a_database(postgres_url, f"template {migrated_template} strategy file_copy") as name:
        yield on_database(postgres_url, name)


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to this test's database of whoever may change its tables."""
    owner = await asyncpg.connect(database_url)
    yield owner
    await owner.close()


@pytest.fixture
async def database(database_url: str, services_password: str | None) -> AsyncIterator[OpenDatabase]:
    """Opens this test's database as a service's role: `await database("matching", "web", clock=…)`."""
    opened: list[Database] = []

    async def open_as(service: str, use: str = "worker", *, clock: Clock | None = None) -> Database:
        opened.append(
            await Database.open(
                database_url, service=service, use=use, password=services_password, connections=4, clock=clock
            )
        )
        return opened[-1]

    yield open_as
    for one in opened:
        await one.close()


@pytest.fixture
def here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str, services_password: str | None
) -> pytest.MonkeyPatch:
    """A command's environment: the test's database, and no Kafka."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    if services_password:
        monkeypatch.setenv("DATABASE_PASSWORD", services_password)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", NOBODY)
    monkeypatch.setenv("GELEIT_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("VAULT_MASTER_KEY", b64encode(os.urandom(KEY_BYTES)).decode())
    monkeypatch.chdir(tmp_path)
    return monkeypatch


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """What is recorded during the test, by whomever."""
    with recorded_of_all() as exporter:
        yield exporter


@pytest.fixture
async def probe(database: OpenDatabase) -> Database:
    """The service that there is for tests only."""
    return await database("probe")


@pytest.fixture
async def stage(database: OpenDatabase) -> AsyncIterator[Stage]:
    """Matching, which must be right when the test ends."""
    async with on_stage(database) as stage:
        yield stage


@pytest.fixture(scope="session")
async def topics_to_make_anew(given_kafka: str | None, kafka_bootstrap: str) -> AsyncIterator[str]:
    """Bootstrap servers of a Kafka whose topics and groups nobody else uses meanwhile: the session's if embedded.

    On a given one the system of the e2e tier lives, too.
    """
    if given_kafka is None:
        yield kafka_bootstrap
        return
    from folders import fresh, remove
    from geleit.embedded import kafka

    state = await fresh("audit")
    async with kafka(state) as server:
        yield server.url
    await remove(state)


@pytest.fixture
async def ground(
    database: OpenDatabase, database_url: str, topics_to_make_anew: str, services_password: str | None
) -> AsyncIterator[Ground]:
    """All four services, moved by hand, on a database and on topics of this test's own."""
    async with a_ground(database, database_url, topics_to_make_anew, services_password) as ground:
        yield ground
