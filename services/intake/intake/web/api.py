"""The API of reception centres: register, correct, withdraw, note a departure, read back."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from chassis.access import Permission, Principal
from chassis.web import Instant, Paging, Work, encode_cursor, not_found, require
from chassis.web.errors import answer as problem_response
from contracts.vocabulary import SubmissionKind
from intake import store
from intake.domain import LEAVING, Decision, Rejection
from intake.forms import CorrectionForm, DepartureForm, RegistrationForm, WithdrawalForm, read_form, read_part
from intake.identity import Keys
from intake.reception import offer, take_one
from intake.stated import Problem
from intake.web import documents
from intake.web.documents import HouseholdPage, HouseholdView, PublicKey, Receipt
from intake.web.once import once, refuse
from intake.web.requests import asked_of, is_key, problem_of, registration_of

router = APIRouter(prefix="/v1", tags=["households"])

Centre = Annotated[Principal, require(Permission.SUBMIT_HOUSEHOLDS)]
Reader = Annotated[Principal, require(Permission.READ_HOUSEHOLDS)]


async def _body(request: Request) -> bytes:
    return await request.body()


Body = Annotated[bytes, Depends(_body)]
"""Stands before the transaction: a slow line must not hold a connection to the database."""


def keys_of(request: Request) -> Keys:
    """The keys of this process; raises KeyMissing, which answers 503."""
    keys: Keys = request.app.state.keys()
    return keys


@router.post("/households", status_code=202, response_model=Receipt, **documents.body(RegistrationForm, "register"))
async def register(*, request: Request, who: Centre, raw: Body, tx: Work) -> Response:
    """Register a household under a reference of the centre's own choice."""
    keys = keys_of(request)

    async def decide(body: Mapping[str, Any]) -> Decision:
        return await take_one(tx, keys, who.tenant_id, registration_of(keys, body))

    return await _answered(request, raw, tx, who, decide)


@router.put(
    "/households/{household}",
    status_code=202,
    response_model=Receipt,
    **documents.body(CorrectionForm, "correct"),
)
async def correct(*, request: Request, who: Centre, raw: Body, tx: Work, household: UUID) -> Response:
    """Correct a household: facts, identity or both; what is left out stays."""
    return await _edited(request, SubmissionKind.CORRECT, who=who, raw=raw, tx=tx, household=household)


@router.post(
    "/households/{household}/withdrawal",
    status_code=202,
    response_model=Receipt,
    **documents.body(WithdrawalForm, "withdraw", required=False),
)
async def withdraw(*, request: Request, who: Centre, raw: Body, tx: Work, household: UUID) -> Response:
    """Take a registration back."""
    return await _edited(request, SubmissionKind.WITHDRAW, who=who, raw=raw, tx=tx, household=household)


@router.post(
    "/households/{household}/departure",
    status_code=202,
    response_model=Receipt,
    **documents.body(DepartureForm, "depart", required=False),
)
async def depart(*, request: Request, who: Centre, raw: Body, tx: Work, household: UUID) -> Response:
    """Note that a household has left for good; its municipality's quota goes on counting it."""
    return await _edited(request, SubmissionKind.DEPART, who=who, raw=raw, tx=tx, household=household)


@router.get("/households/{household}", response_model_exclude_none=True)
async def read(_: Reader, tx: Work, household: UUID) -> HouseholdView:
    """A household's facts and status, and the care as `assignments` tells it; no names."""
    found = await store.shown(tx, limit=1, id=household)
    if not found:
        raise not_found()
    return HouseholdView.of(found[0])


@router.get("/households", response_model_exclude_none=True)
async def list_households(
    _: Reader,
    tx: Work,
    paging: Paging,
    since: Annotated[Instant | None, Query(description=documents.SINCE)] = None,
    reference: Annotated[str, Query(max_length=40, pattern=r"^[A-Za-z0-9._-]*$")] = "",
) -> HouseholdPage:
    """The centre's households in the order of their registration, or with `since` in that of their last changes; `next`
    is the cursor of the next page."""
    limit, further = paging.limit + 1, None
    if since is None:
        after = paging.after(datetime, UUID)
        rows = await store.shown(tx, limit=limit, after=after, newest_first=False, reference=reference)
        page = paging.take(rows, lambda row: (row.registered_at, row.id))
    else:
        # A cursor of the other order would pass over what is not told yet.
        seen = paging.after(str, datetime, UUID)
        rows, further = await store.changed(tx, since=since, limit=limit, after=seen and seen[1:], reference=reference)
        page = paging.take(rows, lambda row: ("changed", row.last_change, row.id))
    following = encode_cursor("changed", *further) if further else page.next
    return HouseholdPage(items=[HouseholdView.of(row) for row in page.items], next=following)


@router.get("/key")
async def public_key(request: Request, _: Centre) -> PublicKey:
    """The public key that identities of submissions are encrypted to (ECDH-ES+A256KW, A256GCM, compact JWE)."""
    return PublicKey(**keys_of(request).public_jwk)


async def _edited(
    request: Request, kind: SubmissionKind, *, who: Principal, raw: bytes, tx: Work, household: UUID
) -> Response:
    keys, leaves = keys_of(request), kind in LEAVING

    async def decide(body: Mapping[str, Any]) -> Decision:
        found = await store.shown(tx, limit=1, id=household)
        reference = found[0].reference if found else None
        if reference is None:
            return await refuse(tx, who.tenant_id, Problem("", "unknown_household"))
        faults: list[Problem] = []
        stated = read_part(WithdrawalForm, body, "", faults)
        facts, identity = (None, None) if leaves else (body.get("facts"), body.get("identity"))
        version = stated.version if stated else None
        form = read_form(facts, identity, faults)
        return await take_one(tx, keys, who.tenant_id, offer(keys, kind, reference, version, form))

    return await _answered(request, raw, tx, who, decide, body_required=not leaves)


async def _answered(
    request: Request,
    raw: bytes,
    tx: Work,
    who: Principal,
    decide: Callable[[Mapping[str, Any]], Awaitable[Decision]],
    *,
    body_required: bool = True,
) -> Response:
    """Nothing is raised from here on: an exception would take the verdict back with it."""
    key = request.headers.get("idempotency-key", "")
    if not is_key(key):
        return await _refused(request, await refuse(tx, who.tenant_id, Problem("", "idempotency_key_missing")))
    try:
        body = orjson.loads(raw) if raw or body_required else {}
    except orjson.JSONDecodeError:
        return await _refused(request, await refuse(tx, who.tenant_id, Problem("", "malformed_json")))
    if not isinstance(body, dict):
        return await _refused(request, await refuse(tx, who.tenant_id, Problem("", "wrong_type")))
    asked = asked_of(keys_of(request), key, f"{request.method} {request.url.path}", body)
    told = await once(tx, who.tenant_id, asked, lambda: decide(body))
    if isinstance(told, Rejection):
        return await _refused(request, told)
    headers = {"Location": told.location} | ({"Idempotency-Replayed": "true"} if told.replayed else {})
    return JSONResponse(told.body, told.status, headers)


async def _refused(request: Request, rejection: Rejection) -> Response:
    return await problem_response(request, problem_of(rejection))
