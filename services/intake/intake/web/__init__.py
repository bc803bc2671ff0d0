"""Intake's site: the API of reception centres, their pages, and the card with a household's names."""

from collections.abc import Callable

from fastapi import APIRouter

from chassis.web import LARGEST_BODY, Site, parked, trail
from intake.identity import Keys
from intake.web import allotment, api, bulk, card, edit, pages, register, upload


def create(keys: Callable[[], Keys]) -> Site:
    """The site; `keys` reads the keys when they are first needed."""
    router = APIRouter()
    for part in (api, bulk, pages, allotment, register, upload, edit, card, parked, trail):
        router.include_router(part.router)
    return Site(
        title="Reception",
        router=router,
        body_limits={bulk.PATH: bulk.LARGEST, upload.PATH: LARGEST_BODY},
        state={"keys": keys},
    )
