"""A cursor leads exactly to the next row, and nothing else passes for one."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.web import PageQuery, Problem, decode_cursor, encode_cursor


@given(st.text(), st.integers(-(2**31), 2**31), st.uuids(), st.dates(), st.datetimes(timezones=st.just(UTC)))
def test_what_is_encoded_is_decoded(text: str, number: int, key: UUID, day: date, moment: datetime) -> None:
    cursor = encode_cursor(text, number, key, day, moment)
    assert decode_cursor(cursor, str, int, UUID, date, datetime) == (text, number, key, day, moment)


@given(st.one_of(st.text(max_size=50), st.builds(encode_cursor, st.text(max_size=50))))
def test_anything_else_is_refused_with_422(nonsense: str) -> None:
    with pytest.raises(Problem) as caught:
        decode_cursor(nonsense, datetime, UUID)
    assert caught.value.status == 422
    assert caught.value.errors[0].pointer == "/query/cursor"


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
