"""Operating-system processes that are found again after a crash of whoever started them."""

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from geleit.probe import NotInTime, until

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Identity:
    """A process for ever: the operating system gives its number away again, its start time tells them apart."""

    pid: int
    started: str

    def alive(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        return _start_time(self.pid) == self.started


def identify(pid: int) -> Identity | None:
    """The identity of a running process, None if there is none."""
    started = _start_time(pid)
    return None if started is None else Identity(pid, started)


def _start_time(pid: int) -> str | None:
    # Slim Linux images have no ps, macOS has no /proc.
    if (PROC / "self" / "stat").exists():
        try:
            state, *fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
            boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if state in "ZX" else f"{boot}:{fields[18]}"
    asked = subprocess.run(  # noqa: S603
        ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
        env={"LC_ALL": "C", "TZ": "UTC"},
    )
    state, _, started = asked.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()


def write_atomically(path: Path, text: str) -> None:
    """Write a small state file so that a crash leaves the old or the new one; its owner's alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)


class Process:
    """One process in a session of its own, with a pid file through which the next run finds it."""

    def __init__(self, name: str, pid_file: Path) -> None:
        self.name = name
        self._pid_file = pid_file
        self._child: subprocess.Popen[bytes] | None = None
        self._identity = self._remembered()

    def _remembered(self) -> Identity | None:
        try:
            identity = Identity(**json.loads(self._pid_file.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None
        return identity if identity.alive() else None

    @property
    def pid(self) -> int | None:
        return None if self._identity is None else self._identity.pid

    def spawn(
        self,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        account: tuple[int, int] | None = None,
    ) -> None:
        """Start it; output is appended to `log`, `account` is the (uid, gid) it runs under."""
        log.parent.mkdir(parents=True, exist_ok=True)
        uid, gid = account or (None, None)
        with log.open("ab") as output:
            self._child = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=cwd,
                user=uid,
                group=gid,
                extra_groups=None if account is None else [],
                start_new_session=True,
            )
        self._identity = identify(self._child.pid)
        if self._identity is not None:
            try:
                write_atomically(self._pid_file, json.dumps(asdict(self._identity)))
            except OSError:
                # Whoever comes after a crash of ours would not find it.
                self._child.kill()
                self._child.wait()
                raise

    def alive(self) -> bool:
        if self._child is not None:
            return self._child.poll() is None
        return self._identity is not None and self._identity.alive()

    def ending(self) -> str:
        """How it ended, as a person would say it."""
        code = None if self._child is None else self._child.poll()
        match code:
            case None:
                return "ended"
            case negative if negative < 0:
                return f"was killed by {signal.Signals(-negative).name}"
            case _:
                return f"exited with {code}"

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it and to what it has started in its session."""
        if self._identity is not None and self.alive():
            with suppress(ProcessLookupError):
                os.killpg(self._identity.pid, number)

    async def ended(self, within: float) -> bool:
        """Wait for its end; False if it still runs after `within` seconds."""

        async def is_over() -> bool:
            return not self.alive()

        try:
            await until(is_over, within=within, what=f"end of {self.name}")
        except NotInTime:
            return False
        return True

    async def stop(self, *, first: signal.Signals = signal.SIGTERM, grace: float = 30.0) -> bool:
        """Ask it to end, make it end after `grace` seconds; True if asking was enough."""
        try:
            self.send(first)
            self.send(signal.SIGCONT)  # one that a test has frozen hears nothing else
            asking_was_enough = await self.ended(grace)
        except asyncio.CancelledError:
            self.send(signal.SIGKILL)
            raise
        if not asking_was_enough:
            self.send(signal.SIGKILL)
            await self.ended(10.0)
        self._pid_file.unlink(missing_ok=True)
        return asking_was_enough
