"""Which language a page is in, and how numbers and times look in it."""

from datetime import UTC, date, datetime, timedelta

import pytest
from starlette.requests import Request

from chassis.web.formats import filters
from chassis.web.language import LOCALES, language_of
from chassis.web.pages import local_path
from contracts.zone import day_only


def asked(accept: str = "", cookie: str = "") -> str:
    headers = [(b"accept-language", accept.encode()), (b"cookie", cookie.encode())]
    return language_of(Request({"type": "http", "headers": headers}))


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", "de"),
        ("en", "en"),
        ("en-GB,en;q=0.9,de;q=0.8", "en"),
        ("uk,de;q=0.5,en;q=0.7", "en"),
        ("uk,ru;q=0.5", "de"),
        ("en;q=nonsense", "de"),
        ("de;q=1.0.0,en", "en"),
    ],
)
def test_the_browsers_choice_counts_and_german_otherwise(accept: str, language: str) -> None:
    assert asked(accept) == language


def test_a_choice_made_here_wins() -> None:
    assert asked("en", "geleit_language=de") == "de"
    assert asked("en", "geleit_language=xx") == "en"


def test_numbers_and_times_in_german_and_english() -> None:
    german, english = filters(LOCALES["de"]), filters(LOCALES["en"])
    assert (german["number"](12345.678), english["number"](12345.678)) == ("12.345,678", "12,345.678")
    assert german["number"](0.5, 2) == "0,50"
    assert (german["percent"](0.934, 1), english["percent"](0.934, 1)) == ("93,4\N{NO-BREAK SPACE}%", "93.4%")
    late = datetime(2022, 3, 14, 23, 30, tzinfo=UTC)
    assert (german["datetime"](late), english["datetime"](late)) == ("15.03.2022, 00:30", "15 Mar 2022, 00:30")
    assert (german["date"](late), german["date"](date(2022, 3, 14))) == ("15.03.2022", "14.03.2022")
    assert (german["datetime"](day_only(late)), english["datetime"](day_only(late))) == ("15.03.2022", "15 Mar 2022")
    assert (german["seconds"](0.0312), german["seconds"](timedelta(minutes=1.5))) == (
        "31\N{NO-BREAK SPACE}ms",
        "90,0\N{NO-BREAK SPACE}s",
    )
    assert (german["language"]("uk"), english["language"]("uk")) == ("Ukrainisch", "Ukrainian")
    assert (german["language"]("prs"), english["language"]("prs")) == ("Dari", "Dari")
    assert (german["country"]("UA"), english["country"]("SY")) == ("Ukraine", "Syria")


@pytest.mark.parametrize("name", ["date", "time", "datetime", "number", "percent", "seconds"])
def test_nothing_is_a_dash(name: str) -> None:
    assert filters(LOCALES["de"])[name](None) == "–"


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.test", "//evil.test", "/\\evil.test", "javascript:x", "", "/a\r\nb"]
)
def test_one_is_never_sent_to_another_site(elsewhere: str) -> None:
    assert local_path(elsewhere) == "/"


def test_one_is_sent_back_to_the_page() -> None:
    assert local_path("/show/rows?q=Tübingen") == "/show/rows?q=Tübingen"


def test_a_day_reads_the_same_from_json() -> None:
    day = filters(LOCALES["de"])["date"]
    assert day("2022-03-14") == day(date(2022, 3, 14)) == "14.03.2022"
    assert day(None) == "–"
