"""The page where a district gives its households a municipality: the ledger's proposal, a person's decision."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from chassis.access import Permission, Principal, Role
from chassis.database import Tx
from chassis.web import N_, PageQuery, Paging, Work, not_found, redirect, render, require, translations_of
from chassis.web import Problem as HttpProblem
from intake import store
from intake.allotment import Choice, Round
from intake.confirming import confirm
from intake.districts import districts
from intake.quota import Ledger, propose

AT_ONCE = 25
"""Households on a page: each has a choice of up to 55 municipalities."""

router = APIRouter(include_in_schema=False)
Allotter = Annotated[Principal, require(Permission.ALLOT_HOUSEHOLDS)]


@dataclass(frozen=True, slots=True)
class Line:
    """A municipality's account as it is shown: share 0 to 1, the rest in households."""

    name: str
    population: int
    share: float
    allotted: int
    due: float
    balance: float


@router.get("/allotment")
async def allotment(
    request: Request, who: Allotter, tx: Work, paging: Paging, district: Annotated[str, Query(max_length=5)] = ""
) -> Response:
    """Households without a municipality, oldest first, each with the ledger's proposal."""
    if who.role is Role.STATE and not district:
        return await _choose(request, tx)
    return await _show(request, tx, _district(who, district), PageQuery(AT_ONCE, paging.cursor))


@router.post("/allotment")
async def confirmed(request: Request, who: Allotter, tx: Work) -> Response:
    """Allot all that was shown, or one of them, as chosen."""
    form = await request.form()
    district = _district(who, _text(form, "district"))
    seen, choices, only = _read(form, district)
    done = await confirm(tx, seen, choices, only)
    if done is None:
        return await _show(request, tx, district, PageQuery(AT_ONCE, None), status_code=409, stale=True)
    _ = translations_of(request).gettext
    told = [_("Households allotted: %(number)s.") % {"number": done.allotted}]
    if not done.allotted:
        told = [_("Nothing was allotted.") if done.changed else _("No municipality was chosen.")]
    if done.changed:
        told.append(_("Left out, because they have changed in the meantime: %(number)s.") % {"number": done.changed})
    back = f"/allotment?district={district}" if who.role is Role.STATE else "/allotment"
    is_whole = done.allotted and not done.changed
    return redirect(request, back, notice=" ".join(told), kind="success" if is_whole else "warning")


async def _show(
    request: Request, tx: Tx, district: str, paging: PageQuery, *, status_code: int = 200, stale: bool = False
) -> Response:
    after = paging.after(datetime, UUID)
    rows = await store.waiting_in(tx, district, paging.limit + 1, after)
    page = paging.take(rows, lambda row: (row.registered_at, row.id))
    ledger = await store.ledger_of(tx, district)
    names = await store.names_in(tx, district)
    proposed = propose(ledger, len(page.items))
    return render(
        request,
        "allotment.html",
        status_code=status_code,
        district=district,
        title=districts()[district].title,
        rows=list(zip(page.items, proposed or [""] * len(page.items), strict=True)),
        page=page,
        names=names,
        ledger=list(_lines(ledger, names)),
        round=await store.confirmed_rounds(tx, district),
        stale=stale,
        query={"district": district},
    )


async def _choose(request: Request, tx: Tx) -> Response:
    """All districts, for who sees the whole state."""
    waiting = await store.waiting_by_district(tx)
    listed = [(one.title, one.ags, waiting.get(one.ags, 0)) for one in districts().values()]
    listed.sort(key=lambda one: (-one[2], one[0]))
    return render(request, "allotment_districts.html", districts=listed, nowhere=waiting.get(None, 0))


def _lines(ledger: Ledger, names: dict[str, str]) -> Iterator[Line]:
    accounts = {one.ags: one for one in ledger.accounts}
    for ags, name in names.items():
        one = accounts[ags]
        yield Line(
            name,
            one.population,
            float(ledger.share(one)),
            one.allotted,
            float(ledger.due(one)),
            float(ledger.balance(one)),
        )


def _district(who: Principal, asked: str) -> str:
    """The district that is asked for; a district's own is the only one there is for it."""
    if who.role is Role.DISTRICT and asked in {"", who.tenant_id}:
        asked = who.tenant_id
    elif who.role is not Role.STATE:
        raise not_found()
    if asked not in districts():
        raise not_found()
    return asked


MOST_ROUNDS = 2**31


def _read(form: FormData, district: str) -> tuple[Round, Sequence[Choice], UUID | None]:
    """What was shown and chosen; raises a problem for what our page cannot have sent."""
    try:
        households = [str(one).split("/") for one in form.getlist("household")]
        municipalities = [str(one) for one in form.getlist("municipality")]
        if len(households) > AT_ONCE:
            raise ValueError
        choices = [
            Choice(UUID(household), int(revision), municipality)
            for (household, revision), municipality in zip(households, municipalities, strict=True)
        ]
        only: Any = _text(form, "only")
        number = int(_text(form, "round"))
        if not 0 <= number < MOST_ROUNDS or len({one.household for one in choices}) < len(choices):
            raise ValueError
        return Round(district, number), choices, UUID(only) if only else None
    except ValueError:
        raise HttpProblem(422, "invalid-request", N_("The request is not valid")) from None


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""
