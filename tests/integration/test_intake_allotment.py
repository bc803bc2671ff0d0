"""A district gives its households a municipality: what it sees, what a confirmation does, and cannot do twice."""

import asyncio
import html
import re
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from builders import REUTLINGEN, TUEBINGEN
from chassis.access import Role
from chassis.database import Database
from contracts.households import Household
from contracts.vocabulary import HouseholdChange, SubmissionKind
from contracts.zone import day_of
from doors import Browser, Door
from forms import told
from intake import store
from intake.municipalities import import_register
from intake.reception import erase_household, take_one
from intake.register import Entry
from intake_world import intake_door, with_register
from integration.conftest import OpenDatabase
from offers import a_person, an_identity, an_offer, some_keys, stated_facts
from rows import somebody_waits
from stream import eventually

PAGE = "/intake/allotment"
KUSTERDINGEN, OFTERDINGEN = "08416023", "08416031"
REGISTER = [
    Entry(TUEBINGEN, "Tübingen", "Landkreis Tübingen", 8_000),
    Entry(KUSTERDINGEN, "Kusterdingen", "Landkreis Tübingen", 1_500),
    Entry(OFTERDINGEN, "Ofterdingen", "Landkreis Tübingen", 500),
    Entry(REUTLINGEN, "Reutlingen", "Landkreis Reutlingen", 116_000),
]


@pytest.fixture
async def worker(database: OpenDatabase) -> Database:
    return await with_register(await database("intake"), REGISTER)


@pytest.fixture
async def door(worker: Database, database: OpenDatabase, database_url: str) -> Door:
    return intake_door(await database("intake", "web"), worker, database_url)


async def arrive(worker: Database, *references: str, **facts: Any) -> None:
    stated = stated_facts(**({"municipality": None, "district": "08416"} | facts))
    for reference in references:
        offer = an_offer(reference=reference, facts=stated, identity=an_identity(a_person(given_name=reference)))
        async with worker.transaction() as tx:
            decision = await take_one(tx, some_keys(), "karlsruhe", offer)
        assert decision.household is not None, decision


@dataclass(frozen=True, slots=True)
class Shown:
    """The form as the page shows it."""

    round: str
    households: list[str]
    proposed: list[str]

    def fields(self, **overrides: Any) -> dict[str, Any]:
        shown = {"district": "08416", "round": self.round, "household": self.households, "municipality": self.proposed}
        return shown | overrides


async def shown(browser: Browser, path: str = PAGE) -> Shown:
    page = html.unescape((await browser.get(path)).text)
    found = re.search(r'name="round" value="(\d+)"', page)
    assert found, page
    return Shown(
        found[1],
        re.findall(r'name="household" value="([^"]+)"', page),
        re.findall(r'<option value="(\d*)" selected>', page),
    )


async def held(worker: Database, reference: str) -> asyncpg.Record:
    async with worker.transaction() as tx:
        row = await tx.fetchrow("select * from household where reference = $1", reference)
        assert row is not None
        return row


async def published(worker: Database, household: Any) -> list[Household]:
    async with worker.transaction() as tx:
        rows = await tx.fetch("select payload from outbox where key = $1 order by id", str(household))
    return [Household.model_validate_json(row["payload"]) for row in rows]


async def ledger(worker: Database) -> dict[str, tuple[int, float]]:
    async with worker.transaction() as tx:
        found = await store.ledger_of(tx, "08416")
    return {one.ags: (one.allotted, float(found.balance(one))) for one in found.accounts}


async def test_all_that_is_shown_is_confirmed_with_one_click(door: Door, worker: Database) -> None:
    await arrive(worker, "A-1", "A-2", "A-3")
    async with door.person(Role.DISTRICT, "08416") as browser:
        page = await browser.get(PAGE)
        seen = await shown(browser)
        sent = await browser.send(PAGE, **seen.fields())
        after = await browser.get(PAGE)
    assert [text in page.text for text in ("A-1", "A-2", "A-3", "Landkreis Tübingen", "80.00%")] == [True] * 5
    assert page.text.index("A-1") < page.text.index("A-2") < page.text.index("A-3")
    assert re.search(r'A-1<span class="short">[0-9a-f]{8}</span>', page.text)
    assert "Oksana" not in page.text
    assert (sent.status_code, sent.headers["location"]) == (303, PAGE)
    assert "Households allotted: 3." in after.text
    assert "No household waits for a municipality." in after.text
    rows = [await held(worker, reference) for reference in ("A-1", "A-2", "A-3")]
    assert [row["facts"]["municipality"] for row in rows] == seen.proposed == [TUEBINGEN] * 3
    state = (await published(worker, rows[0]["id"]))[-1]
    assert state.facts is not None
    assert (state.revision, state.change) == (2, HouseholdChange.MOVED)
    assert (state.facts.municipality, state.facts.district) == (TUEBINGEN, "08416")
    assert state.facts.allotted_on == day_of(rows[0]["changed_at"])
    assert (state.facts.size, state.facts.age_bands) == (1, {"18-59": 1})


