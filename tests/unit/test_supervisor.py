"""A supervised program is started again when it dies, and stays down when it was stopped."""

import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from errno import ENOSPC
from pathlib import Path

import httpx
import pytest

from geleit.embedded.part import Part
from geleit.kept import KeptPart
from geleit.logs import log_file
from geleit.probe import NotInTime, free_port, until
from geleit.processes import Process
from geleit.progress import Steps
from geleit.supervisor import NotStarted, PortTaken, Program, Supervised, pid_file, stop_leftovers

SERVER = """
import http.server, os, signal, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{os.getpid()} {os.environ['COLOUR']} {self.path}".encode())
    def log_message(self, *_): pass
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
http.server.HTTPServer(("127.0.0.1", int(os.environ["HEALTH_PORT"])), Page).serve_forever()
"""
DEAF = SERVER.replace("lambda *_: sys.exit(0)", "signal.SIG_IGN")
CATCHER = """
import os, signal, socket, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
server = socket.create_server(("127.0.0.1", int(os.environ["HEALTH_PORT"])))
connection = server.accept()
signal.pause()
"""
WORKER = """
import os, signal, socket, sys
def end(*_):
    try:
        connection.recv(1)
        print("alone", flush=True)
    except TimeoutError:
        print("served", flush=True)
    sys.exit(0)
while True:
    try:
        connection = socket.create_connection(("127.0.0.1", int(os.environ["HEALTH_PORT"])), timeout=1)
        break
    except ConnectionRefusedError:
        continue
signal.signal(signal.SIGTERM, end)
print("works", flush=True)
signal.pause()
"""
"""Says at its end whether whoever serves it has ended before."""
ENV = {"PATH": os.environ["PATH"], "COLOUR": "blue"}

Start = Callable[[Program], Awaitable[Supervised]]


def a_program(source: str = SERVER, **rest: object) -> Program:
    return Program("page", (sys.executable, "-S", "-c", source), **rest)  # type: ignore[arg-type]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    async with AsyncExitStack() as stack:

        async def started(program: Program) -> Supervised:
            one = Supervised(program, tmp_path, ENV, Steps(quiet=True))
            stack.push_async_callback(one.stop, 0.1)
            await one.start()
            return one

        yield started


async def test_it_is_ready_when_its_own_answer_says_so(start: Start) -> None:
    page = await start(a_program(env={"COLOUR": "red"}))
    await page.ready()
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"{page.url}/x")).text == f"{page.pid} red /x"


async def test_a_killed_one_comes_back(start: Start) -> None:
    page = await start(a_program())
    await page.ready()
    first = page.pid
    page.kill()
    await until(_is(lambda: page.restarts == 1), within=5, what="restart")
    await page.ready()
    assert page.pid != first


async def test_a_stopped_one_stays_down_and_leaves_no_pid_file(start: Start, tmp_path: Path) -> None:
    page = await start(a_program())
    await page.ready()
    await page.stop()
    assert not page.alive()
    assert page.restarts == 0
    assert not pid_file(tmp_path, "page").exists()


async def test_one_that_does_not_listen_to_sigterm_is_killed(start: Start) -> None:
    page = await start(a_program(DEAF))
    await page.ready()
    await page.stop(grace=0.2)
    assert not page.alive()


async def test_a_frozen_one_can_be_stopped(start: Start) -> None:
    page = await start(a_program())
    await page.ready()
    page.freeze()
    await page.stop(grace=5)
    assert not page.alive()


async def test_one_that_keeps_dying_says_why_and_where_its_log_is(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geleit.supervisor.FIRST_PAUSE", 0.01)
    page = await start(a_program("raise SystemExit('the table is missing')"))
    with pytest.raises(NotStarted, match=r"page exited with 1 4 times .*page\.log.*\n(.*\n)*the table is missing"):
        await page.ready(within=10)


async def test_one_that_is_never_ready_meets_its_deadline(start: Start) -> None:
    page = await start(a_program(SERVER.replace("200", "503")))
    with pytest.raises(NotInTime, match="page"):
        await page.ready(within=0.6)


async def test_a_taken_port_is_named_and_another_one_proposed(start: Start) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"Port {port} .* PORT=\d+"):
            await start(a_program(port=port))


