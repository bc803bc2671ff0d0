"""`submissions.<centre>`: what a centre's own software offers; the topic says which centre wrote it."""

from typing import Annotated, ClassVar

from pydantic import Field, JsonValue

from contracts.record import Code, State
from contracts.vocabulary import SubmissionKind

MAX_IDENTITY = 100_000
"""Characters of a JWE: 25 persons need about 8,000."""


class Submission(State):
    """One request of a centre, key = its own reference.

    `facts` stays JSON here: intake validates it as StatedFacts and answers each fault by its field, where
    a schema error of the envelope could only be parked. `identity` is a compact JWE to intake's public
    key, holding names, birth dates, nationality and contact. `version` orders the centre's own edits.
    """

    ce_type: ClassVar[str] = "geleit.submission.v1"

    revision: Annotated[int, Field(ge=1)] = 1
    reference: Code
    version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    kind: SubmissionKind
    facts: dict[str, JsonValue] | None = None
    identity: Annotated[str, Field(max_length=MAX_IDENTITY)] | None = None

    @property
    def key(self) -> str:
        return self.reference
