"""The page that registers the households of a file: what it would do first, then that."""

import asyncio
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest
from itertools import takewhile

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from chassis.database import Tx
from chassis.telemetry import roots
from chassis.web import N_, Work, csv_response, file_in, render, translations_of
from chassis.web.language import LANGUAGES
from chassis.web.translations import load
from chassis.web.words import SKILLS
from intake.domain import CORRECTABLE, Decision, Offer, Rejection
from intake.identity import Keys
from intake.reception import preview, take_all
from intake.sheet import COLUMNS, REQUIRED, Fault, Sheet, Stated, read
from intake.stated import Problem
from intake.telemetry import count_bulk_items
from intake.web import labels
from intake.web.api import Centre, keys_of
from intake.web.messages import MALFORMED, MESSAGES, message_of
from intake.web.once import Asked, Told, answer_of, once_each
from intake.web.register import form_id_of
from intake.web.requests import asked_of, problem_of, registration_of

PATH = "/upload"
MOST_SHOWN = 100
"""Faults: whoever has more has one of them many times."""

router = APIRouter(include_in_schema=False)

_DAY = N_("A day, as 2022-03-14 or 14.03.2022.")
_CODE = N_("A code, or its name in brackets:")
_YES_OR_NO = N_("yes or no; an empty cell is a no.")
TAKES = {
    "reference": N_(
        "Your own file number, which says nothing about the persons: up to 40 letters, digits, dots, hyphens and"
        " underscores. The same in all lines of a household."
    ),
    "given_name": N_("Up to 100 characters."),
    "family_name": N_("Up to 100 characters."),
    "birth_date": _DAY,
    "nationality": N_("Two capital letters by ISO 3166, for example UA."),
    "sex": _CODE,
    "arrived_on": _DAY,
    "legal_group": _CODE,
    "accommodation": _CODE,
    "municipality": N_("Its key (AGS) of 8 digits; empty if it is not known yet."),
    "district": N_("The first 5 digits of the key; only while the municipality is not known yet."),
    "allotted_on": _DAY,
    "counselling_extended": _YES_OR_NO,
    "residence_title": MALFORMED["/facts/residence_title"],
    "family_group": MALFORMED["/facts/family_group"],
    "unaccompanied_minor": _YES_OR_NO,
    "skills_needed": N_("Codes with spaces between them:"),
    "languages": N_("Up to 8 codes by ISO 639 with spaces between them, for example uk ru."),
    "phone": MALFORMED["/identity/contact/phone"],
    "email": MALFORMED["/identity/contact/email"],
}
CODES = {
    "legal_group": {str(code): label for code, label in labels.LEGAL_GROUPS.items()},
    "accommodation": {str(code): label for code, label in labels.ACCOMMODATIONS.items()},
    "sex": {str(code): label for code, label in labels.SEXES.items()},
    "skills_needed": {str(code): label for code, label in SKILLS.items()},
}
_LANGUAGES = [load(["intake"], language).gettext for language in LANGUAGES]
NAMES = {
    column: {words(label).casefold(): code for words in _LANGUAGES for code, label in CODES[column].items()}
    for column in ("legal_group", "accommodation", "sex")
}
"""What the pages call the codes of a column, in every language; of a list, spaces would divide them."""

