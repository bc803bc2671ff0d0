"""The form of what changes of a manager in daily work; whose file she is in, and her name, stay with the file."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from chassis.access import Principal
from chassis.web import Filled, Work, not_found, redirect, render, translations_of
from chassis.web.formats import FIRST_LANGUAGES, filters, languages
from chassis.web.language import LOCALES, language_of
from contracts.vocabulary import ManagerStatus
from contracts.zone import day_of
from matching.handing_over import cannot_stay
from matching.roster.change import change_manager
from matching.roster.rows import name_of
from matching.roster.sheet import Fault
from matching.web import labels, store
from matching.web.roster import Editor, vault_of, visible

router = APIRouter(include_in_schema=False)
_SINGLE = ("active_until", "max_new_per_week", "office")
_LISTS = ("languages", "skills", "service_area")


@router.get("/managers/{manager}/edit")
async def show(request: Request, tx: Work, who: Editor, manager: UUID) -> Response:
    """The form as she stands in the roster."""
    row = await _active(tx, who, manager)
    number = filters(LOCALES[language_of(request)])["number"]
    fields = {column: str(row[column]) for column in ("revision", *_SINGLE) if row[column] is not None}
    fields["fte"] = number(row["fte_hundredths"] / 100, 2)
    for column in _LISTS:
        fields |= {f"{column}/{one}": one for one in row[column]}
    changes = await store.post_changes(tx, manager, day_of(tx.now))
    shares = [(change["since"], number(change["fte_hundredths"] / 100, 2)) for change in changes]
    for index, (since, share) in enumerate([*shares, ("", "")]):
        fields |= {f"fte_changes/{index}/since": str(since), f"fte_changes/{index}/fte": share}
    return await _show(request, tx, who, row, fields)


@router.post("/managers/{manager}/edit")
async def save(request: Request, tx: Work, who: Editor, manager: UUID) -> Response:
    """Change her, unless somebody else has in the meantime; say which cases she can no longer keep."""
    _ = translations_of(request).gettext
    row = await _active(tx, who, manager)
    sent = (await request.form()).multi_items()
    fields = {name: value.strip() for name, value in sent if isinstance(value, str)}
    seen = fields.get("revision", "")
    done = await change_manager(tx, manager, _cells(fields), seen=seen, places=store.places_of(who))
    if done.faults:
        return await _show(request, tx, who, row, fields, faults=done.faults)
    at = f"/managers/{manager}"
    if not done.changed:
        return redirect(request, at, notice=_("Nothing was changed: all of it stands there already."), kind="warning")
    notice = _("The change is saved.")
    if cases := await cannot_stay(tx, manager):
        more = _("Cases that cannot stay with her: %(number)s. “Plan a handover” says who could take them.")
        notice = f"{notice} {more % {'number': cases}}"
    return redirect(request, at, notice=notice)


async def _active(tx: Work, who: Principal, manager: UUID) -> asyncpg.Record:
    row = await visible(tx, who, manager)
    if row["status"] != ManagerStatus.ACTIVE:
        raise not_found()
    return row


def _cells(fields: Mapping[str, str]) -> dict[str, str]:
    """The form as the file would have it: fields of a list have its column before them, as `skills/literacy`."""
    cells = {
        column: " ".join(value for name, value in fields.items() if name.partition("/")[0] == column and value)
        for column in labels.TERMS
    }
    changes = [(fields.get(f"{one}/since", ""), fields.get(f"{one}/fte", "")) for one in _changes(fields)]
    return cells | {"fte_changes": " ".join(f"{since}:{share}" for since, share in changes if since or share)}


def _changes(fields: Mapping[str, str]) -> list[str]:
    """What stands before the two fields of each change of her post."""
    return list(dict.fromkeys(name.rpartition("/")[0] for name in fields if name.startswith("fte_changes/")))


def _choices(towns: Iterable[asyncpg.Record]) -> list[tuple[str, str]]:
    return [(one["ags"], one["name"]) for one in towns]


async def _show(
    request: Request,
    tx: Work,
    who: Principal,
    row: asyncpg.Record,
    fields: Mapping[str, str],
    *,
    faults: Collection[Fault] = (),
) -> Response:
    _ = translations_of(request).gettext
    places = store.places_of(who)
    towns = await store.municipalities(tx, places, row["service_area"])
    within = [one for one in towns if one["ags"].startswith(places)]
    districts = [
        (name, choices := _choices(some), sum(f"service_area/{ags}" in fields for ags, _name in choices))
        for name, some in groupby(within, itemgetter("district_name"))
    ]
    known = dict(languages(LOCALES[language_of(request)]))
    usual = list(dict.fromkeys([*FIRST_LANGUAGES, *row["languages"]]))
    errors = {fault.column: _(labels.FAULTS[fault.code]) for fault in faults}
    # What is not there is None, as in all forms.
    raw, wrong = (defaultdict[str, Any](lambda: None, some) for some in (fields, errors))
    form: Filled[BaseModel] = Filled(None, raw, wrong)
    status_code = (409 if "" in errors else 422) if errors else 200
    return render(
        request,
        "manager_edit.html",
        status_code=status_code,
        labels=labels,
        manager=row,
        full_name=name_of(row, vault_of(request)),
        form=form,
        changes=_changes(fields),
        offices={row["office"]: row["office_name"] or row["office"], **dict(_choices(within))},
        # Those that she serves come first: the state has 44.
        districts=sorted(districts, key=lambda one: not one[2]),
        beyond=[one["name"] for one in towns if not one["ags"].startswith(places)],
        usual_languages=[(code, known.get(code, code)) for code in usual],
        other_languages=[(code, name) for code, name in known.items() if code not in usual],
    )
