"""Matching's door on a real database: who sees what, who may change what."""

import re
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from builders import NOW, REUTLINGEN, STUTTGART, TUEBINGEN, a_household
from chassis.access import Role, Tenant
from chassis.vault import Vault
from contracts.assignments import Care
from contracts.roster import Manager
from contracts.vocabulary import Answer, AnswerReason, CareReason, CareStatus, HouseholdStatus
from doors import Door
from forms import fields_of, told
from matching.receipts import Choice, recompute
from matching.roster.file import import_roster
from matching.roster.rows import manager_id
from matching_stage import HEADER, VAULT, Stage, matching_door

ROSTER = (
    f"A;Anna Öhm;P;1;{TUEBINGEN};uk",
    f"B;Berta Uhl;P;0,5;{TUEBINGEN} {REUTLINGEN};ru;literacy",
    f"C;Carla Ast;Q;1;{STUTTGART}",
)
B = f"/matching/managers/{manager_id('P', 'B')}"


@pytest.fixture
async def stage(stage: Stage) -> Stage:
    await stage.roster(*ROSTER)
    return stage


@pytest.fixture
async def door(stage: Stage, database: Any, database_url: str) -> Door:
    return matching_door(stage, await database("matching", "web", clock=stage.clock), database_url)


@pytest.fixture
async def cares(stage: Stage) -> dict[str, Care]:
    """Proposed in Tübingen, waiting for want of a municipality, proposed in Stuttgart, not eligible."""
    return {
        "proposed": await stage.arrive(),
        "nowhere": await stage.arrive(municipality=None),
        "stuttgart": await stage.arrive(municipality=STUTTGART),
        "minor": await stage.arrive(unaccompanied_minor=True),
    }


@pytest.mark.parametrize(("language", "words"), [("en", "Who waits, and for what"), ("de", "Wer wartet, und worauf")])
async def test_the_overview_shows_who_waits_and_what_is_left(
    door: Door, cares: dict[str, Care], language: str, words: str
) -> None:
    async with door.person(Role.STATE, "08", language) as browser:
        page = await browser.get("/matching/")
    assert page.status_code == 200
    assert words in page.text


async def test_the_overview_counts_what_is_open(door: Door, cares: dict[str, Care], stage: Stage) -> None:
    await stage.tell(a_household(id=cares["stuttgart"].household, revision=2, status=HouseholdStatus.DEPARTED))
    labels = ("In care", "Proposed", "Waiting", "Not eligible")
    expected = {
        (Role.STATE, "08"): ((0, 1, 1, 1), {"08111": ("0", "0"), "08415": ("0", "0"), "08416": ("1", "0")}),
        (Role.DISTRICT, TUEBINGEN[:5]): ((0, 1, 0, 1), {"08416": ("1", "0")}),
        (Role.MUNICIPALITY, STUTTGART): ((0, 0, 0, 0), {}),
    }
    for (role, tenant), (figures, districts) in expected.items():
        async with door.person(role, tenant) as browser:
            page = (await browser.get("/matching/")).text
        shown = re.findall(r'figure__label">([^<]+)</p>\s*<p class="figure__value">(\d+)<', page)
        assert shown == [(label, str(figure)) for label, figure in zip(labels, figures, strict=True)], role
        in_care = r'data-label="In care"><div class="cell">(\d+)<.*?href="/matching/waiting\?district=(\d+)">(\d+)<'
        rows = re.findall(in_care, page, re.DOTALL)
        assert {district: (cared_for, waiting) for cared_for, district, waiting in rows} == districts, role
        assert ("There is no open case." in page) == (role is Role.MUNICIPALITY)


async def test_where_no_household_is_yet_nobody_is_said_to_be_cared_for(door: Door) -> None:
    async with door.person(Role.STATE, "08") as browser:
        page = (await browser.get("/matching/")).text
    assert "There is no open case." in page
    assert "Every household" not in page


async def test_a_district_sees_its_own_cases_only(door: Door, cares: dict[str, Care]) -> None:
    own, other = cares["proposed"].household, cares["stuttgart"].household
    async with door.person(Role.DISTRICT, TUEBINGEN[:5]) as browser:
        assert (await browser.get(f"/matching/households/{own}")).status_code == 200
        assert (await browser.get(f"/matching/households/{other}")).status_code == 404
        assert (await browser.get(f"/matching/v1/decisions/{other}")).status_code == 404
        assert (await browser.get(f"/matching/managers/{manager_id('Q', 'C')}")).status_code == 404
        assert str(other)[:8] not in (await browser.get("/matching/waiting")).text


async def test_a_districts_row_mixes_no_households_of_one_municipality(door: Door, cares: dict[str, Care]) -> None:
    """A municipality sees its own households only; managers and capacity are the whole district's."""
    headings = {}
    for role, tenant in ((Role.MUNICIPALITY, TUEBINGEN), (Role.DISTRICT, TUEBINGEN[:5])):
        async with door.person(role, tenant) as browser:
            page = await browser.get("/matching/")
        headings[role] = re.findall(r'scope="col">([^<]+)<', page.text.split("Load and capacity by district")[1])
    assert headings[Role.DISTRICT] == [*headings[Role.MUNICIPALITY], "In care", "Waiting"]
    assert headings[Role.MUNICIPALITY][-1] == "Utilisation"


async def test_a_manager_sees_her_own_cases_only(door: Door, cares: dict[str, Care]) -> None:
    assert cares["proposed"].assignee is not None
    hers = cares["proposed"].assignee.id
    async with door.person(Role.MANAGER, str(hers)) as browser:
        page = await browser.get(f"/matching/managers/{hers}")
        assert str(cares["proposed"].household)[:8] in page.text
        assert "Note an absence" not in page.text
        assert (await browser.get(f"/matching/managers/{manager_id('Q', 'C')}")).status_code == 404
        assert (await browser.get(f"/matching/households/{cares['stuttgart'].household}")).status_code == 404
        assert (await browser.get("/matching/roster")).status_code == 403


