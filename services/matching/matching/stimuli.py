"""Inputs that were applied, as they are kept for replay and simulation."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

STEPS = 2
"""Version of what steps do to cases, told to replay. In 1, which is not told, any correction ended what was put aside,
that somebody had been in care was forgotten with the assignment, whoever stayed was new to the week, an acceptance
undid no decline, and strangers who shared a family group were a family to those of their transaction."""


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
