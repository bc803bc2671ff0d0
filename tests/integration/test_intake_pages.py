"""What a centre sees and does in a browser, and the card that other services' pages show."""

import asyncio
import re
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from builders import NOW, a_care, a_manager, a_record, an_assignee
from chassis import trail
from chassis.access import Role
from chassis.database import Database
from contracts.assignments import EarlierAssignment
from contracts.vocabulary import CareReason, CareStatus
from doors import Browser, Door
from forms import fields_of, told
from intake import handlers
from intake.municipalities import import_register
from intake.register import Entry
from intake.web.formdata import flattened
from intake_world import ENTRIES, intake_door, with_register
from integration.conftest import OpenDatabase
from offers import a_person, a_registration, an_identity, stated_facts
from rows import somebody_waits
from stream import eventually

NEW = "/intake/new"
REFERENCE = "A reference has up to 40 letters, digits, dots, hyphens and underscores, and no spaces."


@pytest.fixture
async def worker(database: OpenDatabase) -> Database:
    return await with_register(await database("intake"))


@pytest.fixture
async def door(worker: Database, database: OpenDatabase, database_url: str) -> Door:
    return intake_door(await database("intake", "web"), worker, database_url)


def filled(**overrides: Any) -> dict[str, str]:
    return flattened(a_registration(**overrides)) | {"form_id": str(uuid4())}


async def register(browser: Browser, **overrides: Any) -> str:
    """The address of a household registered by the form."""
    sent = await browser.send(NEW, **filled(**overrides))
    assert sent.status_code == 303, sent.text
    return str(sent.headers["location"])


def errors_in(page: str) -> dict[str, str]:
    """What is wrong, by field."""
    return dict(re.findall(r'id="([^"]+)-error"[^>]*>.*?<span class="kern-body">([^<]+)', page))


def id_in(address: str) -> UUID:
    return UUID(address.rpartition("/")[2])


async def decide(worker: Database, **care: Any) -> None:
    async with worker.transaction() as tx:
        await handlers.on_assignments([a_record(a_care(**care))], tx)


async def test_an_empty_list_says_what_to_do(door: Door) -> None:
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        page = await browser.get("/intake/")
    assert "No household has been registered yet." in page.text
    assert 'href="/intake/new"' in page.text


async def test_the_address_without_its_slash_leads_there_too(door: Door) -> None:
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        answer = await browser.get("/intake")
    assert (answer.status_code, answer.headers["location"]) == (308, "/intake/")


async def test_a_household_is_registered_by_hand_and_shown(door: Door) -> None:
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        address = await register(browser)
        page = await browser.get(address)
        listed = await browser.get("/intake/")
    assert "The household is registered." in page.text
    for shown in ("KA-1", "Tübingen", "Displaced from Ukraine", "Oksana Melnyk", "Ukrainian", "18 to 59 years"):
        assert shown in page.text
    assert ", Ukraine<" in page.text
    assert "KA-1" in listed.text
    short = str(id_in(address))[:8]
    assert f"Household {short}</p>" in page.text
    assert f'KA-1</a><span class="short">{short}</span>' in listed.text
    assert "Oksana" not in listed.text


async def test_a_longer_period_is_stated_by_hand_and_taken_back(door: Door) -> None:
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        address = await register(browser, facts=stated_facts(counselling_extended=True))
        shown, form = await browser.get(address), await browser.get(f"{address}/correct")
        sent = await browser.send(f"{address}/correct", **flattened(a_registration()), revision="1")
        corrected = await browser.get(address)
    assert "Longer than usual, as a justified case" in shown.text
    assert re.search(r'name="facts/counselling_extended"[^>]*checked', form.text)
    assert sent.status_code == 303
    assert "Longer than usual" not in corrected.text


async def test_pages_speak_german(door: Door) -> None:
    async with door.person(Role.CENTRE, "karlsruhe", "de") as browser:
        address = await register(browser)
        pages = [await browser.get(path) for path in ("/intake/", NEW, address, f"{address}/withdraw")]
    for page, words in zip(
        pages, ("Haushalte", "Haushalt anmelden", "Vertriebene aus der Ukraine", "zurückziehen"), strict=True
    ):
        assert words in page.text


async def test_a_form_sent_twice_registers_once(door: Door) -> None:
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        form = filled()
        first, again = await browser.send(NEW, **form), await browser.send(NEW, **form)
    assert first.headers["location"] == again.headers["location"]


