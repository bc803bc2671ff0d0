"""The recorded traces of a few arrivals, from the centre's own request on: one of them is told at the end."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind

from chassis.telemetry import traceparent_of


class Witness:
    """Records the registrations of these references; `endpoint` None: of none."""

    def __init__(self, references: Collection[str], endpoint: str | None) -> None:
        self._references = references if endpoint else ()
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": "reception-centre"}), sampler=ALWAYS_ON
        )
        if endpoint:
            self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
        self._tracer = self._provider.get_tracer("geleit.demo")

    @contextmanager
    def watch(self, reference: str) -> Iterator[Mapping[str, str]]:
        """The headers that make a request part of the trace; none for what is not watched."""
        if reference not in self._references:
            yield {}
            return
        with self._tracer.start_as_current_span("register household", kind=SpanKind.CLIENT) as span:
            traceparent = traceparent_of(span)
            assert traceparent is not None
            yield {"traceparent": traceparent}

    def close(self) -> None:
        """Export what is still in memory."""
        self._provider.shutdown()
