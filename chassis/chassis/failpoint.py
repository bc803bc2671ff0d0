"""Named places between two steps at which a test has the process die or fail; otherwise they do nothing."""

import os
import signal
from pathlib import Path

VARIABLE = "GELEIT_FAILPOINTS"
"""Names the folder in which places are armed. Not set, as everywhere but under test, a fail point is one comparison."""
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
