"""What looks for people finds them wherever a database, a log or a topic may show them."""

import pytest

from e2e.places import country_finder
from geleit.audit.canaries import finder

find = finder(["Wexkjeyla", "1931-05-02"])


@pytest.mark.parametrize(
    "content",
    [b"Wexkjeyla", b'{"name":"Wexkjeyla Xan"}', b"GET /Wexkjeyla?x=1", b"..WexkjeWexkjeyla", b"\xff\x00Wexkjeyla"],
)
def test_a_name_is_found_in_any_company(content: bytes) -> None:
    assert find(content) == [b"Wexkjeyla"]


def test_a_name_is_found_where_bytes_are_shown_in_hex() -> None:
    assert find(b"(7,\\x" + b"<Wexkjeyla>".hex().encode() + b")") == [b"Wexkjeyla".hex().encode()]


def test_every_place_is_found_and_nothing_that_only_begins_alike() -> None:
    assert find(b"1931-05-03 Wexkjeylo 1931-05-02 1931-05-02") == [b"1931-05-02"] * 2
    assert find(b"") == []


@pytest.mark.parametrize(("content", "hits"), [(b'"nationality":"QX"', 1), (b"QX SY", 2), (b"aQX= QXSY Qx", 0)])
def test_a_country_is_found_where_it_stands_alone(content: bytes, hits: int) -> None:
    assert len(country_finder("QX", "SY")(content)) == hits
