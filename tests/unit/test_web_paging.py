"""A cursor leads exactly to the next row, and nothing else passes for one."""

from base64 import urlsafe_b64encode
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from chassis.web import Instant, PageQuery, Problem, decode_cursor, encode_cursor

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(TEXT, st.integers(-(2**63), 2**63 - 1), st.uuids(), st.dates(), st.datetimes(timezones=st.just(UTC)))
def test_what_is_encoded_is_decoded(text: str, number: int, key: UUID, day: date, moment: datetime) -> None:
    cursor = encode_cursor(text, number, key, day, moment)
    assert decode_cursor(cursor, str, int, UUID, date, datetime) == (text, number, key, day, moment)


@given(st.one_of(st.text(max_size=50), st.builds(encode_cursor, st.text(max_size=50))))
def test_anything_else_is_refused_with_422(nonsense: str) -> None:
    with pytest.raises(Problem) as caught:
        decode_cursor(nonsense, datetime, UUID)
    assert caught.value.status == 422
    assert caught.value.errors[0].pointer == "/query/cursor"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (datetime, "0001-01-01T00:00:00+14:00"),
        (datetime, "9999-12-31T23:59:59-14:00"),
        (int, 2**63),
        (int, str(-(2**63) - 1)),
        (int, 1e300),
        (str, "a\0"),
    ],
)
def test_what_the_database_cannot_hold_is_refused_with_422(kind: type, value: Any) -> None:
    forged = urlsafe_b64encode(orjson.dumps([value])).decode()
    with pytest.raises(Problem) as caught:
        decode_cursor(forged, kind)
    assert caught.value.status == 422


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_that_utc_cannot_say_is_none(moment: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Instant).validate_python(moment)


@given(st.lists(st.integers(0, 1000), unique=True, max_size=60), st.integers(1, 10))
def test_following_the_cursors_shows_every_row_once(keys: list[int], limit: int) -> None:
    rows, cursor, seen = sorted(keys), None, list[int]()
    while True:
        query = PageQuery(limit, cursor)
        after = query.after(int)
        left = [row for row in rows if after is None or row > after[0]]
        page = query.take(left[: limit + 1], key=lambda row: (row,))
        seen += page.items
        if (cursor := page.next) is None:
            break
    assert seen == rows
