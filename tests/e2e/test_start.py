"""Services started in any order come up once what they need is there; a port that is taken is named."""

import asyncio
import os
import socket
from pathlib import Path

import httpx
import pytest

from e2e.gate import Gate
from e2e.world import World, geleit, world_of
from geleit.embedded.kafka import Kafka
from geleit.embedded.postgres import Postgres
from geleit.probe import LOOPBACK, free_port
from geleit.progress import Steps
from geleit.state import intake_key, master_key
from geleit.supervisor import Program, Supervised
from geleit.system import PYTHON, Running
from stream import eventually

pytestmark = pytest.mark.own_servers

QUIET = Steps(quiet=True)
WORKERS = ("reporting", "notifications", "matching", "intake")


@pytest.mark.timeout(240)
async def test_services_that_are_there_before_database_tables_and_topics_come_up(state: Path) -> None:
    # Embedded on every backend: these have an address before they run.
    kafka, postgres = Kafka(state, QUIET), Postgres(state, QUIET)
    await kafka.start()
    port = free_port()
    environment = {
        **os.environ,
        "GELEIT_STATE_DIR": str(state),
        "DATABASE_URL": postgres.url,
        "KAFKA_BOOTSTRAP_SERVERS": kafka.url,
        "SMTP_URL": f"smtp://{LOOPBACK}:{free_port()}",
        "VAULT_MASTER_KEY_FILE": str(master_key(state)),
        "INTAKE_PRIVATE_KEY_FILE": str(intake_key(state)),
    }
    programs = [Program("web", (*PYTHON, "geleit", "web"), port=port, port_variable="PORT")]
    programs += [Program(f"{name}.0", (*PYTHON, name, "worker")) for name in WORKERS]
    processes = {one.name: Supervised(one, state, environment, QUIET) for one in programs}
    try:
        for process in processes.values():
            await process.start()
        await asyncio.gather(*(says_what_is_missing(process) for process in processes.values()))
        await postgres.start()
        migrated = await asyncio.to_thread(geleit, environment, "migrate")
        assert migrated.returncode == 0, migrated.stderr
        await asyncio.gather(*(process.ready() for process in processes.values()))
        assert [process.restarts for process in processes.values()] == [0] * len(processes)
        running = Running(f"http://{LOOPBACK}:{port}", state, environment, processes, None, None, None)
        async with world_of(running, Gate()) as world:
            await is_served(world)
    finally:
        await asyncio.gather(*(process.stop() for process in processes.values()))
        await kafka.stop()
        await postgres.stop()


async def test_a_port_that_is_taken_is_named_and_nothing_is_started(state: Path) -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = await asyncio.to_thread(geleit, {**os.environ, "GELEIT_STATE_DIR": str(state), "PORT": str(port)}, "up")
    assert done.returncode == 1
    assert f"Port {port} on {LOOPBACK} is taken" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (state / "kafka").exists()


async def says_what_is_missing(process: Supervised) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:

        async def waits() -> bool:
            try:
                answer = await http.get(f"{process.url}/readyz")
                alive = await http.get(f"{process.url}/livez")
            except httpx.TransportError:
                return False
            missing = [part for part in answer.json()["down"] if part.startswith("database.")]
            return answer.status_code == 503 and bool(missing) and alive.is_success

        await eventually(waits, within=60)


async def is_served(world: World) -> None:
    town = world.town()
    await world.manager(town)
    await world.care(await world.registered(town), "proposed", within=60)
