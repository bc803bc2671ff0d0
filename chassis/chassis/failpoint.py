"""What a test does to a process from outside: it dies or fails at a named place, or sees a wrong time."""

import os
import signal
from datetime import timedelta
from pathlib import Path

VARIABLE = "GELEIT_FAILPOINTS"
"""Names the folder with what is armed. Not set, as everywhere but under test, all of this is one comparison."""
CRASH, ERROR = "crash", "error"
_folder = Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None


class Injected(ConnectionError):
    """What an armed place raises: as if the other side had been gone for this moment."""


def failpoint(name: str) -> None:
    """Die by SIGKILL or raise Injected, if a file `<name>.crash` or `<name>.error` arms this place.

    The first to come renames the file to `….hit`. So each arming fires once, in whichever process is there first, and
    a process that is started again does not die again.
    """
    if _folder is None:
        return
    for effect in (CRASH, ERROR):
        try:
            (_folder / f"{name}.{effect}").rename(_folder / f"{name}.{effect}.hit")
        except FileNotFoundError:
            continue
        if effect == CRASH:
            os.kill(os.getpid(), signal.SIGKILL)
        raise Injected(name)


def clock_shift() -> timedelta:
    """How wrong the time is that this process sees: seconds in the file `clock.<INSTANCE>` (`clock.web` if none)."""
    if _folder is None:
        return timedelta(0)
    try:
        seconds = (_folder / f"clock.{os.environ.get('INSTANCE', 'web')}").read_text()
    except FileNotFoundError:
        return timedelta(0)
    return timedelta(seconds=float(seconds or 0))