async def test_a_manager_is_not_told_that_nobody_waits(door: Door, cares: dict[str, Care]) -> None:
    """Who waits has no manager, so that none of them sees anybody who does."""
    assert cares["proposed"].assignee is not None
    async with door.person(Role.MANAGER, str(cares["proposed"].assignee.id)) as browser:
        assert (await browser.get("/matching/waiting")).status_code == 403
        home = await browser.get(f"/matching/managers/{cares['proposed'].assignee.id}")
    assert home.status_code == 200
    assert "Waiting list" not in home.text


async def test_names_are_offered_to_whom_they_are_shown_once_they_are(
    door: Door, stage: Stage, cares: dict[str, Care]
) -> None:
    assert cares["proposed"].assignee is not None
    path = f"/matching/households/{cares['proposed'].household}"
    async with door.person(Role.MUNICIPALITY, TUEBINGEN) as browser:
        page = await browser.get(path)
    assert "once the case is accepted" in page.text
    assert "Show names" not in page.text
    await stage.answer(cares["proposed"], Answer.ACCEPTED)
    may = ((Role.MUNICIPALITY, TUEBINGEN), (Role.MANAGER, str(cares["proposed"].assignee.id)))
    may_not = ((Role.DISTRICT, TUEBINGEN[:5]), (Role.STATE, "08"), (Role.AUDITOR, "08"))
    for role, tenant in (*may, *may_not):
        async with door.person(role, tenant) as browser:
            page = await browser.get(path)
        assert page.status_code == 200
        assert ("Show names" in page.text) == ((role, tenant) in may), role


@pytest.mark.parametrize("path", ["/", "/waiting", "/roster", "/roster/import", f"/households/{UUID(int=7)}"])
async def test_an_operator_sees_no_case_and_no_roster(door: Door, path: str) -> None:
    async with door.person(Role.OPERATOR, "08") as browser:
        assert (await browser.get(f"/matching{path}")).status_code == 403


@pytest.mark.parametrize(
    "table",
    ["household", "care", "assignment", "exclusion", "decision", "decision_link", "handover", "handover_move"],
)
async def test_the_database_shows_no_case_without_a_tenant(door: Door, cares: dict[str, Care], table: str) -> None:
    async with door.web.transaction() as tx:
        assert await tx.fetch(f"select from {table}") == []
    async with door.web.transaction(Tenant(Role.DISTRICT, REUTLINGEN[:5])) as tx:
        assert await tx.fetch(f"select from {table}") == []


WHOSE = {
    "household": "id",
    "decision": "(select household from decision_link l where (l.district, l.position) = (o.district, o.position))",
}
"""Whose a row is, where no column `household` says so."""
A_PLAN = UUID(int=5)


async def with_all_tables(stage: Stage, *having: Care) -> None:
    """These have somebody who may not get them, and are moved by a plan, too."""
    async with stage.database.transaction() as tx:
        await tx.execute(
            "insert into handover (id, made_at, made_by, reason, status, moves_lower_bound)"
            " values ($1, now(), 'somebody', 'cut', 'discarded', 0)",
            A_PLAN,
        )
        for one in having:
            assert one.assignee is not None
            await tx.execute(
                "insert into exclusion (household, manager, item, since) values ($1, $2, 0, now())",
                one.household,
                one.assignee.id,
            )
            await tx.execute(
                "insert into handover_move (handover, household, care_revision, from_manager, cause, lost, status)"
                " values ($1, $2, 1, $3, 'overload', 0, 'uncovered')",
                A_PLAN,
                one.household,
                one.assignee.id,
            )


OF_HOUSEHOLDS = ["household", "care", "assignment", "exclusion", "decision", "decision_link", "handover_move"]


@pytest.mark.parametrize("table", OF_HOUSEHOLDS)
async def test_the_database_shows_what_is_of_a_household_to_who_sees_its_care_and_to_nobody_else(
    door: Door, cares: dict[str, Care], stage: Stage, table: str
) -> None:
    await with_all_tables(stage, cares["proposed"], cares["stuttgart"])
    sees: dict[tuple[Role, str], set[str]] = {
        (Role.STATE, "08"): set(cares),
        (Role.AUDITOR, "08"): set(cares),
        (Role.DISTRICT, TUEBINGEN[:5]): {"proposed", "minor"},
        (Role.DISTRICT, REUTLINGEN[:5]): set(),
        (Role.MUNICIPALITY, TUEBINGEN): {"proposed", "minor"},
        (Role.MUNICIPALITY, STUTTGART): {"stuttgart"},
        (Role.MANAGER, str(manager_id("Q", "C"))): {"stuttgart"},
        (Role.MANAGER, str(manager_id("P", "B"))): set(),
        (Role.CENTRE, "karlsruhe"): set(),
        (Role.OPERATOR, "08"): set(),
    }
    whose = WHOSE.get(table, "household")
    for (role, tenant), names in sees.items():
        async with door.web.transaction(Tenant(role, tenant)) as tx:
            shown = await tx.fetch(f"select o::text as row from {table} o order by 1")
        theirs = [cares[name].household for name in names]
        sql = f"select o::text as row from {table} o where {whose} = any($1::uuid[]) order by 1"
        assert shown == await stage.rows(sql, theirs), role


@pytest.mark.parametrize(
    "write",
    [
        "insert into household (id, home, revision, status, registered_at) values ($1, 0, 1, 'active', now())",
        "insert into assignment (household, item, manager, assigned_at) values ($1, 99, $2, now())",
        "insert into exclusion (household, manager, item, since) values ($1, $2, 0, now())",
        "insert into decision_link (household, revision, district, position) values ($1, 99, '08111', 1)",
        "insert into handover_move (handover, household, care_revision, from_manager, cause, lost, status)"
        f" values ('{A_PLAN}', $1, 1, $2, 'cut', 0, 'planned')",
    ],
    ids=lambda write: write.split()[2],
)
async def test_the_database_takes_nothing_of_a_household_from_who_does_not_see_its_care(
    door: Door, cares: dict[str, Care], stage: Stage, write: str
) -> None:
    await with_all_tables(stage)
    manager = manager_id("P", "B")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with door.web.transaction(Tenant(Role.DISTRICT, TUEBINGEN[:5])) as tx:
            await tx.execute(write, cares["stuttgart"].household, *([manager] if "$2" in write else []))


