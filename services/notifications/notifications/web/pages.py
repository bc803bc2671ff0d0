"""The inbox for people: what is proposed, what became of it, and the answers."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from chassis.access import Permission, Principal, Role, permissions_of
from chassis.database import Tx
from chassis.web import (
    N_,
    Filled,
    Paging,
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
from chassis.web.words import AGES, ANSWER_REASONS, SKILLS
from contracts.vocabulary import Answer, AnswerReason, Skill, reason_fits, reasons_of
from notifications import store
from notifications.domain import ItemStatus, NotNow, Same, Stale, Taken, Wish
from notifications.web import labels
from notifications.web.answering import Unknown, give
from notifications.web.history import timeline

router = APIRouter(include_in_schema=False)

OVERDUE = "overdue"
"""Shown as if it were a status: open, and beyond its time."""
_SHOWN = {status.value: status for status in ItemStatus}
_NOTICES = {
    Answer.ACCEPTED: N_("The proposal is accepted."),
    Answer.DECLINED: N_("The proposal is declined. You can take that back until somebody else has been chosen."),
    Answer.UNDONE: N_("The decline is taken back."),
    Answer.CONTACTED: N_("The contact is noted."),
    Answer.CLOSED: N_("The case is closed."),
    Answer.TRANSFER_REQUESTED: N_("The transfer is requested."),
}


class AnswerForm(BaseModel):
    """What a form of the household's page sends."""

    item: Annotated[int, Field(ge=1, le=2**31 - 1)]
    answer: Answer
    reason: AnswerReason | None = None


@router.get("/")
async def inbox(
    request: Request,
    tx: Work,
    paging: Paging,
    who: Annotated[Principal, require(Permission.READ_INBOX)],
    *,
    status: str = "open",
    q: Prefix = "",
) -> Response:
    """The list: open proposals, unless asked for others."""
    ids = ids_from(q)
    rows: list[store.Item] = []
    if ids is not None or not q:
        rows = await store.page(
            tx,
            status=ItemStatus.OPEN if status == OVERDUE else _SHOWN.get(status),
            households=ids,
            after=paging.after(datetime, UUID, int),
            due_by=tx.now if status == OVERDUE else None,
            limit=paging.limit + 1,
        )
    page = paging.take(rows, key=lambda row: (row.assigned_at, row.household, row.item))
    still_open, overdue = await store.counts(tx)
    return render(
        request,
        "inbox.html",
        partial="results",
        page=page,
        query={"status": status, "q": q},
        still_open=still_open,
        overdue=overdue,
        remind_after_days=await store.remind_after_days(tx),
        mailed=await _mailed(request, tx),
        may_read_names=Permission.READ_IDENTITIES in permissions_of(who.role),
        now=tx.now,
        labels=labels,
    )


@router.get("/households/{household}")
async def household_page(
    request: Request,
    tx: Work,
    household: UUID,
    who: Annotated[Principal, require(Permission.READ_INBOX)],
    *,
    ask: Answer | None = None,
    item: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> Response:
    """One household: facts, what happened, what can be answered; `ask` opens the form of an answer with a reason.

    `item` is the one that was seen when it was asked for: what has followed since is not answered unseen.
    """
    return await _household(request, tx, household, who, ask=ask, form=blank_form(AnswerForm, item=item))


async def _mailed(request: Request, tx: Tx) -> str:
    """How a reader learns of new proposals: municipalities are written to, if an address is known."""
    _ = translations_of(request).gettext
    if tx.principal is None or tx.principal.role is not Role.MUNICIPALITY:
        return _("New proposals show up here at once.")
    if await store.has_contact(tx, tx.principal.tenant_id):
        return _("New proposals show up here at once, and your municipality is told by mail.")
    return _("New proposals show up here at once. No address is known to tell you by mail: ask the operator for one.")


@router.post("/households/{household}/answers")
async def answer(
    request: Request, tx: Work, household: UUID, who: Annotated[Principal, require(Permission.ANSWER_INBOX)]
) -> Response:
    """Take an answer; a reason that is missing is asked for again, a stale one is told."""
    _ = translations_of(request).gettext
    form = await read_form(request, AnswerForm)
    wanted = form.value
    if wanted is None:
        return await _household(request, tx, household, who, form=form, status_code=422)
    if not reason_fits(wanted.answer, wanted.reason):
        form = Filled(None, form.raw, {**form.errors, "reason": _("Please choose one of the options.")})
        return await _household(request, tx, household, who, ask=wanted.answer, form=form, status_code=422)
    match await give(tx, household, Wish(wanted.item, wanted.answer, wanted.reason)):
        case Taken() | Same():
            return redirect(request, f"/households/{household}", notice=_(_NOTICES[wanted.answer]))
        case Stale() | NotNow():
            return await _household(request, tx, household, who, status_code=409, too_late=True)
        case Unknown():
            raise not_found()


async def _household(
    request: Request,
    tx: Tx,
    household: UUID,
    who: Principal,
    *,
    ask: Answer | None = None,
    form: Filled[AnswerForm] | None = None,
    status_code: int = 200,
    too_late: bool = False,
) -> Response:
    items = await store.items_of(tx, household)
    if not items:
        raise not_found()
    _ = translations_of(request).gettext
    item = items[0]
    bands = _facts(item, "age_bands", {})
    choices: list[tuple[str, Any]] = []
    if ask is not None:
        choices = [(one.value, _(label)) for one, label in ANSWER_REASONS.items() if one in reasons_of(ask)]
    return render(
        request,
        "household.html",
        partial="answers",
        status_code=status_code,
        household=household,
        item=item,
        ages=[f"{_(said)}: {bands[band]}" for band, said in AGES.items() if band in bands],
        needs=[_(SKILLS[Skill(need)]) for need in _facts(item, "skills_needed", ())],
        over_on=_facts(item, "counselling_over_on", None),
        events=timeline(items, tx.now, _),
        is_current=item.current_item == item.item,
        may_read_names=Permission.READ_IDENTITIES in permissions_of(who.role),
        may_answer=Permission.ANSWER_INBOX in permissions_of(who.role),
        ask=ask if choices else None,
        choices=choices,
        form=form or blank_form(AnswerForm),
        too_late=too_late,
        now=tx.now,
        labels=labels,
    )


def _facts(item: store.Item, name: str, missing: Any) -> Any:
    return (item.facts or {}).get(name, missing)
