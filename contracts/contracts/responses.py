"""`responses`: what a municipality or manager answered to the inbox item of a household."""

from datetime import datetime
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import Field, model_validator

from contracts.record import Home, State
from contracts.vocabulary import Answer, AnswerReason, reason_fits


class Response(State):
    """The newest answer to a household's inbox items; one aggregate a household.

    `item` names the inbox item (the care's revision at which it was proposed). The times of earlier
    answers to the same item stay, so that the last state alone tells the whole story of the item.
    """

    ce_type: ClassVar[str] = "geleit.response.v1"

    household: UUID
    home: Home
    item: Annotated[int, Field(ge=1)]
    answer: Answer
    reason: AnswerReason | None = None
    answered_at: datetime
    accepted_at: datetime | None = None
    contacted_at: datetime | None = None
    transfer_requested_at: datetime | None = None

    @property
    def key(self) -> str:
        return str(self.household)

    @property
    def partition(self) -> int:
        return self.home

    @model_validator(mode="after")
    def _reason_where_due(self) -> Self:
        if not reason_fits(self.answer, self.reason):
            raise ValueError("the reason does not fit the answer")
        return self