async def test_a_household_leads_to_managers_whose_page_one_may_open(
    door: Door, cares: dict[str, Care], stage: Stage
) -> None:
    care = cares["proposed"]
    assert care.assignee is not None
    path, hers = f"/matching/households/{care.household}", str(care.assignee.id)
    # One of the candidates no longer serves anybody in Tübingen.
    await stage.roster(f"B;Berta Uhl;P;0,5;{REUTLINGEN};ru;literacy")
    both, one = {str(manager_id("P", "A")), str(manager_id("P", "B"))}, {str(manager_id("P", "A"))}
    seen = ((Role.STATE, "08", both), (Role.DISTRICT, TUEBINGEN[:5], one), (Role.MUNICIPALITY, TUEBINGEN, one))
    assert {hers} == one
    for role, tenant, opened in (*seen, (Role.MANAGER, hers, one)):
        async with door.person(role, tenant) as browser:
            page = await browser.get(f"{path}?why_not=B")
            linked = set(re.findall(r'href="/matching/managers/([^"]+)"', page.text))
            assert linked == opened, role
            assert ">B<" in page.text, "she is named all the same"
            for manager in linked:
                assert (await browser.get(f"/matching/managers/{manager}")).status_code == 200


async def test_a_receipt_can_be_recomputed_by_who_reads_it(door: Door, cares: dict[str, Care]) -> None:
    for name, status in (("proposed", CareStatus.PROPOSED), ("minor", CareStatus.NOT_ELIGIBLE)):
        async with door.program(Role.STATE, "08") as client:
            answer = (await client.get(f"/matching/v1/decisions/{cares[name].household}")).json()
        (decision,) = answer["decisions"]
        assignee = cares[name].assignee
        chosen = assignee.id if assignee else None
        assert decision["hash"] == cares[name].receipt
        assert recompute(decision["receipt"]) == Choice(status, cares[name].reason, chosen)


async def test_why_not_somebody_else_is_answered(door: Door, cares: dict[str, Care], stage: Stage) -> None:
    care = cares["proposed"]
    assert care.assignee is not None
    (other,) = await stage.rows("select id, code from manager where code = 'C'")
    async with door.person(Role.STATE, "08") as browser:
        page = await browser.get(f"/matching/households/{care.household}?why_not={other['code'].lower()}")
        assert "does not serve this municipality" in page.text
        mine = await browser.get(f"/matching/households/{care.household}?why_not={care.assignee.code}")
        assert "was chosen" in mine.text
        nobody = await browser.get(f"/matching/households/{care.household}?why_not=%3Cb%3E")
        assert "There is no manager with this code." in nobody.text
        assert "<b>" not in nobody.text
        assert (await browser.get(f"/matching/households/{care.household}?why_not=%00")).status_code == 422
    async with door.program(Role.STATE, "08") as client:
        path = f"/matching/v1/decisions/{care.household}/why-not"
        assert (await client.get(f"{path}/{other['id']}")).json()["gate"] == "not_served"
        assert (await client.get(f"{path}/{care.assignee.id}")).json()["chosen"] is True
        assert (await client.get(f"{path}/{uuid4()}")).status_code == 404
        minor = f"/matching/v1/decisions/{cares['minor'].household}/why-not/{other['id']}"
        assert (await client.get(minor)).status_code == 409
    async with door.program(Role.MUNICIPALITY, STUTTGART) as client:
        assert (await client.get(f"{path}/{other['id']}")).status_code == 404, "somebody else's household"


async def test_who_stays_after_a_move_is_told_as_nobodys_choice(door: Door, stage: Stage) -> None:
    await stage.roster(f"D;Dora;P;1;{REUTLINGEN} {STUTTGART};uk")
    care = await stage.arrive(municipality=REUTLINGEN)
    assert care.assignee is not None
    assert care.assignee.code == "D"
    await stage.roster(f"E;Eva;P;1;{STUTTGART};uk")
    (moved,) = await stage.tell(a_household(id=care.household, revision=2, municipality=STUTTGART))
    assert moved.assignee == care.assignee
    async with door.person(Role.STATE, "08") as browser:
        page = await browser.get(f"/matching/households/{care.household}?why_not=E")
        assert "The household has moved and stays with its manager" in page.text
        assert "the household has moved and stays with its manager" in page.text
        assert "a person decided" not in page.text
    async with door.program(Role.STATE, "08") as client:
        why = (await client.get(f"/matching/v1/decisions/{care.household}/why-not/{manager_id('P', 'E')}")).json()
    assert (why["stays"], why["by_person"]) == (True, False)


async def test_a_transfer_of_who_waits_is_refused_as_a_warning(door: Door, cares: dict[str, Care]) -> None:
    path = f"/matching/households/{cares['nowhere'].household}"
    async with door.person(Role.STATE, "08") as browser:
        await browser.send(f"{path}/handover")
        assert told((await browser.get(path)).text) == [("warning", "Nobody has this household.")]


async def test_the_waiting_list_is_filtered_and_paged(door: Door, cares: dict[str, Care]) -> None:
    async with door.person(Role.STATE, "08") as browser:
        first = await browser.get("/matching/waiting?limit=1&reason=no_municipality&district=")
        assert str(cares["nowhere"].household)[:8] in first.text
        nothing = await browser.get("/matching/waiting?reason=all_excluded")
        assert "Nobody waits." in nothing.text
        assert (await browser.get("/matching/waiting?reason=nonsense")).status_code == 422


async def test_the_waiting_list_stands_in_the_order_of_the_turns(door: Door, stage: Stage) -> None:
    """Whom somebody had waits from then on, however long ago she was registered."""
    cared_for = await stage.arrive(municipality=STUTTGART, registered_at=NOW - timedelta(days=9))
    (accepted,) = await stage.answer(cared_for, Answer.ACCEPTED)
    later = await stage.arrive(municipality=None, registered_at=NOW - timedelta(days=1))
    wanted = {"household": str(cared_for.household), "manager": str(manager_id("Q", "C"))}
    async with door.program(Role.STATE, "08") as client:
        await client.post("/matching/v1/apart", json={**wanted, "revision": accepted.revision})
    stage.cares.clear()
    async with door.person(Role.STATE, "08") as browser:
        page = await browser.get("/matching/waiting?limit=1")
        assert f"/households/{later.household}" in page.text
        cursor = re.findall(r'href="([^"]*cursor=[^"]*)"', page.text)[0].replace("&amp;", "&")
        page = await browser.get(cursor)
    assert f"/households/{cared_for.household}" in page.text


