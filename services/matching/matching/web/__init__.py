"""Matching's site: where it stands, who waits, the roster, each decision with its receipt."""

from collections.abc import Callable

from fastapi import APIRouter

from chassis.vault import Vault
from chassis.web import LARGEST_BODY, Site, parked, trail
from matching.web import api, edit, handovers, handovers_api, households, overview, roster


def create(vault: Callable[[], Vault]) -> Site:
    """The site; `vault` reads the master key when a name is first needed."""
    router = APIRouter()
    for part in (api, handovers_api, overview, roster, edit, households, handovers, parked, trail):
        router.include_router(part.router)
    return Site(
        title="Matching",
        router=router,
        body_limits={"/roster/import": LARGEST_BODY},
        state={"vault": vault},
    )
