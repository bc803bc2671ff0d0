"""A client's own list of what it was promised: a line of JSON for each answer that counts."""

from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import orjson

from contracts.vocabulary import Answer

Place = tuple[str, int, int]
"""Topic, partition, offset."""


@dataclass
class Journal:
    """What was acknowledged: references and their households as HTTP told them, places of records as Kafka did.

    And of each household the last revision that its centre was told of, and the last item to which its municipality's
    answers were taken, with all of these in their order.
    """

    taken: set[tuple[str, UUID]] = field(default_factory=set)
    submitted: list[Place] = field(default_factory=list)
    revised: dict[UUID, int] = field(default_factory=dict)
    answered: dict[UUID, tuple[int, tuple[str, ...]]] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> "Journal":
        """Read a line for each: `{"reference": …, "household": …}`, `{"topic": …, "partition": …, "offset": …}`,
        `{"household": …, "revision": …}` of a correction or withdrawal, `{"household": …, "item": …, "answer": …}`
        of an answer.

        Raises ValueError with the number of a line that is none of these.
        """
        journal = cls()
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
            try:
                match orjson.loads(line):
                    case {"reference": str(reference), "household": str(household)}:
                        journal.taken.add((reference, UUID(household)))
                    case {"topic": str(topic), "partition": int(partition), "offset": int(offset)}:
                        journal.submitted.append((topic, partition, offset))
                    case {"household": str(household), "revision": int(revision)}:
                        journal.revise(UUID(household), revision)
                    case {"household": str(household), "item": int(item), "answer": str(answer)}:
                        journal.answer(UUID(household), item, answer)
                    case _:
                        raise ValueError
            except ValueError:
                raise ValueError(f"line {number} names neither a household nor a place") from None
        return journal

    def revise(self, household: UUID, revision: int) -> None:
        """A centre was told that its correction or withdrawal is this revision."""
        self.revised[household] = max(revision, self.revised.get(household, 0))

    def answer(self, household: UUID, item: int, answer: str) -> None:
        """A municipality was told that its answer to this item is taken."""
        last, answers = self.answered.get(household, (item, ()))
        if item == last and answers[-1:] == (Answer.CONTACTED,) and answer == Answer.ACCEPTED:
            return  # who has met the family has accepted: nothing is written
        if item >= last:
            self.answered[household] = (item, (*answers, answer) if item == last else (answer,))
