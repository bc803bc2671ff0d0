"""The state folder of one geleit: who may use it now, what others need to know of it, its keys."""

import fcntl
import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from chassis.vault import new_master_key
from geleit.failures import Failure
from geleit.probe import until
from geleit.processes import Identity, identify, write_atomically
from intake.identity import new_private_key

ADDRESSES = "addresses.json"
OWNER = "owner.json"
STOPPED_WITHIN = 90.0


class AlreadyRunning(Failure):
    """Another geleit runs on the same state."""


@contextmanager
def sole_owner(state_dir: Path) -> Iterator[None]:
    """Hold the folder for this process. Raises AlreadyRunning."""
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (state_dir / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = owner(state_dir)
            by = f" (process {holder.pid})" if holder else ""
            raise AlreadyRunning(f"Geleit already runs on {state_dir}{by}. `make down` stops it.") from None
        identity = identify(os.getpid())
        assert identity is not None
        write_atomically(state_dir / OWNER, json.dumps(asdict(identity)))
        try:
            yield
        finally:
            (state_dir / ADDRESSES).unlink(missing_ok=True)
            (state_dir / OWNER).unlink(missing_ok=True)


def owner(state_dir: Path) -> Identity | None:
    """The process that holds the folder now."""
    try:
        holder = Identity(**json.loads((state_dir / OWNER).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return holder if holder.alive() else None


async def end_owner(state_dir: Path) -> None:
    """Ask the process that holds the folder to stop, and wait for it. Raises NotInTime."""
    holder = owner(state_dir)
    if holder is None:
        return
    os.kill(holder.pid, signal.SIGTERM)

    async def has_ended() -> bool:
        return not holder.alive()

    await until(has_ended, within=STOPPED_WITHIN, what=f"end of process {holder.pid}")


def publish_addresses(state_dir: Path, addresses: Mapping[str, str]) -> None:
    """Tell other commands where the embedded parts of this run are."""
    write_atomically(state_dir / ADDRESSES, json.dumps(dict(addresses), indent=2))


def addresses(state_dir: Path) -> dict[str, str]:
    """The environment of a command that joins a running geleit. Raises Failure if none runs and none is given."""
    try:
        found: dict[str, str] = json.loads((state_dir / ADDRESSES).read_text())
    except FileNotFoundError:
        found = {}
    joined = {**found, **{name: value for name, value in os.environ.items() if value}}
    missing = [name for name in ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS") if name not in joined]
    if missing:
        raise Failure(f"Geleit does not run on {state_dir}; start it (`make up`) or set {' and '.join(missing)}.")
    return joined


def master_key(state_dir: Path) -> Path:
    """The file with the key that wraps all data keys, made at the first start."""
    return _kept(state_dir, "master.key", new_master_key)


def intake_key(state_dir: Path) -> Path:
    """The file with the private key that submissions' identities are encrypted to, made at the first start."""
    return _kept(state_dir, "intake.jwk", new_private_key)


def _kept(state_dir: Path, name: str, make: Callable[[], str]) -> Path:
    file = state_dir / "keys" / name
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(file, make() + "\n")
    return file
