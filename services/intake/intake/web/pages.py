"""What a centre sees: its households, and one of them with what became of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from chassis.web import NO_NUL, Paging, Work, not_found, render
from contracts.assignments import Care
from contracts.vocabulary import CareStatus, HouseholdStatus
from intake import store
from intake.districts import districts
from intake.reception import identity_of
from intake.store import Shown
from intake.web import labels
from intake.web.api import Centre, keys_of

router = APIRouter(include_in_schema=False)


Word = Annotated[str, Field(max_length=40, pattern=NO_NUL)]


class Filters(BaseModel):
    """What the list is narrowed to; a word that is none of the vocabulary finds nothing."""

    q: Word = ""
    status: Word = ""
    care: Word = ""


@router.get("/")
async def households(
    request: Request, _: Centre, tx: Work, paging: Paging, filters: Annotated[Filters, Query()]
) -> Response:
    """The centre's households, newest first, by reference and by what became of them."""
    after = paging.after(datetime, UUID)
    rows = await store.shown(
        tx,
        limit=paging.limit + 1,
        after=after,
        reference=filters.q.strip(),
        status=filters.status or None,
        care=filters.care or None,
    )
    page = paging.take(rows, lambda row: (row.registered_at, row.id))
    query = {name: value for name, value in filters.model_dump().items() if value}
    return render(request, "households.html", partial="found", page=page, query=query, labels=labels)


@router.get("/households/{household}")
async def household(request: Request, _: Centre, tx: Work, household: UUID) -> Response:
    """One household: facts, care, and the identity from the vault; this read of names is audited."""
    found = await one(tx, household)
    return render(
        request,
        "household.html",
        row=found,
        identity=await identity_of(tx, keys_of(request), household),
        same_persons=await store.shown(tx, limit=10, same_persons_as=household),
        timeline=timeline(found),
        labels=labels,
        district=district_name(found.facts),
    )


def district_name(facts: Mapping[str, Any]) -> str | None:
    """Where the household is or goes to."""
    district = districts().get(facts.get("district") or "")
    return district.title if district else None


async def one(tx: Work, household: UUID) -> Shown:
    """A household that the principal may see; else it does not exist."""
    found = await store.shown(tx, limit=1, id=household)
    if not found:
        raise not_found()
    return found[0]


def timeline(row: Shown) -> list[dict[str, Any]]:
    """What happened to a household, oldest first, as (time, kind, msgid, code of the manager)."""
    entries = [_entry(row.registered_at, "info", "registered")]
    if row.changed_at > row.registered_at:
        entries.append(
            _entry(row.changed_at, "info", row.status if row.status != HouseholdStatus.ACTIVE else "changed")
        )
    if row.care is not None:
        entries.extend(_of_care(Care.model_validate(row.care, strict=False)))
    return sorted(entries, key=lambda entry: entry["at"])


def _of_care(care: Care) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    for earlier in care.earlier:
        entries.append(_entry(earlier.assigned_at, "info", "proposed"))
        if earlier.answered_at is not None:
            entries.append(_entry(earlier.answered_at, "success", "answered"))
        if earlier.contacted_at is not None:
            entries.append(_entry(earlier.contacted_at, "success", "contacted"))
        entries.append(_entry(earlier.ended_at, "warning", str(earlier.answer or "assignment_ended")))
    code = care.assignee.code if care.assignee else None
    for at, kind, what in (
        (care.waiting_since, "warning", "waiting"),
        (care.assigned_at, "info", "proposed"),
        (care.answered_at, "success", "answered"),
        (care.contacted_at, "success", "contacted"),
        (care.ended_at, "info", "ended"),
    ):
        if at is not None:
            entries.append(_entry(at, kind, what, code if what == "proposed" else None))
    if care.status is CareStatus.NOT_ELIGIBLE:
        entries.append(_entry(care.decided_at, "info", "not_eligible"))
    return entries


def _entry(at: datetime, kind: str, what: str, manager: str | None = None) -> dict[str, Any]:
    return {"at": at, "kind": kind, "what": labels.EVENTS.get(what, labels.EVENTS["changed"]), "manager": manager}
