"""What OpenAPI says of the API: bodies with examples, answers, headers."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from contracts.households import Facts
from contracts.record import Shape
from contracts.vocabulary import CareReason, CareStatus, HouseholdStatus, Outcome
from intake.store import Shown

KEY = (
    "Chosen by the caller, unique for each request (say a UUID). The same key with the same body gets the same "
    "answer again, with Idempotency-Replayed: true; with another body 422. A request that was refused frees its key."
)
KEY_MISSING = "Send a header Idempotency-Key of 1 to 200 printable ASCII characters"
KEY_REUSED = "This Idempotency-Key came with another request before"
SINCE = (
    "Only households that changed, or whose care changed, at or after this time (with its offset from UTC); changes of"
    " the five minutes before it are told once more, because some of them may not have been there yet. Pages are in the"
    " order of the last changes: what changes meanwhile comes again. A page may be short, or empty: there is more as"
    " long as there is a `next`"
)

_FACTS = {
    "arrived_on": "2022-03-14",
    "municipality": "08416041",
    "languages": ["uk"],
    "legal_group": "displaced_ukrainian",
    "residence_title": "24",
    "accommodation": "private",
}
_IDENTITY = {
    "persons": [
        {"given_name": "Example", "family_name": "Person", "birth_date": "1990-01-31", "nationality": "UA"},
        {"given_name": "Second", "family_name": "Person", "birth_date": "2015-06-30", "nationality": "UA"},
    ],
    "contact": {"phone": "+49 711 000000"},
}
_REGISTRATION = {"reference": "KA-2022-00017", "version": 1, "facts": _FACTS, "identity": _IDENTITY}
_KEY_EXAMPLE = "7b9b5f0e-3c1e-4a55-9b0d-0c5b8a1f6f3e"
_EXAMPLES: dict[str, Any] = {
    "register": _REGISTRATION,
    "bulk": {"households": [{"idempotency_key": _KEY_EXAMPLE, "form": _REGISTRATION}]},
    "correct": {"version": 2, "facts": {**_FACTS, "municipality": "08415061"}},
    "withdraw": {"version": 3},
    "depart": {"version": 3},
}


class Receipt(BaseModel):
    """What became of a request."""

    id: UUID
    revision: int
    status: HouseholdStatus
    outcome: Outcome


class CareView(BaseModel):
    """The care of a household: who has it, by code, or why nobody does."""

    status: CareStatus
    reason: CareReason
    manager: str | None = None
    provider: str | None = None
    decided_at: datetime
    waiting_since: datetime | None = None
    assigned_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None


class HouseholdView(BaseModel):
    """A household as its centre sees it; names are not in it."""

    id: UUID
    reference: str
    revision: int
    status: HouseholdStatus
    registered_at: datetime
    changed_at: datetime
    facts: Facts
    care: CareView | None = None

    @classmethod
    def of(cls, row: Shown) -> "HouseholdView":
        """The view of a stored household."""
        care = row.care and {**row.care, **_assignee(row.care)}
        return cls(
            id=row.id,
            reference=row.reference,
            revision=row.revision,
            status=row.status,
            registered_at=row.registered_at,
            changed_at=row.changed_at,
            facts=Facts.model_validate(row.facts, strict=False),
            care=CareView.model_validate(care) if care else None,
        )


class HouseholdPage(BaseModel):
    """A page of households."""

    items: list[HouseholdView]
    next: str | None = None


class PublicKey(BaseModel):
    """A public JWK (RFC 7517)."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: str
    y: str
    use: str | None = None
    alg: str | None = None
    kid: str | None = None


def request_body(model: type[Shape], name: str, *, required: bool = True) -> dict[str, Any]:
    """A route's `requestBody`: it is read by ourselves, fault by fault."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    nested = schema.pop("$defs", {})
    return {
        "required": required,
        "content": {"application/json": {"schema": _inlined(schema, nested), "example": _EXAMPLES[name]}},
    }


def body(model: type[Shape], name: str, *, required: bool = True) -> dict[str, Any]:
    """A route's `openapi_extra` and `responses`."""
    return {
        "openapi_extra": {
            "parameters": [
                {
                    "name": "Idempotency-Key",
                    "in": "header",
                    "required": True,
                    "description": KEY,
                    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
                    "example": _KEY_EXAMPLE,
                }
            ],
            "requestBody": request_body(model, name, required=required),
        },
        "responses": {
            200: {"model": Receipt, "description": "Nothing new: the household as it stands"},
            202: {"description": "Taken", "headers": {"Location": {"schema": {"type": "string"}}}},
        },
    }


def _assignee(care: dict[str, Any]) -> dict[str, Any]:
    assignee = care.get("assignee") or {}
    return {"manager": assignee.get("code"), "provider": assignee.get("provider")}


def _inlined(schema: Any, nested: dict[str, Any]) -> Any:
    """The schema without references: FastAPI knows only the models of parameters it reads itself."""
    if isinstance(schema, list):
        return [_inlined(one, nested) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(nested[schema["$ref"].rpartition("/")[2]], nested)
    return {name: _inlined(one, nested) for name, one in schema.items()}
