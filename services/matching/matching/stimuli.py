"""Inputs that were applied, as they are kept for replay and simulation."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID


class Stimulus(NamedTuple):
    """One input: what kind, to what (a household is its alias), and what it said, as JSON."""

    kind: str
    aggregate: str | None
    payload: bytes
    revision: int | None = None


class Batch(NamedTuple):
    """What one transaction applied."""

    id: UUID
    at: datetime
    stimuli: tuple[Stimulus, ...]
