"""Reporting's door: the figures as a page, as JSON and as CSV."""

from fastapi import APIRouter

from chassis.web import Site
from reporting.web import api, pages


def create() -> Site:
    """What reporting shows."""
    router = APIRouter()
    router.include_router(api.router)
    router.include_router(pages.router)
    return Site(title="Figures", router=router)
