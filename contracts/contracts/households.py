"""`households`: what intake knows of a household and may tell: no birth date, nationality or diagnosis."""

from datetime import date, datetime
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import Field, model_validator

from contracts.record import Ags, Code, DistrictAgs, Home, Language, ResidenceTitle, Shape, State
from contracts.vocabulary import (
    Accommodation,
    AgeBand,
    HouseholdChange,
    HouseholdStatus,
    LegalGroup,
    Skill,
)

MAX_SIZE = 25
"""Persons in one household; more is a typing error or a camp, and both want a person to look."""
MAX_FAMILY = 4 * MAX_SIZE
"""Households of one family group; more is an identifier that is stated of strangers, and makes nobody relatives."""


class StatedFacts(Shape):
    """What a reception centre states of a household, identity apart."""

    arrived_on: date
    municipality: Ags | None = None
    languages: Annotated[tuple[Language, ...], Field(max_length=8)] = ()
    skills_needed: Annotated[tuple[Skill, ...], Field(max_length=6)] = ()
    legal_group: LegalGroup
    residence_title: ResidenceTitle | None = None
    accommodation: Accommodation
    unaccompanied_minor: bool = False
    family_group: UUID | None = None
    allotted_on: date | None = None
    """The day of allotment to the municipality: counselling starts here."""
    counselling_extended: bool = False
    """A justified case: counselled for longer than the usual period."""


class Facts(StatedFacts):
    """The stated facts and what intake derives from the identity: size and ages, never dates of birth."""

    size: Annotated[int, Field(ge=1, le=MAX_SIZE)]
    age_bands: dict[AgeBand, Annotated[int, Field(ge=1, le=MAX_SIZE)]]
    district: DistrictAgs | None = None


class Household(State):
    """The public state of a household; `facts` is absent in the last state of an erased one."""

    ce_type: ClassVar[str] = "geleit.household.v1"

    id: UUID
    home: Home
    status: HouseholdStatus
    change: HouseholdChange
    centre: Code | None = None
    registered_at: datetime | None = None
    """Absent of an erased one that was lost with a database: its people are registered again, and counted then."""
    changed_at: datetime | None = None
    merged_into: UUID | None = None
    facts: Facts | None = None

    @property
    def key(self) -> str:
        return str(self.id)

    @property
    def partition(self) -> int:
        return self.home

    @model_validator(mode="after")
    def _facts_unless_erased(self) -> Self:
        if (self.status is HouseholdStatus.ERASED) != (self.facts is None):
            raise ValueError("facts are there exactly until erasure")
        return self
