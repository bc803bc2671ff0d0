"""Errors as RFC 9457 problems; none of them repeats what was sent."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic_core._pydantic_core import list_all_errors
from starlette.exceptions import HTTPException

from chassis.web.translations import N_

MEDIA_TYPE = "application/problem+json"

_STATED_BY_THE_SCHEMA = {
    "gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "actual_length", "field_type", "expected",
    "max_digits", "decimal_places", "whole_digits", "pattern", "class", "class_name", "tz_expected",
}  # fmt: skip
# pydantic's other messages quote the input (a tag, a character, a parser's words); ours never do.
_QUOTES_INPUT = {
    known["type"]
    for known in list_all_errors()
    if known["type"] not in {"value_error", "assertion_error"}
    and not set(re.findall(r"{(\w+)}", known["message_template_python"])) <= _STATED_BY_THE_SCHEMA
}
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong in a request: `pointer` is where (`/body/persons/0/age`), `code` for programs."""

    pointer: str
    code: str
    message: str


class Problem(Exception):
    """Ends a request with this status; `code` names the kind for programs, `title` and `detail` say it to people."""

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        *,
        detail: str | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """The members of RFC 9457, and `errors` where there are any."""
        members: dict[str, Any] = {
            "type": f"urn:problem-type:geleit:{self.code}",
            "title": self.title,
            "status": self.status,
        }
        if self.detail is not None:
            members["detail"] = self.detail
        if self.errors:
            members["errors"] = [asdict(error) for error in self.errors]
        return members


def not_found() -> Problem:
    """The answer for what does not exist and for what belongs to somebody else: nobody can tell them apart."""
    return Problem(404, "not-found", N_("Not found"))


def of_status(status: int, headers: Mapping[str, str] | None = None) -> Problem:
    """The problem that a bare status code stands for."""
    phrase = HTTPStatus(status).phrase
    return Problem(status, phrase.lower().replace(" ", "-"), phrase, headers=headers)


def of_http_exception(error: HTTPException) -> Problem:
    """The framework's own refusals, without their wording."""
    return of_status(error.status_code, error.headers)


def of_validation(error: RequestValidationError) -> Problem:
    """All field errors of a request that does not fit its schema."""
    return Problem(422, "invalid-request", N_("The request is not valid"), errors=field_errors(error.errors()))


def field_errors(errors: Sequence[Any]) -> list[FieldError]:
    """pydantic's errors (dicts) without any value that was sent; unknown field names are not repeated either."""
    return [
        FieldError(
            pointer=_pointer(error["type"], error["loc"]),
            code=error["type"],
            message="Invalid value"
            if error["type"] in _QUOTES_INPUT
            else error["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, "),
        )
        for error in errors[:100]
    ]


def _pointer(code: str, location: Sequence[str | int]) -> str:
    match code:
        case "extra_forbidden":
            location = location[:-1]
        case "json_invalid":
            location = location[:1]
    parts = [str(part) if isinstance(part, int) or _NAME.fullmatch(part) else "*" for part in location]
    return "/" + "/".join(parts)


SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "message"],
                "properties": {
                    "pointer": {"type": "string"},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}
# What OpenAPI says about every error of every route.
OPENAPI_RESPONSE: dict[str, Any] = {
    "description": "Problem details (RFC 9457)",
    "content": {MEDIA_TYPE: {"schema": SCHEMA}},
}
