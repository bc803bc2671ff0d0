"""`roster`: integration managers by code: what they bring, where they work, what they can take."""

from datetime import date, datetime
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from contracts.record import Ags, Code, Language, State
from contracts.vocabulary import ManagerStatus, Skill


class Manager(State):
    """The public state of an integration manager; key = manager id, no name."""

    ce_type: ClassVar[str] = "geleit.manager.v1"

    id: UUID
    code: Code
    provider: Code
    status: ManagerStatus
    fte_hundredths: Annotated[int, Field(ge=0, le=100)]
    """Share of a full post in hundredths: 75 is 0.75 FTE."""
    capacity: Annotated[int, Field(ge=0)]
    """Load units the manager can carry, by the policy in force."""
    base_load: Annotated[int, Field(ge=0)] = 0
    """Load units of cases from before the platform, which it does not know one by one."""
    max_new_per_week: Annotated[int, Field(ge=0)] | None = None
    """New cases from Monday to Sunday at most; as many as fit where it is not given."""
    languages: tuple[Language, ...] = ()
    skills: tuple[Skill, ...] = ()
    service_area: tuple[Ags, ...] = ()
    active_from: date
    active_until: date | None = None
    changed_at: datetime

    @property
    def key(self) -> str:
        return str(self.id)
