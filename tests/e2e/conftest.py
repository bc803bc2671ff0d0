"""All of Geleit as processes, once for the session: on the embedded servers, on containers, or on those given."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from contracts.topics import STATE_TOPICS
from e2e.gate import Gate, open_gate
from e2e.world import World, system_on, world_of
from folders import fresh, remove
from geleit.embedded import create_database, drop_database
from geleit.system import Running
from stream import eventually

DATABASE = "geleit_e2e"
WORKERS = {"matching": 2}


@pytest.fixture(scope="session")
async def gate() -> AsyncIterator[Gate]:
    async with open_gate() as gate:
        yield gate


@pytest.fixture(scope="session")
async def running(
    gate: Gate,
    given_kafka: str | None,
    given_postgres: str | None,
    services_password: str | None,
) -> AsyncIterator[Running]:
    """The system of the session; every trace is recorded, mail goes through the gate."""
    state = await fresh("main")
    if given_kafka:
        await _forget_topics(given_kafka)
    if given_postgres:
        await drop_database(given_postgres, DATABASE)
    database = await create_database(given_postgres, DATABASE) if given_postgres else None
    async with _recorded(state, gate, given_kafka, database, services_password) as running:
        yield running
    await remove(state)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and "breakable" in item.fixturenames:
            item.add_marker(pytest.mark.own_servers)


def _recorded(
    state: Path, gate: Gate, kafka: str | None = None, database: str | None = None, password: str | None = None
) -> AbstractAsyncContextManager[Running]:
    env = {"OTEL_BSP_SCHEDULE_DELAY": "200"}
    if password is not None:
        env["DATABASE_PASSWORD"] = password
    return system_on(state, gate, kafka=kafka, database=database, workers=WORKERS, env=env, spans=1.0)


@pytest.fixture(scope="session")
async def world(running: Running, gate: Gate) -> AsyncIterator[World]:
    """The session's system with its register, as everybody sees it."""
    async with world_of(running, gate) as world:
        yield world


@pytest.fixture(scope="session")
async def breakable(world: World) -> AsyncIterator[World]:
    """A system whose Kafka and PostgreSQL may be stopped and killed: the session's, if both are embedded.

    Else one of its own on embedded servers, whatever the options say: a server at an address is not ours to stop,
    and a container comes back on another port.
    """
    if world.running.kafka and world.running.postgres:
        yield world
        return
    state = await fresh("breakable")
    async with open_gate() as gate, _recorded(state, gate) as running, world_of(running, gate) as own:
        yield own
    await remove(state)


async def _forget_topics(bootstrap: str) -> None:
    """What an earlier session left on a server that outlives it, or another tier of this one."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:

        async def gone() -> bool:
            return not [name for name in await admin.list_topics() if _is_ours(name)]

        if ours := [name for name in await admin.list_topics() if _is_ours(name)]:
            await admin.delete_topics(ours)
            await eventually(gone)
    finally:
        await admin.close()


def _is_ours(topic: str) -> bool:
    return topic.partition(".")[0] in {"submissions", "verdicts", *(one.name for one in STATE_TOPICS)}
