"""What bad input gets: a clear answer that repeats nothing of it, and no trace of it in anything else."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from chassis.access import Role
from contracts.submissions import Submission
from contracts.topics import submissions
from contracts.vocabulary import SubmissionKind
from e2e.world import CENTRE, HOUSEHOLDS, World, geleit, key_header, registration, roster_csv
from offers import a_person, an_identity, stated_facts
from stream import eventually

SECRET = "Zaphod"


def tomorrow() -> str:
    return (datetime.now(UTC).date() + timedelta(days=2)).isoformat()


FORMS: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "wrong types": ({"facts": {"arrived_on": 7, "languages": "uk"}}, ("/facts/languages", "wrong_type")),
    "unknown municipality": ({"facts": {"municipality": "08999999"}}, ("/facts/municipality", "unknown_municipality")),
    "born tomorrow": (
        {"identity": an_identity(a_person(birth_date=tomorrow(), given_name=SECRET))},
        ("/identity/persons/0/birth_date", "born_in_future"),
    ),
    "nobody": ({"identity": {"persons": []}}, ("/identity/persons", "household_empty")),
    "sixty persons": ({"identity": {"persons": [a_person()] * 60}}, ("/identity/persons", "household_too_large")),
    "arrives tomorrow": ({"facts": {"arrived_on": tomorrow()}}, ("/facts/arrived_on", "arrived_in_future")),
}
BODIES = {
    "malformed": (b'{"reference": "Zaphod', 400),
    "not UTF-8": (b'{"reference": "Zaphod\xff\xfe"}', 400),
    "no object": (b'["Zaphod"]', 422),
    "empty": (b"", 400),
    "10 MB": (b'{"reference": "' + b"Zaphod" * 1_700_000 + b'"}', 413),
    "deep": (b"[" * 100_000, 400),
}
POISON: dict[str, tuple[bytes | None, list[tuple[str, bytes | None]]]] = {
    "malformed": (b'{"reference": "Zaphod', [("ce_type", Submission.ce_type.encode())]),
    "not UTF-8": (b'{"reference": "\xff\xfe"}', [("ce_type", Submission.ce_type.encode())]),
    "wrong types": (b'{"reference": 7, "kind": "register"}', [("ce_type", Submission.ce_type.encode())]),
    "unknown version": (b"{}", [("ce_type", b"geleit.submission.v99")]),
    "header of bytes": (b"{}", [("ce_type", b"\xff\xfe")]),
    "no header": (b"{}", []),
    "header without a value": (b"{}", [("ce_type", None)]),
    "no value": (None, [("ce_type", Submission.ce_type.encode())]),
}
ROSTERS = {
    "negative FTE": ({"fte": "-0,5"}, "fte: The number is negative."),
    "no number": ({"fte": "dreiviertel"}, "fte: This is not a number."),
    "unknown AGS": ({"service_area": "08999999"}, "service_area: The register has no municipality"),
    "overlapping absences": (
        {"absences": "2022-03-01/2022-03-20 2022-03-10/2022-04-01"},
        "absences: Two absences overlap.",
    ),
}


@pytest.mark.parametrize("form", FORMS)
async def test_a_form_that_does_not_hold_is_refused_by_http_and_by_kafka(world: World, form: str) -> None:
    overrides, fault = FORMS[form]
    body = registration(world.town())
    body |= {name: (body[name] | part if name == "facts" else part) for name, part in overrides.items()}
    centre = await world.client(Role.CENTRE, CENTRE)
    answer = await centre.post(HOUSEHOLDS, json=body, headers=key_header())
    assert fault in refused(answer, 422)
    await world.submit(
        world.submission(body["reference"], SubmissionKind.REGISTER, facts=body["facts"], identity=body["identity"])
    )
    await world.sees(
        "intake",
        "select exists (select from verdict where reference = $1 and outcome = 'rejected' and channel = 'kafka'"
        " and problems @> $2::text::jsonb)",
        body["reference"],
        f'[{{"pointer": "{fault[0]}", "code": "{fault[1]}"}}]',
    )
    assert await world.ask("intake", "select count(*) from household where reference = $1", body["reference"]) == 0


@pytest.mark.parametrize("body", BODIES)
async def test_a_body_that_nobody_can_read_is_refused(world: World, body: str) -> None:
    content, status = BODIES[body]
    centre = await world.client(Role.CENTRE, CENTRE)
    refused(await centre.post(HOUSEHOLDS, content=content, headers=key_header()), status)


@pytest.mark.parametrize("poison", POISON)
async def test_a_poison_record_is_parked_and_the_next_one_is_applied(world: World, poison: str) -> None:
    value, headers = POISON[poison]
    town = world.town()
    form = registration(town)
    await world.manager(town)
    topic, partition, position = await world.send(submissions(CENTRE).name, f"p-{uuid4().hex}", value, headers)
    await world.submit(
        world.submission(form["reference"], SubmissionKind.REGISTER, facts=form["facts"], identity=form["identity"])
    )
    await world.care(await world.household(form["reference"]), "proposed")
    parked = "select error from parked where (topic, partition, position) = ($1, $2::int, $3::bigint)"
    error = await world.ask("intake", parked, topic, partition, position)
    assert error
    assert SECRET not in error


async def test_an_operator_is_told_what_becomes_of_a_poison_record(world: World) -> None:
    def parked(*words: str) -> tuple[int, str, str]:
        done = geleit({**world.running.environment, "COLUMNS": "200"}, "parked", *words)
        return done.returncode, done.stdout, done.stderr

    value, headers = POISON["malformed"]
    place = await world.send(submissions(CENTRE).name, f"p-{uuid4().hex}", value, headers)
    where = "from parked where (topic, partition, position) = ($1, $2::int, $3::bigint)"
    await world.sees("intake", f"select count(*) = 1 {where}", *place)
    record = str(await world.ask("intake", f"select id {where}", *place))
    assert "/".join(map(str, place)) in parked("list", "intake")[1]
    code, _, said = parked("retry", "intake", record)
    assert (code, "still parked" in said, "Traceback" in said) == (1, True, False)
    error = str(await world.ask("intake", f"select error {where}", *place))
    assert error in parked("show", "intake", record)[1]
    code, said, _ = parked("retry", "intake", "--error", error, "--dry-run")
    assert (code, f"× {error}" in said) == (0, True)
    code, _, said = parked("retry", "intake", "--error", error)
    assert (code, f"× {error}" in said) == (1, True)
    assert parked("retry", "intake")[0] == parked("retry", "intake", record, "--all")[0] == 2
    for asked in ("retry", "list"):
        assert "nothing is parked with this error" in parked(asked, "intake", "--error", "no such error")[1]
    assert parked("discard", "intake", record, "--reason", "not ours")[0] == 0
    code, _, said = parked("list", "nobody")
    assert (code, "'matching'" in said, "Traceback" in said) == (2, True, False)


async def test_the_same_request_twice_makes_one_household(world: World) -> None:
    town, reference = world.town(), f"e2e-{uuid4().hex[:10]}"
    answers = await asyncio.gather(*(world.register(town, key=f"k-{reference}", reference=reference) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    again = await world.register(town, reference=reference)
    assert (again.status_code, again.json()["outcome"]) == (200, "duplicate")
    assert await world.ask("intake", "select count(*) from household where reference = $1", reference) == 1


async def test_a_key_with_another_body_is_refused(world: World) -> None:
    town, key = world.town(), uuid4().hex
    assert (await world.register(town, key=key)).status_code == 202
    answer = await world.register(town, key=key)
    refused(answer, 422)
    assert answer.json()["type"] == "urn:problem-type:geleit:idempotency-key-reused"


async def test_nobody_writes_for_another_centre_or_sees_its_households(world: World) -> None:
    town = world.town()
    household = await world.registered(town)
    other = await world.client(Role.CENTRE, "ellwangen")
    for answer in (
        await other.get(f"{HOUSEHOLDS}/{household}"),
        await other.put(f"{HOUSEHOLDS}/{household}", json={"facts": stated_facts()}, headers=key_header()),
        await other.post(f"{HOUSEHOLDS}/{household}/withdrawal", headers=key_header()),
        await other.get(f"{HOUSEHOLDS}/{uuid4()}"),
    ):
        refused(answer, 404)
    municipality = await world.client(Role.MUNICIPALITY, town)
    refused(await municipality.post(HOUSEHOLDS, json=registration(town), headers=key_header()), 403)
    async with httpx.AsyncClient(base_url=world.running.url, trust_env=False) as nobody:
        refused(await nobody.post(HOUSEHOLDS, json=registration(town), headers=key_header()), 401)
    assert (await world.care(household))["status"] == "waiting"


async def test_an_answer_counts_only_for_the_item_that_stands_and_from_who_has_it(world: World) -> None:
    town, elsewhere = world.town(), world.town()
    await world.manager(town)
    await world.manager(town)
    household = await world.registered(town)
    item = (await world.item(town, household, "open"))["item"]
    refused(await world.answer(elsewhere, household, item, "accepted"), 404)
    refused(await world.answer(town, uuid4(), item, "accepted"), 404)
    refused(await world.answer(town, household, item, "declined"), 422)
    refused(await world.answer(town, household, item, "declined", reason=SECRET), 422)
    refused(await world.answer(town, household, item + 7, "accepted"), 409)
    assert (await world.answer(town, household, item, "declined", reason="other")).is_success
    newer = await eventually(lambda: newer_item(world, town, household, item))
    stale = await world.answer(town, household, item, "accepted")
    refused(stale, 409)
    assert stale.json()["type"] == "urn:problem-type:geleit:stale-answer"
    twice = [await world.answer(town, household, newer, "accepted") for _ in range(2)]
    assert [answer.status_code for answer in twice] == [200, 200]
    await world.care(household, "confirmed")
    assert await world.ask("notifications", "select revision from response where household = $1", household) == 2


async def test_a_household_whose_time_is_over_is_not_eligible_and_says_why(world: World) -> None:
    town = world.town()
    await world.manager(town)
    facts = stated_facts(
        arrived_on="2017-10-01",
        allotted_on="2017-11-30",
        legal_group="entitled_to_protection",
        accommodation="follow_up_accommodation",
    )
    care = await world.care(await world.registered(town, facts=facts))
    assert (care["status"], care["reason"]) == ("not_eligible", "counselling_period_over")


@pytest.mark.parametrize("roster", ROSTERS)
async def test_a_roster_with_a_wrong_line_is_not_imported_at_all(
    world: World, roster: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cells, fault = ROSTERS[roster]
    right = row(world.town())
    file = tmp_path_factory.mktemp("roster") / "roster.csv"
    file.write_text(roster_csv([right, row(world.town()) | {"name": SECRET} | cells]))
    done = await asyncio.to_thread(geleit, world.running.environment, "roster", "import", str(file))
    assert done.returncode == 1
    assert f"line 3, {fault}" in done.stdout
    assert SECRET not in done.stdout + done.stderr
    assert await world.ask("matching", "select count(*) from manager where code = $1", right["code"]) == 0


async def test_a_roster_takes_a_decimal_comma_and_keeps_who_has_cases(world: World) -> None:
    town = world.town()
    manager = await world.manager(town, room=100, fte="0,75")
    assert await world.ask("matching", "select fte_hundredths from manager where id = $1", manager) == 75
    await world.care(await world.registered(town), "proposed")
    report = await world.roster(row(world.town()), complete=True)
    assert not report.possible
    code = await world.ask("matching", "select code from manager where id = $1", manager)
    assert (code, 1) in {(one.code, one.cases) for one in report.carrying}
    assert await world.ask("matching", "select status from manager where id = $1", manager) == "active"


def row(town: str) -> dict[str, str]:
    return {
        "code": f"x-{uuid4().hex[:8]}",
        "name": "Ada Muster",
        "provider": f"town-{town}",
        "fte": "1",
        "service_area": town,
        "absences": "",
    }


async def newer_item(world: World, town: str, household: Any, than: int) -> int | None:
    item: int = (await world.item(town, household))["item"]
    return item if item != than else None


def refused(answer: httpx.Response, status: int) -> set[tuple[str, str]]:
    """The faults that a problem tells; it repeats nothing of what was sent."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert SECRET not in answer.text
    problem = answer.json()
    assert problem["status"] == status
    return {(one["pointer"], one["code"]) for one in problem.get("errors", ())}
