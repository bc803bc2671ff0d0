"""Takes the spans of every process by OTLP and keeps them as lines: the trace store of a machine that has none."""

import gzip
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Exported
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from geleit.probe import LOOPBACK
from geleit.settings import Settings

LARGEST_FILE = 50_000_000
"""Bytes; the older half of twice as much is forgotten."""
LARGEST_BODY = 20_000_000


@dataclass(frozen=True, slots=True)
class Span:
    """One span as it was exported; ids in hex, times in nanoseconds since 1970."""

    trace_id: str
    span_id: str
    parent_id: str | None
    service: str
    name: str
    kind: str
    start: int
    end: int
    attributes: Mapping[str, Any] = field(default_factory=dict)
    links: Sequence[Sequence[str]] = ()
    """Pairs of trace id and span id."""
    error: str | None = None


def spans_dir(state_dir: Path) -> Path:
    """Where the spans of a geleit are kept."""
    return state_dir / "spans"


def read_spans(state_dir: Path, of: str = "") -> Iterator[Span]:
    """Every span that is kept, oldest first; with `of` those that hold this text, which spares reading the others."""
    for file in (_older(spans_dir(state_dir)), _newer(spans_dir(state_dir))):
        if file.is_file():
            with file.open(encoding="utf-8") as lines:
                # The last line may be half written at this moment.
                yield from (Span(**json.loads(line)) for line in lines if of in line and line.endswith("\n"))


def trace_of(state_dir: Path, trace_id: str) -> list[Span]:
    """The spans of one trace by their start."""
    # A link holds the id of another trace, too.
    found = (span for span in read_spans(state_dir, trace_id) if span.trace_id == trace_id)
    return sorted(found, key=lambda span: span.start)


def orphans(trace: Sequence[Span]) -> list[Span]:
    """Those whose parent is not among them."""
    known = {span.span_id for span in trace}
    return [span for span in trace if span.parent_id is not None and span.parent_id not in known]


def tree(trace: Sequence[Span]) -> list[str]:
    """A line for each span under its parent: when it began after the first, how long it took, whose it was."""
    if not trace:
        return []
    known = {span.span_id for span in trace}
    children: defaultdict[str | None, list[Span]] = defaultdict(list)
    for span in sorted(trace, key=lambda one: one.start):
        children[span.parent_id if span.parent_id in known else None].append(span)
    first = min(span.start for span in trace)

    def lines(parent: str | None, depth: int) -> Iterator[str]:
        for span in children[parent]:
            began, took = (span.start - first) / 1e6, (span.end - span.start) / 1e6
            yield f"{began:9.1f} ms  {'  ' * depth}{span.name} [{span.service}] {took:.1f} ms"
            yield from lines(span.span_id, depth + 1)

    return list(lines(None, 0))


def catch(state_dir: Path, port: int) -> None:
    """Serve OTLP/HTTP on the loopback address until SIGTERM or SIGINT."""
    folder = spans_dir(state_dir)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    app = Starlette(routes=[Route("/v1/traces", _receiver(folder), methods=["POST"])])
    uvicorn.run(app, host=LOOPBACK, port=port, log_level="warning", access_log=False)


def _receiver(folder: Path) -> Callable[[Request], Any]:
    async def receive(request: Request) -> Response:
        body = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        if len(body) > LARGEST_BODY:
            return Response(status_code=413)
        try:
            export = ExportTraceServiceRequest.FromString(body)
        except DecodeError:
            return Response(status_code=400)
        _keep(folder, list(_spans(export)))
        return Response(ExportTraceServiceResponse().SerializeToString(), media_type="application/x-protobuf")

    return receive


def _keep(folder: Path, spans: Sequence[Span]) -> None:
    newer = _newer(folder)
    if newer.exists() and newer.stat().st_size > LARGEST_FILE:
        newer.replace(_older(folder))
    with newer.open("a", encoding="utf-8") as file:
        file.write("".join(f"{json.dumps(asdict(span))}\n" for span in spans))


def _spans(export: ExportTraceServiceRequest) -> Iterator[Span]:
    for resource in export.resource_spans:
        service = str(_attributes(resource.resource.attributes).get("service.name", ""))
        for scope in resource.scope_spans:
            yield from (_span(span, service) for span in scope.spans)


def _span(span: Exported, service: str) -> Span:
    failed = span.status.code == span.status.STATUS_CODE_ERROR
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex() or None,
        service=service,
        name=span.name,
        kind=Exported.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        attributes=_attributes(span.attributes),
        links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
        error=(span.status.message or "error") if failed else None,
    )


def _attributes(pairs: Sequence[KeyValue]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [_value(one) for one in value.array_value.values]
        case "kvlist_value":
            return _attributes(value.kvlist_value.values)
        case "bytes_value":
            return value.bytes_value.hex()
        case kind:
            return getattr(value, kind)


def _newer(folder: Path) -> Path:
    return folder / "spans.jsonl"


def _older(folder: Path) -> Path:
    return folder / "spans.1.jsonl"


if __name__ == "__main__":
    catch(Settings().state_dir, int(os.environ["SPANS_PORT"]))
