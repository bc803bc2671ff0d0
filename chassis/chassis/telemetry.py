"""Traces, metrics and JSON logs: one setup for every process, and the steps between text and context."""

import logging
import os
import sys
import sysconfig
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics
from pythonjsonlogger.json import JsonFormatter

MAX_LINKS = 10_000
"""A batch span links to each of its records; the SDK's own limit is 128."""

records_total = Counter("geleit_records", "Records by topic and what became of them", ["topic", "fate"])
handle_seconds = Histogram("geleit_handle_seconds", "Time one batch took, commit included", ["topic"])
outbox_sent_total = Counter("geleit_outbox_sent", "Outbox rows sent to Kafka", ["topic"])
outbox_age_seconds = Gauge("geleit_outbox_age_seconds", "Age of the oldest row that was not published")
keys_ending = Gauge("geleit_keys_ending", "API keys in use that end within thirty days, or have ended", ["role"])
parked_records = Gauge("geleit_parked_records", "Parked records that nobody has settled", ["topic"])
partitions_standing = Gauge(
    "geleit_partitions_standing", "Partitions held that nobody can unpack, or without a known position", ["topic"]
)
consumer_lag_records = Gauge("geleit_consumer_lag_records", "Records behind the end of the partitions held", ["topic"])
part_ready = Gauge("geleit_part_ready", "Whether a part of the process can work: 1 or 0", ["part"])
dues_total = Counter("geleit_dues", "Dues by kind and what became of them", ["kind", "fate"])
http_requests_total = Counter("geleit_http_requests", "Requests answered", ["method", "route", "status"])
errands_total = Counter("geleit_errands", "Errands by name and what became of them", ["name", "fate"])

tracer = trace.get_tracer("geleit")
_propagator = TraceContextTextMapPropagator()
_SAMPLED = tuple("13579bdf")
"""Last digits of `traceparent` whose lowest bit is set; the other bits of the flags are no business of ours."""
_EXPORTERS = {"otlp": "otlp_proto_http"}
"""The specification's name of an exporter → the installed one's."""


