"""Handovers at the door: who may plan and confirm, what page and program are shown, and what is written down."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from builders import REUTLINGEN, STUTTGART, TUEBINGEN
from chassis.access import Role
from doors import Door
from forms import told
from matching.roster.rows import manager_id
from matching.web.handovers import FOLLOWED
from matching_stage import HEADER, Stage, matching_door

A, B, C = manager_id("P", "A"), manager_id("P", "B"), manager_id("Q", "C")


WAIT = "Handovers that wait for a decision"


@pytest.fixture
async def stage(stage: Stage) -> Stage:
    """A has two cases in Tübingen and one in Stuttgart; B could take the first two, nobody the third."""
    await stage.roster(f"A;Anna Öhm;P;1;{TUEBINGEN} {STUTTGART};uk")
    for _ in range(2):
        await stage.arrive()
    await stage.arrive(municipality=STUTTGART, size=5)
    await stage.roster(f"B;Berta Uhl;P;1;{TUEBINGEN}", f"C;Carla Ast;Q;1;{REUTLINGEN}")
    await stage.pass_time()
    return stage


@pytest.fixture
async def door(stage: Stage, database: Any, database_url: str) -> Door:
    return matching_door(stage, await database("matching", "web", clock=stage.clock), database_url)


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("Persons without cover", "Proposal")), ("de", ("Personen ohne Betreuung", "Vorschlag"))],
)
async def test_a_plan_is_looked_at_confirmed_and_followed(
    door: Door, stage: Stage, language: str, words: tuple[str, str]
) -> None:
    await stage.fall_ill("A")
    async with door.person(Role.STATE, "08", language) as browser:
        planned = await browser.send(f"/matching/managers/{A}/handover", reason="absent")
        assert planned.status_code == 303
        page = await browser.get(planned.headers["location"])
        assert page.status_code == 200
        assert all(word in page.text for word in words)
        assert await stage.pass_time() == [], "a proposal moves nobody"
        confirmed = await browser.send(planned.headers["location"] + "/confirm")
        assert confirmed.status_code == 303
        assert len(await stage.pass_time()) == 2
        assert planned.headers["location"] in (await browser.get("/matching/handovers")).text
        done = await browser.get(planned.headers["location"])
        assert "/confirm" not in done.text
    audits = await stage.rows("select action from audit where action like '%hand%' order by id")
    assert [row["action"] for row in audits] == ["plan_handover", "confirm_handover", "hand_over", "hand_over"]


async def test_a_running_plan_says_whose_cases_it_moves_and_comes_anew_until_its_end(door: Door, stage: Stage) -> None:
    await stage.fall_ill("A")
    async with door.person(Role.STATE, "08") as browser:
        address = (await browser.send(f"/matching/managers/{A}/handover", reason="absent")).headers["location"]
        listed = (await browser.get("/matching/handovers")).text
        assert '<div class="cell">A</div>' in listed
        proposal = (await browser.get(address)).text
        assert "Handover: A</h1>" in proposal
        assert "every 5s" not in proposal
        await browser.send(address + "/confirm")
        assert f'hx-get="{address}" hx-trigger="every 5s"' in (await browser.get(address)).text
        browser.client.headers["HX-Request"] = "true"
        running = await browser.get(address)
        assert "0 done, 2 still to come" in running.text
        assert "<table" not in running.text
        assert "hx-refresh" not in running.headers
        stage.clock.now += FOLLOWED
        assert "every 5s" not in (await browser.get(address)).text, "it would keep a session open that nobody uses"
        await stage.pass_time()
        done = await browser.get(address)
        assert done.headers["hx-refresh"] == "true"
        assert "every 5s" not in done.text


async def test_where_all_can_stay_nothing_is_planned(door: Door, stage: Stage) -> None:
    async with door.person(Role.STATE, "08") as browser:
        answer = await browser.send(f"/matching/managers/{A}/handover", reason="cut")
        assert answer.headers["location"].startswith(f"/matching/managers/{A}")
        ((kind, words),) = told((await browser.get(answer.headers["location"])).text)
    assert (kind, words[:40]) == ("warning", "By the roster as it stands all cases can")
    async with door.program(Role.STATE, "08") as client:
        assert (await client.post("/matching/v1/handovers", json={"reason": "cut"})).status_code == 409


async def test_a_program_plans_confirms_and_reads(door: Door, stage: Stage) -> None:
    await stage.fall_ill("A")
    async with door.program(Role.STATE, "08") as client:
        made = await client.post("/matching/v1/handovers", json={"reason": "absent"})
        assert made.status_code == 201
        plan = made.json()
        assert (plan["status"], plan["moves_lower_bound"], plan["persons_uncovered"]) == ("proposed", 3, 5)
        assert {(one["status"], one["gate"]) for one in plan["moves"]} == {
            ("planned", None),
            ("uncovered", "nobody_active"),
        }
        confirm = f"/matching/v1/handovers/{plan['id']}/confirm"
        assert (await client.post(confirm)).json()["status"] == "running"
        assert (await client.post(confirm)).status_code == 409
        await stage.pass_time()
        after = (await client.get(f"/matching/v1/handovers/{plan['id']}")).json()
    assert after["status"] == "done"
    assert sorted(one["status"] for one in after["moves"]) == ["done", "done", "uncovered"]


async def test_a_transfer_is_planned_from_a_households_page_and_discarded(door: Door, stage: Stage) -> None:
    household = next(iter(stage.cares))
    async with door.person(Role.DISTRICT, TUEBINGEN[:5]) as browser:
        page = await browser.get(f"/matching/households/{household}")
        assert f"/matching/households/{household}/handover" in page.text
        assert WAIT not in (await browser.get("/matching/")).text
        planned = await browser.send(f"/matching/households/{household}/handover")
        assert f"{WAIT}: 1" in (await browser.get("/matching/")).text
        assert (await browser.get(planned.headers["location"])).text.count("/discard") == 1
        await browser.send(planned.headers["location"] + "/discard")
        done = (await browser.get(planned.headers["location"])).text
        assert WAIT not in (await browser.get("/matching/")).text
        assert "Discarded" in done
        assert ("success", "The proposal is discarded; nobody moves.") in told(done)
        for late in ("/discard", "/confirm"):
            await browser.send(planned.headers["location"] + late)
            again = (await browser.get(planned.headers["location"])).text
            assert ("warning", "The plan is no proposal any more.") in told(again)
        assert "/confirm" not in done
        assert (await browser.send(f"/matching/households/{uuid4()}/handover")).status_code == 404
        assert (await browser.send(f"/matching/handovers/{uuid4()}/discard")).status_code == 404
    assert await stage.pass_time() == []


async def test_a_program_plans_a_transfer_lists_and_discards_it(door: Door, stage: Stage) -> None:
    household = str(next(iter(stage.cares)))
    async with door.program(Role.STATE, "08") as client:
        plans = "/matching/v1/handovers"
        made = (await client.post(plans, json={"reason": "transfer", "households": [household]})).json()
        assert [(one["household"], one["cause"], one["to_manager"]) for one in made["moves"]] == [
            (household, "requested", str(B))
        ]
        assert [one["id"] for one in (await client.get(plans)).json()["handovers"]] == [made["id"]]
        assert (await client.post(f"{plans}/{made['id']}/discard")).json()["status"] == "discarded"
        assert (await client.post(f"{plans}/{made['id']}/discard")).status_code == 409
        assert (await client.post(f"{plans}/{made['id']}/confirm")).status_code == 409
        for wrong in (
            {"reason": "transfer"},
            {"reason": "absent", "households": [household]},
            {"reason": "transfer", "households": [household], "managers": [str(A)]},
        ):
            assert (await client.post(plans, json=wrong)).status_code == 422
        unknown = {"reason": "transfer", "households": [str(uuid4())]}
        assert (await client.post(plans, json=unknown)).status_code == 404


async def test_a_district_plans_its_own_cases_only_and_sees_no_other_plan(door: Door, stage: Stage) -> None:
    await stage.fall_ill("A")
    async with door.program(Role.DISTRICT, TUEBINGEN[:5]) as client:
        plan = (await client.post("/matching/v1/handovers", json={"reason": "absent", "managers": [str(A)]})).json()
        assert (len(plan["moves"]), plan["persons_uncovered"]) == (2, 0)
        other = await client.post("/matching/v1/handovers", json={"reason": "absent", "managers": [str(C)]})
        assert other.status_code == 404
    async with door.program(Role.DISTRICT, STUTTGART[:5]) as client:
        assert (await client.get(f"/matching/v1/handovers/{plan['id']}")).status_code == 404
        assert (await client.post(f"/matching/v1/handovers/{plan['id']}/confirm")).status_code == 404
    async with door.person(Role.DISTRICT, STUTTGART[:5]) as browser:
        assert plan["id"] not in (await browser.get("/matching/handovers")).text
        assert (await browser.get(f"/matching/handovers/{plan['id']}")).status_code == 404
        assert (await browser.send(f"/matching/handovers/{plan['id']}/confirm")).status_code == 404


@pytest.mark.parametrize(
    ("role", "tenant"),
    [(Role.MUNICIPALITY, TUEBINGEN), (Role.MANAGER, str(A)), (Role.OPERATOR, "08"), (Role.AUDITOR, "08")],
)
async def test_nobody_else_may_plan_or_confirm(door: Door, role: Role, tenant: str) -> None:
    key: UUID = uuid4()
    async with door.person(role, tenant) as browser:
        assert (await browser.send(f"/matching/managers/{A}/handover", reason="absent")).status_code == 403
        assert (await browser.get("/matching/handovers")).status_code == 403
        assert (await browser.get(f"/matching/handovers/{key}")).status_code == 403
        assert (await browser.send(f"/matching/handovers/{key}/confirm")).status_code == 403
        assert (await browser.send(f"/matching/handovers/{key}/discard")).status_code == 403
        assert (await browser.send(f"/matching/households/{key}/handover")).status_code == 403


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "5 persons are without cover"), ("de", "5 Personen ohne Betreuung")],
)
async def test_the_preview_of_a_roster_warns_of_who_would_be_without_cover(
    door: Door, stage: Stage, language: str, words: str
) -> None:
    line = f"A;Anna Öhm;P;1;{TUEBINGEN}"
    content = "\n".join([HEADER, line + ";" * (HEADER.count(";") - line.count(";"))])
    async with door.person(Role.STATE, "08", language) as browser:
        upload = {"file": ("roster.csv", content.encode(), "text/csv")}
        shown = await browser.client.post("/matching/roster/import", data={"csrf_token": browser.csrf}, files=upload)
    assert words in shown.text
