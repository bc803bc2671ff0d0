"""Allotment: what a district's decision makes of a household that no municipality has yet."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from contracts.vocabulary import HouseholdChange, HouseholdStatus
from intake.domain import Household


@dataclass(frozen=True, slots=True)
class Round:
    """The ledger that a confirmation rests on: its district, and how many were confirmed there before."""

    district: str
    number: int


@dataclass(frozen=True, slots=True)
class Choice:
    """A household as a person saw it, and the municipality (AGS) they chose; none is not yet."""

    household: UUID
    revision: int
    municipality: str


def can_be_allotted(household: Household, district: str, revision: int) -> bool:
    """Whether it still is what the person saw: that revision, active, in this district and no municipality."""
    return (
        household.revision == revision
        and household.status is HouseholdStatus.ACTIVE
        and household.facts is not None
        and household.facts.stated.municipality is None
        and household.facts.district == district
    )


def allot(household: Household, municipality: str, now: datetime, today: date) -> Household:
    """The next revision of a household that can be allotted: counselling starts on this day."""
    assert household.facts is not None
    stated = replace(household.facts.stated, municipality=municipality, allotted_on=today)
    return replace(
        household,
        revision=household.revision + 1,
        change=HouseholdChange.MOVED,
        changed_at=now,
        facts=replace(household.facts, stated=stated),
        allotted=True,
    )
