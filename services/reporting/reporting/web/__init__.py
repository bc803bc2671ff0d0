"""Reporting's door: the figures as a page, as JSON and as CSV."""

from fastapi import APIRouter

from chassis.web import Site, parked, trail
from reporting.web import api, pages


def create() -> Site:
    """What reporting shows."""
    router = APIRouter()
    for part in (api, pages, parked, trail):
        router.include_router(part.router)
    return Site(title="Figures", router=router)
