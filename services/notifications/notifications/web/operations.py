"""How sending goes, for an operator: mail that failed, and municipalities and districts that cannot be told."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from chassis.access import Permission, Principal, permissions_of
from chassis.web import Paging, Work, read_form, redirect, render, require, translations_of
from notifications import store
from notifications.deliver import retry
from notifications.web import labels

router = APIRouter(include_in_schema=False)
MOST_PLACES = 2000


class RetryForm(BaseModel):
    """One message, or all that failed."""

    id: UUID | None = None


@router.get("/messages")
async def messages(
    request: Request, tx: Work, paging: Paging, who: Annotated[Principal, require(Permission.READ_OPERATIONS)]
) -> Response:
    """Counts, what failed and why, and who has no contact point. No household, no address."""
    after: tuple[Any, ...] = paging.after(datetime, UUID) or (None, None)
    rows = await tx.fetch(store.query("failed"), *after, paging.limit + 1)
    page = paging.take(rows, key=lambda row: (row["failed_at"], row["id"]))
    return render(
        request,
        "messages.html",
        sending=await tx.fetchrow(store.query("sending"), tx.now),
        page=page,
        unreachable=await tx.fetch(store.query("unreachable"), MOST_PLACES),
        may_retry=Permission.RUN_OPERATIONS in permissions_of(who.role),
        labels=labels,
    )


@router.post("/messages/retry", dependencies=[require(Permission.RUN_OPERATIONS)])
async def retry_messages(request: Request, tx: Work) -> Response:
    """Send one failed message again, or all of them."""
    form = await read_form(request, RetryForm)
    if form.value is None:
        return redirect(request, "/messages")
    number = await retry(tx, [form.value.id] if form.value.id else None)
    said = translations_of(request).gettext("Messages that are sent again: %(number)s") % {"number": number}
    return redirect(request, "/messages", notice=said, kind="success" if number else "warning")
