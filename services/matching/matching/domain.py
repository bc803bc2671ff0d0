"""What matching decides about: households, managers and the policy, without anything that tells who they are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from contracts.vocabulary import (
    Accommodation,
    AgeBand,
    AnswerReason,
    DeclineEffect,
    HouseholdStatus,
    LegalGroup,
    Skill,
)

Place = tuple[float, float]
"""Latitude and longitude in degrees."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a decision may rest on; there is no nationality, ethnicity, religion, gender or birth date to ask for."""

    arrived_on: date
    municipality: str | None
    district: str | None
    size: int
    age_bands: Mapping[AgeBand, int]
    languages: tuple[str, ...]
    skills_needed: tuple[Skill, ...]
    legal_group: LegalGroup
    accommodation: Accommodation
    unaccompanied_minor: bool
    allotted_on: date | None
    residence_title: str | None = None
    family_group: UUID | None = None
    counselling_extended: bool = False


@dataclass(frozen=True, slots=True)
class Household:
    """A household as intake last told it; `facts` is absent once it is erased."""

    id: UUID
    home: int
    revision: int
    status: HouseholdStatus
    registered_at: datetime
    facts: Facts | None
    alias: UUID
    """Stands for the household in all that outlives its erasure; what says whose alias it is does not."""

    @property
    def municipality(self) -> str | None:
        """AGS of the municipality it is allotted to."""
        return self.facts.municipality if self.facts else None

    @property
    def district(self) -> str | None:
        """The district of its municipality, else the one intake knows."""
        if self.facts is None:
            return None
        return self.facts.municipality[:5] if self.facts.municipality else self.facts.district


@dataclass(frozen=True, slots=True)
class Absence:
    """Days on which a manager takes no new case, both included; open-ended without `until`."""

    since: date
    until: date | None

    def covers(self, day: date) -> bool:
        """Whether the manager is away on that day."""
        return self.since <= day and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True)
class Manager:
    """An integration manager as the roster has her; what she carries changes with every decision and is kept apart."""

    id: UUID
    code: str
    provider: str
    fte_hundredths: int
    capacity: int
    languages: frozenset[str]
    skills: frozenset[Skill]
    service_area: frozenset[str]
    office: str | None
    """AGS of the municipality distances are measured from."""
    active_from: date
    active_until: date | None
    max_new_per_week: int | None = None
    absences: tuple[Absence, ...] = ()
    removed: bool = False


class Carried(NamedTuple):
    """What a manager carries: units of load, and cases that came to her since Monday."""

    load: int
    new: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """From `valid_from` to `valid_until`, or the next rule of the same group: the stages in which it is counselled."""

    valid_from: date
    legal_group: LegalGroup
    stages: tuple[Accommodation, ...]
    counselling_years: int
    extended_years: int = 4
    residence_titles: tuple[str, ...] = ()
    valid_until: date | None = None


@dataclass(frozen=True, slots=True)
class Phase:
    """From that day of an assignment on, a case weighs so many percent."""

    after_days: int
    percent: int


@dataclass(frozen=True, slots=True)
class Load:
    """Units a case weighs: `per_case + per_person * size + per_skill * needs`, times the percent of its phase."""

    per_case: int
    per_person: int
    per_skill: int
    phases: tuple[Phase, ...] = ()


@dataclass(frozen=True, slots=True)
class Prices:
    """Integer points of a candidate, by what earns or costs them (contracts.policy.Points)."""

    shared_language: int
    per_skill: int
    per_km: int
    balance: int
    continuity: int = 0
    relatives: int = 0


@dataclass(frozen=True, slots=True)
class Priority:
    """A household that all of this describes counts as having waited so many hours longer."""

    hours: int
    legal_group: LegalGroup | None = None
    accommodation: Accommodation | None = None
    skill: Skill | None = None
    age_band: AgeBand | None = None
    min_size: int = 1


@dataclass(frozen=True, slots=True)
class Decline:
    """What follows a decline; `days` only where the household is parked."""

    effect: DeclineEffect
    days: int


@dataclass(frozen=True, slots=True)
class Policy:
    """One published version of the rules."""

    id: str
    version: str
    revision: int
    units_per_fte: int
    rules: tuple[Rule, ...]
    load: Load
    points: Prices
    remind_after_days: int
    mandatory_skills: frozenset[Skill]
    priorities: tuple[Priority, ...] = ()
    declines: Mapping[AnswerReason, Decline] = field(default_factory=dict)

    def after(self, reason: AnswerReason | None) -> Decline | None:
        """What follows a decline for that reason, if the policy says."""
        return self.declines.get(reason) if reason else None


@dataclass(frozen=True, slots=True)
class Why:
    """What spoke for the manager who was chosen; what a person decided needs nothing more."""

    by_person: bool
    languages: tuple[str, ...] = ()
    skills: tuple[Skill, ...] = ()
    distance_km: int | None = None
    former: bool = False
    relative: bool = False


class OverrideReason(StrEnum):
    """Why a person decides against the proposal; coded, because free text would carry names."""

    RELATIVES = "relatives"
    FORMER_MANAGER = "former_manager"
    SPECIAL_KNOWLEDGE = "special_knowledge"
    CONFLICT_OF_INTEREST = "conflict_of_interest"
    COVER = "cover"
    HARDSHIP = "hardship"
    LOCAL_AGREEMENT = "local_agreement"
