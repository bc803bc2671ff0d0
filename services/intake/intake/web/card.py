"""The card with a household's names, for the pages of other services: the right is checked here, the read audited."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from chassis.access import Permission, Principal
from chassis.web import Work, not_found, render, require, wants_partial
from intake.reception import identity_of
from intake.web.api import keys_of

router = APIRouter(include_in_schema=False)


@router.get("/households/{household}/card")
async def card(
    request: Request, _: Annotated[Principal, require(Permission.READ_IDENTITIES)], tx: Work, household: UUID
) -> Response:
    """Names, birth dates and contact, for the household's centre and, once they have accepted it, those who care.

    Whoever may not see them reads the same as for an id that does not exist: 404, or in a page's fragment a
    sentence, so that one case more or less is no error of the page around it.
    """
    identity = await identity_of(tx, keys_of(request), household)
    if identity is None and not wants_partial(request):
        raise not_found()
    return render(request, "card.html", partial="card", identity=identity, household=household)
