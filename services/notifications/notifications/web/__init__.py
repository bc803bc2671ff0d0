"""The inbox's door: the API for programs, the pages for people."""

from fastapi import APIRouter

from chassis.web import Site, parked, trail
from notifications.web import api, operations, pages


def create() -> Site:
    """What notifications shows."""
    router = APIRouter()
    for part in (api, pages, operations, parked, trail):
        router.include_router(part.router)
    return Site(title="Inbox", router=router)
