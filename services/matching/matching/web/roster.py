"""The roster: list, file import with a preview, a manager's page, absences."""

from base64 import b64encode
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from chassis.access import Permission, Principal, Role, permissions_of
from chassis.vault import Vault
from chassis.web import (
    NO_NUL,
    District,
    PageQuery,
    Paging,
    Work,
    blank_form,
    file_in,
    not_found,
    read_form,
    redirect,
    render,
    require,
    translations_of,
)
from contracts.zone import day_of
from matching import explain
from matching import store as decisive
from matching.domain import Absence
from matching.handing_over import OF_ONE_CASE
from matching.receipts import statement_of
from matching.roster.change import add_absence, end_absence
from matching.roster.file import import_roster
from matching.roster.rows import name_of
from matching.web import labels, store

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, require(Permission.READ_ROSTER)]
Editor = Annotated[Principal, require(Permission.EDIT_ROSTER)]
CaseReader = Annotated[Principal, require(Permission.READ_ROSTER, Permission.READ_CASES)]

MOST_SHOWN = 100
"""Managers whom a file would change that its preview names."""


class AbsenceForm(BaseModel):
    """From one day to another, both included; open without an end."""

    since: date
    until: date | None = None


@router.get("/roster")
async def roster(
    request: Request,
    tx: Work,
    who: Reader,
    paging: Paging,
    *,
    q: Annotated[str, Query(max_length=40, pattern=NO_NUL)] = "",
    district: Annotated[District, Query()] = None,
) -> Response:
    """Managers by provider and code."""
    after = paging.after(str, str)
    find = q.strip().replace("\\", "").replace("%", "").replace("_", r"\_")
    rows = await store.roster(tx, store.places_of(who), find, district, after=after, limit=paging.limit + 1)
    page = paging.take(rows, lambda row: (row["provider"], row["code"]))
    return render(
        request,
        "roster.html",
        partial="found",
        labels=labels,
        page=page,
        names=_names(request, page.items),
        query={name: value for name, value in (("q", q), ("district", district)) if value},
        districts=await decisive.district_names(tx) if store.places_of(who) == "08" else (),
        may_edit=may_import(who),
    )


@router.get("/roster/import")
async def choose_file(request: Request, who: Editor) -> Response:
    """The form that takes a file."""
    _only_statewide(who)
    return render(request, "roster_import.html", labels=labels, report=None, fault=None, complete=False)


@router.post("/roster/import")
async def take_file(request: Request, tx: Work, who: Editor) -> Response:
    """Show what a file would do; do it if it is confirmed."""
    _only_statewide(who)
    _ = translations_of(request).gettext
    form = await request.form()
    confirmed, complete = "confirm" in form, "complete" in form
    data = await file_in(form)
    if data is None:
        fault = _("Please choose a CSV file of at most 750 kB.")
        return render(
            request, "roster_import.html", status_code=422, labels=labels, report=None, fault=fault, complete=complete
        )
    report = await import_roster(tx, vault_of(request), data, complete=complete, preview=not confirmed)
    if confirmed and report.possible:
        return redirect(request, "/roster", notice=_("The roster is imported."))
    return render(
        request,
        "roster_import.html",
        status_code=200 if report.possible else 422,
        labels=labels,
        report=report,
        fault=None,
        complete=complete,
        content=b64encode(data).decode(),
        most_shown=MOST_SHOWN,
    )


@router.get("/managers/{manager}")
async def manager(request: Request, tx: Work, who: CaseReader, paging: Paging, manager: UUID) -> Response:
    """A manager's load, cases and absences."""
    return await _show(request, tx, who, manager, paging)


@router.post("/managers/{manager}/absences")
async def add(request: Request, tx: Work, who: Editor, manager: UUID) -> Response:
    """Keep an absence: no new case comes meanwhile."""
    _ = translations_of(request).gettext
    await visible(tx, who, manager)
    form = await read_form(request, AbsenceForm)
    fault = None
    if form.value and form.value.until and form.value.until < form.value.since:
        fault = _("It ends before it begins.")
    elif form.value:
        if await add_absence(tx, manager, Absence(form.value.since, form.value.until)):
            await tx.audit("add_absence", str(manager), since=form.value.since.isoformat())
            return redirect(request, f"/managers/{manager}", notice=_("The absence is noted."))
        fault = _("Two absences overlap.")
    return await _show(request, tx, who, manager, PageQuery(50, None), form=form, fault=fault, status_code=422)


@router.post("/managers/{manager}/absences/{absence}/end")
async def end(request: Request, tx: Work, who: Editor, manager: UUID, absence: UUID) -> Response:
    """The manager is back today; an absence that has not begun is taken back."""
    _ = translations_of(request).gettext
    await visible(tx, who, manager)
    if not await end_absence(tx, manager, absence, day_of(tx.now) - timedelta(days=1)):
        notice = _("This absence has ended or has changed already. Nothing was noted.")
        return redirect(request, f"/managers/{manager}", notice=notice, kind="warning")
    await tx.audit("end_absence", str(manager))
    return redirect(request, f"/managers/{manager}", notice=_("The absence has ended."))


def vault_of(request: Request) -> Vault:
    """The vault that managers' names are sealed with."""
    vault: Vault = request.app.state.vault()
    return vault


def may_import(who: Principal) -> bool:
    """A file replaces managers of the whole state, so only who answers for all of it imports."""
    return who.role is Role.STATE


def _only_statewide(who: Principal) -> None:
    if not may_import(who):
        raise not_found()


def _places(who: Principal, manager: UUID) -> str:
    if who.role is Role.MANAGER and who.tenant_id != str(manager):
        raise not_found()
    return store.places_of(who)


async def visible(tx: Work, who: Principal, manager: UUID) -> asyncpg.Record:
    """A manager's row, if the asker may see her."""
    row = await store.manager(tx, manager, _places(who, manager))
    if row is None:
        raise not_found()
    return row


async def _show(
    request: Request,
    tx: Work,
    who: Principal,
    manager: UUID,
    paging: PageQuery,
    *,
    form: Any = None,
    fault: str | None = None,
    status_code: int = 200,
) -> Response:
    _ = translations_of(request).gettext
    row = await visible(tx, who, manager)
    after = paging.after(datetime, UUID)
    rows = await store.cases_of(tx, manager, after, paging.limit + 1)
    page = paging.take(rows, lambda one: (one["assigned_at"], one["household"]))
    absences = await store.absences(tx, manager)
    today = day_of(tx.now)
    return render(
        request,
        "manager.html",
        status_code=status_code,
        labels=labels,
        manager=row,
        full_name=_names(request, [row]).get(manager),
        page=page,
        whys={one["household"]: explain.why(statement_of(one["receipt"])) for one in page.items if one["receipt"]},
        absences=absences,
        post_changes=await store.post_changes(tx, manager, today),
        is_away=any(Absence(one["since"], one["until"]).covers(today) for one in absences),
        today=today,
        form=form or blank_form(AbsenceForm),
        fault=fault,
        may_edit=Permission.EDIT_ROSTER in permissions_of(who.role),
        may_read_names=Permission.READ_IDENTITIES in permissions_of(who.role),
        handover_reasons=[(key, _(text)) for key, text in labels.HANDOVER_REASONS.items() if key not in OF_ONE_CASE],
    )


def _names(request: Request, rows: Any) -> dict[UUID, str | None]:
    vault = vault_of(request)
    return {row["id"]: name_of(row, vault) for row in rows}
