"""`geleit up` on an empty folder: everything becomes ready, survives what kills it, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from geleit.probe import free_port, until
from geleit.processes import Process, identify
from geleit.settings import Settings
from geleit.state import owner
from geleit.system import system

FOREIGN = {"DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "SMTP_URL", "PUBLIC_URL", "TRACING"}


def settings_of(state: Path) -> Settings:
    given_none = dict.fromkeys(("database_url", "kafka_bootstrap_servers", "smtp_url", "public_url"))
    return Settings(geleit_state_dir=state, port=free_port(), tracing=False, **given_none)


@contextmanager
def geleit_up(state: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    env = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    env |= {"GELEIT_STATE_DIR": str(state), "PORT": str(port)}
    with (state / "up.out").open("ab") as output:
        command = [sys.executable, "-m", "geleit", "up"]
        child = subprocess.Popen(command, env=env, stdout=output, stderr=output, start_new_session=True)
    try:
        yield child
    finally:
        child.terminate()
        child.wait(60)


def serves(port: int) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        async with httpx.AsyncClient(trust_env=False, timeout=5) as http:
            try:
                return (await http.get(f"http://127.0.0.1:{port}/readyz")).is_success
            except httpx.TransportError:
                return False

    return check


def pids(state: Path) -> dict[str, int | None]:
    files = [*(state / "run").glob("*.json"), *state.glob("*/process.json")]
    return {str(file.relative_to(state)): Process(file.stem, file).pid for file in files}


@pytest.mark.timeout(300)
async def test_a_killed_up_is_taken_over_by_the_next_and_two_ctrl_c_leave_nothing(tmp_path: Path) -> None:
    port = free_port()
    with geleit_up(tmp_path, port) as first:
        await until(serves(port), within=120, what="geleit up")
        before = pids(tmp_path)
        first.kill()
        first.wait()
    assert owner(tmp_path) is None
    with geleit_up(tmp_path, port) as second:

        async def taken_over() -> bool:
            holder = owner(tmp_path)
            return (
                holder is not None
                and "Ctrl-C stops it" in (tmp_path / "up.out").read_text().partition("left behind")[2]
            )

        await until(taken_over, within=120, what="the second geleit up")
        after = pids(tmp_path)
        assert before.keys() == after.keys()
        assert {name for name in after if after[name] == before[name]} == {
            "kafka/process.json",
            "postgres/process.json",
        }
        second.send_signal(signal.SIGINT)
        second.send_signal(signal.SIGINT)
        assert second.wait(60) == 0
    assert pids(tmp_path) == {}
    assert all(identify(pid) is None for pid in after.values() if pid is not None)


@pytest.mark.timeout(300)
async def test_whatever_dies_comes_back(tmp_path: Path) -> None:
    async with system(settings_of(tmp_path), workers={"matching": 2}) as running:
        assert {"web", "intake.0", "matching.0", "matching.1", "notifications.0", "reporting.0"} <= set(
            running.processes
        )
        assert running.kafka is not None
        assert running.postgres is not None
        kafka, postgres = running.kafka, running.postgres
        kafka.kill()
        postgres.kill()
        running.process("matching.1").kill()

        async def all_came_back() -> bool:
            parts = kafka.restarts == postgres.restarts == 1 and kafka.alive() and postgres.alive()
            return parts and running.process("matching.1").restarts == 1

        await until(all_came_back, within=60, what="restarts")
        for process in running.processes.values():
            await process.ready()
