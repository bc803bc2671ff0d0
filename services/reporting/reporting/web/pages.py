"""The figures for people: one page, and its tables for a spreadsheet."""

from typing import Annotated, Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from chassis.access import Permission, Principal, Role
from chassis.web import N_, Work, csv_response, render, require, translations_of
from reporting import charts, store
from reporting.domain import Cohort, District, Figures
from reporting.web.query import Asked, sees_own_only

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, require(Permission.READ_REPORTS)]

COUNTS = (
    (N_("Registered"), "arrivals"),
    (N_("Persons"), "persons"),
    (N_("Eligible"), "eligible"),
    (N_("Assigned"), "assigned"),
    (N_("Waiting"), "waiting"),
    (N_("Not eligible"), "not_eligible"),
    (N_("Ended"), "ended"),
    (N_("Withdrawn"), "withdrawn"),
    (N_("Handed over"), "handed_over"),
    (N_("Left"), "left"),
    (N_("Undecided"), "undecided"),
    (N_("Declined assignments"), "declines"),
)
TIMES = (
    (N_("Median until assignment (seconds)"), "p50_ms"),
    (N_("95th percentile (seconds)"), "p95_ms"),
    (N_("99th percentile (seconds)"), "p99_ms"),
)


@router.get("/")
async def page(request: Request, tx: Work, asked: Asked, who: Reader) -> Response:
    """The dashboard."""
    return render(
        request,
        "figures.html",
        partial="results",
        figures=asked,
        chart=charts.arrivals(asked.days),
        chart_size=(charts.WIDTH, charts.HEIGHT, charts.FOOT),
        districts=await store.districts(tx),
        chooses_district=who.role not in {Role.DISTRICT, Role.MUNICIPALITY},
        own_only=sees_own_only(who),
        query=_query(asked),
    )


@router.get("/districts.csv")
async def districts_csv(request: Request, asked: Asked, who: Reader) -> Response:
    """One line a district."""
    _ = translations_of(request).gettext
    counted = _headers(request)
    if sees_own_only(who):
        counted = [_("%(column)s (own households)") % {"column": one} for one in counted]
    header = [_("AGS"), _("District"), *counted, _("Managers"), _("FTE"), _("Capacity"), _("Load")]
    header += [_("Utilisation"), _("Municipalities"), _("Municipalities served")]
    return csv_response(
        f"geleit-districts-{asked.period.first}-{asked.period.last}.csv",
        header,
        (_district_cells(one) for one in asked.districts),
    )


@router.get("/days.csv")
async def days_csv(request: Request, asked: Asked) -> Response:
    """One line a day."""
    return csv_response(
        f"geleit-days-{asked.period.first}-{asked.period.last}.csv",
        [translations_of(request).gettext("Day"), *_headers(request)],
        ([one.day, *_cells(one.cohort)] for one in asked.days),
    )


def _headers(request: Request) -> list[str]:
    _ = translations_of(request).gettext
    return [_(label) for label, _name in (*COUNTS, *TIMES)]


def _cells(cohort: Cohort) -> list[Any]:
    times = [getattr(cohort, name) for _, name in TIMES]
    return [
        *(getattr(cohort, name) for _, name in COUNTS),
        *(None if time is None else time / 1000 for time in times),
    ]


def _district_cells(one: District) -> list[Any]:
    posts, towns = one.capacity, one.coverage
    capacity = [posts.managers, posts.fte, posts.capacity, posts.load, posts.utilisation]
    return [one.ags, one.name, *_cells(one.cohort), *capacity, towns.municipalities, towns.served]


def _query(figures: Figures) -> dict[str, str]:
    asked = {"from": figures.period.first.isoformat(), "to": figures.period.last.isoformat()}
    return asked | ({"district": figures.district} if figures.district else {})
