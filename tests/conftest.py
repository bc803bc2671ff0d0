"""The real servers that tests run on: `--kafka` and `--postgres` take `embedded`, `container` or an address."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from secrets import token_hex
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import settings

# A deadline for each example would measure what else the machine does.
settings.register_profile("geleit", deadline=None)
settings.load_profile("geleit")

EMBEDDED = "embedded"
CONTAINER = "container"


def pytest_addoption(parser: pytest.Parser) -> None:
    for option, name, address in (("--kafka", "Kafka", "HOST:PORT"), ("--postgres", "PostgreSQL", "URL")):
        parser.addoption(
            option,
            default=EMBEDDED,
            metavar=f"{EMBEDDED}|{CONTAINER}|{address}",
            help=f"{name} to test on: the embedded one, one in a container of the session's, or the one at an address",
        )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """What `-n auto` means: two processes, each with embedded servers of its own; one on servers that are shared."""
    return 2 if {config.getoption(f"--{name}") for name in ("kafka", "postgres")} == {EMBEDDED} else 0


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    from lanes import Lanes

    return Lanes(config, log)


def pytest_configure(config: pytest.Config) -> None:
    if work := getattr(config, "workerinput", None):
        from lanes import Turns

        config.pluginmanager.register(Turns(work["testrunuid"]))


def pytest_report_header(config: pytest.Config) -> str:
    servers = {name: str(config.getoption(f"--{name}")) for name in ("kafka", "postgres")}
    said = " ".join(f"{name}={_described(name, value)}" for name, value in servers.items())
    # Only the embedded parts are ours to kill: tests/e2e/conftest.py (breakable), test_embedded.py, test_start.py.
    rest = "" if set(servers.values()) == {EMBEDDED} else "; tests that start, stop and kill servers: embedded"
    return f"geleit: {said}{rest}"


def _described(name: str, value: str) -> str:
    if value == CONTAINER:
        from containered import IMAGES

        return f"{value} ({IMAGES[name]})"
    return value.rpartition("@")[2].partition("?")[0]  # an address without its password


@pytest.fixture(scope="session", autouse=True)
def compiled_templates() -> Iterator[None]:
    """What Jinja compiles is compiled once."""
    from compiled import environment

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("chassis.web.templates.Environment", environment)
        yield


@pytest.fixture(scope="session")
async def embedded_state() -> AsyncIterator[Path]:
    """The folder of this session's embedded servers, empty at its begin."""
    from folders import fresh, remove

    state = await fresh("servers")
    yield state
    await remove(state)


@pytest.fixture
async def state() -> AsyncIterator[Path]:
    """A state folder of this test's own; what is left running on it is stopped."""
    from folders import fresh, remove

    state = await fresh("test")
    yield state
    await remove(state)


@pytest.fixture(scope="session")
async def given_kafka(pytestconfig: pytest.Config) -> AsyncIterator[str | None]:
    """Bootstrap servers of the session's Kafka in a container or of somebody's; None if it is to be embedded."""
    match str(pytestconfig.getoption("--kafka")):
        case "embedded":
            yield None
        case "container":
            from containered import kafka

            async with kafka() as bootstrap:
                yield bootstrap
        case address:
            yield address


@pytest.fixture(scope="session")
async def given_postgres(pytestconfig: pytest.Config) -> AsyncIterator[str | None]:
    """The owner's URL of the session's PostgreSQL in a container or of somebody's; None if it is to be embedded."""
    match str(pytestconfig.getoption("--postgres")):
        case "embedded":
            yield None
        case "container":
            from containered import postgres

            async with postgres() as url:
                yield url
        case address:
            yield address


@pytest.fixture(scope="session")
def services_password(pytestconfig: pytest.Config) -> str | None:
    """What the services' roles sign in with, and not the owner's; at an address, what the environment says."""
    in_container = pytestconfig.getoption("--postgres") == CONTAINER
    return token_hex(16) if in_container else os.environ.get("DATABASE_PASSWORD")


@pytest.fixture(scope="session")
async def kafka_bootstrap(given_kafka: str | None, embedded_state: Path) -> AsyncIterator[str]:
    """Bootstrap servers of a real Kafka, one for the whole session."""
    if given_kafka is not None:
        yield given_kafka
        return
    from geleit.embedded import kafka

    async with kafka(embedded_state) as server:
        yield server.url


@pytest.fixture(scope="session")
async def postgres_server(given_postgres: str | None, embedded_state: Path) -> AsyncIterator[str]:
    """URL of a real PostgreSQL for somebody who may create databases and roles, one for the whole session."""
    if given_postgres is not None:
        yield given_postgres
        return
    from geleit.embedded import postgres

    async with postgres(embedded_state) as server:
        owner = await asyncpg.connect(server.url)
        # It ends with the session, and its host does not: making and dropping a database takes a quarter of the time.
        await owner.execute("alter system set fsync = off")
        await owner.execute("select pg_reload_conf()")
        await owner.close()
        yield server.url


@pytest.fixture(scope="session")
async def postgres_url(postgres_server: str) -> AsyncIterator[str]:
    """URL of an empty database of this session's own."""
    from geleit.embedded import create_database, drop_database

    name = f"geleit_{uuid4().hex}"
    yield await create_database(postgres_server, name)
    await drop_database(postgres_server, name)
