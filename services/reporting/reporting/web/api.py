"""The figures for programs."""

from datetime import date

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from reporting.web.query import Asked

router = APIRouter(prefix="/v1", tags=["figures"])


class _Shown(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class CohortFigures(_Shown):
    """What became of the households that arrived; percentiles from registration to the first assignment."""

    arrivals: int
    persons: int
    eligible: int
    assigned: int
    waiting: int
    not_eligible: int
    ended: int
    withdrawn: int
    handed_over: int
    left: int
    undecided: int
    declines: int
    reassigned: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class ReasonFigures(_Shown):
    """How many households wait, or are not eligible, for a reason."""

    status: str
    reason: str
    households: int


class CapacityFigures(_Shown):
    """Today's active managers and their load in the policy's units."""

    managers: int
    fte: float
    capacity: int
    load: int
    utilisation: float | None


class CoverageFigures(_Shown):
    """Today's municipalities, and how many of them some active manager serves."""

    municipalities: int
    served: int
    share: float | None


class DistrictFigures(_Shown):
    """One district; `ags` is null for households whose district is not known.

    For a municipality and a centre `cohort` counts its own households only; `capacity` and `coverage` are the whole
    district's.
    """

    ags: str | None
    name: str
    cohort: CohortFigures
    capacity: CapacityFigures
    coverage: CoverageFigures


class DayFigures(_Shown):
    """One day of arrivals, and what became of them until now."""

    day: date
    cohort: CohortFigures


class PeriodFigures(_Shown):
    """Days in Europe/Berlin, both included."""

    first: date
    last: date


class AllFigures(_Shown):
    """Everything that the page shows."""

    period: PeriodFigures
    district: str | None
    cohort: CohortFigures
    reasons: list[ReasonFigures]
    capacity: CapacityFigures
    coverage: CoverageFigures
    districts: list[DistrictFigures]
    days: list[DayFigures]


@router.get("/figures")
async def figures(asked: Asked) -> AllFigures:
    """The figures of a period (`from`, `to`; four weeks where they are left out) and, if given, a district."""
    return AllFigures.model_validate(asked)