async def test_names_are_shown_to_who_may_read_the_roster_and_kept_sealed(door: Door, stage: Stage) -> None:
    async with door.person(Role.DISTRICT, TUEBINGEN[:5]) as browser:
        assert (await browser.get("/matching/roster?q=%00")).status_code == 422
        page = await browser.get("/matching/roster?q=A")
    assert "Anna Öhm" in page.text
    assert "Carla Ast" not in page.text
    (row,) = await stage.rows("select name_box from manager where code = 'A'")
    assert "Anna" not in row["name_box"].decode("latin-1")


async def test_the_roster_says_what_keeps_whom_from_new_cases(door: Door, stage: Stage) -> None:
    await stage.roster(f"F;Full;P;0,25;{TUEBINGEN};;;300", f"G;Gone;P;1;{TUEBINGEN};;;;2022-01-01/")
    week = HEADER.replace("absences", "max_new_per_week")
    async with stage.database.transaction() as tx:
        await import_roster(tx, VAULT, f"{week}\nW;Week;P;1;{TUEBINGEN};;;;0".encode(), complete=False)
    async with door.person(Role.STATE, "08") as browser:
        page = (await browser.get("/matching/roster?q=P")).text
    for code, words in {
        "A": "takes what fits",
        "F": "has no capacity left",
        "G": "is not on duty",
        "W": "has had her new cases of this week",
    }.items():
        row = page.split(f">{code}</a>")[1].split("</tr>")[0]
        assert words in row, code


async def test_a_receipt_says_why_and_not_what_is_awaited(door: Door, cares: dict[str, Care]) -> None:
    async with door.person(Role.STATE, "08") as browser:
        page = (await browser.get(f"/matching/households/{cares['proposed'].household}")).text
    assert "its answer is awaited" in page.split("Receipt of the decision")[0]
    assert re.search(r">Why</dt>\s*<dd[^>]*>Matched by language, needs, distance and load<", page)


async def test_a_district_has_its_name_where_no_municipality_is_known(door: Door, stage: Stage) -> None:
    care = await stage.arrive(municipality=None, district=TUEBINGEN[:5])
    async with door.person(Role.STATE, "08") as browser:
        page = (await browser.get(f"/matching/households/{care.household}")).text
    assert re.search(r">District</dt>\s*<dd[^>]*>Tübingen<", page)


async def test_a_household_is_found_by_its_short_form(door: Door, cares: dict[str, Care]) -> None:
    own, other = cares["proposed"].household, cares["stuttgart"].household
    async with door.person(Role.DISTRICT, TUEBINGEN[:5]) as browser:
        assert 'action="/matching/households"' in (await browser.get("/matching/")).text
        found = await browser.get(f"/matching/households?q=+{str(own)[:8].upper()}")
        assert found.headers["location"] == f"/matching/households/{own}"
        page = (await browser.get(found.headers["location"])).text
        assert f"Household {str(own)[:8]}</h1>" in page
        assert f">{own}</dd>" in page
        for nobodys in (str(other)[:8], "xyz", "f" * 33):
            assert "No household begins like this" in (await browser.get(f"/matching/households?q={nobodys}")).text
        assert (await browser.get("/matching/households?q=")).headers["location"] == "/matching/"


async def test_households_that_begin_alike_are_listed(door: Door, stage: Stage) -> None:
    alike = [UUID(f"1be9c55e-0000-4000-8000-00000000000{number}") for number in range(2)]
    for one in alike:
        await stage.arrive(id=one)
    async with door.person(Role.STATE, "08") as browser:
        page = (await browser.get("/matching/households?q=1be9c55e")).text
    assert all(f"/matching/households/{one}" in page for one in alike)


async def test_a_code_stays_in_one_line(door: Door, cares: dict[str, Care]) -> None:
    assert cares["proposed"].assignee is not None
    async with door.person(Role.STATE, "08") as browser:
        for path in ("/roster", f"/managers/{cares['proposed'].assignee.id}", "/waiting"):
            page = (await browser.get(f"/matching{path}")).text
            cell = page.split("<tbody")[1].split("</td>")[0]
            assert '<div class="cell cell--code"><a' in cell, path


async def test_a_file_is_shown_before_it_is_imported(door: Door, stage: Stage) -> None:
    content = "\n".join(
        [HEADER, *(line + ";" * (8 - line.count(";")) for line in (*ROSTER, f"D;Dora;P;1;{STUTTGART}"))]
    )
    async with door.person(Role.STATE, "08") as browser:
        upload = {"file": ("roster.csv", content.encode(), "text/csv")}
        shown = await browser.client.post("/matching/roster/import", data={"csrf_token": browser.csrf}, files=upload)
        assert "This file can be imported." in shown.text
        assert await stage.rows("select from manager where code = 'D'") == []
        sent = shown.text.split('name="content" value="')[1].split('"')[0]
        done = await browser.send("/matching/roster/import", content=sent, confirm="true")
        assert done.status_code == 303
    assert len(await stage.rows("select from manager where code = 'D'")) == 1
    rows = await stage.rows("select role from audit where action = 'import_roster' and actor <> 'system'")
    assert [row["role"] for row in rows] == ["state"]


async def test_a_preview_says_that_names_cannot_be_opened_with_the_master_key(door: Door, stage: Stage) -> None:
    data = "\n".join([HEADER, f"A;Anna Öhm;P;1;{TUEBINGEN};;;;", f"B;Berta Uhl;P;1;{TUEBINGEN};;;;"]).encode()
    for vault, is_said in ((VAULT, False), (Vault(bytes(31) + b"1"), True)):
        async with stage.database.transaction() as tx:
            await import_roster(tx, vault, data)
        async with door.person(Role.STATE, "08") as browser:
            shown = await browser.client.post(
                "/matching/roster/import",
                data={"csrf_token": browser.csrf},
                files={"file": ("roster.csv", data, "text/csv")},
            )
        assert ("2 names of managers" in shown.text) == is_said


