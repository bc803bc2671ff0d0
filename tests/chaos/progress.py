"""What has been done so far, in a file: an interrupted run goes on, and one on other source begins anew."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from geleit.processes import write_atomically

ROOT = Path(__file__).parents[2]
SOURCES = ("chassis", "contracts", "geleit", "services", "tests/chaos")

Figures = Mapping[str, Any]

SORTS = {"I4": "over_capacity", "I6": "order_breaks", "I10": "order_breaks", "I3": "doubled", "doubled": "doubled"}
"""What a fault is counted as by what it begins with; of every other invariant: lost, unless its text says twice."""
_OF_WHAT = re.compile(r"\b(I\d+|mail|parked|lost|doubled): ")
_TWICE = re.compile(
    r"I1: .* was accepted (?![01] )\d+ times and is there|I1: .* and is \S+, "
    r"|I2: .* (has (?!0 )\d+ verdicts|was told (?!0 )\d+ times)|mail: \d+ messages about"
)


def counted(faults: Iterable[str]) -> dict[str, int]:
    """How many different faults there are of each sort; what only took too long or stood still is of none."""
    sorts = Counter(
        SORTS.get(of_what[1], "doubled" if _TWICE.search(fault) else "lost")
        for fault in dict.fromkeys(faults)
        if (of_what := _OF_WHAT.search(fault))
    )
    return {sort: sorts[sort] for sort in ("lost", "doubled", "order_breaks", "over_capacity")}


class Progress:
    """Finished pieces by part and name, each with its figures; kept as soon as a piece is finished."""

    def __init__(self, file: Path, source: str) -> None:
        self._file = file
        self._source = source
        self._parts: dict[str, dict[str, Figures]] = {}
        if file.exists() and (kept := json.loads(file.read_text("utf-8")))["source"] == source:
            self._parts = kept["parts"]

    def knows(self, part: str, piece: str) -> bool:
        return piece in self._parts.get(part, {})

    def keep(self, part: str, piece: str, **figures: Any) -> None:
        """Write down a finished piece. A piece with `faults` counts, and is done again by the next run."""
        self._parts.setdefault(part, {})[piece] = figures
        write_atomically(self._file, json.dumps({"source": self._source, "parts": self._parts}, indent=1))

    def of(self, part: str) -> Mapping[str, Figures]:
        return self._parts.get(part, {})

    def forget_faulty(self) -> None:
        """Have what went wrong done again."""
        for pieces in self._parts.values():
            for piece in [name for name, figures in pieces.items() if figures.get("faults")]:
                del pieces[piece]

    def total(self, figure: str) -> int:
        return sum(int(one.get(figure, 0)) for one in self._figures())

    def total_of(self, part: str, figure: str) -> int:
        return sum(int(one.get(figure, 0)) for one in self.of(part).values())

    def most(self, figure: str) -> float:
        return max((float(one.get(figure, 0)) for one in self._figures()), default=0.0)

    def faults(self) -> list[str]:
        return [fault for one in self._figures() for fault in one.get("faults", ())]

    def _figures(self) -> Iterator[Figures]:
        for pieces in self._parts.values():
            yield from pieces.values()


def source_digest() -> str:
    """Of everything that the figures are about."""
    digest = hashlib.sha256()
    for folder in SOURCES:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".sql", ".json"} and "node_modules" not in path.parts:
                digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()
