"""Intake's site: the API of reception centres, their pages, and the card with a household's names."""

from collections.abc import Callable

from fastapi import APIRouter

from chassis.access import Permission
from chassis.web import N_, NavLink, Site
from intake.identity import Keys
from intake.web import api, card, edit, pages, register


def create(keys: Callable[[], Keys]) -> Site:
    """The site; `keys` reads the keys when they are first needed."""
    router = APIRouter()
    for part in (api, pages, register, edit, card):
        router.include_router(part.router)
    return Site(
        title=N_("Reception"),
        router=router,
        navigation=(
            NavLink(
                N_("Households"),
                "/",
                Permission.SUBMIT_HOUSEHOLDS,
                N_("All households of the centre, and what became of them."),
            ),
            NavLink(
                N_("Register a household"),
                "/new",
                Permission.SUBMIT_HOUSEHOLDS,
                N_("Enter an arrival by hand."),
            ),
        ),
        state={"keys": keys},
    )