_ANEW = N_("Save the table as “CSV UTF-8” with semicolons and choose it again.")
_HEADER = N_("Take the header of the template.")
_SMALLER = N_("Divide the file, each part with the header.")
WORDS: Mapping[str, tuple[str, str | None]] = {
    "not_utf8": (N_("The file is not in UTF-8."), _ANEW),
    "nul": (N_("There is a character that no text has."), _ANEW),
    "not_csv": (N_("A quotation mark stands where none may stand, or is not closed."), _ANEW),
    "not_semicolons": (N_("There are commas between the columns."), _ANEW),
    "no_household": (N_("There is no line below the header."), _HEADER),
    "too_many_households": (N_("A file has at most 500 households."), _SMALLER),
    "too_many_lines": (N_("A file has at most 12,500 lines."), _SMALLER),
    "column_missing": (N_("This column is missing."), _HEADER),
    "column_unknown": (N_("No column of the template has this name."), _HEADER),
    "column_twice": (N_("This column is there twice."), N_("Remove one of the two columns.")),
    "number_of_cells": (
        N_("The line has more cells than the header."),
        N_("Remove what stands in them, or the semicolon inside a cell."),
    ),
    "contradicts": (
        N_("The first line of the household says something else."),
        N_("State this in the first line of the household only, or the same in all."),
    ),
    "apart": (N_("The lines of this household stand apart."), N_("Put all lines of one reference together.")),
    "reference_taken": (
        N_("A household with other entries is registered under this reference."),
        N_("A file corrects nothing: correct that household on its own page."),
    ),
    "reference_ended": (
        N_("The household of this reference is no longer active."),
        N_("Register it under a new reference."),
    ),
    "duplicate_person": (MESSAGES["duplicate_person"], N_("Remove one of the two lines.")),
    "missing": (N_("This cell is empty."), N_("Fill it in as the table of columns below says.")),
    "malformed": (MESSAGES["malformed"], None),
    "not_a_date": (N_("This is no day."), None),
    "unknown_value": (MESSAGES["unknown_value"], None),
    "wrong_type": (N_("This is neither yes nor no."), None),
}
"""What is wrong by code, and what to do; None is to look up what the column takes."""
_ADVICE = TAKES | dict.fromkeys(CODES, N_("Take one of the codes or names in the table of columns below."))
_CORRECT = N_("Correct this entry.")
_TAKEN = {"reference_taken", "reference_ended"}


@dataclass(frozen=True, slots=True)
class Remark:
    """A fault as it is shown, in msgids; `number` is that of a column without a name of ours."""

    line: int
    reference: str | None
    field: str | None
    number: int | None
    wrong: str
    todo: str
    is_taken: bool


@dataclass(frozen=True, slots=True)
class Report:
    """What a file did or would do, in households; `remarks` are the first of its `faults`."""

    registered: int = 0
    persons: int = 0
    known: int = 0
    taken: int = 0
    faulty: int = 0
    remarks: Sequence[Remark] = ()
    faults: int = 0
    prefix: str = ""
    """What all references begin with that are registered."""

    @property
    def refused(self) -> int:
        """Households that are not registered by this file."""
        return self.taken + self.faulty


@router.get(PATH)
async def choose_file(request: Request, _: Centre) -> Response:
    """The form that takes a file, and what its columns are."""
    return _show(request)


@router.get(f"{PATH}/template.csv")
async def template(_: Centre) -> Response:
    """The header, to be filled in by a spreadsheet."""
    return csv_response("households.csv", COLUMNS, [])


@router.post(PATH)
async def take_file(request: Request, who: Centre, tx: Work) -> Response:
    """Show what a file would register; register it if that is confirmed. Confirmed twice, it registers once."""
    form, keys = await request.form(), keys_of(request)
    data = await file_in(form)
    if data is None:
        _ = translations_of(request).gettext
        return _show(request, 422, fault=_("Please choose a CSV file of at most 750 kB."))
    form_id = form_id_of(form.get("form_id"))
    # In a thread, for a file's forms take longer than any other request may wait.
    sheet, asked, offers = await asyncio.to_thread(_read, keys, form_id, data)
    if sheet.faults:
        report = Report(remarks=[_remark(one) for one in sheet.faults[:MOST_SHOWN]], faults=len(sheet.faults))
        return _show(request, 422, report=report, unreadable=True)
    if "confirm" in form:
        told = await _register(tx, keys, who.tenant_id, asked, offers)
        return _show(request, report=await asyncio.to_thread(_report, sheet, offers, told), done=True)
    told = [_unless_ended(answer_of(one)) for one in await preview(tx, keys, who.tenant_id, offers)]
    report = await asyncio.to_thread(_report, sheet, offers, told)
    status = 200 if report.registered or report.known else 422
    return _show(request, status, report=report, content=b64encode(data).decode(), form_id=form_id)


