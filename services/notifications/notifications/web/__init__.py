"""The inbox's door: the API for programs, the pages for people."""

from fastapi import APIRouter

from chassis.access import Permission
from chassis.web import N_, NavLink, Site
from notifications.web import api, operations, pages

NAVIGATION = (
    NavLink(N_("Inbox"), "/", Permission.READ_INBOX, N_("Proposals to answer, and what became of earlier ones.")),
    NavLink(
        N_("Messages"),
        "/messages",
        Permission.READ_OPERATIONS,
        N_("Mail that could not be sent, and who cannot be reached."),
    ),
)


def create() -> Site:
    """What notifications shows."""
    router = APIRouter()
    for part in (api.router, pages.router, operations.router):
        router.include_router(part)
    return Site(title=N_("Inbox"), router=router, navigation=NAVIGATION)
