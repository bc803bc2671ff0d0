"""What the embedded parts have in common for those who start, stop and disturb them."""

from typing import Protocol

from geleit.failures import Failure


class PartFailed(Failure):
    """An embedded part could not be started; the message says where its log is and how it ends."""


class Part(Protocol):
    """A server that geleit runs for itself. It survives a crash of geleit and is attached to by the next run."""

    name: str

    @property
    def url(self) -> str:
        """Where it is reached; known after `start`."""
        ...

    @property
    def pid(self) -> int | None: ...

    def alive(self) -> bool: ...

    async def start(self) -> None:
        """Attach to the one that runs on this state, else start one; return when it serves."""
        ...

    async def stop(self) -> None:
        """End it cleanly; its state stays."""
        ...

    def kill(self) -> None:
        """End it as a power cut would."""
        ...
