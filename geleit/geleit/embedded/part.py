"""A server that geleit runs for itself: what all of them have in common."""

import signal
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar, TypeVar

from geleit.failures import Failure
from geleit.logs import log_file
from geleit.processes import Process
from geleit.progress import Steps


class PartFailed(Failure):
    """An embedded part could not be started; the message says where its log is and how it ends."""


class Part(ABC):
    """Lives in `state_dir`/`name`. It survives a crash of geleit and is attached to by the next run."""

    name: ClassVar[str]
    ends_by: ClassVar[signal.Signals] = signal.SIGTERM
    """What has it end cleanly."""

    def __init__(self, state_dir: Path, steps: Steps) -> None:
        self._home = state_dir.resolve() / self.name
        self._log = log_file(state_dir.resolve(), self.name)
        self._steps = steps
        self._process = Process(self.name, self._home / "process.json")

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it is reached; known after `start`."""

    @abstractmethod
    async def start(self) -> None:
        """Attach to the one that runs on this state, else start one; return when it serves."""

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def alive(self) -> bool:
        return self._process.alive()

    async def stop(self) -> None:
        """End it cleanly; its state stays."""
        await self._process.stop(first=self.ends_by)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.send(signal.SIGKILL)


P = TypeVar("P", bound=Part)


@asynccontextmanager
async def running(part: P) -> AsyncIterator[P]:
    """A part that runs inside the block."""
    try:
        await part.start()
        yield part
    finally:
        await part.stop()
