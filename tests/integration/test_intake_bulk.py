"""The bulk entrance on a real database: each item is told what the single entrance would have told it."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis.access import Role
from chassis.database import Database
from chassis.telemetry import traceparent_of
from chassis.web.app import assemble
from doors import Door
from gauged import figure
from intake_world import intake_door, outcomes, with_register
from integration.conftest import OpenDatabase
from offers import a_person, a_registration, an_identity, stated_facts
from rows import rows

SINGLE = "/intake/v1/households"
BULK = f"{SINGLE}/bulk"
SECRET = "Zaphod"


@pytest.fixture
async def worker(database: OpenDatabase) -> Database:
    return await with_register(await database("intake"))


@pytest.fixture
async def door(worker: Database, database: OpenDatabase, database_url: str) -> Door:
    return intake_door(await database("intake", "web"), worker, database_url)


def an_item(reference: str = "KA-1", key: str | None = None, **form: Any) -> dict[str, Any]:
    return {"idempotency_key": key or str(uuid4()), "form": a_registration(reference, **form)}


async def upload(client: httpx.AsyncClient, *items: Any) -> list[dict[str, Any]]:
    answer = await client.post(BULK, json={"households": items})
    assert answer.status_code == 200, answer.text
    assert SECRET not in answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    assert len(results) == len(items)
    return results


async def alone(client: httpx.AsyncClient, item: Any) -> httpx.Response:
    return await client.post(SINGLE, json=item["form"], headers={"Idempotency-Key": item["idempotency_key"]})


def statuses(results: list[dict[str, Any]]) -> list[int]:
    return [one["status"] for one in results]


def codes(result: dict[str, Any]) -> set[tuple[str, str]]:
    return {(one["pointer"], one["code"]) for one in result["problem"].get("errors", [])}


async def test_many_are_registered_in_one_transaction_each_with_all_that_one_alone_has(
    door: Door, worker: Database
) -> None:
    accepted = figure("geleit_bulk_items_total", status="202")
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        results = await upload(client, *(an_item(f"KA-{number}") for number in range(5)))
        read = [(await client.get(one["location"])).json() for one in results]
    assert [one["reference"] for one in read] == [f"KA-{number}" for number in range(5)]
    for one, household in zip(results, read, strict=True):
        told = {"id": household["id"], "revision": 1, "status": "active", "outcome": "accepted"}
        assert one == {"status": 202, "location": f"{SINGLE}/{household['id']}", "household": told}
    ids = [one["household"]["id"] for one in results]
    households = "select key from outbox where topic = 'households' order by id"
    assert [key for (key,) in await rows(worker, households)] == ids
    assert await rows(worker, "select count(distinct xmin::text), count(*) from household") == [(1, 5)]
    assert await rows(worker, "select count(*) from person_vault") == [(5,)]
    audited = "select subject from audit where action = 'household.accepted' order by id"
    assert [subject for (subject,) in await rows(worker, audited)] == ids
    assert await outcomes(worker) == {"accepted": 5}
    assert figure("geleit_bulk_items_total", status="202") == accepted + 5


async def test_the_same_bulk_twice_registers_nothing_twice_and_is_told_the_same(door: Door, worker: Database) -> None:
    items = [an_item("KA-1"), an_item("KA-2", facts={}), an_item("KA-3")]
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        first, again = await upload(client, *items), await upload(client, *items)
    assert statuses(first) == [202, 422, 202]
    assert [again[place].pop("replayed") for place in (0, 2)] == [True, True]
    assert again == first
    assert await rows(worker, "select count(*) from household") == [(2,)]
    assert await rows(worker, "select count(*) from outbox where topic = 'households'") == [(2,)]
    assert await outcomes(worker) == {"accepted": 2, "duplicate": 2, "rejected": 2}


async def test_who_has_withdrawn_is_said_to_be_so_though_the_form_is_the_same(door: Door, worker: Database) -> None:
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        (first,) = await upload(client, an_item())
        withdrawal = f"{first['location']}/withdrawal"
        assert (await client.post(withdrawal, json={}, headers={"Idempotency-Key": "w"})).status_code == 202
        (again,) = await upload(client, an_item())
    assert again["status"] == 200
    assert again["household"] == first["household"] | {"revision": 2, "status": "withdrawn", "outcome": "duplicate"}


async def test_the_same_bulk_at_the_same_time_registers_nothing_twice(door: Door, worker: Database) -> None:
    items = [an_item(f"KA-{number}") for number in range(20)]
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        answers = await asyncio.gather(upload(client, *items), upload(client, *reversed(items)), upload(client, *items))
    ids = [[one["household"]["id"] for one in results] for results in answers]
    assert ids[0] == ids[1][::-1] == ids[2]
    assert [set(statuses(results)) for results in answers] == [{202}] * 3
    assert await outcomes(worker) == {"accepted": 20, "duplicate": 40}


async def test_a_key_is_the_same_at_both_entrances(door: Door, worker: Database) -> None:
    one, other = an_item("KA-1", "k-1", identity=an_identity(a_person(given_name="Söröş"))), an_item("KA-2", "k-2")
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        single = await alone(client, one)
        (again, bulk) = await upload(client, one, other)
        replayed = await alone(client, other)
        (reused,) = await upload(client, an_item("KA-3", "k-1"))
    assert (again["household"], again["location"]) == (single.json(), single.headers["location"])
    assert again["replayed"]
    assert replayed.json() == bulk["household"]
    assert replayed.headers["idempotency-replayed"] == "true"
    assert (reused["status"], reused["problem"]["type"]) == (422, "urn:problem-type:geleit:idempotency-key-reused")
    assert await outcomes(worker) == {"accepted": 2, "duplicate": 2, "rejected": 1}


async def test_a_request_is_the_same_with_other_blanks(door: Door, worker: Database) -> None:
    item = an_item()
    content = json.dumps(item["form"], indent=2).encode()
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        single = await client.post(SINGLE, content=content, headers={"Idempotency-Key": item["idempotency_key"]})
        again = await alone(client, item)
        (bulk,) = await upload(client, item)
    assert single.json() == again.json() == bulk["household"]
    assert bulk["replayed"]
    assert await outcomes(worker) == {"accepted": 1, "duplicate": 2}


async def test_inside_one_bulk_a_key_stands_for_one_form(door: Door, worker: Database) -> None:
    one, refused = an_item("KA-1", "k-1"), an_item("KA-2", "k-2", facts={})
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        items = [one, refused, one, an_item("KA-3", "k-1"), refused, an_item("KA-2", "k-2")]
        results = await upload(client, *items)
        (after,) = await upload(client, an_item("KA-2", "k-2"))
    assert statuses(results) == [202, 422, 202, 422, 422, 422]
    assert results[2] == results[0] | {"replayed": True}
    assert results[4] == results[1]
    for place in (3, 5):
        assert results[place]["problem"]["type"] == "urn:problem-type:geleit:idempotency-key-reused"
    assert after["status"] == 202
    assert await outcomes(worker) == {"accepted": 2, "duplicate": 1, "rejected": 4}


async def test_one_reference_under_several_keys_is_decided_in_the_order_of_the_items(
    door: Door, worker: Database
) -> None:
    other = an_identity(a_person(given_name="Iryna"))
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        results = await upload(
            client,
            an_item(),
            an_item(),
            an_item(identity=other),
            an_item(version=2, facts=stated_facts(languages=["ru"])),
        )
    assert statuses(results) == [202, 200, 409, 202]
    told = [one["household"]["outcome"] for one in results if "household" in one]
    assert told == ["accepted", "duplicate", "corrected"]
    assert codes(results[2]) == {("/reference", "reference_taken")}
    revisions = await rows(worker, "select revision from outbox where topic = 'households' order by id")
    assert revisions == [(1,), (2,)]


BAD: dict[str, tuple[Any, int, set[tuple[str, str]]]] = {
    "no object": (SECRET, 422, {("", "wrong_type")}),
    "null": (None, 422, {("", "wrong_type")}),
    "a list": ([SECRET], 422, {("", "wrong_type")}),
    "without a key": ({"form": a_registration()}, 400, set()),
    "an empty key": (an_item() | {"idempotency_key": ""}, 400, set()),
    "a key of 201 characters": (an_item() | {"idempotency_key": "k" * 201}, 400, set()),
    "a key beyond ASCII": (an_item() | {"idempotency_key": "Zaphöd"}, 400, set()),
    "a number as key": (an_item() | {"idempotency_key": 7}, 400, set()),
    "without a form": ({"idempotency_key": "k"}, 422, {("", "wrong_type")}),
    "a text as form": ({"idempotency_key": "k", "form": SECRET}, 422, {("", "wrong_type")}),
    "an empty form": (
        {"idempotency_key": "k", "form": {}},
        422,
        {("/reference", "missing"), ("/facts", "missing"), ("/identity", "missing")},
    ),
    "wrong types": (
        an_item(facts=stated_facts(arrived_on=7, languages=SECRET)),
        422,
        {("/facts/arrived_on", "not_a_date"), ("/facts/languages", "wrong_type")},
    ),
    "unknown municipality": (
        an_item(facts=stated_facts(municipality="08999999")),
        422,
        {("/facts/municipality", "unknown_municipality")},
    ),
    "born tomorrow": (
        an_item(identity=an_identity(a_person(birth_date="2999-01-01", given_name=SECRET))),
        422,
        {("/identity/persons/0/birth_date", "born_in_future")},
    ),
    "nobody": (an_item(identity={"persons": []}), 422, {("/identity/persons", "household_empty")}),
    "sixty persons": (
        an_item(identity={"persons": [a_person(given_name=f"P {n}") for n in range(60)]}),
        422,
        {("/identity/persons", "household_too_large")},
    ),
    "a control character": (an_item("KA\u0000"), 422, {("/reference", "malformed")}),
    "a name as reference": (an_item(f"{SECRET} B"), 422, {("/reference", "malformed")}),
    "nested deep": (
        {"idempotency_key": "k", "form": a_registration(facts=json.loads("[" * 600 + "]" * 600))},
        422,
        {("/facts", "wrong_type")},
    ),
    "a list nested deep": (
        an_item(facts=stated_facts(languages=json.loads("[" * 210 + "]" * 210))),
        422,
        {("/facts", "malformed")},
    ),
    "an erratic number": (an_item(version=10**30), 422, {("/version", "wrong_type")}),
}


@pytest.mark.parametrize("bad", BAD)
async def test_one_that_is_refused_hurts_no_other_and_is_told_what_it_would_be_alone(
    door: Door, worker: Database, bad: str
) -> None:
    item, status, faults = BAD[bad]
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        before, refused, after = await upload(client, an_item("KA-8"), item, an_item("KA-9"))
        if isinstance(item, dict) and item.get("idempotency_key") and "form" in item and status == 422:
            single = await alone(client, item)
            assert (single.status_code, single.json()) == (status, refused["problem"])
    assert [before["status"], after["status"]] == [202, 202]
    assert refused["status"] == refused["problem"]["status"] == status
    assert codes(refused) == faults
    assert "household" not in refused
    held = await rows(worker, "select reference from household order by reference")
    assert held == [("KA-8",), ("KA-9",)]


@pytest.mark.parametrize(
    ("content", "status", "faults"),
    [
        (b'{"households": [', 400, set()),
        (b'{"households": ["Zaphod\xff\xfe"]}', 400, set()),
        (b"", 400, set()),
        (b"[" * 100_000, 400, set()),
        (b"[]", 422, {("", "wrong_type")}),
        (b'"Zaphod"', 422, {("", "wrong_type")}),
        (b"{}", 422, {("/households", "missing")}),
        (b'{"households": null}', 422, {("/households", "missing")}),
        (b'{"households": {"Zaphod": 1}}', 422, {("/households", "wrong_type")}),
        (b'{"households": []}', 422, {("/households", "too_short")}),
        (b'{"households": [' + b"0," * 200 + b"0]}", 422, {("/households", "too_long")}),
    ],
)
async def test_what_is_no_bulk_is_refused_as_a_whole_and_counted_once(
    door: Door, worker: Database, content: bytes, status: int, faults: set[tuple[str, str]]
) -> None:
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        refused = await client.post(BULK, content=content)
    assert refused.status_code == refused.json()["status"] == status, refused.text
    assert refused.headers["content-type"] == "application/problem+json"
    assert codes({"problem": refused.json()}) == faults
    assert SECRET not in refused.text
    assert await outcomes(worker) == {"rejected": 1}


async def test_two_hundred_at_once_are_taken_and_a_larger_body_is_not_read(door: Door, worker: Database) -> None:
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        results = await upload(client, *(an_item(f"KA-{number}") for number in range(200)))
        large = an_item("KA-L", identity={"persons": [a_person(given_name=SECRET * 10)] * 25})
        mistaken = await client.post(BULK, json={"households": [large] * 200})
        refused = await client.post(BULK, content=b"x" * 10_000_000)
    assert statuses(results) == [202] * 200
    assert mistaken.status_code == 200
    assert refused.status_code == 413
    assert await outcomes(worker) == {"accepted": 200, "rejected": 200}


async def test_only_centres_write_each_for_itself(door: Door, worker: Database) -> None:
    body = {"households": [an_item()]}
    async with door.program(Role.MUNICIPALITY, "08416041") as client:
        assert (await client.post(BULK, json=body)).status_code == 403
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        assert (await client.post(BULK, json=body, headers={"Authorization": "Bearer glt_none"})).status_code == 401
        (first,) = await upload(client, *body["households"])
    async with door.program(Role.CENTRE, "ellwangen") as client:
        (other,) = await upload(client, *body["households"])
        assert (await client.get(first["location"])).status_code == 404
    assert (first["status"], other["status"], "replayed" in other) == (202, 202, False)
    assert await outcomes(worker) == {"accepted": 2}


async def test_without_a_database_the_whole_bulk_is_to_come_again(door: Door) -> None:
    def away(_: str) -> Database:
        raise ConnectionError

    app = assemble([door.mounted], away)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://geleit.example") as client:
        refused = await client.post(
            BULK, json={"households": [an_item()]}, headers={"Authorization": "Bearer glt_somebody"}
        )
    assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json")
    assert int(refused.headers["retry-after"]) > 0


async def test_each_item_is_the_root_of_a_trace_that_its_household_goes_on_with(
    door: Door, worker: Database, spans: InMemorySpanExporter
) -> None:
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        await upload(client, an_item("KA-1"), SECRET, an_item("KA-2", identity={"persons": []}), an_item("KA-3"))
    finished = spans.get_finished_spans()
    (request,) = [span for span in finished if span.name == f"POST {BULK}"]
    roots = [span for span in finished if span.name == "register household"]
    assert [span.parent for span in roots] == [None] * 4
    assert len({span.context.trace_id for span in (request, *roots)}) == 5
    assert {link.context.span_id for span in roots for link in span.links} == {request.context.span_id}
    assert [span.attributes and span.attributes["http.response.status_code"] for span in roots] == [202, 422, 422, 202]
    sent = await rows(worker, "select traceparent from outbox where topic = 'households' order by id")
    assert sent == [(traceparent_of(trace.NonRecordingSpan(roots[place].context)),) for place in (0, 3)]
    for span in finished:
        for secret in (SECRET, "Oksana", "Melnyk", "1988", "123456"):
            assert secret not in span.to_json()


async def test_the_api_describes_the_bulk(door: Door) -> None:
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        document = (await client.get("/intake/openapi.json")).json()
    bulk = document["paths"]["/v1/households/bulk"]["post"]
    content = bulk["requestBody"]["content"]["application/json"]
    assert content["schema"]["properties"]["households"]["maxItems"] == 200
    assert content["example"]["households"][0]["form"]["reference"]
    assert "application/problem+json" in bulk["responses"]["default"]["content"]