async def test_a_form_that_was_edited_after_it_was_sent_is_not_called_registered(door: Door, worker: Database) -> None:
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        form = filled()
        await browser.send(NEW, **form)
        edited = await browser.send(NEW, **form | {"reference": "KA-2"})
        again = await browser.send(NEW, **fields_of(edited.text) | {"facts/languages/0": "ru"})
    assert edited.status_code == 422
    assert "A household was registered with this form before." in edited.text
    assert again.status_code == 303
    async with worker.transaction() as tx:
        assert await tx.fetchval("select array_agg(reference order by reference) from household") == ["KA-1", "KA-2"]


@pytest.mark.parametrize("language", ["uk", "ru"])
async def test_a_reference_that_was_withdrawn_by_mistake_is_told_so(door: Door, language: str) -> None:
    """Also for the same form: it was not sent again, but filled in again."""
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        await browser.send(f"{await register(browser)}/withdraw")
        form = filled(facts=stated_facts(languages=[language]))
        refused = await browser.send(NEW, **form)
        registered = await browser.send(NEW, **form | {"reference": "KA-2"})
    assert refused.status_code == 422
    told = "The household of this reference is no longer active; register it under a new reference."
    assert errors_in(refused.text) == {"reference": told}
    assert registered.status_code == 303


async def test_every_fault_stands_beside_its_field_and_nothing_is_lost(door: Door) -> None:
    form = filled(
        reference="not a reference",
        facts=stated_facts(municipality=None, arrived_on="2999-01-01", skills_needed=["literacy"]),
        identity=an_identity(a_person(family_name=""), a_person(birth_date="2999-01-01")),
    )
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        page = await browser.send(NEW, **form)
    assert page.status_code == 422
    assert errors_in(page.text) == {
        "reference": REFERENCE,
        "facts/arrived_on": "The arrival cannot be in the future.",
        "identity/persons/0/family_name": "Please fill in this field.",
        "identity/persons/1/birth_date": "The birth date cannot be in the future.",
    }
    assert 'value="not a reference"' in page.text
    assert 'value="2015-11-30"' not in page.text
    assert re.search(r'value="literacy" checked', page.text)


async def test_the_summary_of_faults_leads_to_the_fields_and_has_the_focus(door: Door) -> None:
    facts = stated_facts(residence_title="Paragraf 24", languages=["uk", "x1"])
    form = filled(reference="not a reference", facts=facts, identity=an_identity(a_person(birth_date="2999-01-01")))
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        page = (await browser.send(NEW, **form)).text
    focused = r'<div class="kern-alert kern-alert--danger"[^>]* tabindex="-1" autofocus>(.*?)</ul>'
    (summary,) = re.findall(focused, page, re.DOTALL)
    links = re.findall(r'href="#([^"]+)">([^<]+)</a>: ([^<]+)', summary)
    assert links == [
        ("reference", "Reference", REFERENCE),
        ("facts/languages/1", "Language 2", "This does not have the expected form."),
        (
            "facts/residence_title",
            "Residence title (section)",
            "A section is up to three digits and perhaps a small letter, for example 24 or 104c.",
        ),
        ("identity/persons/0/birth_date", "Person 1, Birth date", "The birth date cannot be in the future."),
    ]
    for name, _, _ in links:
        assert f' id="{name}"' in page


async def test_a_fault_of_a_checkbox_is_tied_to_it(door: Door) -> None:
    name = "facts/unaccompanied_minor"
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        page = await browser.send(NEW, **{**filled(), name: "true"})
    assert name in errors_in(page.text)
    (checkbox,) = re.findall(f'<input[^>]* id="{name}"[^>]*>', page.text)
    assert f'aria-describedby="{name}-error" aria-invalid="true"' in checkbox


@pytest.mark.parametrize(
    "field",
    [
        {"facts/languages/300000000": "x"},
        {"facts/languages/x": "x"},
        {"facts/languages": "x"},
        {"facts/municipality/0": "x"},
        {"identity/persons/": "x"},
        {"identity/persons/x/y": "x"},
    ],
)
async def test_a_field_that_no_form_has_is_not_looked_at(door: Door, field: dict[str, str]) -> None:
    form = filled(reference="not a reference")
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        page = await browser.send(NEW, **field | form)
        fewer = await browser.send(NEW, **field | form, action="remove/0")
        odd = await browser.send(NEW, **form, action="remove/²")
    assert [one.status_code for one in (page, fewer, odd)] == [422, 200, 422]
    assert errors_in(page.text) == {"reference": REFERENCE}


