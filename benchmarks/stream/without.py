"""The worker of matching with some of its parts switched off, for what these cost; only the benchmark runs it."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

from chassis import telemetry
from chassis.process import main
from chassis.settings import Settings
from matching import decisions, solver
from matching.app import service
from matching.receipts import Receipt


def receipts() -> None:
    """No receipt holds anything, and none is chained."""

    def empty(made: Sequence[Any], heads: dict[str, Any], *_: object) -> list[Receipt]:
        ends = {district: head.position for district, head in heads.items()}
        found = []
        for one in made:
            district = one.ask.household.district or ""
            ends[district] += 1
            found.append(Receipt(district, ends[district], bytes(32), b"{}"))
        return found

    decisions.chained = empty  # type: ignore[assignment, attr-defined]


def spans() -> None:
    """No trace is recorded, whatever the records say."""
    telemetry.is_sampled = lambda _: False  # type: ignore[assignment]


def solve() -> None:
    """Each is placed where it is best when its turn comes, and stays there."""

    def greedy(problem: solver.Problem, *, exactly: bool = True) -> solver.Solution:
        board = solver.Board(problem)
        board.fill()
        return solver.Solution(tuple(board.plan), False, "greedy")

    solver.solve = greedy


PARTS: dict[str, Callable[[], None]] = {"receipts": receipts, "telemetry": spans, "solver": solve}

if __name__ == "__main__":
    for part in sys.argv[1:]:
        PARTS[part]()
    sys.argv[1:] = ["worker"]
    main(service, Settings)