def setup(service: str, log_level: str = "INFO") -> None:
    """Start logs and traces of this process.

    Spans go where `exporters` says; sampling follows OTEL_TRACES_SAMPLER.
    """
    handler = logging.StreamHandler(sys.stderr)
    formatter = JsonFormatter("%(levelname)s %(name)s %(message)s", timestamp=True)
    handler.setFormatter(formatter)
    handler.addFilter(_with_trace)
    logging.basicConfig(level=log_level.upper(), handlers=[handler], force=True)
    for chatty in ("aiokafka", "asyncpg", "httpx", "uvicorn.access", "faststream"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    for repeating in ("asyncpg.pool", "aiokafka.conn"):
        # Of each connection that it cannot open, with a traceback; and each that has no TLS. Health says the one.
        logging.getLogger(repeating).setLevel(logging.ERROR)
    # A second series beside each counter, which nothing reads.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    os.environ.setdefault("OTEL_SERVICE_NAME", service)
    provider = TracerProvider(resource=Resource.create(), span_limits=SpanLimits(max_links=MAX_LINKS))
    for exporter in exporters():
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


def exporters() -> list[SpanExporter]:
    """Those that OTEL_TRACES_EXPORTER names among the installed ones, separated by commas; default `none`.

    As the OpenTelemetry specification has it; `otlp` is OTLP over HTTP.
    """
    names = os.environ.get("OTEL_TRACES_EXPORTER", "none").split(",")
    return [_exporter(_EXPORTERS.get(name, name)) for name in names if name != "none"]


def _exporter(name: str) -> SpanExporter:
    (found,) = entry_points(group="opentelemetry_traces_exporter", name=name)
    exporter: SpanExporter = found.load()()
    return exporter


def flush() -> None:
    """Export what is still in memory; the last act of a process."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.shutdown()


NOT_OURS = (
    *(sysconfig.get_path(one) for one in ("stdlib", "platstdlib", "purelib", "platlib")),
    str(Path(__file__).with_name("database.py")),
)
"""Where libraries lie, and what only carries out the statements of other lines."""


def place_of(error: BaseException) -> str:
    """The class of an error and where it was raised, in a library by which of our lines; its message may hold what
    somebody wrote to us. Of a group, of each that is in it."""
    if isinstance(error, BaseExceptionGroup):
        return ", ".join(map(place_of, error.exceptions))
    frames = [(Path(frame.f_code.co_filename), line) for frame, line in traceback.walk_tb(error.__traceback__)]
    # What is compiled has a name, and no place in the file system.
    ours = [(file, line) for file, line in frames if file.is_absolute() and not str(file).startswith(NOT_OURS)]
    places = [f"{file.parent.name}/{file.name}:{line}" for file, line in dict.fromkeys([*ours[-1:], *frames[-1:]])]
    return type(error).__name__ + (f" at {', in '.join(places)}" if places else "")


@contextmanager
def current_span(
    name: str, context: Context, kind: SpanKind = SpanKind.INTERNAL, links: Sequence[Link] = ()
) -> Iterator[Span]:
    """A span around the block. Of an error it keeps the class only: its message may hold what somebody wrote to us."""
    with tracer.start_as_current_span(
        name, context, kind, links=links, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except Exception as error:
            fail(span, error)
            raise


@contextmanager
def roots(name: str, count: int) -> Iterator[Sequence[Span]]:
    """Around a block that handles what came together: a span for each, in a trace of its own, linked to what runs now.

    Of an error all of them keep the class.
    """
    links = _to_what_runs_now()
    spans = [tracer.start_span(name, Context(), links=links) for _ in range(count)]
    try:
        yield spans
    except Exception as error:
        for span in spans:
            fail(span, error)
        raise
    finally:
        for span in spans:
            span.end()


def start_in(traceparent: str, name: str) -> Span:
    """A span in the trace that a `traceparent` names, linked to what runs now; somebody is to end it."""
    return tracer.start_span(name, context_of(traceparent), links=_to_what_runs_now())


def _to_what_runs_now() -> list[Link]:
    here = trace.get_current_span().get_span_context()
    return [Link(here)] if here.is_valid else []


def fail(span: Span, error: Exception) -> None:
    """Mark a span as failed by this error."""
    span.set_status(Status(StatusCode.ERROR, type(error).__name__))


def traceparent_of(span: Span) -> str | None:
    """The W3C `traceparent` of a span; None if it has no valid context."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, trace.set_span_in_context(span))
    return carrier.get("traceparent")


def current_traceparent() -> str | None:
    """The W3C `traceparent` of what runs now."""
    return traceparent_of(trace.get_current_span())


def context_of(traceparent: str | None) -> Context:
    """The context a `traceparent` names; an empty one for None or nonsense."""
    return _propagator.extract({"traceparent": traceparent} if traceparent else {}, Context())


def link_to(traceparent: str) -> Link | None:
    """A link to the span a `traceparent` names."""
    context: SpanContext = trace.get_current_span(context_of(traceparent)).get_span_context()
    return Link(context) if context.is_valid else None


def is_sampled(traceparent: str | None) -> bool:
    """Whether the trace is recorded: spans are made only where somebody will read them."""
    return traceparent is not None and traceparent.endswith(_SAMPLED)


def exemplar_of(traceparent: str | None) -> dict[str, str] | None:
    """What leads from a measurement to the trace it was taken in; None where that is not recorded."""
    return {"trace_id": traceparent.split("-")[1]} if traceparent and is_sampled(traceparent) else None


def _with_trace(record: logging.LogRecord) -> bool:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        record.trace_id = format(context.trace_id, "032x")
        record.span_id = format(context.span_id, "016x")
    return True
