"""The demo's sums: what does not add up is named."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from geleit.demo import diary
from geleit.demo.count import Meter
from geleit.demo.diary import Entry
from geleit.demo.figures import Figures, faults

GOOD = Figures(
    offered=24,
    accepted=20,
    corrected=1,
    withdrawals=1,
    duplicate=1,
    rejected=1,
    parked=0,
    assigned=15,
    waiting=2,
    not_eligible=1,
    withdrawn=1,
    handed_over=1,
    declined=1,
    reassigned=1,
    mails_sent=16,
    mails_caught=16,
    p50_ms=10.0,
    p95_ms=20.0,
    p99_ms=30.0,
    feed_per_s=100.0,
    seconds=10.0,
)


def test_good_figures_have_no_fault() -> None:
    assert faults(GOOD, 24, {}, 0) == []


def test_a_lost_record_is_named() -> None:
    (fault,) = faults(replace(GOOD, duplicate=0), 24, {}, 0)
    assert fault.startswith("offered 24 records, but accepted + corrected")


def test_a_lost_household_is_named() -> None:
    (fault,) = faults(replace(GOOD, waiting=1), 24, {}, 0)
    assert fault.startswith("accepted 20 households, but assigned + waiting")


def test_a_record_that_never_arrived_is_named() -> None:
    assert faults(GOOD, 25, {}, 0) == ["offered 24 records of 25 that were planned"]


def test_a_declined_household_without_manager_or_reason_is_named() -> None:
    assert faults(GOOD, 24, {"matching": 1}, 2) == [
        "2 households were declined and are neither assigned nor waiting",
        "matching parked 1 records of the state topics",
    ]


def test_a_week_is_kept_and_finished(tmp_path: Path) -> None:
    assert diary.last(tmp_path) is None
    diary.begin(tmp_path, began := datetime(2026, 11, 22, tzinfo=UTC))
    assert diary.last(tmp_path) is None
    entry = Entry(0, 2000, datetime(2026, 11, 23, 1, 2, 3, 4, tzinfo=UTC), {"submissions.karlsruhe": 5}, 7)
    diary.write(tmp_path, entry)
    assert diary.last(tmp_path) == entry
    diary.finish(tmp_path, entry)
    assert diary.last(tmp_path) == replace(entry, finished=True)
    assert diary.has_begun(tmp_path, began)
    assert not diary.has_begun(tmp_path, began + timedelta(microseconds=1)), "another installation, or a restored one"


METRICS = """\
process_start_time_seconds 1.7e+09
geleit_http_requests_total{method="POST",route="/intake/v1/households",status="202"} 10.0
geleit_http_requests_total{method="POST",route="/intake/v1/households",status="422"} 3.0
geleit_http_requests_total{method="PUT",route="/intake/v1/households/{household}",status="202"} 2.0
geleit_http_requests_total{method="POST",route="/intake/v1/households",status="403"} 50.0
geleit_http_requests_total{method="POST",route="/intake/v1/households",status="503"} 50.0
geleit_http_requests_total{method="GET",route="/intake/v1/households",status="200"} 50.0
geleit_http_requests_total{method="POST",route="/intake/v1/households/bulk",status="200"} 50.0
geleit_http_requests_total{method="POST",route="/intake/v1/households/bulk",status="422"} 1.0
geleit_bulk_items_total{status="202"} 100.0
geleit_bulk_items_total{status="400"} 4.0
geleit_http_requests_total{method="POST",route="/inbox/v1/answers",status="200"} 50.0
"""


async def test_the_meter_counts_offers_that_were_answered() -> None:
    answer = httpx.MockTransport(lambda _: httpx.Response(200, text=METRICS))
    async with httpx.AsyncClient(transport=answer, base_url="http://geleit.test") as http:
        assert await Meter.read(http) == Meter(1.7e09, 120)
