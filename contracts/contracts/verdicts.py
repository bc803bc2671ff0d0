"""`verdicts.<centre>`: what became of each submission, told to the centre that made it."""

from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from contracts.record import Code, Shape, State
from contracts.vocabulary import Outcome


class Problem(Shape):
    """One fault of a submission: where and which, never what stood there."""

    pointer: Annotated[str, Field(max_length=200)]
    """JSON Pointer (RFC 6901) into the submission."""
    code: Code


class Verdict(State):
    """The verdict on one submission; `revision` counts the verdicts on that reference."""

    ce_type: ClassVar[str] = "geleit.verdict.v1"

    reference: Code
    centre: Code
    outcome: Outcome
    household: UUID | None = None
    household_revision: Annotated[int, Field(ge=1)] | None = None
    decided_at: datetime
    partition_read: Annotated[int, Field(ge=0)] | None = None
    offset_read: Annotated[int, Field(ge=0)] | None = None
    """Position of the submission on its topic."""
    problems: Annotated[tuple[Problem, ...], Field(max_length=50)] = ()

    @property
    def key(self) -> str:
        return self.reference
