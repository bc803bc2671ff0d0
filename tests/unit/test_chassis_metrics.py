"""/metrics: plain text for anybody, OpenMetrics with its exemplars for who asks; parts that cannot work show there."""

import httpx
import pytest
from prometheus_client import Histogram
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_text
from starlette.applications import Starlette

from chassis.health import Health
from chassis.telemetry import exemplar_of
from gauged import sample

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
ASKED_BY_PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
taken = Histogram("metrics_test_seconds", "A measurement with an exemplar", buckets=(0.1, 1))


async def metrics(accept: str | None = None) -> httpx.Response:
    app = Starlette(routes=Health().routes())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        return await http.get("/metrics", headers={"Accept": accept} if accept else {})


async def test_who_asks_for_open_metrics_gets_exemplars() -> None:
    taken.observe(0.5, exemplar_of(f"00-{TRACE}-00f067aa0ba902b7-01"))
    answer = await metrics(ASKED_BY_PROMETHEUS)
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    families = open_metrics(answer.text)  # type: ignore[no-untyped-call]
    family = next(one for one in families if one.name == "metrics_test_seconds")
    found = [(one.labels["le"], one.exemplar.labels) for one in family.samples if one.exemplar]
    assert found == [("1.0", {"trace_id": TRACE})]


@pytest.mark.parametrize("accept", [None, "*/*", "text/plain;version=0.0.4", "text/html"])
async def test_everybody_else_gets_plain_text(accept: str | None) -> None:
    taken.observe(0.5, exemplar_of(f"00-{TRACE}-00f067aa0ba902b7-01"))
    answer = await metrics(accept)
    assert answer.headers["content-type"].startswith("text/plain")
    assert TRACE not in answer.text
    assert any(one.name == "geleit_records" for one in plain_text(answer.text))


@pytest.mark.parametrize("traceparent", [None, "", f"00-{TRACE}-00f067aa0ba902b7-00"])
def test_a_trace_that_nobody_records_is_no_exemplar(traceparent: str | None) -> None:
    assert exemplar_of(traceparent) is None


def test_a_part_that_cannot_work_shows_as_a_figure() -> None:
    health = Health("stream")
    assert sample("geleit_part_ready", part="stream") == 0
    health.up("stream")
    assert sample("geleit_part_ready", part="stream") == 1
    health.down("stream", "KafkaConnectionError")
    assert sample("geleit_part_ready", part="stream") == 0
