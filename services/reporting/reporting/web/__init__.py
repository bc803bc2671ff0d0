"""Reporting's door: the figures as a page, as JSON and as CSV."""

from fastapi import APIRouter

from chassis.access import Permission
from chassis.web import N_, NavLink, Site
from reporting.web import api, pages

NAVIGATION = (
    NavLink(
        N_("Figures"),
        "/",
        Permission.READ_REPORTS,
        N_("Arrivals, assignments, waiting and capacity by day and district."),
    ),
)


def create() -> Site:
    """What reporting shows."""
    router = APIRouter()
    router.include_router(api.router)
    router.include_router(pages.router)
    return Site(title=N_("Figures"), router=router, navigation=NAVIGATION)
