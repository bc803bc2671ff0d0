"""State folders of this session's servers, in memory where there is room; what killed sessions left is removed."""

import fcntl
import os
import shutil
from contextlib import suppress
from pathlib import Path

from geleit.processes import identify
from geleit.progress import Steps
from geleit.supervisor import stop_leftovers
from geleit.system import stop_parts

MEMORY = Path("/dev/shm")
ENOUGH = 4 << 30
"""Bytes; a session takes a tenth of it. A container's usual 64 MB are too few."""


def _parent() -> Path:
    # A database is made of 600 files. In memory, making and dropping it takes 0.03 s of CPU time; on a disk 0.05 to
    # 0.9 s, as the disk likes. What is to outlive here is SIGKILL, not a power cut.
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ENOUGH:
        return MEMORY / f"geleit-tests-{os.getuid()}"
    return Path(__file__).parents[1] / ".geleit" / "tests"


async def fresh(name: str) -> Path:
    """An empty folder of this process's own."""
    parent = _parent()
    mine = parent / str(os.getpid()) / name
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (parent / "lock").open("w") as lock:
        # Two processes begin at the same time, and what is left is removed once.
        fcntl.flock(lock, fcntl.LOCK_EX)
        for state in _left(parent):
            await remove(state)
    if mine.exists():
        await remove(mine)
    mine.mkdir(mode=0o700, parents=True)
    return mine


async def remove(state: Path) -> None:
    """Stop what still runs on a state folder and remove it."""
    await stop_leftovers(state)
    await stop_parts(state, Steps(quiet=True))
    shutil.rmtree(state)
    with suppress(OSError):  # another one's state may still be there
        state.parent.rmdir()


def _left(parent: Path) -> list[Path]:
    return [state for state in parent.glob("*/*") if identify(int(state.parent.name)) is None]
