"""`policy`: the rules of eligibility, load and points as dated data with their sources."""

from datetime import date
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from contracts.record import Code, Shape, State
from contracts.vocabulary import Accommodation, LegalGroup, Skill


class Eligibility(Shape):
    """From `valid_from` until the next rule of the same group: who is counselled, in which stages."""

    valid_from: date
    legal_group: LegalGroup
    stages: tuple[Accommodation, ...]
    """Empty: this group is not counselled from that day."""
    counselling_years: Annotated[int, Field(ge=1, le=10)] = 3
    source: Annotated[str, Field(min_length=1, max_length=200)]


class Load(Shape):
    """Units a case weighs: `per_case + per_person * size + per_skill * needs`."""

    per_case: Annotated[int, Field(ge=0, le=1000)]
    per_person: Annotated[int, Field(ge=0, le=1000)]
    per_skill: Annotated[int, Field(ge=0, le=1000)]


class Points(Shape):
    """Integer points of a candidate; the highest sum wins, and the receipt shows each part."""

    shared_language: Annotated[int, Field(ge=0, le=100_000)]
    per_skill: Annotated[int, Field(ge=0, le=100_000)]
    per_km: Annotated[int, Field(le=0, ge=-100_000)]
    balance: Annotated[int, Field(le=0, ge=-100_000)]
    """Times the square of utilisation in tenths: convex, so that load spreads."""


class Answering(Shape):
    """Working days in Baden-Württemberg until a proposal is reminded of."""

    remind_after_days: Annotated[int, Field(ge=1, le=60)]


class Policy(State):
    """One published version of the policy; key = its id, `revision` counts the versions."""

    ce_type: ClassVar[str] = "geleit.policy.v1"

    id: Code = "integration-management"
    version: Code
    units_per_fte: Annotated[int, Field(ge=1, le=1_000_000)]
    eligibility: Annotated[tuple[Eligibility, ...], Field(min_length=1, max_length=200)]
    load: Load
    points: Points
    answering: Answering
    mandatory_skills: tuple[Skill, ...] = ()
    """A household that needs one of these goes only to a manager who brings it; the others are points."""

    @property
    def key(self) -> str:
        return self.id

    @model_validator(mode="after")
    def _one_rule_a_group_and_day(self) -> Self:
        seen = [(rule.legal_group, rule.valid_from) for rule in self.eligibility]
        if len(seen) != len(set(seen)):
            raise ValueError("two rules of one group begin on the same day")
        return self