async def test_a_faulty_file_is_shown_by_line_and_never_repeated(door: Door) -> None:
    upload = {"file": ("roster.csv", f"{HEADER}\nA;Anna;P;-1;Secretville;;;;\n".encode(), "text/csv")}
    async with door.person(Role.STATE, "08") as browser:
        shown = await browser.client.post("/matching/roster/import", data={"csrf_token": browser.csrf}, files=upload)
    assert shown.status_code == 422
    assert "The number is negative." in shown.text
    assert "Secretville" not in shown.text


async def test_a_file_that_is_complete_stays_so_until_it_can_be_imported(door: Door) -> None:
    faulty, whole, none = f"{HEADER}\nA;Anna;P;-1;;;;;\n", f"{HEADER}\n{ROSTER[0]};;;\n", ""
    async with door.person(Role.STATE, "08") as browser:
        for content, status in ((none, 422), (faulty, 422), (whole, 200)):
            shown = await browser.client.post(
                "/matching/roster/import",
                data={"csrf_token": browser.csrf, "complete": "true"},
                files={"file": ("roster.csv", content.encode(), "text/csv")},
            )
            assert shown.status_code == status
            choice = shown.text[shown.text.index("Choose a file") :]
            assert fields_of(choice)["complete"] == "true"
        assert "complete" not in fields_of((await browser.get("/matching/roster/import")).text)


async def test_only_the_state_imports(door: Door) -> None:
    async with door.person(Role.DISTRICT, TUEBINGEN[:5]) as browser:
        assert (await browser.get("/matching/roster/import")).status_code == 404


async def test_an_absence_is_noted_and_ended(door: Door, stage: Stage) -> None:
    path = f"/matching/managers/{manager_id('P', 'A')}"
    async with door.person(Role.DISTRICT, TUEBINGEN[:5]) as browser:
        assert (await browser.send(f"{path}/absences", since="2022-03-14", until="")).status_code == 303
        assert (await browser.send(f"{path}/absences", since="2022-04-01", until="2022-04-02")).status_code == 422
        assert (await stage.arrive(languages=("uk",))).assignee.code == "B"  # type: ignore[union-attr]
        (row,) = await stage.rows("select id from absence")
        assert (await browser.send(f"{path}/absences/{row['id']}/end")).status_code == 303
        assert (await stage.arrive(languages=("uk",))).assignee.code == "A"  # type: ignore[union-attr]


async def test_an_absence_that_has_ended_ends_no_later(door: Door, stage: Stage) -> None:
    path = f"/matching/managers/{manager_id('P', 'A')}"
    async with door.person(Role.DISTRICT, TUEBINGEN[:5]) as browser:
        await browser.send(f"{path}/absences", since="2022-03-10", until="")
        (row,) = await stage.rows("select id from absence")
        await browser.send(f"{path}/absences/{row['id']}/end")
        (before,) = await stage.rows("select until from absence")
        for later in (timedelta(0), timedelta(days=5)):
            stage.clock.now += later
            again = await browser.send(f"{path}/absences/{row['id']}/end")
            (after,) = await stage.rows("select until from absence")
            assert (again.status_code, after) == (303, before)
        said = "This absence has ended or has changed already. Nothing was noted."
        assert told((await browser.get(path)).text) == [("warning", said)]
        assert (await browser.send(f"{path}/absences", since="2022-03-15", until="2022-03-16")).status_code == 303
    assert len(await stage.rows("select from absence")) == 2


async def states_of(stage: Stage, code: str) -> list[Manager]:
    """What `roster` was told of a manager of P."""
    return [one for one in await stage.managers() if one.id == manager_id("P", code)]


async def test_a_district_changes_a_manager_and_who_waits_is_looked_at_again(door: Door, stage: Stage) -> None:
    (sealed,) = await stage.rows("select name_key, name_box from manager where code = 'B'")
    async with door.person(Role.DISTRICT, REUTLINGEN[:5]) as browser:
        assert f'href="{B}/edit"' in (await browser.get(B)).text
        shown = fields_of((await browser.get(f"{B}/edit")).text)
        assert (shown["fte"], shown["office"], shown["skills/literacy"]) == ("0.50", TUEBINGEN, "literacy")
        done = await browser.send(f"{B}/edit", **shown | {"fte": "0"})
        assert (done.status_code, done.headers["location"]) == (303, B)
        assert told((await browser.get(B)).text) == [("success", "The change is saved.")]
        await stage.pass_time()
        waits = await stage.arrive(municipality=REUTLINGEN)
        assert waits.reason is CareReason.NO_CAPACITY
        again = fields_of((await browser.get(f"{B}/edit")).text)
        stated = {"fte": "0,75", "active_until": "2023-01-31", "max_new_per_week": "4", "languages/more": "sw"}
        await browser.send(
            f"{B}/edit", **again | stated | {"languages/uk": "uk", "skills/housing_search": "housing_search"}
        )
    (served,) = await stage.pass_time()
    assert (served.household, served.status) == (waits.household, CareStatus.PROPOSED)
    *_, before, state = await states_of(stage, "B")
    assert (before.revision, before.capacity, state.revision, state.capacity) == (2, 0, 3, 900)
    assert (state.active_until, state.max_new_per_week) == (date(2023, 1, 31), 4)
    assert (set(state.languages), state.skills) == ({"ru", "uk", "sw"}, ("literacy", "housing_search"))
    assert state.service_area == (TUEBINGEN, REUTLINGEN)
    assert await stage.rows("select name_key, name_box from manager where code = 'B'") == [sealed]
    rows = await stage.rows("select role, subject, details from audit where action = 'change_manager' order by id")
    assert [(row["role"], row["subject"]) for row in rows] == [("district", str(manager_id("P", "B")))] * 2
    assert rows[0]["details"] == {"revision": 2, "changed": ["fte_hundredths", "capacity"]}