async def test_who_decided_and_on_what_numbers_is_kept(door: Door, worker: Database) -> None:
    await arrive(worker, "A-1")
    async with door.person(Role.DISTRICT, "08416") as browser:
        await browser.send(PAGE, **(await shown(browser)).fields(municipality=[OFTERDINGEN]))
    async with worker.transaction() as tx:
        row = await tx.fetchrow("select * from audit where action = 'household.allotted'")
    assert row is not None
    assert (row["role"], row["subject"]) == ("district", str((await held(worker, "A-1"))["id"]))
    assert row["details"] == {
        "municipality": OFTERDINGEN,
        "proposed": TUEBINGEN,
        "population": 500,
        "of_population": 10_000,
        "allotted": 0,
        "of_allotted": 0,
        "balance": 0.0,
    }


async def test_one_is_confirmed_alone_and_another_municipality_counts(door: Door, worker: Database) -> None:
    await arrive(worker, "A-1", "A-2")
    async with door.person(Role.DISTRICT, "08416") as browser:
        seen = await shown(browser)
        chosen = seen.fields(municipality=[TUEBINGEN, OFTERDINGEN], only=seen.households[1].partition("/")[0])
        assert (await browser.send(PAGE, **chosen)).status_code == 303
        page = await browser.get(PAGE)
    assert (await held(worker, "A-1"))["revision"] == 1
    assert (await held(worker, "A-2"))["facts"]["municipality"] == OFTERDINGEN
    expected: dict[str, Any] = {
        TUEBINGEN: (0, pytest.approx(0.8)),
        KUSTERDINGEN: (0, pytest.approx(0.15)),
        OFTERDINGEN: (1, pytest.approx(-0.95)),
    }
    assert await ledger(worker) == expected
    assert "-0.95" in page.text


async def test_a_household_set_to_not_yet_stays(door: Door, worker: Database) -> None:
    await arrive(worker, "A-1", "A-2")
    async with door.person(Role.DISTRICT, "08416") as browser:
        await browser.send(PAGE, **(await shown(browser)).fields(municipality=["", TUEBINGEN]))
        page = await browser.get(PAGE)
    assert ("A-1" in page.text, "A-2" in page.text) == (True, False)
    assert told(page.text) == [("success", "Households allotted: 1.")]


async def test_one_confirmed_without_a_choice_is_told_so(door: Door, worker: Database) -> None:
    await arrive(worker, "A-1")
    async with door.person(Role.DISTRICT, "08416") as browser:
        seen = await shown(browser)
        await browser.send(PAGE, **seen.fields(municipality=[""], only=seen.households[0].partition("/")[0]))
        page = await browser.get(PAGE)
    assert told(page.text) == [("warning", "No municipality was chosen.")]
    assert (await held(worker, "A-1"))["revision"] == 1


async def test_the_same_form_twice_allots_once(door: Door, worker: Database) -> None:
    await arrive(worker, "A-1", "A-2")
    async with door.person(Role.DISTRICT, "08416") as browser:
        fields = (await shown(browser)).fields()
        first, again = await browser.send(PAGE, **fields), await browser.send(PAGE, **fields)
    assert (first.status_code, again.status_code) == (303, 409)
    assert "Nothing was allotted." in again.text
    assert (await held(worker, "A-1"))["revision"] == 2


async def test_two_people_at_once_allot_once(door: Door, worker: Database) -> None:
    await arrive(worker, "A-1")
    async with (
        door.person(Role.DISTRICT, "08416") as one,
        door.person(Role.STATE, "08") as other,
    ):
        seen = await shown(one)
        answers = await asyncio.gather(
            one.send(PAGE, **seen.fields(municipality=[TUEBINGEN])),
            other.send(PAGE, **seen.fields(municipality=[OFTERDINGEN])),
        )
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    assert (await held(worker, "A-1"))["revision"] == 2


async def test_what_its_centre_changed_meanwhile_is_left_out_and_said(door: Door, worker: Database) -> None:
    await arrive(worker, "A-1", "A-2")
    async with door.person(Role.DISTRICT, "08416") as browser:
        seen = await shown(browser)
        changed = stated_facts(municipality=None, district="08416", languages=["ru"])
        async with worker.transaction() as tx:
            await take_one(
                tx, some_keys(), "karlsruhe", an_offer(SubmissionKind.CORRECT, reference="A-1", facts=changed)
            )
        await browser.send(PAGE, **seen.fields())
        page = await browser.get(PAGE)
    said = "Households allotted: 1. Left out, because they have changed in the meantime: 1."
    assert told(page.text) == [("warning", said)]
    assert (await held(worker, "A-1"))["facts"]["municipality"] is None


