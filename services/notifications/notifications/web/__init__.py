"""The inbox's door: the API for programs, the pages for people."""

from fastapi import APIRouter

from chassis.web import Site
from notifications.web import api, operations, pages


def create() -> Site:
    """What notifications shows."""
    router = APIRouter()
    for part in (api.router, pages.router, operations.router):
        router.include_router(part)
    return Site(title="Inbox", router=router)
