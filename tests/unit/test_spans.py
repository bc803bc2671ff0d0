"""Spans that were exported by OTLP can be read again, as a tree."""

from pathlib import Path

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Status, StatusCode, format_trace_id

from geleit import spans


def keep_a_trace(state_dir: Path) -> str:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": "matching-worker"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("request") as root:
        with tracer.start_as_current_span("process", attributes={"geleit.reason": "no_capacity", "n": 3}) as inner:
            inner.set_status(Status(StatusCode.ERROR, "Refused"))
        with tracer.start_as_current_span("send"):
            pass
    folder = spans.spans_dir(state_dir)
    folder.mkdir(exist_ok=True)
    spans._keep(folder, list(spans._spans(encode_spans(exporter.get_finished_spans()))))
    return format_trace_id(root.get_span_context().trace_id)


def test_a_trace_is_read_as_it_was_exported(tmp_path: Path) -> None:
    trace_id = keep_a_trace(tmp_path)
    request, process, send = spans.trace_of(tmp_path, trace_id)
    assert (request.name, request.parent_id, request.service) == ("request", None, "matching-worker")
    assert process.parent_id == send.parent_id == request.span_id
    assert process.attributes == {"geleit.reason": "no_capacity", "n": 3}
    assert (process.error, send.error) == ("Refused", None)
    assert spans.orphans([request, process, send]) == []
    assert spans.orphans([process]) == [process]


def test_the_tree_shows_children_under_their_parent(tmp_path: Path) -> None:
    lines = spans.tree(spans.trace_of(tmp_path, keep_a_trace(tmp_path)))
    assert [line.split("ms  ")[1].split(" [")[0] for line in lines] == ["request", "  process", "  send"]


def test_what_is_kept_stays_bounded(tmp_path: Path) -> None:
    first = keep_a_trace(tmp_path)
    limit, spans.LARGEST_FILE = spans.LARGEST_FILE, 10
    try:
        second, third = keep_a_trace(tmp_path), keep_a_trace(tmp_path)
    finally:
        spans.LARGEST_FILE = limit
    assert spans.trace_of(tmp_path, first) == []
    assert len(spans.trace_of(tmp_path, second)) == len(spans.trace_of(tmp_path, third)) == 3


def test_a_line_that_is_being_written_is_not_read(tmp_path: Path) -> None:
    keep_a_trace(tmp_path)
    with (spans.spans_dir(tmp_path) / "spans.jsonl").open("a") as file:
        file.write('{"trace_id": "half')
    assert len(list(spans.read_spans(tmp_path))) == 3
