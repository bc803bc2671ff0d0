"""All tests on two processes: one begins with the session's system and the demo's, the other with all else."""

import fcntl
import os
import tempfile
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

SYSTEMS_OF_THEIR_OWN = {"test_demo.py", "test_restore.py", "test_start.py", "test_up.py"}
"""Files of the e2e tier that start what they need themselves."""
LONGEST = {"tests/e2e", "tests/e2e/test_demo.py"}


class Lanes(LoadScopeScheduling):  # type: ignore[misc]
    """A process takes one file after the other in the usual order; the files on the session's system are as one.

    So two whole systems seldom share the machine, and the longest pieces do not come last. Who is done first takes of
    the other's.
    """

    def __init__(self, config: pytest.Config, log: object) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        folder, _, file = nodeid.partition("::")[0].rpartition("/")
        return folder if folder == "tests/e2e" and file not in SYSTEMS_OF_THEIR_OWN else f"{folder}/{file}"

    def _assign_work_unit(self, node: WorkerController) -> None:
        begins_with_longest = node is self.nodes[0]
        if own := next((scope for scope in self.workqueue if (scope in LONGEST) == begins_with_longest), None):
            self.workqueue.move_to_end(own, last=False)
        super()._assign_work_unit(node)


class Turns:
    """Lets a test that is marked `alone` run while the other process rests; for that its load is counted."""

    def __init__(self, run: str) -> None:
        # A file of this run's in a folder that both see; whoever dies lets go of it.
        self._file = Path(tempfile.gettempdir()) / f"geleit-tests-{os.getuid()}-{run}"

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Outside of the test's timeout."""
        alone = item.get_closest_marker("alone") is not None
        with ExitStack() as stack:
            door, room = (stack.enter_context(self._open(name)) for name in ("door", "room"))
            # Who waits for the empty room holds the door meanwhile, else the other one would always be quicker.
            fcntl.flock(door, fcntl.LOCK_EX)
            fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            if not alone:
                fcntl.flock(door, fcntl.LOCK_UN)
            return (yield)

    def pytest_sessionfinish(self) -> None:
        """The last one to end leaves no file."""
        for name in ("door", "room"):
            self._file.with_suffix(f".{name}").unlink(missing_ok=True)

    def _open(self, name: str) -> IO[str]:
        return self._file.with_suffix(f".{name}").open("w")
