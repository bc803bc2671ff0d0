"""The bulk entrance: many registrations in one transaction, each told what it would have been told alone."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, Field, WithJsonSchema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from chassis.telemetry import roots
from chassis.web import Problem as HttpProblem
from chassis.web import Work
from chassis.web.errors import answer as problem_response
from chassis.web.problems import SCHEMA
from contracts.record import Shape
from intake import store
from intake.domain import Decision, Offer, Rejection
from intake.forms import RegistrationForm
from intake.identity import Keys
from intake.reception import take_all
from intake.stated import Problem
from intake.store import Ruling
from intake.telemetry import count_bulk_items
from intake.web import documents
from intake.web.api import Body, Centre, keys_of
from intake.web.documents import Receipt
from intake.web.messages import field_errors
from intake.web.once import CHANNEL, Asked, Told, once_each, refuse
from intake.web.requests import asked_of, is_key, problem_of, registration_of

MOST_AT_ONCE = 200
LARGEST = 2_000_000
"""Bytes: twice what a single registration may have, for one household in fifty is as large as the largest."""
PATH = "/v1/households/bulk"

router = APIRouter(tags=["households"])


class BulkItem(Shape):
    """One registration, under a key of its own: an Idempotency-Key, for which both entrances are one.

    Among the items of a bulk a key stands for one form: the same again is told the same, another one is refused.
    """

    idempotency_key: Annotated[str, Field(min_length=1, max_length=200)]
    form: RegistrationForm


class Bulk(Shape):
    """Up to 200 registrations."""

    households: Annotated[tuple[BulkItem, ...], Field(min_length=1, max_length=MOST_AT_ONCE)]


class ItemResult(BaseModel):
    """What one registration would have been answered alone: `household` with its location, or the problem.

    The problem's pointers lead into the item's form.
    """

    status: int
    location: str | None = None
    replayed: bool | None = None
    household: Receipt | None = None
    problem: Annotated[dict[str, Any] | None, WithJsonSchema(SCHEMA)] = None


class BulkResults(BaseModel):
    """One result for each item, in the order of the request."""

    results: list[ItemResult]


@router.post(PATH, response_model=BulkResults, openapi_extra={"requestBody": documents.request_body(Bulk, "bulk")})
async def register_many(*, request: Request, who: Centre, raw: Body, tx: Work) -> Response:
    """Register up to 200 households in one transaction; one that is refused keeps no other from being taken."""
    items = _items(raw)
    # Nothing is raised from here on: an exception would take the verdicts back with it.
    if isinstance(items, Problem):
        return await problem_response(request, _unreadable(await refuse(tx, who.tenant_id, items)))
    keys, centre = keys_of(request), who.tenant_id
    refused = {place: Rejection((fault,)) for place, one in enumerate(items) if (fault := _fault(one))}
    if refused:
        await store.write_verdicts(tx, centre, CHANNEL, [Ruling(None, one) for one in refused.values()])
    sound = [place for place in range(len(items)) if place not in refused]
    alone = f"POST {request.url.path.removesuffix('/bulk')}"
    # In a thread, for a bulk's forms take longer than any other request may wait.
    asked, offers = await asyncio.to_thread(_read, keys, alone, [items[place] for place in sound])
    with roots("register household", len(items)) as spans:

        async def decide(places: Sequence[int]) -> Sequence[Decision]:
            those = [spans[sound[place]] for place in places]
            return await take_all(tx, keys, centre, [offers[place] for place in places], those)

        told = refused | dict(zip(sound, await once_each(tx, centre, asked, decide), strict=True))
        results = [_result(told[place]) for place in range(len(items))]
        for span, result in zip(spans, results, strict=True):
            span.set_attribute("http.response.status_code", result["status"])
    count_bulk_items(tx, [one["status"] for one in results])
    return JSONResponse({"results": results})


def _items(raw: bytes) -> list[Any] | Problem:
    """The items, each of any type; or what is wrong with all of them."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return Problem("", "malformed_json")
    if not isinstance(body, dict):
        return Problem("", "wrong_type")
    match body.get("households"):
        case None:
            return Problem("/households", "missing")
        case []:
            return Problem("/households", "too_short")
        case list(items):
            return items if len(items) <= MOST_AT_ONCE else Problem("/households", "too_long")
        case _:
            return Problem("/households", "wrong_type")


def _unreadable(rejection: Rejection) -> HttpProblem:
    (problem,) = rejection.problems
    if problem.code == "malformed_json":
        return problem_of(rejection)
    return HttpProblem(422, "invalid-request", "The request is not valid", errors=field_errors([problem]))


def _fault(item: object) -> Problem | None:
    """What keeps an item from being read as one request."""
    if not isinstance(item, dict):
        return Problem("", "wrong_type")
    if not is_key(item.get("idempotency_key")):
        return Problem("", "idempotency_key_missing")
    return None if isinstance(item.get("form"), dict) else Problem("", "wrong_type")


def _read(keys: Keys, alone: str, items: Sequence[Mapping[str, Any]]) -> tuple[list[Asked], list[Offer]]:
    asked = [asked_of(keys, one["idempotency_key"], alone, one["form"]) for one in items]
    return asked, [registration_of(keys, one["form"]) for one in items]


def _result(told: Told) -> dict[str, Any]:
    if isinstance(told, Rejection):
        problem = problem_of(told)
        return {"status": problem.status, "problem": problem.body()}
    replayed = {"replayed": True} if told.replayed else {}
    return {"status": told.status, "location": told.location, **replayed, "household": told.body}
