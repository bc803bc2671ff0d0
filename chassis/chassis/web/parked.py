"""What a service could not apply, for an operator: by error, one by one, to be retried or discarded. No content."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from chassis import parked
from chassis.access import Permission, Principal, permissions_of
from chassis.web.forms import Filled, blank_form, read_form
from chassis.web.guard import require
from chassis.web.paging import NO_NUL, Paging
from chassis.web.problems import not_found
from chassis.web.render import redirect, render, translations_of
from chassis.web.surroundings import menu_label
from chassis.web.translations import N_
from chassis.web.work import Work

router = APIRouter(include_in_schema=False)

Reader = Annotated[Principal, require(Permission.READ_OPERATIONS)]
Id = Annotated[int, Path(ge=1, le=2**63 - 1)]
RETRIED = N_("Records that are applied again: %(number)s")
SETTLED = N_("This record is settled already.")


class RetryForm(BaseModel):
    """One record, those with an error, or all."""

    id: Annotated[int | None, Field(ge=1, le=2**63 - 1)] = None
    error: Annotated[str | None, Field(max_length=200, pattern=NO_NUL)] = None


class DiscardForm(BaseModel):
    """Why nobody needs it any more."""

    reason: Annotated[str, Field(min_length=1, max_length=parked.LONGEST_REASON, pattern=NO_NUL)]


@router.get("/parked")
async def listed(
    request: Request,
    tx: Work,
    paging: Paging,
    who: Reader,
    error: Annotated[str | None, Query(max_length=200, pattern=NO_NUL)] = None,
) -> Response:
    """How many for each error, and the records themselves."""
    (after,) = paging.after(int) or (0,)
    rows = await parked.listed(tx, error=error or None, after=after, limit=paging.limit + 1)
    page = paging.take(rows, key=lambda one: (one.id,))
    return render(
        request,
        "parked.html",
        partial="found",
        classes=await parked.classes(tx),
        error=error,
        page=page,
        may_run=_may_run(who),
        label=menu_label(request, "/parked"),
    )


@router.get("/parked/{record}")
async def shown(request: Request, tx: Work, who: Reader, record: Id) -> Response:
    """One record, open or settled."""
    return await _page(request, tx, who, record, blank_form(DiscardForm))


@router.post("/parked/retry", dependencies=[require(Permission.RUN_OPERATIONS)])
async def retry(request: Request, tx: Work) -> Response:
    """Have the worker apply them again."""
    form = await read_form(request, RetryForm)
    if form.value is None:
        return redirect(request, "/parked")
    number = await parked.ask_for_retry(tx, parked=form.value.id, error=form.value.error)
    said = translations_of(request).gettext(RETRIED) % {"number": number}
    return redirect(request, "/parked", notice=said, kind="success" if number else "warning")


@router.post("/parked/{record}/discard")
async def discard(
    request: Request, tx: Work, who: Annotated[Principal, require(Permission.RUN_OPERATIONS)], record: Id
) -> Response:
    """Destroy its content, with a reason that is kept."""
    form = await read_form(request, DiscardForm)
    if form.value is None:
        return await _page(request, tx, who, record, form)
    _ = translations_of(request).gettext
    if not await parked.discard(tx, record, form.value.reason):
        return redirect(request, "/parked", notice=_(SETTLED), kind="warning")
    return redirect(request, "/parked", notice=_("The record is discarded."))


async def _page(request: Request, tx: Work, who: Principal, record: int, form: Filled[DiscardForm]) -> Response:
    one = await parked.one(tx, record)
    if one is None:
        raise not_found()
    return render(
        request,
        "parked_record.html",
        status_code=422 if form.errors else 200,
        one=one,
        form=form,
        may_run=_may_run(who),
        label=menu_label(request, "/parked"),
        longest=parked.LONGEST_REASON,
    )


def _may_run(who: Principal) -> bool:
    return Permission.RUN_OPERATIONS in permissions_of(who.role)