async def _register(tx: Tx, keys: Keys, centre: str, asked: Sequence[Asked], offers: Sequence[Offer]) -> Sequence[Told]:
    """All households of a file in one transaction, each as an item of a bulk would be."""
    with roots("register household", len(offers)) as spans:

        async def decide(places: Sequence[int]) -> Sequence[Decision]:
            return await take_all(tx, keys, centre, [offers[at] for at in places], [spans[at] for at in places])

        told = [_unless_ended(one) for one in await once_each(tx, centre, asked, decide)]
        statuses = [problem_of(one).status if isinstance(one, Rejection) else one.status for one in told]
        for span, status in zip(spans, statuses, strict=True):
            span.set_attribute("http.response.status_code", status)
    count_bulk_items(tx, statuses)
    refused = sum(isinstance(one, Rejection) for one in told)
    registered = sum(not isinstance(one, Rejection) and one.status == 202 and not one.replayed for one in told)
    known = len(told) - refused - registered
    await tx.audit("register_file", "households", registered=registered, known=known, refused=refused)
    return told


def _read(keys: Keys, form_id: str, data: bytes) -> tuple[Sheet, list[Asked], list[Offer]]:
    sheet = read(data, NAMES)
    asked = [
        asked_of(keys, f"file-{form_id}/{one.body['reference']}", f"POST {PATH}", one.body) for one in sheet.households
    ]
    return sheet, asked, [_offer(keys, one) for one in sheet.households]


def _offer(keys: Keys, one: Stated) -> Offer:
    """A household's registration, which also does not hold because of how its lines stand."""
    offer = registration_of(keys, one.body)
    return replace(offer, form=replace(offer.form, faults=(*one.problems, *offer.form.faults)))


def _unless_ended(told: Told) -> Told:
    """A program that sends once more is told that nothing changes; a person that nobody looks after this household."""
    if isinstance(told, Rejection) or told.body["status"] in CORRECTABLE:
        return told
    return Rejection((Problem("/reference", "reference_ended"),))


def _report(sheet: Sheet, offers: Sequence[Offer], told: Sequence[Told]) -> Report:
    registered: list[str] = []
    persons, known, taken, faulty = 0, 0, 0, 0
    faults: dict[Fault, tuple[str | None, Problem]] = {}
    for one, offer, answer in zip(sheet.households, offers, told, strict=True):
        if isinstance(answer, Rejection):
            faults |= {one.fault_of(problem): (offer.reference, problem) for problem in answer.problems}
            is_taken = any(problem.code in _TAKEN for problem in answer.problems)
            taken, faulty = taken + is_taken, faulty + (not is_taken)
        elif answer.status == 200:
            known += 1
        else:
            registered.append(offer.reference or "")
            persons += len(one.lines)
    first = nsmallest(MOST_SHOWN, faults, key=lambda fault: fault.line)
    remarks = [_remark(fault, *faults[fault]) for fault in first]
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*registered, strict=False))
    prefix = "".join(letters[0] for letters in alike)
    return Report(len(registered), persons, known, taken, faulty, remarks, len(faults), prefix)


def _remark(fault: Fault, reference: str | None = None, problem: Problem | None = None) -> Remark:
    """A fault in words; a reference that is none may be a name in the wrong column, and is not shown."""
    wrong, todo = WORDS.get(fault.code, (message_of(problem) if problem else "", _CORRECT))
    return Remark(
        line=fault.line,
        reference=reference,
        field=labels.FIELDS.get(fault.column),
        number=int(fault.column) if fault.column.isdecimal() else None,
        wrong=wrong,
        todo=todo or _ADVICE.get(fault.column, _CORRECT),
        is_taken=fault.code in _TAKEN,
    )


def _show(
    request: Request,
    status_code: int = 200,
    *,
    report: Report | None = None,
    fault: str | None = None,
    unreadable: bool = False,
    done: bool = False,
    content: str = "",
    form_id: str = "",
) -> Response:
    return render(
        request,
        "upload.html",
        status_code=status_code,
        report=report,
        fault=fault,
        unreadable=unreadable,
        done=done,
        content=content,
        form_id=form_id,
        labels=labels,
        columns=COLUMNS,
        required=REQUIRED,
        takes=TAKES,
        codes=CODES,
    )