async def test_who_may_not_change_a_manager_is_kept_from_it(door: Door, stage: Stage) -> None:
    everything = {
        "revision": "1",
        "fte": "0",
        f"service_area/{STUTTGART}": STUTTGART,
        f"service_area/{TUEBINGEN}": TUEBINGEN,
    }
    for role, tenant, refused in (
        (Role.DISTRICT, STUTTGART[:5], 404),
        (Role.MUNICIPALITY, TUEBINGEN, 403),
        (Role.MANAGER, str(manager_id("P", "B")), 403),
        (Role.AUDITOR, "08", 403),
    ):
        async with door.person(role, tenant) as browser:
            assert (await browser.get(f"{B}/edit")).status_code == refused
            assert (await browser.send(f"{B}/edit", **everything)).status_code == refused
            page = await browser.get(B)
            assert "/edit" not in page.text, role
    await stage.roster(f"C;Carla Ast;Q;1;{STUTTGART}", complete=True)
    async with door.person(Role.STATE, "08") as browser:
        assert "/edit" not in (await browser.get(B)).text
        assert (await browser.get(f"{B}/edit")).status_code == 404, "she has been removed"
        assert (await browser.send(f"{B}/edit", **everything | {"revision": "2"})).status_code == 404
    assert len(await states_of(stage, "B")) == 2


async def test_a_district_states_its_own_municipalities_and_no_others(door: Door, stage: Stage) -> None:
    async with door.person(Role.DISTRICT, REUTLINGEN[:5]) as browser:
        page = (await browser.get(f"{B}/edit")).text
        assert f"What she serves outside your district stays as it is: Stadt {TUEBINGEN}." in page
        shown = fields_of(page)
        assert [name for name in shown if name.startswith("service_area/")] == [f"service_area/{REUTLINGEN}"]
        for beyond in (STUTTGART, TUEBINGEN):
            added = await browser.send(f"{B}/edit", **shown | {f"service_area/{beyond}": beyond})
            assert fault_at("service_area", added) == "The register has no municipality with this AGS."
            moved = await browser.send(f"{B}/edit", **shown | {"office": beyond})
            assert (moved.status_code == 303) == (beyond == TUEBINGEN), "where her office is already"
        del shown[f"service_area/{REUTLINGEN}"]
        assert fault_at("service_area", await browser.send(f"{B}/edit", **shown)) == "A value is missing."
    assert len(await states_of(stage, "B")) == 1
    async with door.person(Role.STATE, "08") as browser:
        shown = fields_of((await browser.get(f"{B}/edit")).text)
        del shown[f"service_area/{REUTLINGEN}"]
        moved = await browser.send(f"{B}/edit", **shown | {f"service_area/{STUTTGART}": STUTTGART, "office": STUTTGART})
        assert moved.status_code == 303
    assert (await states_of(stage, "B"))[-1].service_area == (TUEBINGEN, STUTTGART)
    (row,) = await stage.rows("select office from manager where code = 'B'")
    assert row["office"] == STUTTGART


async def test_of_two_who_change_a_manager_the_second_is_told(door: Door, stage: Stage) -> None:
    async with door.person(Role.STATE, "08") as one, door.person(Role.DISTRICT, REUTLINGEN[:5]) as other:
        seen = [fields_of((await browser.get(f"{B}/edit")).text) for browser in (one, other)]
        assert (await one.send(f"{B}/edit", **seen[0] | {"fte": "0.75"})).status_code == 303
        for _ in range(2):
            late = await other.send(f"{B}/edit", **seen[1] | {"max_new_per_week": "3"})
            assert late.status_code == 409, "also if the same form is sent again"
            assert "has been changed in the meantime" in late.text
            seen[1] = fields_of(late.text)
            assert (seen[1]["revision"], seen[1]["fte"], seen[1]["max_new_per_week"]) == ("1", "0.50", "3")
        assert f'href="{B}/edit"' in late.text
    assert [state.fte_hundredths for state in await states_of(stage, "B")] == [50, 75]


@pytest.mark.parametrize(
    ("at", "wrong", "said"),
    [
        ("fte", {"fte": "1,5"}, "A person has at most one full post."),
        ("fte", {"fte": ""}, "This is not a number."),
        ("fte_changes", {"fte_changes/0/fte": "0.5"}, "A change of a post has its day and its share"),
        ("fte_changes", {"fte_changes/0/since": "2022-05-01"}, "This is not a number."),
        ("active_until", {"active_until": "2017-11-30"}, "It ends before it begins."),
        ("max_new_per_week", {"max_new_per_week": "-1"}, "The number is negative."),
        ("office", {"office": "08999999"}, "The register has no municipality with this AGS."),
        ("service_area", {"service_area/08999999": "08999999"}, "The register has no municipality with this AGS."),
        ("languages", {"languages/more": "Ukrainian"}, "Languages are codes of two or three letters, such as uk."),
        ("skills", {"skills/magic": "magic"}, "There is no such skill."),
    ],
)
async def test_what_is_wrong_with_a_manager_is_said_at_its_field(
    door: Door, stage: Stage, at: str, wrong: dict[str, str], said: str
) -> None:
    async with door.person(Role.STATE, "08") as browser:
        shown = fields_of((await browser.get(f"{B}/edit")).text)
        answer = await browser.send(f"{B}/edit", **shown | {"name": "Nobody"} | wrong)
    assert answer.status_code == 422
    assert said in fault_at(at, answer)
    assert f'href="#{at}"' in answer.text
    assert answer.text.count("kern-error") == 1, "and nowhere else"
    assert len(await states_of(stage, "B")) == 1


def fault_at(field: str, answer: httpx.Response) -> str:
    """What stands at a field of a form that is shown again."""
    found = re.search(rf'id="{field}-error".*?<span class="kern-body">(.*?)</span>', answer.text)
    assert found, f"nothing is wrong with {field}"
    return found[1]


