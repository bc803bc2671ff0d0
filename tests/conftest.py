"""The real servers that tests run on: `--kafka` and `--postgres` take `embedded` or an address."""

import fcntl
import os
import shutil
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import TextIO
from uuid import uuid4

import pytest

EMBEDDED = "embedded"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kafka", default=EMBEDDED, metavar="embedded|HOST:PORT", help="Kafka to test on")
    parser.addoption("--postgres", default=EMBEDDED, metavar="embedded|URL", help="PostgreSQL to test on")


def pytest_report_header(config: pytest.Config) -> str:
    servers = {name: _without_password(str(config.getoption(f"--{name}"))) for name in ("kafka", "postgres")}
    return "geleit: " + " ".join(f"{name}={value}" for name, value in servers.items())


def _without_password(address: str) -> str:
    return address.rpartition("@")[2].partition("?")[0]


def _claim(parent: Path) -> tuple[Path, TextIO]:
    # Sessions at the same time get a folder each; one that was killed leaves its servers in a folder
    # that the next session claims, so that they are found and stopped.
    for number in count():
        folder = parent / f"test-{number}"
        folder.mkdir(parents=True, exist_ok=True)
        lock = (parent / f"test-{number}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        return folder, lock
    raise AssertionError


@pytest.fixture(scope="session")
async def embedded_state(pytestconfig: pytest.Config) -> AsyncIterator[Path]:
    """The folder of this session's embedded servers, empty at its begin."""
    from geleit.embedded.kafka import Kafka
    from geleit.embedded.postgres import Postgres
    from geleit.progress import Steps

    folder, lock = _claim(pytestconfig.rootpath / ".geleit")
    with lock:
        quiet = Steps(quiet=True)
        await Kafka(folder, quiet).stop()
        await Postgres(folder, quiet).stop()
        shutil.rmtree(folder)
        folder.mkdir()
        yield folder
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def services_password() -> str | None:
    """What the services' roles sign in with where PostgreSQL asks them to."""
    return os.environ.get("DATABASE_PASSWORD")


@pytest.fixture(scope="session")
async def kafka_bootstrap(pytestconfig: pytest.Config, embedded_state: Path) -> AsyncIterator[str]:
    """Bootstrap servers of a real Kafka, one for the whole session."""
    given = str(pytestconfig.getoption("--kafka"))
    if given != EMBEDDED:
        yield given
        return
    from geleit.embedded import kafka

    async with kafka(embedded_state) as server:
        yield server.url


@pytest.fixture(scope="session")
async def postgres_server(pytestconfig: pytest.Config, embedded_state: Path) -> AsyncIterator[str]:
    """URL of a real PostgreSQL for somebody who may create databases and roles, one for the whole session."""
    given = str(pytestconfig.getoption("--postgres"))
    if given != EMBEDDED:
        yield given
        return
    from geleit.embedded import postgres

    async with postgres(embedded_state) as server:
        yield server.url


@pytest.fixture(scope="session")
async def postgres_url(postgres_server: str) -> AsyncIterator[str]:
    """URL of an empty database of this session's own."""
    from geleit.embedded import create_database, drop_database

    name = f"geleit_{uuid4().hex}"
    yield await create_database(postgres_server, name)
    await drop_database(postgres_server, name)
