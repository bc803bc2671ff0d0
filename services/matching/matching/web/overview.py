"""Where matching stands, and who waits for what."""

from collections import Counter, defaultdict
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BeforeValidator
from starlette.requests import Request
from starlette.responses import Response

from chassis.access import Permission, Principal, Role, permissions_of
from chassis.web import District, Paging, Work, none_if_empty, redirect, render, require
from contracts.vocabulary import CareReason
from matching import store as decisive
from matching.web import labels, store

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, require(Permission.READ_CASES)]


Reason = Annotated[CareReason | None, BeforeValidator(none_if_empty)]


@router.get("/")
async def overview(request: Request, tx: Work, who: Reader) -> Response:
    """Who is cared for, who waits and why, and how much each district can still take."""
    if who.role is Role.MANAGER:
        return redirect(request, f"/managers/{who.tenant_id}")
    counts, reasons, places = Counter[str](), defaultdict[str, Counter[str]](Counter), Counter[tuple[str | None, str]]()
    for row in await store.standing(tx, who):
        counts[row["status"]] += row["households"]
        reasons[row["status"]][row["reason"]] += row["households"]
        places[row["district"], row["status"]] += row["households"]
    may_decide = Permission.OVERRIDE_DECISIONS in permissions_of(who.role)
    return render(
        request,
        "matching.html",
        labels=labels,
        counts=counts,
        waiting=reasons["waiting"].most_common(),
        not_eligible=reasons["not_eligible"].most_common(),
        places=places,
        districts=await store.districts(tx, store.places_of(who)),
        sees_districts=who.role is not Role.MUNICIPALITY,
        plans_to_decide=await decisive.proposed_handovers(tx) if may_decide else 0,
    )


@router.get("/waiting")
async def waiting(
    request: Request,
    tx: Work,
    who: Annotated[Principal, require(Permission.READ_WAITING)],
    paging: Paging,
    *,
    reason: Annotated[Reason, Query()] = None,
    district: Annotated[District, Query()] = None,
) -> Response:
    """The waiting list, by reason and district."""
    after = paging.after(datetime, UUID)
    rows = await store.waiting(tx, who, reason, district, after=after, limit=paging.limit + 1)
    return render(
        request,
        "waiting.html",
        partial="found",
        labels=labels,
        page=paging.take(rows, lambda row: (row["turn"], row["household"])),
        query={name: value for name, value in (("reason", reason), ("district", district)) if value is not None},
        districts=await decisive.district_names(tx) if who.role in {Role.STATE, Role.AUDITOR} else (),
    )