async def test_what_is_saved_as_it_stands_changes_nothing(door: Door, stage: Stage) -> None:
    header = "code;name;provider;fte;service_area;languages;skills;active_until;max_new_per_week;fte_changes"
    line = f"B;Berta;P;0,5;{REUTLINGEN} {TUEBINGEN};xx ru;literacy school_enrolment;2023-01-31;0;2022-05-01:0,25"
    async with stage.database.transaction() as tx:
        assert (await import_roster(tx, VAULT, f"{header}\n{line}\n".encode())).changed == 1
    await stage.pass_time()
    before = len(await states_of(stage, "B"))
    for role, tenant, language in ((Role.STATE, "08", "de"), (Role.DISTRICT, TUEBINGEN[:5], "en")):
        async with door.person(role, tenant, language) as browser:
            shown = fields_of((await browser.get(f"{B}/edit")).text)
            assert (await browser.send(f"{B}/edit", **shown)).status_code == 303
            ((kind, _),) = told((await browser.get(B)).text)
            assert kind == "warning"
    assert len(await states_of(stage, "B")) == before
    assert await stage.rows("select from audit where action = 'change_manager'") == []
    assert await stage.rows("select from due where kind = 'recheck'") == []


async def test_a_change_says_how_many_cases_cannot_stay(door: Door, stage: Stage) -> None:
    await stage.arrive(languages=("ru",))
    await stage.arrive(languages=("ru",), municipality=REUTLINGEN)
    for stated, cases in (
        ({"fte": "0.03"}, 1),
        ({"fte": "0.5", "active_until": "2022-03-13"}, 2),
        ({"active_until": "2022-03-14"}, 0),
    ):
        async with door.person(Role.STATE, "08") as browser:
            shown = fields_of((await browser.get(f"{B}/edit")).text)
            assert (await browser.send(f"{B}/edit", **shown | stated)).status_code == 303
            page = (await browser.get(B)).text
        assert ("Cases that cannot stay with her" in page) == bool(cases), stated
        assert f"cannot stay with her: {cases}. “Plan a handover” says" in page or not cases
    async with door.person(Role.DISTRICT, TUEBINGEN[:5]) as browser:
        shown = fields_of((await browser.get(f"{B}/edit")).text)
        await browser.send(f"{B}/edit", **shown | {"active_until": "2022-03-13"})
        assert "cannot stay with her: 1." in (await browser.get(B)).text, "those that the district sees"


async def test_a_post_changes_on_a_day_that_a_form_has_stated(door: Door, stage: Stage) -> None:
    await stage.pass_time()
    async with door.person(Role.DISTRICT, TUEBINGEN[:5]) as browser:
        shown = fields_of((await browser.get(f"{B}/edit")).text)
        stated = {"fte_changes/0/since": "2022-03-20", "fte_changes/0/fte": "0,25"}
        await browser.send(f"{B}/edit", **shown | stated)
        assert "0.25 from 20 Mar 2022" in (await browser.get(B)).text
        shown = fields_of((await browser.get(f"{B}/edit")).text)
        assert (shown["fte_changes/0/since"], shown["fte_changes/0/fte"]) == ("2022-03-20", "0.25")
        more = {"fte_changes/1/since": "2022-04-01", "fte_changes/1/fte": "1"}
        await browser.send(f"{B}/edit", **shown | more)
        await stage.pass_time(timedelta(days=6))
        assert (await states_of(stage, "B"))[-1].fte_hundredths == 25
        shown = fields_of((await browser.get(f"{B}/edit")).text)
        assert (shown["fte"], shown["fte_changes/0/since"]) == ("0.25", "2022-04-01")
        taken_back = {"fte": "0.75", "fte_changes/0/since": "", "fte_changes/0/fte": ""}
        await browser.send(f"{B}/edit", **shown | taken_back)
    await stage.pass_time(timedelta(days=20))
    assert (await states_of(stage, "B"))[-1].fte_hundredths == 75, "what was taken back does not come"


async def test_a_person_decides_otherwise_with_a_reason(door: Door, stage: Stage, cares: dict[str, Care]) -> None:
    care, other = cares["proposed"], manager_id("P", "B")
    path = f"/matching/households/{care.household}/override"
    async with door.person(Role.DISTRICT, TUEBINGEN[:5]) as browser:
        assert (await browser.send(path, manager=other, revision=1)).status_code == 422
        asked = await browser.send(path, manager=other, revision=7)
        assert re.findall(r'name="revision" value="(\d+)"', asked.text) == ["7", "1"]
        late = await browser.send(path, manager=other, revision=7, reason="relatives")
        assert late.status_code == 409
        assert (fields_of(late.text)["manager"], fields_of(late.text)["reason"]) == ("", "")
        assert (await browser.send(path, manager=other, revision=1, reason="relatives")).status_code == 303
        page = await browser.get(f"/matching/households/{care.household}")
        assert "Assigned by a person." in page.text
    (row,) = await stage.rows("select payload from outbox where key = $1 and revision = 2", str(care.household))
    told = Care.model_validate_json(row["payload"])
    assert told.assignee is not None
    assert (told.reason, told.assignee.id, told.item) == (CareReason.OVERRIDDEN, other, 2)
    assert (await stage.load("A"), await stage.load("B")) == (0, 35)
    stage.cares[care.household].append(told)


async def test_a_district_decides_on_its_own_managers_only(door: Door, stage: Stage, cares: dict[str, Care]) -> None:
    await stage.roster(f"S;Stuttgart's;P;1;{STUTTGART}")
    theirs = manager_id("P", "S")
    wanted = {"household": str(cares["proposed"].household), "manager": str(theirs), "revision": 1}
    async with door.program(Role.DISTRICT, TUEBINGEN[:5]) as client:
        override = await client.post("/matching/v1/overrides", json={**wanted, "reason": "hardship"})
        apart = await client.post("/matching/v1/apart", json=wanted)
    for refused in (override, apart):
        assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (409, "unknown-manager")
    nowhere = await stage.arrive(municipality=None, district=TUEBINGEN[:5])
    async with door.person(Role.DISTRICT, TUEBINGEN[:5]) as browser:
        page = (await browser.get(f"/matching/households/{nowhere.household}")).text
    assert (str(manager_id("P", "A")) in page, str(theirs) in page) == (True, False)


