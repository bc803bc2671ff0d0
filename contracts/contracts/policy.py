"""`policy`: the rules of eligibility, load and points as dated data with their sources."""

from datetime import date
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from contracts.record import Code, ResidenceTitle, Shape, State
from contracts.vocabulary import Accommodation, AgeBand, AnswerReason, DeclineEffect, LegalGroup, Skill


class Eligibility(Shape):
    """From `valid_from` to `valid_until`, or the next rule of the same group: who is counselled, in which stages."""

    valid_from: date
    valid_until: date | None = None
    """The last day; where it is given, the group's next rule has to begin on the day after."""
    legal_group: LegalGroup
    stages: tuple[Accommodation, ...]
    """Empty: this group is not counselled from that day."""
    residence_titles: Annotated[tuple[ResidenceTitle, ...], Field(max_length=40)] = ()
    """Only these, where any are named."""
    counselling_years: Annotated[int, Field(ge=1, le=10)] = 3
    extended_years: Annotated[int, Field(ge=1, le=10)] = 4
    """Instead of `counselling_years` in justified cases."""
    source: Annotated[str, Field(min_length=1, max_length=200)]


class Phase(Shape):
    """From that day of an assignment on, a case weighs so many percent."""

    after_days: Annotated[int, Field(ge=0, le=3660)]
    percent: Annotated[int, Field(ge=1, le=1000)]


class Load(Shape):
    """Units a case weighs: `per_case + per_person * size + per_skill * needs`, times the percent of its phase."""

    per_case: Annotated[int, Field(ge=0, le=1000)]
    per_person: Annotated[int, Field(ge=0, le=1000)]
    per_skill: Annotated[int, Field(ge=0, le=1000)]
    phases: Annotated[tuple[Phase, ...], Field(max_length=20)] = ()
    """By beginning; 100 percent before the first."""

    @model_validator(mode="after")
    def _phases_in_order(self) -> Self:
        begins = [phase.after_days for phase in self.phases]
        if begins != sorted(set(begins)):
            raise ValueError("phases do not begin one after the other")
        return self


class Points(Shape):
    """Integer points of a candidate; the highest sum wins, and the receipt shows each part."""

    shared_language: Annotated[int, Field(ge=0, le=100_000)]
    per_skill: Annotated[int, Field(ge=0, le=100_000)]
    per_km: Annotated[int, Field(le=0, ge=-100_000)]
    continuity: Annotated[int, Field(ge=0, le=100_000)] = 0
    """For a manager who had the household before."""
    relatives: Annotated[int, Field(ge=0, le=100_000)] = 0
    """For a manager who has another household of the same family group."""
    balance: Annotated[int, Field(le=0, ge=-100_000)]
    """Per unit of the case and full tenth of the manager's capacity that is taken: convex, so that load spreads."""


class Priority(Shape):
    """A household that all of this describes counts as having waited so many hours longer."""

    hours: Annotated[int, Field(ge=0, le=100_000)]
    legal_group: LegalGroup | None = None
    accommodation: Accommodation | None = None
    skill: Skill | None = None
    age_band: AgeBand | None = None
    """A person of that age belongs to it."""
    min_size: Annotated[int, Field(ge=1, le=25)] = 1


class Decline(Shape):
    """What follows when a proposal is declined for this reason; `days` only for `park`."""

    reason: AnswerReason
    effect: DeclineEffect
    days: Annotated[int, Field(ge=1, le=366)] = 60


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
    priorities: Annotated[tuple[Priority, ...], Field(max_length=40)] = ()
    """Of several that describe a household the one with the most hours counts."""
    declines: Annotated[tuple[Decline, ...], Field(max_length=20)] = ()
    """Somebody else is chosen after a decline whose reason is not among them."""
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

    @model_validator(mode="after")
    def _no_rule_ends_before_it_begins(self) -> Self:
        if any(rule.valid_until and rule.valid_until < rule.valid_from for rule in self.eligibility):
            raise ValueError("a rule ends before it begins")
        return self

    @model_validator(mode="after")
    def _one_effect_a_reason(self) -> Self:
        reasons = [decline.reason for decline in self.declines]
        if len(reasons) != len(set(reasons)):
            raise ValueError("two effects for one reason")
        return self
