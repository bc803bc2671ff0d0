"""Bars as coordinates: a template writes them as SVG, and the table below says the same in numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from reporting.domain import Day

WIDTH, HEIGHT, FOOT = 960, 180, 24
MOST_BARS = 92


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bar, in SVG units; `kind` is assigned, waiting or other."""

    kind: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One day; `label` where there is room for it."""

    day: date
    x: float
    width: float
    segments: tuple[Segment, ...]
    labelled: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """Stacked bars, one a day, on a scale from 0 to `top` households."""

    bars: tuple[Bar, ...]
    top: int


def arrivals(days: Sequence[Day]) -> Chart | None:
    """The last days with arrivals, each split by what became of them; None without any."""
    shown = days[-MOST_BARS:]
    top = max((one.cohort.arrivals for one in shown), default=0)
    if top == 0:
        return None
    step = WIDTH / max(len(shown), 7)
    every = -(-len(shown) // 14)
    return Chart(
        tuple(
            Bar(
                one.day,
                x=round(number * step + step * 0.1, 1),
                width=round(step * 0.8, 1),
                segments=_segments(one, top),
                labelled=number % every == 0,
            )
            for number, one in enumerate(shown)
        ),
        top,
    )


def _segments(day: Day, top: int) -> tuple[Segment, ...]:
    cohort = day.cohort
    parts = [("assigned", cohort.assigned), ("waiting", cohort.waiting)]
    parts.append(("other", cohort.arrivals - cohort.assigned - cohort.waiting))
    segments, y = [], float(HEIGHT)
    for kind, households in parts:
        height = households / top * HEIGHT
        y -= height
        if households:
            segments.append(Segment(kind, round(y, 1), round(height, 1)))
    return tuple(segments)
