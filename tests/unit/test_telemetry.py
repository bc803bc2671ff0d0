"""A span around a block belongs to the trace it is given, and of an error it keeps nothing but the class."""

import re
from uuid import UUID

import asyncpg
import pytest
from asyncpg.pgproto import pgproto
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis import telemetry
from recorded import recorded

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    return recorded(monkeypatch)


def quoting_error() -> asyncpg.PostgresError:
    """What PostgreSQL says of a row that it does not take."""
    told = {"S": "ERROR", "C": "23505", "M": "duplicate key", "D": "Key (name)=(Kovalenko) already exists."}
    error = asyncpg.PostgresError.new(told)
    assert "Kovalenko" in str(error)
    return error


def test_what_runs_inside_is_part_of_the_trace(spans: InMemorySpanExporter) -> None:
    with telemetry.current_span("errand", telemetry.context_of(PARENT)) as span:
        assert telemetry.current_traceparent() == telemetry.traceparent_of(span)
    (ended,) = spans.get_finished_spans()
    assert f"{ended.context.trace_id:032x}" in PARENT
    assert ended.status.status_code.name == "UNSET"


def test_the_message_of_an_error_is_in_no_span(spans: InMemorySpanExporter) -> None:
    with pytest.raises(asyncpg.UniqueViolationError), telemetry.current_span("batch", telemetry.context_of(None)):
        raise quoting_error()
    (ended,) = spans.get_finished_spans()
    assert ended.status.description == "UniqueViolationError"
    assert "Kovalenko" not in ended.to_json()


def test_an_error_that_says_nothing_passes_as_itself(spans: InMemorySpanExporter) -> None:
    """asyncpg's errors have no text unless the server has given them one."""
    with pytest.raises(asyncpg.DeadlockDetectedError), telemetry.current_span("errand", telemetry.context_of(None)):
        raise asyncpg.DeadlockDetectedError
    assert len(spans.get_finished_spans()) == 1


def test_the_place_of_an_error_is_ours_and_the_library_s() -> None:
    with pytest.raises(ValueError, match="badly formed") as raised:
        UUID("Kovalenko")
    place = telemetry.place_of(raised.value)
    assert re.fullmatch(r"ValueError at unit/test_telemetry\.py:\d+, in [\w.]+/uuid\.py:\d+", place)
    with pytest.raises(ValueError, match="invalid UUID") as compiled:
        pgproto.UUID("Kovalenko")
    place = telemetry.place_of(compiled.value)
    assert re.fullmatch(r"ValueError at unit/test_telemetry\.py:\d+, in [\w/]+\.pyx:\d+", place)
    with pytest.raises(ZeroDivisionError) as raised_here:
        _ = 1 / 0
    assert re.fullmatch(r"ZeroDivisionError at unit/test_telemetry\.py:\d+", telemetry.place_of(raised_here.value))
    assert telemetry.place_of(ValueError()) == "ValueError"
