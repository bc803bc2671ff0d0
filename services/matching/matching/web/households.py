"""A household's care: history, the receipt of each decision, and a person's own decision."""

from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from chassis.access import Permission, Principal, Role, permissions_of
from chassis.web import (
    NO_NUL,
    Filled,
    Work,
    blank_form,
    not_found,
    read_form,
    redirect,
    render,
    require,
    translations_of,
)
from chassis.web.short import Prefix, ids_from
from matching import explain
from matching.apart import keep_apart
from matching.domain import OverrideReason
from matching.override import NOT_FOUND, Refusal, override
from matching.receipts import statement_of
from matching.web import labels, store

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, require(Permission.READ_CASES)]
Decider = Annotated[Principal, require(Permission.OVERRIDE_DECISIONS)]


Chosen = Annotated[str, Query(max_length=36, pattern=NO_NUL)]
Seen = Annotated[str, Query(max_length=10, pattern=r"^[0-9]*$")]


class OverrideForm(BaseModel):
    """A person's decision; `revision` is the care's she decided on."""

    manager: UUID
    reason: OverrideReason
    revision: Annotated[int, Field(ge=1)]


class ApartForm(BaseModel):
    """Whom the household may not get; `revision` is the care's the person decided on."""

    apart: UUID
    revision: Annotated[int, Field(ge=1)]


class Asked(BaseModel):
    """Which decision is looked at, by the care's revision, and the code of a manager who was not chosen."""

    decision: Annotated[int, Field(ge=1)] | None = None
    why_not: Annotated[str, Field(max_length=40, pattern=NO_NUL)] = ""


@router.get("/households")
async def find(request: Request, tx: Work, who: Reader, q: Prefix = "") -> Response:
    """The household whose id begins so, or a list where several do."""
    if not q:
        return redirect(request, "/")
    ids = ids_from(q)
    manager = UUID(who.tenant_id) if who.role is Role.MANAGER else None
    rows = await store.beginning(tx, ids, manager, 20) if ids else ()
    if len(rows) == 1:
        return redirect(request, f"/households/{rows[0]['household']}")
    return render(request, "households.html", rows=rows, query=q)


@router.get("/households/{household}")
async def household(
    request: Request, tx: Work, who: Reader, household: UUID, asked: Annotated[Asked, Query()]
) -> Response:
    """What was decided, when and why."""
    return await _show(request, tx, who, household, asked=asked)


@router.post("/households/{household}/override")
async def decide(request: Request, tx: Work, who: Decider, household: UUID) -> Response:
    """Give the household to another manager."""
    _ = translations_of(request).gettext
    form = await read_form(request, OverrideForm)
    if form.value is None:
        return await _show(request, tx, who, household, form=form, status_code=422)
    match await override(
        tx, household, form.value.manager, form.value.reason, form.value.revision, places=store.places_of(who)
    ):
        case Refusal() as refusal if refusal == NOT_FOUND:
            raise not_found()
        case Refusal(code):
            # Whoever decides again looks at what stands now: nothing is chosen for her.
            return await _show(request, tx, who, household, fault=_(labels.REFUSALS[code]), status_code=409)
        case _:
            return redirect(request, f"/households/{household}", notice=_("The decision is made."))


@router.get("/households/{household}/apart")
async def apart_asked(
    request: Request, tx: Work, who: Decider, household: UUID, *, apart: Chosen = "", revision: Seen = ""
) -> Response:
    """Asks once more; `revision` is the care's that was seen."""
    care = await store.care(tx, household)
    if care is None:
        raise not_found()
    choices = await store.serving(tx, who, care["municipality"])
    manager = next((one for one in choices if str(one["id"]) == apart), None)
    if manager is None:
        missing = translations_of(request).gettext("Please choose one of the options.")
        form = replace(blank_form(ApartForm, revision=care["revision"]), errors={"apart": missing})
        return await _show(request, tx, who, household, apart=form, status_code=422)
    return render(request, "keep_apart.html", care=care, manager=manager, revision=revision)


@router.post("/households/{household}/apart")
async def apart(request: Request, tx: Work, who: Decider, household: UUID) -> Response:
    """Let a manager never get the household."""
    _ = translations_of(request).gettext
    form = await read_form(request, ApartForm)
    if form.value is None:
        return await _show(request, tx, who, household, apart=form, status_code=422)
    refusal = await keep_apart(tx, household, form.value.apart, form.value.revision, places=store.places_of(who))
    if refusal == NOT_FOUND:
        raise not_found()
    if refusal:
        fault = _(labels.REFUSALS[refusal.code])
        return await _show(request, tx, who, household, fault_apart=fault, status_code=409)
    return redirect(request, f"/households/{household}", notice=_("The manager will not get this household."))


async def _show(
    request: Request,
    tx: Work,
    who: Principal,
    household: UUID,
    *,
    asked: Asked | None = None,
    form: Filled[OverrideForm] | None = None,
    fault: str | None = None,
    apart: Filled[ApartForm] | None = None,
    fault_apart: str | None = None,
    status_code: int = 200,
) -> Response:
    asked = asked or Asked()
    care = await store.care(tx, household)
    if care is None:
        raise not_found()
    receipts = await store.receipts(tx, household)
    shown = next((one for one in receipts if asked.decision in {None, one["revision"]}), None)
    receipt = _ranked(statement_of(shown["receipt"])) if shown else None
    asked_for = (
        await store.managers_called(tx, asked.why_not.strip(), store.places_of(who))
        if asked.why_not and receipt
        else ()
    )
    history = await store.history(tx, household)
    named = {care["manager"], *(one["manager"] for one in history), *(one["id"] for one in asked_for)} - {None}
    if receipt:
        named |= {UUID(one["manager"]) for one in receipt["candidates"]}
    may_decide = Permission.OVERRIDE_DECISIONS in permissions_of(who.role)
    kept_apart = await store.kept_apart(tx, household) if may_decide else ()
    named |= {one["id"] for one in kept_apart}
    return render(
        request,
        "care.html",
        status_code=status_code,
        labels=labels,
        care=care,
        history=history,
        receipts=receipts,
        shown=shown,
        receipt=receipt,
        asked=asked.why_not,
        answers=[(one, explain.why_not(receipt, str(one["id"]))) for one in asked_for] if receipt else (),
        open_to={str(one) for one in await store.open_to(tx, who, named)},
        choices=await store.serving(tx, who, care["municipality"]) if may_decide else (),
        form=form or blank_form(OverrideForm, revision=care["revision"]),
        fault=fault,
        kept_apart=kept_apart,
        apart_from={one["id"] for one in kept_apart},
        apart=apart or blank_form(ApartForm, revision=care["revision"]),
        fault_apart=fault_apart,
        may_read_names=Permission.READ_IDENTITIES in permissions_of(who.role),
        may_decide=may_decide and care["household_status"] == "active",
    )


def _ranked(receipt: dict[str, Any]) -> dict[str, Any]:
    """The receipt with its candidates in the order of choice, those stopped by a gate at the end."""
    for one in receipt["candidates"]:
        one["total"] = sum(one["points"].values()) if one["points"] else None
        one["why"] = explain.why_not(receipt, one["manager"])
    receipt["candidates"].sort(key=lambda one: (one["points"] is None, -(one["total"] or 0), -one["lot"], one["code"]))
    return receipt
