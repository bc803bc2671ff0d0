"""Reporting's door on a real database."""

import pytest

from builders import NOW, REUTLINGEN, a_care, a_household, a_manager, a_municipality, a_waiting_care, an_assignee
from chassis.access import Role
from chassis.web import words
from chassis.web.surroundings import Mounted
from contracts.vocabulary import CareReason
from doors import Door
from integration.conftest import OpenDatabase
from reporting import web
from reporting_world import fold

MARCH = "from=2022-03-01&to=2022-03-31"


@pytest.fixture
async def door(database: OpenDatabase, database_url: str) -> Door:
    mounted = Mounted(name="reporting", prefix="/reports", package="reporting", site=web.create())
    return Door(mounted, await database("reporting", "web"), await database("reporting"), database_url)


@pytest.fixture
async def filled(door: Door) -> Door:
    manager = a_manager(capacity=100)
    here, there = a_household(), a_household(municipality=REUTLINGEN)
    await fold(
        door.worker,
        [
            here,
            there,
            a_care(household=here.id, assignee=an_assignee(manager), weight=25, assigned_at=NOW),
            manager,
            a_municipality(),
            a_municipality(ags=REUTLINGEN, name="Reutlingen", district="08415", district_name="Reutlingen"),
        ],
    )
    return door


async def test_programs_read_the_figures(filled: Door) -> None:
    async with filled.program(Role.STATE, "08") as client:
        found = (await client.get(f"/reports/v1/figures?{MARCH}")).json()
    assert (found["cohort"]["arrivals"], found["cohort"]["assigned"], found["cohort"]["p50_ms"]) == (2, 1, 0.0)
    assert found["capacity"]["utilisation"] == 0.25
    assert found["coverage"]["share"] == 0.5
    assert [one["ags"] for one in found["districts"]] == ["08415", "08416"]


async def test_a_district_is_held_to_itself(filled: Door) -> None:
    async with filled.program(Role.DISTRICT, "08416") as client:
        own = await client.get(f"/reports/v1/figures?{MARCH}")
        other = await client.get(f"/reports/v1/figures?{MARCH}&district=08415")
    assert own.json()["cohort"]["arrivals"] == 1
    assert own.json()["district"] == "08416"
    assert other.status_code == 404


@pytest.mark.parametrize(
    "query", ["from=2022-04-01&to=2022-03-01", "from=yesterday", "district=8416", "district=08416'", "from=0001-01-01"]
)
async def test_what_is_no_period_or_district_is_refused(door: Door, query: str) -> None:
    async with door.program(Role.STATE, "08") as client:
        response = await client.get(f"/reports/v1/figures?{query}")
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"


async def test_who_has_no_right_is_refused(door: Door) -> None:
    async with door.program(Role.MANAGER, "11111111-2222-4333-8444-555555555555") as client:
        assert (await client.get("/reports/v1/figures")).status_code == 403


@pytest.mark.parametrize(("language", "words"), [("en", "Coverage today"), ("de", "Versorgung heute")])
async def test_people_see_the_figures_in_their_language(filled: Door, language: str, words: str) -> None:
    async with filled.person(Role.STATE, "08", language) as browser:
        page = await browser.get(f"/reports/?{MARCH}")
    assert page.status_code == 200
    assert words in page.text
    assert "Reutlingen (08415)" in page.text
    assert "<rect" in page.text
    assert "style=" not in page.text


async def test_a_person_is_told_what_is_wrong_with_a_period(door: Door) -> None:
    async with door.person(Role.STATE, "08", "de") as browser:
        headers = {"Accept": "*/*", "HX-Request": "true"}
        page = await browser.get("/reports/?from=2022-04-01&to=2022-03-01", headers=headers)
    assert (page.status_code, page.headers["content-type"]) == (422, "text/html; charset=utf-8")
    assert "Ein Zeitraum endet nach seinem Beginn" in page.text


async def test_a_page_without_data_says_so(door: Door) -> None:
    async with door.person(Role.STATE, "08") as browser:
        page = await browser.get("/reports/?from=&to=&district=")
    assert page.status_code == 200
    assert "Nobody was registered in this period" in page.text


@pytest.mark.parametrize(("language", "words"), [("en", ("Registered", "rrival")), ("de", ("Angemeldet", "nkünfte"))])
async def test_the_page_says_that_the_day_of_registration_counts(
    filled: Door, language: str, words: tuple[str, str]
) -> None:
    async with filled.person(Role.STATE, "08", language) as browser:
        page = (await browser.get(f"/reports/?{MARCH}")).text
    assert page.count(words[0]) > 4
    assert words[1] not in page


async def test_a_reason_is_worded_as_in_matching(filled: Door) -> None:
    waiting = a_household()
    await fold(filled.worker, [waiting, a_waiting_care(household=waiting.id)])
    async with filled.person(Role.STATE, "08") as browser:
        assert words.CARE_REASONS[CareReason.NO_CAPACITY] in (await browser.get(f"/reports/?{MARCH}")).text


async def test_htmx_gets_the_results_only(filled: Door) -> None:
    async with filled.person(Role.STATE, "08") as browser:
        page = await browser.get(f"/reports/?{MARCH}", headers={"HX-Request": "true"})
    assert "<html" not in page.text
    assert "By district" in page.text


async def test_tables_are_downloads(filled: Door) -> None:
    async with filled.person(Role.STATE, "08") as browser:
        districts = await browser.get(f"/reports/districts.csv?{MARCH}")
        days = await browser.get(f"/reports/days.csv?{MARCH}")
    header, reutlingen, tuebingen = districts.text.removeprefix("\ufeff").splitlines()
    assert header.startswith("AGS;District;Registered;Persons;Eligible;Assigned;Waiting")
    assert reutlingen.startswith("08415;Reutlingen;1;3;0;0;0")
    assert tuebingen.startswith("08416;Tübingen;1;3;1;1;0")
    assert days.text.removeprefix("\ufeff").splitlines()[1].startswith("2022-03-14;2;6;1;1;0")
    assert "attachment" in days.headers["content-disposition"]


@pytest.mark.parametrize(
    ("role", "tenant", "own_only"),
    [(Role.MUNICIPALITY, REUTLINGEN, True), (Role.CENTRE, "heidelberg", True), (Role.DISTRICT, REUTLINGEN[:5], False)],
)
async def test_who_sees_only_own_households_is_told_so(filled: Door, role: Role, tenant: str, own_only: bool) -> None:
    """Managers and coverage are the whole district's whoever asks."""
    async with filled.person(role, tenant) as browser:
        page = (await browser.get(f"/reports/?{MARCH}")).text
        header = (await browser.get(f"/reports/districts.csv?{MARCH}")).text.removeprefix("\ufeff").splitlines()[0]
    by_district = page.split("<caption")[-1]
    assert ("Only your own households are counted" in page) == own_only
    assert ("Own households by district" in page) == own_only
    assert ("Coverage" in by_district) == (not own_only)
    assert ("Waiting (own households);" in header) == own_only
    assert ";Capacity;" in header
