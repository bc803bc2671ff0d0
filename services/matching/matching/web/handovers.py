"""Handovers: a plan is made from a manager's page, looked at, confirmed, and followed while it runs."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from chassis.access import Permission, Principal
from chassis.web import Paging, Work, not_found, read_form, redirect, render, require, translations_of, wants_partial
from matching import store as decisive
from matching.handing_over import OF_ONE_CASE, Reason, Wanted, confirm, discard, propose
from matching.web import labels, store

router = APIRouter(include_in_schema=False)
Planner = Annotated[Principal, require(Permission.EDIT_ROSTER, Permission.OVERRIDE_DECISIONS)]
FOLLOWED = timedelta(minutes=10)
"""From its confirmation on: a page that asks without an end would keep its session open."""


class HandoverForm(BaseModel):
    """Why cases are to change hands."""

    reason: Reason


@router.post("/managers/{manager}/handover")
async def plan(request: Request, tx: Work, who: Planner, manager: UUID) -> Response:
    """Plan for one manager; an absence counts however short it is, because a person asks for it."""
    _ = translations_of(request).gettext
    if await store.manager(tx, manager, store.places_of(who)) is None:
        raise not_found()
    form = await read_form(request, HandoverForm)
    stated = form.value.reason if form.value else Reason.ABSENT
    reason = Reason.ABSENT if stated in OF_ONE_CASE else stated
    key = await propose(tx, Wanted(reason, frozenset({manager}), patience=0))
    if key is None:
        notice = _("By the roster as it stands all cases can stay. Note the absence, the last day or the cut first.")
        return redirect(request, f"/managers/{manager}", notice=notice, kind="warning")
    return redirect(request, f"/handovers/{key}")


@router.post("/households/{household}/handover")
async def plan_transfer(request: Request, tx: Work, who: Planner, household: UUID) -> Response:
    """Plan who could take one household over."""
    _ = translations_of(request).gettext
    if await store.care(tx, household) is None:
        raise not_found()
    key = await propose(tx, Wanted(Reason.TRANSFER, cases=frozenset({household})))
    if key is None:
        notice = _("Nobody has this household.")
        return redirect(request, f"/households/{household}", notice=notice, kind="warning")
    return redirect(request, f"/handovers/{key}")


@router.get("/handovers")
async def listed(request: Request, tx: Work, who: Planner, paging: Paging) -> Response:
    """Plans, newest first: proposals, what runs, what is finished."""
    after = paging.after(datetime, UUID)
    rows = await decisive.handovers(tx, after, paging.limit + 1)
    page = paging.take(rows, lambda one: (one["made_at"], one["id"]))
    return render(request, "handovers.html", labels=labels, page=page)


@router.get("/handovers/{handover}")
async def show(request: Request, tx: Work, who: Planner, paging: Paging, handover: UUID) -> Response:
    """The plan: who moves to whom, what it costs, whom nobody can take; and how far it is."""
    row = await decisive.handover(tx, handover)
    if row is None:
        raise not_found()
    is_running, is_followed = row["status"] == "running", wants_partial(request)
    after = paging.after(UUID)
    moves: Sequence[asyncpg.Record] = ()
    if not is_followed:
        moves = await decisive.handover_moves(tx, handover, after[0] if after else None, paging.limit + 1)
    return render(
        request,
        "handover.html",
        partial="progress",
        headers={"HX-Refresh": "true"} if is_followed and not is_running else None,
        labels=labels,
        handover=row,
        follows=is_running and tx.now - row["confirmed_at"] < FOLLOWED,
        page=paging.take(moves, lambda one: (one["household"],)),
    )


@router.post("/handovers/{handover}/confirm")
async def confirm_it(request: Request, tx: Work, who: Planner, handover: UUID) -> Response:
    """Have the plan carried out."""
    _ = translations_of(request).gettext
    if await decisive.handover(tx, handover) is None:
        raise not_found()
    if not await confirm(tx, handover):
        return _no_proposal(request, handover)
    return redirect(request, f"/handovers/{handover}", notice=_("The handover is carried out."))


@router.post("/handovers/{handover}/discard")
async def discard_it(request: Request, tx: Work, who: Planner, handover: UUID) -> Response:
    """Let the proposal be: everybody stays."""
    _ = translations_of(request).gettext
    if await decisive.handover(tx, handover) is None:
        raise not_found()
    if not await discard(tx, handover):
        return _no_proposal(request, handover)
    return redirect(request, f"/handovers/{handover}", notice=_("The proposal is discarded; nobody moves."))


def _no_proposal(request: Request, handover: UUID) -> Response:
    notice = translations_of(request).gettext("The plan is no proposal any more.")
    return redirect(request, f"/handovers/{handover}", notice=notice, kind="warning")
