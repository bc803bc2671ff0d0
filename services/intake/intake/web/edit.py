"""Pages that correct a household and that end its stay, each with a look at what is there first."""

from uuid import UUID

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from chassis.access import Principal
from chassis.web import Work, not_found, redirect, render, translations_of
from contracts.vocabulary import SubmissionKind
from intake import store
from intake.domain import CORRECTABLE, Rejection
from intake.forms import read_form
from intake.reception import identity_of, offer, take_one
from intake.stated import Problem
from intake.store import Shown
from intake.web.api import Centre, keys_of
from intake.web.formdata import Sheet, flattened, nested, sheet
from intake.web.pages import one
from intake.web.register import changed_persons, fields_of, show_form

router = APIRouter(include_in_schema=False)


@router.get("/households/{household}/correct")
async def correct_form(request: Request, _: Centre, tx: Work, household: UUID) -> Response:
    """The form as it stands; this read of names is audited."""
    row = await one(tx, household)
    if row.status not in CORRECTABLE:
        raise not_found()
    identity = await identity_of(tx, keys_of(request), household)
    fields = flattened({"facts": row.facts, "identity": orjson.loads(orjson.dumps(identity))})
    return await _show(request, tx, sheet(fields), row, revision=row.revision)


@router.post("/households/{household}/correct")
async def correct(request: Request, who: Centre, tx: Work, household: UUID) -> Response:
    """Correct, unless somebody else has in the meantime."""
    _ = translations_of(request).gettext
    fields, keys = await fields_of(request), keys_of(request)
    # What somebody else saves at the same moment has to be seen: the reference is locked before the revision is read.
    await store.lock_references(tx, who.tenant_id, [(await one(tx, household)).reference])
    row = await one(tx, household)
    if changed := changed_persons(fields):
        return await _show(request, tx, changed, row, revision=fields.get("revision", ""))
    if fields.get("revision") != str(row.revision):
        told = sheet(fields, [Problem("", "changed_meanwhile")])
        # With the revision of now, the next "Save" would overwrite what nobody here has seen.
        return await _show(request, tx, told, row, revision=fields.get("revision", ""), status_code=409)
    body = nested(fields.items())
    form = read_form(body.get("facts", {}), body.get("identity", {}))
    written = offer(keys, SubmissionKind.CORRECT, row.reference, None, form, by_hand=True)
    decision = await take_one(tx, keys, who.tenant_id, written)
    if isinstance(decision, Rejection):
        told = sheet(fields, decision.problems)
        return await _show(request, tx, told, row, revision=row.revision, status_code=422)
    return redirect(request, f"/households/{household}", notice=_("The correction is saved."))


@router.get("/households/{household}/withdraw")
async def withdraw_form(request: Request, _: Centre, tx: Work, household: UUID) -> Response:
    """Asks once more."""
    return render(request, "withdraw.html", row=await one(tx, household))


@router.post("/households/{household}/withdraw")
async def withdraw(request: Request, who: Centre, tx: Work, household: UUID) -> Response:
    """Take the registration back."""
    notice = translations_of(request).gettext("The registration is withdrawn.")
    return await _leave(request, who, tx, household, kind=SubmissionKind.WITHDRAW, notice=notice)


@router.get("/households/{household}/depart")
async def depart_form(request: Request, _: Centre, tx: Work, household: UUID) -> Response:
    """Asks once more."""
    return render(request, "depart.html", row=await one(tx, household))


@router.post("/households/{household}/depart")
async def depart(request: Request, who: Centre, tx: Work, household: UUID) -> Response:
    """Note that the household has left."""
    notice = translations_of(request).gettext("The departure is noted.")
    return await _leave(request, who, tx, household, kind=SubmissionKind.DEPART, notice=notice)


async def _leave(
    request: Request, who: Principal, tx: Work, household: UUID, *, kind: SubmissionKind, notice: str
) -> Response:
    row, keys, at = await one(tx, household), keys_of(request), f"/households/{household}"
    decision = await take_one(tx, keys, who.tenant_id, offer(keys, kind, row.reference, None))
    if isinstance(decision, Rejection):
        inactive = translations_of(request).gettext("The household is no longer active.")
        return redirect(request, at, notice=inactive, kind="warning")
    return redirect(request, at, notice=notice)


async def _show(
    request: Request, tx: Work, filled: Sheet, row: Shown, *, revision: int | str, status_code: int = 200
) -> Response:
    at = f"/households/{row.id}"
    return await show_form(
        request,
        tx,
        "correct.html",
        filled,
        status_code=status_code,
        row=row,
        revision=revision,
        action=f"{at}/correct",
        back=at,
    )
