"""A small volume for the database, which can be filled up: it is mounted, which only root may."""

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE = 512 << 20
"""Bytes; two minutes of load take a third of it."""
STEP = 1 << 20


class Volume:
    """A file system of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Leave nothing free."""
        with self._filler.open("ab", buffering=0) as filler:
            step = STEP
            while step:
                try:
                    filler.write(bytes(step))
                except OSError:
                    step //= 2

    def free(self) -> None:
        """Give back what was filled."""
        self._filler.unlink(missing_ok=True)


@contextmanager
def small_volume(of: Path) -> Iterator[Volume | None]:
    """A volume for whoever works in this folder, while the block runs; None where none can be mounted."""
    # Where PostgreSQL's own account has a way to, and found again after a kill.
    name = f"geleit-volume-{hashlib.sha256(os.fsencode(of)).hexdigest()[:12]}"
    folder = Path(tempfile.gettempdir()) / name
    folder.mkdir(exist_ok=True)
    if os.path.ismount(folder):
        # Of a run that was killed; its server was ended before this one begins.
        _run("umount", "--lazy", str(folder))
    mounted = os.geteuid() == 0 and _run("mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "tmpfs", str(folder))
    try:
        yield Volume(folder) if mounted else None
    finally:
        if mounted:
            _run("umount", "--lazy", str(folder))


def _run(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
