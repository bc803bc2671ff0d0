"""Pages of a list by cursor: where the last one ended, so that nothing is skipped or doubled between two pages."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import orjson
from fastapi import Depends, Query
from pydantic import AfterValidator, AwareDatetime

from chassis.web.problems import FieldError, Problem
from chassis.web.translations import N_

Row = TypeVar("Row")


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("no time in UTC") from None


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A time with its offset, as UTC; one that is no time in UTC is refused."""


NO_NUL = r"^[^\x00]*$"
"""The pattern of text that PostgreSQL takes."""


def _text(value: Any) -> str:
    """PostgreSQL's text takes no NUL."""
    if "\0" in (text := str(value)):
        raise ValueError
    return text


def _number(value: Any) -> int:
    """PostgreSQL's bigint."""
    if not -(2**63) <= (number := int(value)) < 2**63:
        raise ValueError
    return number


_PARSERS: dict[type, Callable[[Any], Any]] = {
    str: _text,
    int: _number,
    UUID: UUID,
    date: date.fromisoformat,
    datetime: lambda value: _in_utc(datetime.fromisoformat(value)),
}


@dataclass(frozen=True, slots=True)
class Slice(Generic[Row]):
    """One page of rows and the cursor of the next, None at the end."""

    items: Sequence[Row]
    next: str | None
    is_first: bool


@dataclass(frozen=True, slots=True)
class PageQuery:
    """`limit` rows after `cursor`; ask the store for `limit + 1` rows."""

    limit: int
    cursor: str | None

    def after(self, *types: type) -> tuple[Any, ...] | None:
        """The key of the last row seen, as these types; None on the first page; 422 if it is not one of ours."""
        return None if self.cursor is None else decode_cursor(self.cursor, *types)

    def take(self, rows: Sequence[Row], key: Callable[[Row], tuple[Any, ...]]) -> Slice[Row]:
        """The page out of `limit + 1` rows."""
        items = rows[: self.limit]
        more = len(rows) > self.limit
        return Slice(items, encode_cursor(*key(items[-1])) if more else None, is_first=self.cursor is None)


def _page_query(
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> PageQuery:
    return PageQuery(limit, cursor or None)


Paging = Annotated[PageQuery, Depends(_page_query)]


def encode_cursor(*key: str | int | UUID | date | datetime) -> str:
    """An opaque cursor for the key of the last row shown."""
    return base64.urlsafe_b64encode(orjson.dumps(key, default=str)).rstrip(b"=").decode()


def decode_cursor(cursor: str, *types: type) -> tuple[Any, ...]:
    """The key that a cursor stands for; a Problem with 422 if it is not one of ours."""
    try:
        values = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(values, list) or len(values) != len(types):
            raise ValueError
        return tuple(_PARSERS[kind](value) for kind, value in zip(types, values, strict=True))
    except (ValueError, TypeError, AttributeError, binascii.Error):
        error = FieldError("/query/cursor", "invalid_cursor", "Not a cursor that this list gave out")
        raise Problem(422, "invalid-request", N_("The request is not valid"), errors=[error]) from None
