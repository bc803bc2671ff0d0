"""The form that registers a household by hand; it grows by a person without scripts too."""

from collections.abc import Mapping
from dataclasses import replace
from operator import itemgetter
from typing import Any
from uuid import UUID, uuid4

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from chassis.database import Tx
from chassis.web import Work, redirect, render, translations_of, wants_partial
from chassis.web.formats import languages
from chassis.web.language import LOCALES, language_of
from contracts.vocabulary import SubmissionKind
from intake import store
from intake.districts import districts
from intake.domain import Decision, Rejection
from intake.forms import Envelope, read_form, read_part
from intake.reception import offer, take_one
from intake.stated import Problem
from intake.web import labels
from intake.web.api import Centre, keys_of
from intake.web.formdata import Sheet, fields_in, nested, persons_in, sheet, without_person
from intake.web.once import Asked, once

router = APIRouter(include_in_schema=False)


@router.get("/new")
async def new(request: Request, _: Centre, tx: Work) -> Response:
    """The empty form."""
    return await show_form(request, tx, "new.html", sheet({}), form_id=str(uuid4()), action="/new", back="/")


@router.post("/new")
async def create(request: Request, who: Centre, tx: Work) -> Response:
    """Register, or show the form again with every fault beside its field. Sent twice, it registers once."""
    _ = translations_of(request).gettext
    fields = await fields_of(request)
    form_id = form_id_of(fields.get("form_id"))
    if changed := changed_persons(fields):
        return await show_form(request, tx, "new.html", changed, form_id=form_id, action="/new", back="/")
    keys = keys_of(request)
    body = nested(fields.items())

    async def decide() -> Decision:
        faults: list[Problem] = []
        stated = read_part(Envelope, {"reference": body.get("reference")}, "", faults)
        form = read_form(body.get("facts", {}), body.get("identity", {}), faults)
        reference = stated.reference if stated else None
        written = offer(keys, SubmissionKind.REGISTER, reference, None, form, by_hand=True)
        return await take_one(tx, keys, who.tenant_id, written)

    asked = Asked(f"page-{form_id}", keys.fingerprints.of_bytes(orjson.dumps(body)))
    told = await once(tx, who.tenant_id, asked, decide)
    if isinstance(told, Rejection):
        filled = sheet(fields, told.problems)
        if any(problem.code == "idempotency_key_reused" for problem in told.problems):
            # What is saved now is another form: whoever has read that may mean it.
            form_id = str(uuid4())
        return await show_form(
            request, tx, "new.html", filled, action="/new", back="/", form_id=form_id, status_code=422
        )
    return redirect(request, f"/households/{told.household}", notice=_("The household is registered."))


async def show_form(
    request: Request,
    tx: Tx,
    template: str,
    filled: Sheet,
    *,
    action: str,
    back: str,
    status_code: int = 200,
    **more: Any,
) -> Response:
    """A form of a household; htmx gets only the persons."""
    locale = LOCALES[language_of(request)]
    _ = translations_of(request).gettext
    return render(
        request,
        # htmx asks for the form again only to change its persons.
        "persons.html" if wants_partial(request) else template,
        status_code=status_code,
        form=filled,
        labels=labels,
        languages_known=languages(locale),
        countries=labels.countries(locale),
        municipalities=await store.choices(tx, filled.raw["facts/municipality"]),
        districts=sorted(((one.ags, one.title) for one in districts().values()), key=itemgetter(1)),
        accommodations=[(value, _(label)) for value, label in labels.ACCOMMODATIONS.items()],
        legal_groups=[(value, _(label)) for value, label in labels.LEGAL_GROUPS.items()],
        sexes=[(value, _(label)) for value, label in labels.SEXES.items()],
        action=action,
        back=back,
        **more,
    )


async def fields_of(request: Request) -> dict[str, str]:
    """The text fields of a form that is ours."""
    return fields_in((await request.form()).multi_items())


def changed_persons(fields: Mapping[str, str]) -> Sheet | None:
    """The form with one person more or less, if that is what was asked for."""
    match fields.get("action", "").split("/"):
        case ["add"]:
            more = sheet(fields, persons=persons_in(fields) + 1)
            return replace(more, focus=f"identity/persons/{more.persons - 1}/given_name")
        case ["remove", number] if number.isdecimal() and len(number) < 3:
            fewer = sheet(without_person(fields, int(number)), persons=max(1, persons_in(fields) - 1))
            return replace(fewer, focus="add-person")
        case _:
            return None


def form_id_of(sent: object) -> str:
    """What tells a form that is sent twice from another one: what was sent as that, or a new one."""
    try:
        return str(UUID(str(sent)))
    except ValueError:
        return str(uuid4())