async def test_a_choice_that_is_missing_is_tied_to_its_fault(door: Door, cares: dict[str, Care]) -> None:
    path = f"/matching/households/{cares['proposed'].household}"
    async with door.person(Role.DISTRICT, TUEBINGEN[:5]) as browser:
        for form, names in (("override", ("manager", "reason")), ("apart", ("apart",))):
            page = await browser.send(f"{path}/{form}", revision=1)
            for name in names:
                assert f'id="{name}-error"' in page.text
                (select,) = re.findall(f'<select[^>]* id="{name}"[^>]*>', page.text)
                assert f'aria-describedby="{name}-error" aria-invalid="true"' in select


async def test_a_person_keeps_a_manager_and_a_household_apart(
    door: Door, stage: Stage, cares: dict[str, Care], database: Any
) -> None:
    care, hers = cares["proposed"], manager_id("P", "A")
    path = f"/matching/households/{care.household}/apart"
    async with door.person(Role.MUNICIPALITY, TUEBINGEN) as browser:
        assert (await browser.send(path, apart=hers, revision=1)).status_code == 403
    async with door.person(Role.DISTRICT, REUTLINGEN[:5]) as browser:
        assert (await browser.send(path, apart=hers, revision=1)).status_code == 404
    async with door.person(Role.DISTRICT, TUEBINGEN[:5]) as browser:
        assert (await browser.send(path, revision=1)).status_code == 422
        late = await browser.send(path, apart=hers, revision=7)
        assert late.status_code == 409
        assert fields_of(late.text)["apart"] == ""
        assert (await browser.send(path, apart=hers, revision=1)).status_code == 303
        page = await browser.get(f"/matching/households/{care.household}?why_not=A")
        assert "may not get this household" in page.text
    (row,) = await stage.rows("select payload from outbox where key = $1 and revision = 2", str(care.household))
    told = Care.model_validate_json(row["payload"])
    assert told.assignee is None or told.assignee.id != hers
    async with (await database("matching", "owner")).transaction() as tx:
        assert await tx.fetchval("select role from audit where action = 'keep_apart'") == Role.DISTRICT
    stage.cares[care.household].append(told)
    body = {"household": str(care.household), "manager": str(manager_id("P", "B")), "revision": 2}
    async with door.program(Role.STATE, "08") as client:
        assert (await client.post("/matching/v1/apart", json=body)).status_code == 204
        assert (await client.post("/matching/v1/apart", json=body | {"revision": 1})).status_code == 409


async def test_whoever_has_declined_is_kept_apart_since_a_person_does_so(door: Door, stage: Stage) -> None:
    care = await stage.arrive()
    assert care.assignee
    hers = care.assignee.id
    await stage.answer(care, Answer.DECLINED, reason=AnswerReason.OVERLOADED)
    await stage.pass_time(timedelta(days=9))
    async with door.person(Role.STATE, "08") as browser:
        page = (await browser.get(f"/matching/households/{care.household}")).text
        revision = fields_of(page)["revision"]
        assert (
            await browser.send(f"/matching/households/{care.household}/apart", apart=hers, revision=revision)
        ).status_code == 303
        assert "since 23 Mar 2022" in (await browser.get(f"/matching/households/{care.household}")).text


async def test_who_is_kept_apart_is_asked_for_once_more_listed_and_marked(
    door: Door, stage: Stage, cares: dict[str, Care]
) -> None:
    path, hers = f"/matching/households/{cares['proposed'].household}", manager_id("P", "A")
    async with door.person(Role.DISTRICT, TUEBINGEN[:5]) as browser:
        missing = await browser.get(f"{path}/apart?apart=&revision=1")
        assert missing.status_code == 422
        assert 'id="apart-error"' in missing.text
        asked = await browser.get(f"{path}/apart?apart={hers}&revision=1")
        assert "She has this household now" in asked.text
        assert (fields_of(asked.text)["apart"], fields_of(asked.text)["revision"]) == (str(hers), "1")
        assert "Kept apart" not in (await browser.get(path)).text
        assert (await browser.send(f"{path}/apart", apart=hers, revision=1)).status_code == 303
        page = (await browser.get(path)).text
    stage.cares.clear()
    listed = r"Kept apart from this household:</p>\s*<ul[^>]*>\s*<li><a[^>]*>A \(P\)</a>, since 14 Mar 2022"
    assert re.search(listed, page)
    overriding, keeping = (page.split(f'id="{name}"')[1].split("</select>")[0] for name in ("manager", "apart"))
    assert "kept apart" in overriding.split(str(hers))[1].split("</option>")[0]
    assert str(hers) not in keeping
    async with door.person(Role.MUNICIPALITY, TUEBINGEN) as browser:
        assert "Kept apart" not in (await browser.get(path)).text
        assert (await browser.get(f"{path}/apart?apart={hers}")).status_code == 403


async def test_choices_of_managers_name_the_provider(door: Door, stage: Stage, cares: dict[str, Care]) -> None:
    path = f"/matching/households/{cares['proposed'].household}"
    async with stage.database.transaction() as tx:
        await tx.execute("update provider set name = 'Town of Tübingen' where code = 'P'")
    async with door.person(Role.DISTRICT, TUEBINGEN[:5]) as browser:
        page = (await browser.get(f"{path}?why_not=B")).text
    assert page.count("B (Town of Tübingen)") == 3
    assert "B (P)" not in page


async def test_a_person_may_go_beyond_capacity_and_it_shows(door: Door, stage: Stage, cares: dict[str, Care]) -> None:
    await stage.roster(f"F;Full;P;0,25;{TUEBINGEN};;;300")
    wanted = {"household": str(cares["nowhere"].household), "manager": str(manager_id("P", "F")), "revision": 1}
    async with door.program(Role.STATE, "08") as client:
        answer = await client.post("/matching/v1/overrides", json={**wanted, "reason": "hardship"})
        again = await client.post("/matching/v1/overrides", json={**wanted, "reason": "hardship"})
        unknown = await client.post("/matching/v1/overrides", json={**wanted, "reason": "because"})
    assert (answer.status_code, answer.json()["reason"]) == (201, "overridden")
    assert (again.status_code, unknown.status_code) == (409, 422)
    (row,) = await stage.rows("select load, capacity, tolerated from manager where code = 'F'")
    assert tuple(row) == (335, 300, 35)
    stage.cares.clear()
