"""What the auditor says of one invariant."""

from dataclasses import dataclass, field
from enum import Enum


class Invariant(Enum):
    """What must hold, whatever was killed, repeated or late."""

    I1 = "what was answered with 2xx exists, once"
    I2 = "every record offered has one verdict"
    I3 = "no household ever had two managers at once"
    I4 = "no decision took a manager over capacity"
    I5 = "folding the topics gives readers' and writers' rows"
    I6 = "revisions are 1..n, and nobody went back"
    I7 = "every case is in its inbox, and its mail was tried"
    I8 = "every outbox row is published"
    I9 = "handled + parked + ignored = consumed"
    I10 = "receipts chain, and lead to their decisions"
    I11 = "no canary outside the vault"


@dataclass(slots=True)
class Finding:
    """How many things were looked at, which of them are faults, and how many are on their way and no fault."""

    invariant: Invariant
    checked: int = 0
    waiting: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """`I1` to `I11`."""
        return self.invariant.name