async def test_a_centre_that_leaves_the_municipality_out_takes_nothing_back(door: Door, worker: Database) -> None:
    await arrive(worker, "A-1")
    async with door.person(Role.DISTRICT, "08416") as browser:
        await browser.send(PAGE, **(await shown(browser)).fields())
        changed = stated_facts(municipality=None, district="08416", languages=["ru"])
        async with worker.transaction() as tx:
            await take_one(
                tx, some_keys(), "karlsruhe", an_offer(SubmissionKind.CORRECT, reference="A-1", facts=changed)
            )
        page = await browser.get(PAGE)
    row = await held(worker, "A-1")
    assert (row["revision"], row["facts"]["municipality"], row["facts"]["languages"]) == (3, TUEBINGEN, ["ru"])
    assert row["facts"]["allotted_on"] is not None
    assert "A-1" not in page.text


async def test_a_district_sees_and_allots_only_its_own(door: Door, worker: Database) -> None:
    await arrive(worker, "A-1")
    await arrive(worker, "B-1", district="08415")
    await arrive(worker, "C-1", district=None)
    async with door.person(Role.DISTRICT, "08416") as browser:
        page = await browser.get(PAGE)
        elsewhere = await browser.get(f"{PAGE}?district=08415")
        seen = await shown(browser)
        theirs = await held(worker, "B-1")
        foreign = await browser.send(PAGE, **seen.fields(district="08415"))
        stolen = await browser.send(PAGE, **seen.fields(household=[f"{theirs['id']}/1"], municipality=[TUEBINGEN]))
    assert ("A-1" in page.text, "B-1" in page.text, "C-1" in page.text) == (True, False, False)
    assert (elsewhere.status_code, foreign.status_code, stolen.status_code) == (404, 404, 303)
    assert (await held(worker, "B-1"))["revision"] == 1


async def test_a_municipality_elsewhere_is_nobodys_choice(door: Door, worker: Database) -> None:
    await arrive(worker, "A-1")
    async with door.person(Role.DISTRICT, "08416") as browser:
        await browser.send(PAGE, **(await shown(browser)).fields(municipality=["08415061"]))
    assert (await held(worker, "A-1"))["revision"] == 1


@pytest.mark.parametrize(
    ("role", "tenant"),
    [
        (Role.CENTRE, "karlsruhe"),
        (Role.MUNICIPALITY, TUEBINGEN),
        (Role.MANAGER, "6f0c2a4e-0000-4000-8000-000000000001"),
        (Role.OPERATOR, "08"),
        (Role.AUDITOR, "08"),
    ],
)
async def test_nobody_else_may(door: Door, role: Role, tenant: str) -> None:
    async with door.person(role, tenant) as browser:
        answers = [await browser.get(PAGE), await browser.send(PAGE, district="08416", round="0")]
    assert [answer.status_code for answer in answers] == [403, 403]


async def test_a_form_without_its_token_is_refused(door: Door, worker: Database) -> None:
    await arrive(worker, "A-1")
    async with door.person(Role.DISTRICT, "08416") as browser:
        fields = (await shown(browser)).fields()
        assert (await browser.client.post(PAGE, data=fields)).status_code == 403
    assert (await held(worker, "A-1"))["revision"] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"round": "x"},
        {"household": ["x"], "municipality": [TUEBINGEN]},
        {"municipality": []},
        {"only": "x"},
        {"household": ["6f0c2a4e-0000-4000-8000-000000000001/1"] * 26, "municipality": [TUEBINGEN] * 26},
    ],
)
async def test_what_the_page_cannot_have_sent_is_refused(door: Door, worker: Database, wrong: dict[str, Any]) -> None:
    await arrive(worker, "A-1")
    async with door.person(Role.DISTRICT, "08416") as browser:
        sent = await browser.send(PAGE, **(await shown(browser)).fields(**wrong))
    assert sent.status_code == 422


async def test_the_database_itself_holds_a_district_to_its_own(door: Door, worker: Database) -> None:
    await arrive(worker, "A-1")
    await arrive(worker, "B-1", district="08415")
    async with door.web.transaction() as tx:
        await tx.execute(
            "select set_config('geleit.role', 'district', true), set_config('geleit.tenant', '08416', true)"
        )
        rows = await tx.fetch("select reference from household")
        vault = await tx.fetchval("select count(*) from person_vault")
        moved = await tx.execute("update household set revision = 9 where reference = 'B-1'")
    assert [row["reference"] for row in rows] == ["A-1"]
    assert (vault, moved) == (0, "UPDATE 0")


