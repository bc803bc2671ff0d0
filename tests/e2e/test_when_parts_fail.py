"""Kafka, PostgreSQL or the mail server away: what can be taken is taken, nobody waits for somebody else, all heals."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from chassis.access import Role
from contracts.vocabulary import SubmissionKind
from e2e.rest import is_quiet
from e2e.world import CENTRE, HOUSEHOLDS, World, key_header, registration
from stream import eventually


@pytest.fixture(autouse=True)
async def at_rest_again(breakable: World) -> AsyncIterator[None]:
    """What a test has broken is whole before the next one begins."""
    yield
    parts = (breakable.running.kafka, breakable.running.postgres)
    await asyncio.gather(*(part.start() for part in parts if part and not part.alive()))
    await eventually(lambda: is_quiet(breakable), within=60)


@pytest.mark.timeout(180)
async def test_intake_accepts_while_kafka_is_down_and_everything_arrives_later(breakable: World) -> None:
    world, town = breakable, breakable.town()
    await world.manager(town)
    kafka = world.running.kafka
    assert kafka is not None
    await kafka.stop()
    households = [await world.registered(town) for _ in range(3)]
    kept = "select count(*) from outbox where published_at is null and topic = 'households'"
    assert await world.ask("intake", kept) == len(households)
    centre = await world.client(Role.CENTRE, CENTRE)
    shown = [await centre.get(f"{HOUSEHOLDS}/{household}") for household in households]
    assert [answer.status_code for answer in shown] == [200] * len(households)
    assert (await centre.get("/readyz")).is_success
    await not_ready(world, "intake.0", "relay")
    # Who has nothing to send and nothing to read does not take that for work that is done.
    await not_ready(world, "reporting.0", "stream")
    await kafka.start()
    for household in households:
        await world.care(household, "proposed", within=90)
    await reconnected(world)
    assert len(await world.mailed(town, 3)) == 3


@pytest.mark.timeout(180)
async def test_postgresql_down_is_a_503_that_says_when_to_come_back(breakable: World) -> None:
    world, town = breakable, breakable.town()
    await world.manager(town)
    form = registration(town)
    postgres = world.running.postgres
    assert postgres is not None
    centre = await world.client(Role.CENTRE, CENTRE)
    await postgres.stop()
    key = key_header()
    away = await centre.post(HOUSEHOLDS, json=form, headers=key)
    assert away.status_code == 503, away.text
    assert away.headers["content-type"] == "application/problem+json"
    assert int(away.headers["retry-after"]) > 0
    page = await centre.get("/login", headers={"Accept": "text/html", "Authorization": ""})
    assert page.status_code in {200, 503}
    record = world.submission(f"down-{town}", SubmissionKind.REGISTER, facts=form["facts"], identity=form["identity"])
    await world.submit(record)
    await not_ready(world, "matching.0", "relay", "timers")
    await not_ready(world, "web", "database.intake")
    await postgres.start()

    async def taken() -> bool:
        return (await centre.post(HOUSEHOLDS, json=form, headers=key)).status_code == 202

    await eventually(taken)
    await reconnected(world)
    for reference in (form["reference"], f"down-{town}"):
        await world.care(await world.household(reference), "proposed", within=60)


@pytest.mark.timeout(180)
async def test_one_mail_that_hangs_keeps_no_other_from_being_sent(breakable: World) -> None:
    world, slow, quick = breakable, breakable.town(), breakable.town()
    for town in (slow, quick):
        await world.manager(town)
    world.gate.drop()
    hung = world.gate.hung
    world.gate.hanging = 1
    first = await world.registered(slow)
    await eventually(lambda: is_true(world.gate.hung > hung))
    second = await world.registered(quick)
    await world.mailed(quick)
    assert world.mails(slow) == []
    await world.care(second, "proposed")
    item = await world.item(slow, first, "open")
    assert (await world.answer(slow, first, item["item"], "accepted")).is_success
    await world.care(first, "confirmed")
    (mail,) = await world.mailed(slow, within=60)
    assert str(first) in mail.get_content()
    attempts = await world.ask("notifications", "select attempts from message where household = $1", first)
    assert attempts == 2


@pytest.mark.timeout(180)
async def test_mail_is_sent_once_the_server_is_back(breakable: World) -> None:
    world, town = breakable, breakable.town()
    await world.manager(town)
    await world.gate.shut()
    household = await world.registered(town)
    await world.item(town, household, "open")
    await world.sees(
        "notifications", "select last_error_code = 'connection' from message where household = $1", household
    )
    await world.gate.open()
    assert len(await world.mailed(town, within=60)) == 1


async def is_true(value: bool) -> bool:
    return value


async def reconnected(world: World) -> None:
    """Wait until every process says that it can work again."""
    await asyncio.gather(*(process.ready(60) for process in world.running.processes.values()))


async def not_ready(world: World, process: str, *parts: str) -> None:
    """Wait until a worker says that one of these parts does not work."""
    async with httpx.AsyncClient(trust_env=False) as http:

        async def says_so() -> bool:
            answer = await http.get(f"{world.running.process(process).url}/readyz")
            return answer.status_code == 503 and any(part in answer.json()["down"] for part in parts)

        await eventually(says_so, within=60)
