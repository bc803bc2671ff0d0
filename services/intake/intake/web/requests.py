"""What all entrances of programs share: how a key and a registration are read, and what a refusal says."""

from collections.abc import Mapping
from typing import Any, TypeGuard

import orjson

from chassis.web import Problem as HttpProblem
from chassis.web import not_found
from contracts.vocabulary import SubmissionKind
from intake.domain import Offer, Rejection
from intake.forms import Envelope, read_form, read_part
from intake.identity import Keys
from intake.reception import offer
from intake.stated import Problem
from intake.web import documents
from intake.web.messages import field_errors
from intake.web.once import Asked

_CONFLICTS = {"reference_taken", "reference_ended", "not_active"}
_LONGEST_KEY = 200


def is_key(key: object) -> TypeGuard[str]:
    """Whether it can be an Idempotency-Key."""
    return isinstance(key, str) and 0 < len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable()


def asked_of(keys: Keys, key: str, place: str, body: Mapping[str, Any]) -> Asked:
    """A request as it is kept: a centre may have put a name into its key, so its digest tells it again, no more.

    What is asked is the content of the body at that `place` (method and path): with other blanks, or in a bulk, a form
    is the same request.
    """
    digest, line = keys.fingerprints.of_bytes, f"{place}\n".encode()
    return Asked(digest(key.encode()).hex(), digest(line + _written(body)))


def registration_of(keys: Keys, body: Mapping[str, Any]) -> Offer:
    """The offer that a registration's body is, with every fault of it."""
    faults: list[Problem] = []
    stated = read_part(Envelope, body, "", faults)
    form = read_form(body.get("facts"), body.get("identity"), faults)
    reference, version = (stated.reference, stated.version) if stated else (None, None)
    return offer(keys, SubmissionKind.REGISTER, reference, version, form)


def problem_of(rejection: Rejection) -> HttpProblem:
    """What a refused request is told."""
    codes = {problem.code for problem in rejection.problems}
    errors = field_errors(rejection.problems)
    if "idempotency_key_missing" in codes:
        return HttpProblem(400, "idempotency-key-missing", documents.KEY_MISSING)
    if "idempotency_key_reused" in codes:
        return HttpProblem(422, "idempotency-key-reused", documents.KEY_REUSED)
    if "unknown_household" in codes:
        return not_found()
    if "malformed_json" in codes:
        return HttpProblem(400, "malformed-json", "The body is not valid JSON in UTF-8")
    if codes <= _CONFLICTS:
        return HttpProblem(409, "conflict", "The household is not in a state for this", errors=errors)
    return HttpProblem(422, "invalid-household", "The household cannot be taken as stated", errors=errors)


def _written(body: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:
        # Nested deeper than any form: it is refused, and keeps no key.
        return b""