async def test_a_nul_is_refused_where_it_stands(door: Door) -> None:
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        page = await browser.send(NEW, **filled(facts=stated_facts(municipality="0841\x006041")))
        searched = [await browser.get(f"/intake/?{name}=%00") for name in ("q", "status", "care")]
    assert page.status_code == 422
    assert errors_in(page.text) == {"facts/municipality": "This does not have the expected form."}
    assert [one.status_code for one in searched] == [422] * 3


async def test_a_person_is_added_and_removed_without_scripts_and_with_htmx(door: Door) -> None:
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        more = await browser.send(NEW, **filled(), action="add")
        fewer = await browser.send(NEW, **filled(), action="remove/0")
        browser.client.headers["HX-Request"] = "true"
        part = await browser.send(NEW, **filled(), action="add")
    assert "Person 3" in more.text
    assert "<html" in more.text
    assert ("Person 2" in fewer.text, "Danylo" in fewer.text, "Oksana" in fewer.text) == (False, True, False)
    assert "Person 3" in part.text
    assert "<html" not in part.text


async def test_the_list_is_searched_filtered_and_paged(door: Door, worker: Database) -> None:
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        addresses = [
            await register(
                browser, reference=f"{prefix}-{number}", identity=an_identity(a_person(given_name=f"N{number}"))
            )
            for number, prefix in enumerate(("AA", "AA", "BB"))
        ]
        await decide(
            worker,
            household=id_in(addresses[0]),
            status=CareStatus.WAITING,
            reason=CareReason.NO_CAPACITY,
            assignee=None,
        )

        async def found(query: str) -> list[str]:
            return re.findall(r">([AB]{2}-\d)<", (await browser.get(f"/intake/?{query}")).text)

        assert await found("") == ["BB-2", "AA-1", "AA-0"]
        assert await found("q=AA") == ["AA-1", "AA-0"]
        assert await found("q=%25") == [], "it is a letter like others"
        assert await found("care=waiting") == ["AA-0"]
        assert await found("status=withdrawn") == []
        first = await browser.get("/intake/?limit=2")
        cursor = re.search(r"cursor=([^\"&]+)", first.text)
        assert cursor is not None
        assert await found(f"limit=2&cursor={cursor[1]}") == ["AA-0"]
        nothing = await browser.get("/intake/?q=ZZ")
    assert "No household matches." in nothing.text


async def test_a_household_is_corrected_unless_it_changed_meanwhile(door: Door) -> None:
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        address = await register(browser)
        form = await browser.get(f"{address}/correct")
        assert 'value="Oksana"' in form.text
        fields = flattened({"facts": stated_facts(languages=["ru"]), "identity": an_identity(a_person())})
        saved = await browser.send(f"{address}/correct", **fields, revision="1")
        page = await browser.get(address)
        late = await browser.send(f"{address}/correct", **fields, revision="1")
        again = await browser.client.post(f"{address}/correct", data=fields_of(late.text))
        anew = await browser.get(f"{address}/correct")
    assert saved.status_code == 303
    assert "Russian" in page.text
    assert "Danylo" not in page.text
    assert late.status_code == 409
    assert "changed in the meantime" in late.text
    assert f'href="{address}/correct"' in late.text
    assert again.status_code == 409
    assert fields_of(anew.text)["revision"] == "2"


async def test_a_correction_is_undone(door: Door) -> None:
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        address = await register(browser)
        for revision, language in (("1", "ru"), ("2", "uk")):
            fields = flattened(a_registration(facts=stated_facts(languages=[language])))
            assert (await browser.send(f"{address}/correct", **fields, revision=revision)).status_code == 303
        page = await browser.get(address)
    assert "Ukrainian" in page.text
    assert "Russian" not in page.text


async def test_a_telephone_that_cannot_be_read_is_refused_though_nothing_else_is_new(door: Door) -> None:
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        identity = an_identity(contact={"email": "oksana@example.org"})
        address = await register(browser, identity=identity)
        form = flattened(a_registration(identity=identity)) | {"identity/contact/phone": "0711 123456 (Frau Meier)"}
        page = await browser.send(f"{address}/correct", **form, revision="1")
    assert page.status_code == 422
    assert errors_in(page.text) == {
        "identity/contact/phone": "A telephone number has 5 to 30 digits, spaces, brackets, / and -, perhaps after a +."
    }


