"""All tests on two processes: one begins with the session's system and the demo's, the other with all else."""

import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

SYSTEMS_OF_THEIR_OWN = {"test_demo.py", "test_start.py", "test_up.py"}
"""Files of the e2e tier that start what they need themselves."""
LONGEST = {"tests/e2e", "tests/e2e/test_demo.py"}


class Lanes(LoadScopeScheduling):  # type: ignore[misc]
    """A process takes one file after the other in the usual order; the files on the session's system are as one.

    So beside the system whose processes are killed for a minute there is little more than one process with its
    servers, and the longest pieces do not come last. Who is done first takes of the other's.
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
