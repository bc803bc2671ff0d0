"""Keeps one program running: starts it, waits until it is ready, starts it again when it dies."""

import asyncio
import signal
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from geleit import loopback
from geleit.failures import Failure
from geleit.logs import last_lines, log_file
from geleit.probe import LOOPBACK, answers, free_port, is_free, until
from geleit.processes import Process
from geleit.progress import Steps

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 10.0
SETTLED_AFTER = 20.0
DEATHS_AT_START = 4
GRACE = 30.0


class NotStarted(Failure):
    """A program does not come up; the message says why and where its log is."""


class PortTaken(NotStarted):
    """The port that a program is to serve on belongs to somebody else."""

    def __init__(self, port: int) -> None:
        super().__init__(
            f"Port {port} on {LOOPBACK} is taken by another program. "
            f"Choose another one, for example PORT={free_port()}."
        )


@dataclass(frozen=True, slots=True)
class Program:
    """What is to be kept running.

    `port` None: a free one at each start, told by the variable `port_variable`. `ready` is the path that
    answers 200 once it can work; None: as soon as the port answers.
    """

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    port: int | None = None
    port_variable: str = "HEALTH_PORT"
    ready: str | None = "/readyz"


class Supervised:
    """A program that is kept running from `start` to `stop`; tests may kill and freeze it meanwhile."""

    def __init__(self, program: Program, state_dir: Path, env: Mapping[str, str], steps: Steps) -> None:
        self.name = program.name
        self.restarts = 0
        self.ending = ""
        """How it ended last, as a person would say it."""
        self.port = program.port or 0
        self._program = program
        self._env = {**env, **program.env}
        self._steps = steps
        self._log = log_file(state_dir, program.name)
        self._process = Process(program.name, pid_file(state_dir, program.name))
        self._keeper: asyncio.Task[None] | None = None
        self._has_been_ready = False

    @property
    def url(self) -> str:
        """Base of its HTTP address; another one after each restart if its port is not fixed."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def alive(self) -> bool:
        return self._process.alive()

    def kill(self) -> None:
        """SIGKILL; it is started again."""
        self._process.send(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop it from running while all its connections stay open."""
        self._process.send(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send(signal.SIGCONT)

    async def start(self) -> None:
        """Spawn it and keep it running; does not wait until it is ready. Raises PortTaken."""
        if self._program.port is not None and not is_free(self._program.port):
            raise PortTaken(self._program.port)
        self._spawn()
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.name}")

    async def stop(self, grace: float = GRACE) -> None:
        """Ask it to end, make it end after `grace` seconds, and leave it so."""
        try:
            if self._keeper is not None:
                self._keeper.cancel()
                with suppress(asyncio.CancelledError):
                    await self._keeper
                self._keeper = None
        finally:
            if not await self._process.stop(grace=grace):
                self._steps.say(f"  {self.name} had to be killed: it did not end within {grace:g} s")

    async def ready(self, within: float = 90.0) -> None:
        """Wait until it says that it can work. Raises NotStarted if it keeps dying, NotInTime if it is too slow."""
        async with loopback.client(timeout=5) as http:

            async def is_ready() -> bool:
                if self.restarts >= DEATHS_AT_START and not self._has_been_ready:
                    raise NotStarted(
                        f"{self.name} {self.ending} {self.restarts} times ({self._log}):\n{last_lines(self._log)}"
                    )
                if not self.alive() or not await answers(self.port):
                    return False
                if self._program.ready is None:
                    return True
                try:
                    return (await http.get(f"{self.url}{self._program.ready}")).is_success
                except httpx.TransportError:
                    return False

            await until(is_ready, within=within, what=f"{self.name} ({self._log})")
        self._has_been_ready = True

    def _spawn(self) -> None:
        self.port = self._program.port or free_port()
        env = {**self._env, self._program.port_variable: str(self.port)}
        self._process.spawn(self._program.command, log=self._log, env=env)

    async def _keep(self) -> None:
        pause = FIRST_PAUSE
        while True:
            if await self._process.ended(within=SETTLED_AFTER):
                # Kept: once the next one runs, the process says nothing of how this one ended.
                self.ending = self._process.ending()
                self._steps.say(f"  {self.name} {self.ending}; starting it again in {pause:g} s ({self._log})")
                await asyncio.sleep(pause)
                self.restarts += 1
                try:
                    self._spawn()
                except OSError as error:
                    # A full disk, for one: it counts as one more death, and is tried again.
                    self._steps.say(f"  {self.name}: {error}")
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                pause = FIRST_PAUSE


def pid_file(state_dir: Path, name: str) -> Path:
    """Where a program's pid and start time stand."""
    return state_dir / "run" / f"{name}.json"


async def stop_leftovers(state_dir: Path, last: Collection[str] = ()) -> list[str]:
    """End the programs that a supervisor left behind when it was killed, those named `last` last; return all names."""
    left = [Process(file.stem, file) for file in sorted((state_dir / "run").glob("*.json"))]
    alive = [process.name for process in left if process.alive()]
    for is_last in (False, True):
        await asyncio.gather(*(one.stop(grace=GRACE) for one in left if (one.name in last) is is_last))
    return alive
