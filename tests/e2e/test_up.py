"""`geleit up` on an empty folder: everything becomes ready, a killed one is taken over, and nothing is left behind."""

import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from e2e.shell import said, started
from geleit.probe import free_port, until
from geleit.processes import Process, identify
from geleit.state import owner


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


@pytest.mark.own_servers
@pytest.mark.timeout(300)
async def test_a_killed_up_is_taken_over_by_the_next_and_two_ctrl_c_leave_nothing(state: Path) -> None:
    port = free_port()
    with started(state, port, "up") as first:
        await until(serves(port), within=120, what="geleit up")
        before = pids(state)
        first.kill()
        first.wait()
    assert owner(state) is None
    with started(state, port, "up") as second:

        async def taken_over() -> bool:
            holder = owner(state)
            return holder is not None and "Ctrl-C stops it" in said(state, "up").partition("left behind")[2]

        await until(taken_over, within=120, what="the second geleit up")
        after = pids(state)
        assert before.keys() == after.keys()
        assert {name for name in after if after[name] == before[name]} == {
            "kafka/process.json",
            "postgres/process.json",
        }
        second.send_signal(signal.SIGINT)
        second.send_signal(signal.SIGINT)
        assert second.wait(60) == 0
    assert pids(state) == {}
    assert all(identify(pid) is None for pid in after.values() if pid is not None)