async def test_a_form_that_is_saved_as_it_was_shown_changes_no_fact(door: Door, worker: Database) -> None:
    """With more languages than the form begins with, one that it does not offer, and a municipality that is gone."""
    here, _ = ENTRIES
    gone, *others = (Entry(f"0841604{n}", f"Town {n}", "Landkreis Tübingen", 100) for n in range(2, 6))
    async with worker.transaction() as tx:
        await import_register(tx, [here, gone, *others])
    stated = stated_facts(languages=["uk", "ru", "en", "kmr", "pl"], municipality=gone.ags)
    async with door.program(Role.CENTRE, "karlsruhe") as program:
        headers = {"Idempotency-Key": uuid4().hex}
        sent = await program.post("/intake/v1/households", json=a_registration(facts=stated), headers=headers)
    async with worker.transaction() as tx:
        await import_register(tx, [here, *others])
    address = f"/intake/households/{sent.json()['id']}"
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        shown = await browser.get(f"{address}/correct")
        saved = await browser.client.post(f"{address}/correct", data=fields_of(shown.text))
    assert "Town 2" in shown.text
    assert saved.status_code == 303
    async with worker.transaction() as tx:
        facts = await tx.fetchval("select facts from household")
    assert facts["languages"] == stated["languages"]
    assert facts["municipality"] == gone.ags


async def test_of_two_who_save_at_once_one_is_told(door: Door, worker: Database) -> None:
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        address = await register(browser)
        form = flattened(a_registration()) | {"revision": "1"}
        async with worker.transaction() as tx:
            await tx.execute("select from reference for update")
            sending = asyncio.create_task(browser.send(f"{address}/correct", **form))
            await eventually(lambda: somebody_waits(worker))
            await tx.execute("update household set revision = 2")
        assert (await sending).status_code == 409


async def test_a_registration_is_withdrawn_after_one_more_question(door: Door) -> None:
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        address = await register(browser)
        asked = await browser.get(f"{address}/withdraw")
        assert "Withdraw the registration" in asked.text
        assert "sees that in its inbox and gets no mail" in asked.text
        assert (await browser.send(f"{address}/withdraw")).status_code == 303
        page = await browser.get(address)
        again = await browser.get(f"{address}/correct")
    assert "Withdrawn" in page.text
    assert told(page.text) == [("success", "The registration is withdrawn.")]
    assert f'href="{address}/correct"' not in page.text
    assert again.status_code == 404


async def test_a_departure_is_noted_after_one_more_question(door: Door) -> None:
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        address = await register(browser)
        assert f'href="{address}/depart"' in (await browser.get(address)).text
        asked = await browser.get(f"{address}/depart")
        assert "Note the departure" in asked.text
        assert (await browser.send(f"{address}/depart")).status_code == 303
        page = await browser.get(address)
        assert (await browser.send(f"{address}/withdraw")).status_code == 303
        still = await browser.get(address)
    assert told(page.text) == [("success", "The departure is noted.")]
    assert f'href="{address}/depart"' not in page.text
    assert told(still.text) == [("warning", "The household is no longer active.")]


async def test_who_has_left_meanwhile_is_not_said_to_be_withdrawn(door: Door, worker: Database) -> None:
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        address = await register(browser)
        async with worker.transaction() as tx:
            await tx.execute("update household set status = 'departed'")
        assert (await browser.send(f"{address}/withdraw")).status_code == 303
        page = await browser.get(address)
    assert told(page.text) == [("warning", "The household is no longer active.")]


async def test_the_same_persons_under_another_reference_are_pointed_out(door: Door) -> None:
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        first = await register(browser)
        second = await register(browser, reference="KA-2", facts=stated_facts(languages=["ru"]))
        page = await browser.get(second)
    async with door.person(Role.CENTRE, "ellwangen") as stranger:
        alone = await stranger.get(await register(stranger))
    assert "Possibly registered twice" in page.text
    assert f'href="{first}"' in page.text
    assert "Possibly registered twice" not in alone.text


async def test_a_household_shows_what_became_of_it(door: Door, worker: Database) -> None:
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        address = await register(browser)
        assert "No decision has come back yet." in (await browser.get(address)).text
        await decide(worker, household=id_in(address))
        page = await browser.get(address)
    assert "Proposed to an integration manager: TUE-01" in page.text
    assert "its answer is awaited" in page.text


