"""Names of households, for the pages of other services: the right is checked here, the read audited."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from chassis.access import Permission, Principal
from chassis.web import Work, render, require, wants_partial
from intake.reception import identities_of, identity_of
from intake.web.api import keys_of

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, require(Permission.READ_IDENTITIES)]
MOST = 100
"""Households whose names are read at once: a page has no more."""


@router.get("/households/{household}/card")
async def card(request: Request, _: Reader, tx: Work, household: UUID) -> Response:
    """Names, birth dates and contact, for the household's centre and, once they have accepted it, those who care.

    Whoever may not see them reads the same sentence as for an id that does not exist: with 404, or in a page's
    fragment with 200, so that one case more or less is no error of the page around it.
    """
    identity = await identity_of(tx, keys_of(request), household)
    return render(
        request,
        "card.html",
        partial="card",
        status_code=200 if identity or wants_partial(request) else 404,
        identity=identity,
        household=household,
    )


@router.get("/names")
async def names(
    request: Request, _: Reader, tx: Work, household: Annotated[list[UUID], Query(min_length=1, max_length=MOST)]
) -> Response:
    """The names alone of all households of a page that the asker may see; of the others nothing is said."""
    identities = await identities_of(tx, keys_of(request), household)
    return render(request, "names.html", partial="names", identities=identities)
