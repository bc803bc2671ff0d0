"""The figures: what is counted, over which days and which district."""

from dataclasses import dataclass
from datetime import date, timedelta

DEFAULT_DAYS = 28
MAX_DAYS = 3660


class PeriodRefused(ValueError):
    """The period ends before it begins, or is longer than ten years."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days in Europe/Berlin, both included."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if not 0 <= (self.last - self.first).days <= MAX_DAYS:
            raise PeriodRefused


@dataclass(frozen=True, slots=True)
class Cohort:
    """What became of the households that arrived in a period; every number but `persons` counts households.

    `arrivals = assigned + waiting + not_eligible + ended + withdrawn + handed_over + left + undecided`.
    The percentiles are milliseconds from registration to the first assignment, None while there is none.
    """

    arrivals: int = 0
    persons: int = 0
    eligible: int = 0
    """Assigned, waiting or counselled to the end."""
    assigned: int = 0
    waiting: int = 0
    not_eligible: int = 0
    ended: int = 0
    withdrawn: int = 0
    handed_over: int = 0
    left: int = 0
    """Departed, merged into another household, or erased."""
    undecided: int = 0
    """Registered, and matching has not been heard of yet."""
    declines: int = 0
    """Declined assignments, but those whose manager got the case again at once: one household may have several."""
    reassigned: int = 0
    """Households that are assigned after a decline."""
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """How many households have a status for a reason."""

    status: str
    reason: str
    households: int


@dataclass(frozen=True, slots=True)
class Capacity:
    """Today's posts: of managers who are active and serve the area; units are the policy's load units."""

    managers: int = 0
    fte: float = 0.0
    capacity: int = 0
    load: int = 0

    @property
    def utilisation(self) -> float | None:
        """Load as a share of capacity; None without any capacity."""
        return self.load / self.capacity if self.capacity else None


@dataclass(frozen=True, slots=True)
class Coverage:
    """Today's municipalities, and how many of them some active manager serves."""

    municipalities: int = 0
    served: int = 0

    @property
    def share(self) -> float | None:
        """None without any municipality."""
        return self.served / self.municipalities if self.municipalities else None


@dataclass(frozen=True, slots=True)
class District:
    """One district's row; `ags` None: households whose district is not known."""

    ags: str | None
    name: str
    cohort: Cohort
    capacity: Capacity
    coverage: Coverage


@dataclass(frozen=True, slots=True)
class Day:
    """One day's row: what became, until now, of the households that arrived on it."""

    day: date
    cohort: Cohort


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of a period and, where one is given, a district."""

    period: Period
    district: str | None
    cohort: Cohort
    reasons: tuple[Reason, ...]
    capacity: Capacity
    coverage: Coverage
    districts: tuple[District, ...]
    days: tuple[Day, ...]


def period_of(first: date | None, last: date | None, today: date) -> Period:
    """The period asked for; 28 days up to today where an end is left open."""
    end = last or max(today, first or today)
    try:
        return Period(first or end - timedelta(days=DEFAULT_DAYS - 1), end)
    except OverflowError:
        raise PeriodRefused from None  # before the first day that there is
