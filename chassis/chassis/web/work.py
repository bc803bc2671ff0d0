"""The transaction of a request: held to its principal's tenant, committed before the answer is sent."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from chassis.database import Tx
from chassis.failpoint import failpoint
from chassis.web.guard import SAFE_METHODS, current_principal, not_signed_in
from chassis.web.surroundings import surroundings


async def _open(request: Request) -> AsyncIterator[Tx]:
    principal = await current_principal(request)
    # A request without a principal must not see rows because nobody set a tenant: there is no such transaction.
    # A route may name its transaction before its permission, so this can be the first to meet a stranger.
    if principal is None:
        raise not_signed_in()
    if request.method not in SAFE_METHODS:
        # A slow line must not hold a connection to the database.
        await request.body()
    async with surroundings(request).database().transaction(principal.tenant, principal) as tx:
        yield tx
        failpoint("web.handled")
    failpoint("web.committed")


Work = Annotated[Tx, Depends(_open, scope="function")]
"""A parameter `tx: Work` is the request's transaction; an exception rolls it back."""
