"""A household's whole way is one trace: the edges between its spans, as they were exported."""

from collections.abc import Sequence
from uuid import UUID, uuid4

from chassis.access import Role
from contracts.vocabulary import SubmissionKind
from e2e.world import CENTRE, HOUSEHOLDS, World, registration
from geleit.spans import Span, orphans, read_spans, trace_of, tree
from stream import eventually

WAY = (
    ("web", "POST /intake/v1/households"),
    ("intake-worker", "send households"),
    ("matching-worker", "process households"),
    ("matching-worker", "send assignments"),
    ("notifications-worker", "process assignments"),
    ("notifications-worker", "send mail"),
)
BESIDE = {
    ("reporting-worker", "process households"): ("intake-worker", "send households"),
    ("intake-worker", "process assignments"): ("matching-worker", "send assignments"),
    ("reporting-worker", "process assignments"): ("matching-worker", "send assignments"),
}


async def test_a_request_leads_to_its_mail_in_one_trace(world: World) -> None:
    town = world.town()
    await world.manager(town)
    household = await world.registered(town)
    await world.mailed(town)
    trace = await whole_trace(world, await trace_id_of(world, household), len(WAY) + len(BESIDE))
    assert_edges(trace, WAY)
    root = only(trace, WAY[0])
    assert root.parent_id is None
    assert root.kind == "server"
    assert orphans(trace) == [], tree(trace)
    assert [span.name for span in trace if span.parent_id is None] == [root.name]
    assert only(trace, WAY[2]).attributes["geleit.care_status"] == "proposed"


async def test_an_item_of_a_bulk_leads_to_its_mail_in_a_trace_of_its_own(world: World) -> None:
    towns = [world.town(), world.town()]
    for town in towns:
        await world.manager(town)
    centre = await world.client(Role.CENTRE, CENTRE)
    items = [{"idempotency_key": uuid4().hex, "form": registration(town)} for town in towns]
    answer = await centre.post(f"{HOUSEHOLDS}/bulk", json={"households": items})
    traces: list[list[Span]] = []
    way = (("web", "register household"), *WAY[1:])
    for town, result in zip(towns, answer.json()["results"], strict=True):
        await world.mailed(town)
        trace_id = await trace_id_of(world, UUID(result["household"]["id"]))
        traces.append(await whole_trace(world, trace_id, len(way) + len(BESIDE)))
    for trace in traces:
        assert_edges(trace, way)
        assert only(trace, way[0]).parent_id is None
        assert orphans(trace) == [], tree(trace)
    assert traces[0][0].trace_id != traces[1][0].trace_id
    assert all(span.name != f"POST {HOUSEHOLDS}/bulk" for trace in traces for span in trace)


async def test_a_submission_leads_to_its_mail_in_the_trace_of_its_record(world: World) -> None:
    town, trace_id, span_id = world.town(), uuid4().hex, uuid4().hex[:16]
    await world.manager(town)
    form = registration(town)
    record = world.submission(
        form["reference"], SubmissionKind.REGISTER, facts=form["facts"], identity=form["identity"]
    )
    await world.submit(record, traceparent=f"00-{trace_id}-{span_id}-01")
    await world.mailed(town)
    way = (("intake-worker", "process submissions.karlsruhe"), *WAY[1:])
    trace = await whole_trace(world, trace_id, len(way) + len(BESIDE) + 1)
    assert_edges(trace, way)
    root = only(trace, way[0])
    assert root.parent_id == span_id
    assert orphans(trace) == [root], tree(trace)
    assert all(span.parent_id for span in trace)
    assert only(trace, ("intake-worker", "send verdicts.karlsruhe")).parent_id == root.span_id


async def trace_id_of(world: World, household: UUID) -> str:
    async def found() -> str | None:
        spans = read_spans(world.running.state_dir)
        mine = (one for one in spans if one.attributes.get("messaging.kafka.message.key") == str(household))
        return next((span.trace_id for span in mine), None)

    return str(await eventually(found))


async def whole_trace(world: World, trace_id: str, spans: int) -> list[Span]:
    """The trace once it has so many spans: each process exports its own in its own time."""

    async def complete() -> list[Span] | None:
        trace = trace_of(world.running.state_dir, trace_id)
        return trace if len(trace) >= spans else None

    return list(await eventually(complete))


def assert_edges(trace: Sequence[Span], way: Sequence[tuple[str, str]]) -> None:
    parents = dict(zip(way[1:], way, strict=False)) | BESIDE
    for child, parent in parents.items():
        assert only(trace, child).parent_id == only(trace, parent).span_id, "\n".join(tree(trace))


def only(trace: Sequence[Span], step: tuple[str, str]) -> Span:
    found = [span for span in trace if (span.service, span.name) == step]
    assert len(found) == 1, (step, tree(trace))
    return found[0]
