"""`geleit up` on an empty folder: everything becomes ready, a killed one is taken over, and nothing is left behind."""

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
from geleit.state import owner

FOREIGN = {"DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "SMTP_URL", "PUBLIC_URL", "TRACING"}


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
