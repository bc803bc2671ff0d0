"""A request is one span that continues its caller's trace, and holds nothing of what was sent."""

from collections.abc import Iterator

import pytest
from fastapi import APIRouter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from chassis.telemetry import current_traceparent
from chassis.web import public
from recorded import recorded_of_all
from showcase.client import client_of, showcase_app

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    with recorded_of_all() as exporter:
        yield exporter


async def test_one_span_a_request_in_the_callers_trace(spans: InMemorySpanExporter) -> None:
    router = APIRouter()

    @router.post("/v1/open/{code}", dependencies=[public])
    async def handler(code: str, q: str = "") -> dict[str, str | None]:
        return {"traceparent": current_traceparent()}

    async with client_of(showcase_app(router=router)) as client:
        answer = await client.post("/show/v1/open/x?q=Kovalenko", headers={"traceparent": PARENT})
        await client.post("/show/v1/open/x", json={"name": "Kovalenko"}, headers={"traceparent": PARENT})
    first, second = spans.get_finished_spans()
    assert answer.json()["traceparent"] == f"00-{TRACE}-{first.context.span_id:016x}-01"
    for span in (first, second):
        assert span.kind is SpanKind.SERVER
        assert span.name == "POST /show/v1/open/{code}"
        assert span.parent is not None
        assert f"{span.parent.span_id:016x}" == "00f067aa0ba902b7"
        assert "Kovalenko" not in span.to_json()
        assert "127.0.0.1" not in span.to_json()


async def test_a_fault_marks_the_span_and_leaves_its_text_out(spans: InMemorySpanExporter) -> None:
    async with client_of(showcase_app()) as client:
        await client.get("/show/v1/fault")
    (span,) = spans.get_finished_spans()
    assert not span.status.is_ok
    assert "Kovalenko" not in span.to_json()
