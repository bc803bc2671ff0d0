"""State folders of this session's systems; those of sessions that were killed are stopped and removed."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from geleit.processes import identify
from geleit.progress import Steps
from geleit.supervisor import stop_leftovers
from geleit.system import stop_parts


async def fresh(parent: Path, name: str) -> Path:
    """An empty folder of this process's own under `parent`."""
    mine = parent / str(os.getpid()) / name
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
    with suppress(OSError):  # the other system's state may still be there
        state.parent.rmdir()


def _left(parent: Path) -> list[Path]:
    return [state for state in parent.glob("*/*") if identify(int(state.parent.name)) is None]
