"""A client's own list of what it was promised: a line of JSON for each answer that counts."""

from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import orjson

Place = tuple[str, int, int]
"""Topic, partition, offset."""


@dataclass
class Journal:
    """What was acknowledged: households by reference as HTTP told them, places of records as Kafka did."""

    taken: dict[str, UUID] = field(default_factory=dict)
    submitted: list[Place] = field(default_factory=list)

    @classmethod
    def read(cls, file: Path) -> "Journal":
        """Read `{"reference": …, "household": …}` and `{"topic": …, "partition": …, "offset": …}`, one a line.

        Raises ValueError with the number of a line that is neither.
        """
        journal = cls()
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
            try:
                match orjson.loads(line):
                    case {"reference": str(reference), "household": str(household)}:
                        journal.taken[reference] = UUID(household)
                    case {"topic": str(topic), "partition": int(partition), "offset": int(offset)}:
                        journal.submitted.append((topic, partition, offset))
                    case _:
                        raise ValueError
            except ValueError:
                raise ValueError(f"line {number} names neither a household nor a place") from None
        return journal
