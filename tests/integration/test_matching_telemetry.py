"""What matching counts: decisions by what they say, the time to the first one with its trace, and who waits."""

import gc
from contextlib import suppress
from datetime import timedelta

import pytest
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import REGISTRY

from builders import NOW, REUTLINGEN, STUTTGART, TUEBINGEN, a_household, a_record
from chassis.gauges import measure
from contracts.assignments import Care
from contracts.vocabulary import Answer, AnswerReason, CareReason, CareStatus
from gauged import figure, sample
from matching import store
from matching.decisions import decide_anew
from matching.handlers import on_households
from matching.lifecycle import Step
from matching.telemetry import measure_waiting
from matching_stage import Stage
from recorded import recorded


def proposed() -> float:
    return figure("geleit_decisions_total", status="proposed", reason="matched")


def first_decisions(le: str = "+Inf") -> float:
    return figure("geleit_first_decision_seconds_bucket", status="proposed", le=le)


async def test_a_decision_is_counted_with_its_status_and_reason(stage: Stage) -> None:
    await stage.roster(f"A;Anna;P;1;{TUEBINGEN};uk")
    labels = {"status": "waiting", "reason": "not_served"}
    before, waiting = proposed(), figure("geleit_decisions_total", **labels)
    await stage.tell(a_household(), a_household(), a_household(municipality=STUTTGART))
    assert proposed() == before + 2
    assert figure("geleit_decisions_total", **labels) == waiting + 1


async def test_a_decision_long_after_the_arrival_is_a_span_of_its_trace(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans = recorded(monkeypatch)
    household = a_household()
    (waits,) = await stage.tell(household)
    await stage.roster(f"A;Anna;P;1;{TUEBINGEN};uk")
    assert (waits.status, spans.get_finished_spans()) == (CareStatus.WAITING, ())
    await stage.pass_time()
    (span,) = spans.get_finished_spans()
    assert span.name == "decide"
    assert span.attributes is not None
    assert span.attributes["geleit.care_status"] == "proposed"
    assert span.context is not None
    assert f"{span.context.trace_id:032x}" == household.id.hex
    (sent,) = await stage.rows("select traceparent from outbox where key = $1 order by id desc limit 1", household.key)
    assert f"{span.context.span_id:016x}" in sent["traceparent"]


async def test_a_decision_that_is_rolled_back_is_no_span(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    spans = recorded(monkeypatch)
    (waits,) = await stage.tell(a_household())
    await stage.roster(f"A;Anna;P;1;{TUEBINGEN};uk")
    with suppress(ZeroDivisionError):
        async with stage.database.transaction() as tx:
            locked = await store.lock_households(tx, [waits.household])
            cases = await store.cases(tx, locked)
            (told,) = await decide_anew(tx, await store.basis(tx), cases.values())
            assert isinstance(told, Care)
            assert told.status is CareStatus.PROPOSED
            raise ZeroDivisionError
    assert spans.get_finished_spans() == ()


async def test_what_is_rolled_back_is_not_counted(stage: Stage) -> None:
    await stage.roster(f"A;Anna;P;1;{TUEBINGEN};uk")
    before = proposed()
    with suppress(ZeroDivisionError):
        async with stage.database.transaction() as tx:
            await on_households([a_record(a_household())], tx)
            raise ZeroDivisionError
    assert proposed() == before


async def test_the_first_decision_is_timed_from_the_registration_and_leads_to_its_trace(stage: Stage) -> None:
    await stage.roster(f"A;Anna;P;1;{TUEBINGEN};uk", f"B;Berta;P;1;{TUEBINGEN};uk")
    all_before, quick, slow = first_decisions(), first_decisions("10.0"), first_decisions("30.0")
    care = await stage.arrive(registered_at=NOW - timedelta(seconds=11))
    assert (first_decisions(), first_decisions("10.0"), first_decisions("30.0")) == (all_before + 1, quick, slow + 1)
    told = generate_latest(REGISTRY).decode()  # type: ignore[no-untyped-call]
    (line,) = [line for line in told.splitlines() if f'trace_id="{care.household.hex}"' in line]
    assert line.startswith('geleit_first_decision_seconds_bucket{le="30.0",status="proposed"}')
    await stage.answer(care, Answer.DECLINED, reason=AnswerReason.OVERLOADED)
    assert first_decisions() == all_before + 1, "a second decision says nothing of the way of an arrival"


async def test_who_waits_shows_by_reason_until_nobody_does(stage: Stage) -> None:
    await stage.roster(f"A;Anna;P;1;{TUEBINGEN};uk")
    await stage.tell(a_household(municipality=STUTTGART), a_household(municipality=STUTTGART))
    care = await stage.arrive(municipality=REUTLINGEN)
    assert care.reason is CareReason.NOT_SERVED
    stage.clock.now += timedelta(days=3)
    await stage.arrive(municipality=None, registered_at=stage.clock.now)
    await measure(stage.database, [measure_waiting])
    assert sample("geleit_waiting_households", reason="not_served") == 3
    assert sample("geleit_waiting_households", reason="no_municipality") == 1
    assert sample("geleit_longest_wait_seconds", reason="not_served") == timedelta(days=3).total_seconds()
    assert sample("geleit_longest_wait_seconds", reason="no_municipality") == 0
    await stage.roster(f"A;Anna;P;1;{TUEBINGEN} {STUTTGART} {REUTLINGEN};uk")
    await stage.pass_time()
    await measure(stage.database, [measure_waiting])
    assert sample("geleit_waiting_households", reason="not_served") is None


async def test_a_batch_is_gone_when_its_transaction_ends(stage: Stage) -> None:
    """Workers let the garbage collector come seldom: what needs it stays for hours."""
    gc.collect()
    gc.disable()
    try:
        await stage.tell(a_household(), a_household())
        assert not [one for one in gc.get_objects() if isinstance(one, Step)]
    finally:
        gc.enable()
