"""A demo on an official register adds up, also after kill -9, the next run goes on from it, and nobody is named."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest

from chassis.settings import Settings
from contracts.topics import all_topics
from e2e.places import country_finder, places
from e2e.weeks import ARRIVALS, OF_THE_NEXT, TOWNS, Weeks, three_runs
from folders import fresh, remove
from geleit.audit.canaries import finder
from geleit.demo.households import OTHER_COUNTRIES, Town, Towns
from geleit.demo.records import Channel, Kind, Week, plan
from geleit.spans import read_spans

pytestmark = [pytest.mark.timeout(300), pytest.mark.own_servers]

FIELDS = (
    "offered accepted corrected withdrawals duplicate rejected parked assigned waiting not_eligible withdrawn"
    " handed_over declined reassigned mails_sent mails_caught p50_ms p95_ms p99_ms feed_per_s seconds"
)
TROUBLES = ("duplicate", "corrected", "withdrawals", "rejected", "parked", "not_eligible")
CENTRES: tuple[str, ...] = Settings.model_fields["centres"].default
SCHEMAS = ("access", "intake", "matching", "notifications", "reporting")


@pytest.fixture(scope="module")
async def weeks() -> AsyncIterator[Weeks]:
    state = await fresh("demo")
    async with three_runs(state) as weeks:
        yield weeks
    await remove(state)


def planned(number: int) -> Week:
    towns = Towns([Town(ags, population) for ags, (_, population) in TOWNS.items()])
    return plan(number, (ARRIVALS, OF_THE_NEXT)[number], towns, CENTRES, datetime.now(UTC).date())


async def test_a_week_that_is_killed_half_way_is_resumed_by_the_next_run(weeks: Weeks) -> None:
    arrivals = [one for one in planned(0).of(Channel.HTTP) if one.kind is Kind.ARRIVAL]
    assert 0 < weeks.arrived < len(arrivals)
    assert f"week 0 was interrupted: it goes on, with its {ARRIVALS} households" in weeks.runs[0].stdout
    assert "web, left behind by a run that was killed" in weeks.runs[0].stdout
    assert weeks.figures[0]["accepted"] == ARRIVALS


async def test_the_run_after_it_feeds_the_next_week(weeks: Weeks) -> None:
    assert "was interrupted" not in weeks.runs[1].stdout
    assert "\nWeek 1\n" in weeks.runs[1].stdout
    assert "\nOne household's way\n" in weeks.runs[1].stdout
    assert weeks.figures[1]["accepted"] == OF_THE_NEXT


@pytest.mark.parametrize("number", [0, 1])
async def test_a_run_without_a_terminal_ends_well_with_figures_that_add_up(weeks: Weeks, number: int) -> None:
    assert weeks.runs[number].returncode == 0, weeks.runs[number].stdout
    of = weeks.figures[number]
    assert list(of) == FIELDS.split()
    ruled = ("accepted", "corrected", "withdrawals", "duplicate", "rejected", "parked")
    fates = ("assigned", "waiting", "not_eligible", "withdrawn", "handed_over")
    assert of["offered"] == sum(of[one] for one in ruled) == len(planned(number).offers)
    assert of["accepted"] == sum(of[one] for one in fates)
    assert {one: of[one] for one in TROUBLES if of[one] < 0.03 * of["offered"]} == {}
    assert of["mails_sent"] == of["mails_caught"] > 0
    assert of["declined"] > 0
    assert 0 < of["p50_ms"] <= of["p95_ms"] <= of["p99_ms"]
    assert min(of["feed_per_s"], of["seconds"]) > 0


async def test_the_municipalities_are_those_of_the_file(weeks: Weeks) -> None:
    connection = await asyncpg.connect(weeks.database_url)
    try:
        rows = await connection.fetch("select ags, name, population, active from intake.municipality")
    finally:
        await connection.close()
    assert all(row["active"] for row in rows)
    assert {row["ags"]: (row["name"], row["population"]) for row in rows} == TOWNS


async def test_no_person_of_a_demo_is_found_outside_the_vault(weeks: Weeks) -> None:
    canaries = json.loads((weeks.state / "demo-canaries.json").read_text("utf-8"))
    person, country = finder(canaries), country_finder("UA", *OTHER_COUNTRIES)
    looked = {"metrics": weeks.metrics, "output": "".join(run.stdout for run in weeks.runs).encode()}
    async for place, content in places(weeks.state, weeks.bootstrap, weeks.database_url, CENTRES):
        looked[place] = looked.get(place, b"") + b"\n" + content
    assert {place: hits[:3] for place, content in looked.items() if (hits := person(content))} == {}
    assert {place: hits[:3] for place, content in looked.items() if (hits := country(content))} == {}
    assert {f"topic {topic.name}" for topic in all_topics(CENTRES)} <= looked.keys()
    assert {f"table {schema}" for schema in SCHEMAS} <= {place.partition(".")[0] for place in looked}
    mails = sum(of["mails_caught"] for of in weeks.figures)
    assert len([place for place in looked if place.startswith("text of mail ")]) == mails


async def test_every_trace_of_a_demo_is_recorded_where_the_environment_says_so(weeks: Weeks) -> None:
    began = {"POST /intake/v1/households", "register household"}
    registrations = [one for one in read_spans(weeks.state) if one.service == "web" and one.name in began]
    offered = [one for number in (0, 1) for one in planned(number).of(Channel.HTTP) if one.kind is Kind.ARRIVAL]
    assert len(registrations) >= len(offered)