async def test_a_household_shows_that_an_earlier_manager_took_it_on_and_met_it(door: Door, worker: Database) -> None:
    earlier = EarlierAssignment(
        item=1,
        manager=uuid4(),
        assigned_at=NOW,
        answered_at=NOW + timedelta(hours=1),
        contacted_at=NOW + timedelta(hours=2),
        ended_at=NOW + timedelta(hours=3),
        status=CareStatus.PROPOSED,
    )
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        address = await register(browser)
        again = {"revision": 2, "item": 2, "assigned_at": earlier.ended_at, "earlier": (earlier,)}
        await decide(worker, household=id_in(address), **again)
        page = (await browser.get(address)).text
    history = page.split('class="timeline"')[1].split("</ol>")[0]
    assert re.findall(r'kern-title--small">([^<]+)<', history)[:5] == [
        "Proposed to an integration manager",
        "Answered by the municipality",
        "First contact with the household",
        "The assignment ended",
        "Proposed to an integration manager: TUE-01",
    ]


async def test_names_are_shown_to_who_cares_from_acceptance_on(door: Door, worker: Database) -> None:
    manager = a_manager()
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        household = id_in(await register(browser))
    path = f"/intake/households/{household}/card"
    allowed = ((Role.MUNICIPALITY, "08416041"), (Role.MANAGER, str(manager.id)), (Role.CENTRE, "karlsruhe"))
    strangers = ((Role.MUNICIPALITY, "08415061"), (Role.MANAGER, str(uuid4())), (Role.CENTRE, "ellwangen"))

    async def shown(role: Role, tenant: str) -> int:
        async with door.person(role, tenant) as browser:
            page = await browser.get(path)
            assert ("Oksana" in page.text) == (page.status_code == 200)
            return page.status_code

    await decide(worker, household=household, assignee=an_assignee(manager))
    assert [await shown(*one) for one in allowed] == [404, 404, 200]
    accepted = {"status": CareStatus.CONFIRMED, "reason": CareReason.ACCEPTED, "revision": 2}
    await decide(worker, household=household, assignee=an_assignee(manager), **accepted)
    assert [await shown(*one) for one in allowed] == [200, 200, 200]
    assert [await shown(*one) for one in strangers] == [404, 404, 404]
    for role in (Role.DISTRICT, Role.STATE, Role.OPERATOR, Role.AUDITOR):
        assert await shown(role, "08") == 403


async def test_the_names_of_a_page_are_those_that_the_reader_may_see(door: Door, worker: Database) -> None:
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        accepted, proposed = [id_in(await register(browser, reference=one)) for one in ("KA-1", "KA-2")]
    await decide(worker, household=proposed)
    confirmed = {"status": CareStatus.CONFIRMED, "reason": CareReason.ACCEPTED}
    await decide(worker, household=accepted, **confirmed)
    path = "/intake/names?" + "&".join(f"household={one}" for one in (accepted, proposed, uuid4()))
    async with door.person(Role.MUNICIPALITY, "08416041") as browser:
        page = await browser.get(path)
        browser.client.headers["HX-Request"] = "true"
        fragment = await browser.get(path)
        too_many = "&".join(f"household={uuid4()}" for _ in range(101))
        refused = [(await browser.get(f"/intake/names?{one}")).status_code for one in ("", "household=1", too_many)]
    for text in (page.text, fragment.text):
        assert re.findall(r'id="names-([0-9a-f-]+)" hx-swap-oob="true">([^<]*)<', text) == [
            (str(accepted), "Oksana Melnyk, Danylo Melnyk")
        ]
    assert ("<html" in page.text, "<html" in fragment.text) == (True, False)
    assert refused == [422] * 3
    async with worker.transaction() as tx:
        read = [one.subject for one in await trail.listed(tx, limit=9) if one.action == "identity.read"]
    assert read == [str(accepted)] * 2
    async with door.person(Role.DISTRICT, "08416") as browser:
        assert (await browser.get(path)).status_code == 403


async def test_a_fragment_says_the_same_for_what_may_not_be_seen_and_what_is_not(door: Door) -> None:
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        household = id_in(await register(browser))
    async with door.person(Role.MUNICIPALITY, "08416041") as other:
        for one in (household, uuid4()):
            page = await other.get(f"/intake/households/{one}/card")
            assert page.status_code == 404
            assert "once the case is accepted" in page.text
            assert "may have been moved" not in page.text
        other.client.headers["HX-Request"] = "true"
        pages = {one: await other.get(f"/intake/households/{one}/card") for one in (household, uuid4())}
    assert [page.status_code for page in pages.values()] == [200, 200]
    (text,) = {page.text.replace(str(one), "") for one, page in pages.items()}
    assert "Oksana" not in text


async def test_who_is_not_of_a_centre_has_no_pages_here(door: Door) -> None:
    async with door.person(Role.MUNICIPALITY, "08416041") as browser:
        assert [(await browser.get(path)).status_code for path in ("/intake/", NEW)] == [403, 403]