async def test_the_list_goes_on_page_by_page(door: Door, worker: Database) -> None:
    await arrive(worker, *(f"A-{number:02}" for number in range(30)))
    async with door.person(Role.DISTRICT, "08416") as browser:
        first = await browser.get(PAGE)
        link = re.search(r'href="([^"]+cursor=[^"]+)"', first.text)
        assert link
        second = await browser.get(html.unescape(link[1]))
    assert ("A-24" in first.text, "A-25" in first.text) == (True, False)
    assert ("A-24" in second.text, "A-25" in second.text, "A-29" in second.text) == (False, True, True)
    assert first.text.count(f'value="{OFTERDINGEN}" selected') == 1


async def test_the_state_chooses_a_district_first(door: Door, worker: Database) -> None:
    await arrive(worker, "A-1", "A-2")
    await arrive(worker, "C-1", district=None)
    async with door.person(Role.STATE, "08") as browser:
        page = await browser.get(PAGE)
        one = await browser.get(f"{PAGE}?district=08416")
        none = await browser.get(f"{PAGE}?district=08999")
        sent = await browser.send(PAGE, **(await shown(browser, f"{PAGE}?district=08416")).fields())
    assert "Households without a district: 1." in page.text
    assert f'href="{PAGE}?district=08416"' in page.text
    assert "A-1" in one.text
    assert none.status_code == 404
    assert sent.headers["location"] == f"{PAGE}?district=08416"


async def test_empty_pages_say_what_would_fill_them(door: Door) -> None:
    async with door.person(Role.DISTRICT, "08416") as browser:
        page = await browser.get(PAGE)
    async with door.person(Role.DISTRICT, "08417", "de") as browser:
        german = await browser.get(PAGE)
    assert "No household waits for a municipality." in page.text
    assert "Kein Haushalt wartet auf eine Gemeinde." in german.text
    assert "Im Register ist keine Gemeinde dieses Kreises." in german.text


async def test_a_new_key_and_an_erasure_leave_every_balance_as_it_was(door: Door, worker: Database) -> None:
    await arrive(worker, "A-1", "A-2", "A-3", municipality=TUEBINGEN)
    await arrive(worker, "A-4", "A-5", municipality=OFTERDINGEN)
    before = await ledger(worker)
    gone = (await held(worker, "A-4"))["id"]
    async with worker.transaction() as tx:
        assert await erase_household(tx, gone)
    erased = await ledger(worker)
    grown = [Entry(TUEBINGEN, "Tübingen", "Landkreis Tübingen", 4_000), *REGISTER[1:]]
    joined = Entry("08416048", "Wannweil", "Landkreis Tübingen", 4_000)
    async with worker.transaction() as tx:
        await import_register(tx, [*grown, joined])
    after = await ledger(worker)
    for ags, (_, balance) in before.items():
        assert erased[ags][1] == pytest.approx(balance)
        assert after[ags][1] == pytest.approx(balance, abs=1e-6)
    assert after[joined.ags] == (0, 0.0)
    await arrive(worker, "A-6", municipality=joined.ags)
    assert (await ledger(worker))[joined.ags][1] == pytest.approx(-0.6, abs=1e-6)


async def test_a_district_is_stated_by_hand_and_must_be_one(door: Door, worker: Database) -> None:
    async with door.program(Role.CENTRE, "karlsruhe") as client:
        wrong = await client.post(
            "/intake/v1/households",
            json={
                "reference": "A-1",
                "facts": stated_facts(municipality=None, district="08999"),
                "identity": an_identity(),
            },
            headers={"Idempotency-Key": "1"},
        )
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        form = await browser.get("/intake/new")
    assert [one["code"] for one in wrong.json()["errors"]] == ["unknown_value"]
    assert re.search(r'<option value="08416">Landkreis Tübingen', form.text)


async def test_an_erasure_beside_an_import_is_counted(door: Door, worker: Database) -> None:
    await arrive(worker, "A-1", "A-2", "A-3", municipality=TUEBINGEN)
    before = await ledger(worker)
    gone = (await held(worker, "A-1"))["id"]

    async def erase() -> None:
        async with worker.transaction() as tx:
            assert await erase_household(tx, gone)

    async with worker.transaction() as tx:
        await store.lock_register(tx)
        erasing = asyncio.create_task(erase())
        await eventually(lambda: somebody_waits(worker))
        await import_register(tx, [Entry(TUEBINGEN, "Tübingen", "Landkreis Tübingen", 4_000), *REGISTER[1:]])
    await erasing
    after = await ledger(worker)
    for ags, (_, balance) in before.items():
        assert after[ags][1] == pytest.approx(balance, abs=1e-6)