async def test_what_a_killed_supervisor_left_is_found_and_stopped(tmp_path: Path) -> None:
    left = Process("page", pid_file(tmp_path, "page"))
    left.spawn(a_program().command, log=log_file(tmp_path, "page"), env={**ENV, "HEALTH_PORT": str(free_port())})
    assert await stop_leftovers(tmp_path) == ["page"]
    assert not left.alive()


async def test_of_what_is_left_whoever_takes_the_others_last_words_ends_last(tmp_path: Path) -> None:
    env = {**ENV, "HEALTH_PORT": str(free_port())}
    for name, source in (("catcher", CATCHER), ("worker", WORKER)):
        process = Process(name, pid_file(tmp_path, name))
        process.spawn(a_program(source).command, log=log_file(tmp_path, name), env=env)
    said = log_file(tmp_path, "worker")
    await until(_is(lambda: said.read_text() == "works\n"), within=10, what="the worker")
    assert await stop_leftovers(tmp_path, last={"catcher"}) == ["catcher", "worker"]
    assert said.read_text() == "works\nserved\n"


async def test_one_whose_pid_cannot_be_written_comes_back_once_it_can(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geleit.supervisor.FIRST_PAUSE", 0.01)
    page = await start(a_program())
    await page.ready()
    with monkeypatch.context() as full:
        full.setattr("geleit.processes.write_atomically", _is_full)
        page.kill()
        await until(_is(lambda: page.restarts >= 2), within=10, what="two tries")
    await page.ready()


async def test_one_whose_pid_cannot_be_written_leaves_nobody_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geleit.processes.write_atomically", _is_full)
    page = Supervised(a_program(), tmp_path, ENV, Steps(quiet=True))
    with pytest.raises(OSError, match="space"):
        await page.start()
    assert not page.alive(), "a run that is killed now would leave it behind, and nobody would find it"


async def test_a_keeper_that_has_ended_leaves_nobody_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ends(_: object) -> None:
        _is_full()

    monkeypatch.setattr(Supervised, "_keep", ends)
    monkeypatch.setattr(KeptPart, "_keep", ends)
    for one in (Supervised(a_program(), tmp_path, ENV, Steps(quiet=True)), KeptPart(Stub(), Steps(quiet=True))):
        await one.start()
        assert one._keeper is not None
        await until(_is(one._keeper.done), within=5, what="the keeper's end")
        with pytest.raises(OSError, match="space"):
            await one.stop()
        assert not one.alive()


async def test_a_part_that_cannot_be_started_for_now_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geleit.kept.PAUSE", 0.01)
    part = Stub()
    kept = KeptPart(part, Steps(quiet=True))
    await kept.start()
    part.refusals = 2
    part.kill()
    await until(_is(kept.alive), within=5, what="the part")
    assert kept.restarts == 3
    await kept.stop()
    assert not kept.alive()


class Stub(Part):
    """A part whose disk is full so many times."""

    name, url, pid = "stub", "", None

    def __init__(self) -> None:
        self.refusals = 0
        self._alive = False

    def alive(self) -> bool:
        return self._alive

    async def start(self) -> None:
        if self.refusals:
            self.refusals -= 1
            _is_full()
        self._alive = True

    async def stop(self) -> None:
        self._alive = False

    def kill(self) -> None:
        self._alive = False


def _is_full(*_: object) -> None:
    raise OSError(ENOSPC, "No space left on device")


async def test_a_pid_that_now_belongs_to_somebody_else_is_left_alone(tmp_path: Path) -> None:
    file = pid_file(tmp_path, "page")
    file.parent.mkdir()
    file.write_text(f'{{"pid": {os.getpid()}, "started": "long ago"}}')
    assert await stop_leftovers(tmp_path) == []
    assert not file.exists()


def _is(condition: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return condition()

    return check
