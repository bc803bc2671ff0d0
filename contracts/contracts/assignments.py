"""`assignments`: the care of a household: who cares, since when and why, or why nobody does yet."""

from datetime import date, datetime
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from contracts.record import Ags, Code, DistrictAgs, Home, Language, Shape, State
from contracts.vocabulary import AgeBand, Answer, AnswerReason, Applied, CareReason, CareStatus, Skill

MOST_EARLIER = 100


class Assignee(Shape):
    """The integration manager of a proposal, by code; the name stays in matching."""

    id: UUID
    code: Code
    provider: Code


class EarlierAssignment(Shape):
    """An assignment that came to its end, with the reason."""

    item: Annotated[int, Field(ge=1)]
    manager: UUID
    assigned_at: datetime
    ended_at: datetime
    status: CareStatus
    """What followed: `waiting` or `proposed` after a decline or a move, else `ended`."""
    reason: CareReason | None = None
    answer: Answer | None = None
    answer_reason: AnswerReason | None = None
    answered_at: datetime | None = None
    """When the manager took the case on; without it, it was proposed only."""
    contacted_at: datetime | None = None


class LastAnswer(Shape):
    """The newest answer matching has seen for this household, and what it did with it."""

    item: Annotated[int, Field(ge=1)]
    revision: Annotated[int, Field(ge=1)]
    """The answer's revision on `responses`."""
    answer: Answer
    applied: Applied


class CaseFacts(Shape):
    """What a municipality sees of a proposal before it has accepted: facts, no names."""

    size: Annotated[int, Field(ge=1)]
    age_bands: dict[AgeBand, int]
    languages: tuple[Language, ...] = ()
    skills_needed: tuple[Skill, ...] = ()
    counselling_over_on: date | None = None
    """From which day on the counselling period is over, by the policy of this revision."""


class Because(Shape):
    """What spoke for the manager who was chosen; nothing of it where there simply was room."""

    by_person: bool = False
    """A person decided; what else is said did not bind."""
    languages: tuple[Language, ...] = ()
    skills: tuple[Skill, ...] = ()
    distance_km: Annotated[int, Field(ge=0)] | None = None
    former: bool = False
    """Had the household before."""
    relative: bool = False
    """Has other households of its family group."""


class Care(State):
    """The care of one household; one per household, key = household id.

    `item` is the revision at which the current assignment was proposed. It names the inbox item, and an
    answer names it: later revisions of the same assignment (confirmed, contacted) leave it as it is.
    """

    ce_type: ClassVar[str] = "geleit.assignment.v1"

    household: UUID
    home: Home
    household_revision: Annotated[int, Field(ge=1)]
    status: CareStatus
    reason: CareReason
    municipality: Ags | None = None
    district: DistrictAgs | None = None
    case: CaseFacts | None = None
    assignee: Assignee | None = None
    because: Because | None = None
    item: Annotated[int, Field(ge=1)] | None = None
    weight: Annotated[int, Field(ge=0)] = 0
    """Load units the case takes of its manager's capacity; 0 where nobody is assigned."""
    registered_at: datetime | None = None
    decided_at: datetime
    waiting_since: datetime | None = None
    assigned_at: datetime | None = None
    answer_by: datetime | None = None
    answered_at: datetime | None = None
    contacted_at: datetime | None = None
    ended_at: datetime | None = None
    policy: Code | None = None
    receipt: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    last_answer: LastAnswer | None = None
    earlier: tuple[EarlierAssignment, ...] = ()
    """The first, and of the others the newest: `MOST_EARLIER` in all."""

    @property
    def key(self) -> str:
        return str(self.household)

    @property
    def partition(self) -> int:
        return self.home
