"""Matching's site: where it stands, who waits, the roster, each decision with its receipt."""

from collections.abc import Callable

from fastapi import APIRouter

from chassis.access import Permission
from chassis.vault import Vault
from chassis.web import N_, NavLink, Site
from matching.web import api, households, overview, roster

NAVIGATION = (
    NavLink(
        N_("Matching"),
        "/",
        Permission.READ_CASES,
        N_("Who is cared for, who waits and why, and what each district can still take."),
    ),
    NavLink(N_("Waiting list"), "/waiting", Permission.READ_CASES, N_("Households without a manager, and the reason.")),
    NavLink(N_("Roster"), "/roster", Permission.READ_ROSTER, N_("Integration managers, their load and absences.")),
)


def create(vault: Callable[[], Vault]) -> Site:
    """The site; `vault` reads the master key when a name is first needed."""
    router = APIRouter()
    for part in (api, overview, roster, households):
        router.include_router(part.router)
    return Site(
        title=N_("Matching"),
        router=router,
        navigation=NAVIGATION,
        body_limits={"/roster/import": roster.LARGEST_BODY},
        state={"vault": vault},
    )
