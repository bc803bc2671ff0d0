"""The inbox's door on a real database: for programs and for people."""

import re
from datetime import date, datetime, timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import httpx
import pytest

from builders import NOW, REUTLINGEN, TUEBINGEN, a_care, a_municipality, a_policy
from chassis.access import Role
from chassis.web import encode_cursor
from chassis.web.surroundings import Mounted
from contracts.assignments import Because, Care, CaseFacts
from contracts.vocabulary import AgeBand, Skill
from doors import Browser, Door
from forms import fields_of, told
from integration.conftest import OpenDatabase
from notifications import store, web
from notifications.web import labels
from notifications_world import (
    confirmed,
    erased,
    fold,
    know_contact,
    messages,
    proposed_again,
    published,
    released,
    soon,
    stayed,
)

PROBLEM = "application/problem+json"


@pytest.fixture
async def door(database: OpenDatabase, database_url: str) -> Door:
    mounted = Mounted(name="notifications", prefix="/inbox", package="notifications", site=web.create())
    return Door(mounted, await database("notifications", "web"), await database("notifications"), database_url)


def answers(care: Care) -> str:
    return f"/inbox/v1/assignments/{care.household}/answers"


async def say(client: httpx.AsyncClient, care: Care, answer: str, **more: Any) -> httpx.Response:
    return await client.post(answers(care), json={"item": care.item, "answer": answer, **more})


async def test_a_program_reads_what_is_assigned_and_goes_on_where_it_was(door: Door) -> None:
    cares = [a_care() for _ in range(3)]
    await fold(door.worker, a_municipality(), *cares, a_care(municipality=REUTLINGEN, district=REUTLINGEN[:5]))
    async with door.program(Role.MUNICIPALITY, TUEBINGEN) as client:
        first = (await client.get("/inbox/v1/assignments?limit=2")).json()
        rest = (await client.get("/inbox/v1/assignments", params={"cursor": first["cursor"]})).json()
        assert [one["household"] for one in first["items"] + rest["items"]] == [care.key for care in cares]
        assert (first["more"], rest["more"]) == (True, False)
        assert first["items"][0]["municipality_name"] == "Tübingen"
        assert first["items"][0]["facts"]["size"] == 3
        nothing = (await client.get("/inbox/v1/assignments", params={"cursor": rest["cursor"]})).json()
        assert nothing == {"items": [], "cursor": rest["cursor"], "more": False}
        await fold(door.worker, confirmed(cares[0]))
        news = (await client.get("/inbox/v1/assignments", params={"cursor": rest["cursor"]})).json()
        assert [(one["household"], one["status"]) for one in news["items"]] == [(cares[0].key, "accepted")]
        future = (await client.get("/inbox/v1/assignments", params={"since": "2999-01-01T00:00:00Z"})).json()
        assert future["items"] == []


async def test_a_cursor_that_is_not_ours_or_of_the_future_is_refused(door: Door) -> None:
    refused = {
        "x": 422,
        encode_cursor("1;drop", uuid4(), 1): 422,
        encode_cursor("٣", uuid4(), 1): 422,
        encode_cursor("3", uuid4(), 2**63): 422,
        encode_cursor("9" * 18, uuid4(), 1): 410,
        encode_cursor("9" * 19, uuid4(), 1): 410,
    }
    async with door.program(Role.MUNICIPALITY, TUEBINGEN) as client:
        for cursor, status in refused.items():
            response = await client.get("/inbox/v1/assignments", params={"cursor": cursor})
            assert (response.status_code, response.headers["content-type"]) == (status, PROBLEM)


async def test_a_cursor_may_name_an_item_that_nobody_has(door: Door) -> None:
    async with door.program(Role.MUNICIPALITY, TUEBINGEN) as client:
        forged = {"cursor": encode_cursor("3", uuid4(), 2**31)}
        assert (await client.get("/inbox/v1/assignments", params=forged)).json()["items"] == []
    async with door.person(Role.MUNICIPALITY, TUEBINGEN) as browser:
        forged = {"cursor": encode_cursor("2022-03-16T09:00:00+00:00", uuid4(), 2**31)}
        assert (await browser.get("/inbox/", params=forged)).status_code == 200


async def test_a_time_that_does_not_fit_into_utc_is_refused(door: Door) -> None:
    async with door.program(Role.MUNICIPALITY, TUEBINGEN) as client:
        response = await client.get("/inbox/v1/assignments", params={"since": "0001-01-01T00:00:00+01:00"})
    assert (response.status_code, response.headers["content-type"]) == (422, PROBLEM)


async def test_an_answer_is_taken_once(door: Door) -> None:
    care = a_care()
    await fold(door.worker, care)
    async with door.program(Role.MUNICIPALITY, TUEBINGEN) as client:
        first = await say(client, care, "declined", reason="overloaded")
        second = await say(client, care, "declined", reason="overloaded")
    assert (first.status_code, second.status_code) == (200, 200)
    (item,) = first.json()["items"]
    assert item["status"] == "declined"
    assert item["answer"]["fate"] == "pending"
    assert second.json()["items"][0]["answer"] == item["answer"]
    assert len(await published(door.worker)) == 1


async def test_a_stale_answer_is_told_what_is_current(door: Door) -> None:
    care = a_care()
    await fold(door.worker, care, proposed_again(released(care)))
    async with door.program(Role.MUNICIPALITY, TUEBINGEN) as client:
        response = await say(client, care, "accepted")
    assert (response.status_code, response.headers["content-type"]) == (409, PROBLEM)
    assert response.json()["type"] == "urn:problem-type:geleit:stale-answer"
    assert "item 3 is current" in response.json()["detail"]
    assert await published(door.worker) == []


async def test_somebody_elses_household_does_not_exist(door: Door) -> None:
    care = a_care()
    await fold(door.worker, care)
    async with door.program(Role.MUNICIPALITY, REUTLINGEN) as client:
        foreign = await say(client, care, "accepted")
        unknown = await say(client, a_care(), "accepted")
        read = await client.get(f"/inbox/v1/assignments/{care.household}")
    assert foreign.status_code == unknown.status_code == read.status_code == 404
    assert foreign.json() == unknown.json()


@pytest.mark.parametrize(
    "body",
    [
        {"item": 1, "answer": "declined"},
        {"item": 1, "answer": "declined", "reason": "no_contact"},
        {"item": 1, "answer": "accepted", "reason": "language"},
        {"item": 1, "answer": "perhaps"},
        {"item": 0, "answer": "accepted"},
        {"item": 2**40, "answer": "accepted"},
        {"item": 1, "answer": "accepted", "comment": "Iryna Kovalenko"},
        {"answer": "accepted"},
        [],
    ],
)
async def test_what_is_no_answer_is_refused_without_an_echo(door: Door, body: Any) -> None:
    care = a_care()
    await fold(door.worker, care)
    async with door.program(Role.MUNICIPALITY, TUEBINGEN) as client:
        response = await client.post(answers(care), json=body)
    assert (response.status_code, response.headers["content-type"]) == (422, PROBLEM)
    assert "Iryna" not in response.text
    assert await published(door.worker) == []


async def test_who_may_only_read_does_not_answer(door: Door) -> None:
    care = a_care()
    await fold(door.worker, care)
    async with door.program(Role.DISTRICT, TUEBINGEN[:5]) as client:
        assert (await client.get(f"/inbox/v1/assignments/{care.household}")).status_code == 200
        assert (await say(client, care, "accepted")).status_code == 403


async def test_each_of_many_answers_has_its_own_result(door: Door) -> None:
    good, twice, moved, foreign = a_care(), a_care(), a_care(), a_care(municipality=REUTLINGEN)
    await fold(door.worker, good, twice, moved, proposed_again(released(moved)), foreign)

    def one(care: Care, answer: str, reason: str | None = None) -> dict[str, Any]:
        return {"household": care.key, "item": 1, "answer": answer, "reason": reason}

    body = [
        one(good, "accepted"),
        one(twice, "accepted"),
        one(twice, "accepted"),
        one(twice, "contacted"),
        one(moved, "accepted"),
        one(foreign, "accepted"),
        one(good, "declined"),
        one(good, "undone"),
    ]
    async with door.program(Role.MUNICIPALITY, TUEBINGEN) as client:
        response = await client.post("/inbox/v1/answers", json={"answers": body})
        many = await client.post("/inbox/v1/answers", json={"answers": [one(good, "accepted")] * 501})
    assert [each["result"] for each in response.json()["results"]] == [
        "taken",
        "taken",
        "same",
        "taken",
        "stale",
        "unknown",
        "wrong_reason",
        "not_possible",
    ]
    assert response.json()["results"][4]["current_item"] == 3
    assert [row["revision"] for row in await published(door.worker)] == [1, 1, 2]
    assert many.status_code == 422


async def test_five_hundred_answers_go_at_once(door: Door) -> None:
    cares = [a_care() for _ in range(500)]
    async with door.worker.transaction() as tx:
        await store.fold_cares(tx, sorted(cares, key=lambda care: care.key))
    body = [{"household": care.key, "item": 1, "answer": "accepted"} for care in cares]
    async with door.program(Role.MUNICIPALITY, TUEBINGEN) as client:
        response = await client.post("/inbox/v1/answers", json={"answers": body}, timeout=30)
    assert {each["result"] for each in response.json()["results"]} == {"taken"}
    assert len(await published(door.worker)) == 500


async def test_people_find_open_proposals_first(door: Door) -> None:
    late = a_care(assigned_at=NOW, answer_by=NOW + timedelta(days=3))
    done = a_care()
    await fold(door.worker, late, done, confirmed(done), a_municipality(), a_policy())
    async with door.person(Role.MUNICIPALITY, TUEBINGEN) as browser:
        page = await browser.get("/inbox/")
        assert page.status_code == 200
        assert f"/inbox/households/{late.household}" in page.text
        assert f"/inbox/households/{done.household}" not in page.text
        assert "Overdue" in page.text
        assert "3 working days" in page.text
        everything = await browser.get("/inbox/?status=all")
        assert f"/inbox/households/{done.household}" in everything.text
        found = await browser.get(f"/inbox/?status=all&q={str(done.household)[:10].upper()}")
        assert f"/inbox/households/{late.household}" not in found.text
        assert f"/inbox/households/{done.household}" in found.text
        assert "No household begins like this" in (await browser.get("/inbox/?q=xyz")).text
        part = await browser.get("/inbox/", headers={"HX-Request": "true"})
        assert "<html" not in part.text


async def test_a_manager_finds_her_own_proposals(door: Door) -> None:
    mine, other = a_care(), a_care()
    await fold(door.worker, mine, other)
    assert mine.assignee is not None
    async with door.person(Role.MANAGER, str(mine.assignee.id)) as browser:
        page = await browser.get("/inbox/")
    assert mine.key in page.text
    assert other.key not in page.text
    async with door.program(Role.MANAGER, str(mine.assignee.id)) as client:
        changes = (await client.get("/inbox/v1/assignments")).json()
    assert [one["household"] for one in changes["items"]] == [mine.key]


async def test_an_empty_inbox_says_so_in_german(door: Door) -> None:
    async with door.person(Role.MUNICIPALITY, TUEBINGEN, "de") as browser:
        page = await browser.get("/inbox/")
    assert "Nichts zu beantworten" in page.text


async def test_an_empty_inbox_says_how_its_reader_learns_of_news(door: Door) -> None:
    async def said(role: Role, tenant: str) -> str:
        async with door.person(role, tenant) as browser:
            return (await browser.get("/inbox/")).text

    assert "ask the operator for one" in await said(Role.MUNICIPALITY, TUEBINGEN)
    await know_contact(door.worker)
    assert "your municipality is told by mail" in await said(Role.MUNICIPALITY, TUEBINGEN)
    assert "show up here at once." in await said(Role.MANAGER, str(uuid4()))


async def test_a_request_for_a_transfer_stays_on_the_page_when_the_family_is_contacted(door: Door) -> None:
    care = a_care()
    await fold(door.worker, care, confirmed(care))
    async with door.person(Role.MUNICIPALITY, TUEBINGEN) as browser:
        await send(browser, care, "transfer_requested", reason="language")
        await send(browser, care, "contacted")
        page = await household_page(browser, care)
    assert "You have requested a transfer." in page
    assert "Request a transfer …" not in page
    assert "Transfer requested" in page
    assert "Family contacted" in page


async def test_the_list_comes_in_pages(door: Door) -> None:
    cares = [a_care(assigned_at=NOW + timedelta(minutes=number)) for number in range(3)]
    await fold(door.worker, *cares)
    async with door.person(Role.MUNICIPALITY, TUEBINGEN) as browser:
        page = await browser.get("/inbox/?limit=2")
        link = next(part for part in page.text.split('"') if "cursor=" in part).replace("&amp;", "&")
        rest = await browser.get(link)
    assert cares[0].key in rest.text
    assert cares[2].key not in rest.text


async def household_page(browser: Browser, care: Care, query: str = "") -> str:
    page = await browser.get(f"/inbox/households/{care.household}{query}")
    assert page.status_code == 200
    assert "style=" not in page.text
    return page.text


async def send(browser: Browser, care: Care, answer: str, **more: object) -> httpx.Response:
    return await browser.send(f"/inbox/households/{care.household}/answers", item=care.item, answer=answer, **more)


async def test_the_reason_for_a_manager_is_shown(door: Door) -> None:
    spoke = Because(languages=("uk",), skills=(Skill.LITERACY,), distance_km=12, former=True)
    cares = [
        a_care(because=because) for because in (spoke, Because(by_person=True, languages=("uk",)), Because(), None)
    ]
    await fold(door.worker, *cares, a_municipality())
    async with door.person(Role.MUNICIPALITY, TUEBINGEN) as browser:
        pages = [await household_page(browser, care) for care in cares]
    assert "had the household before; Ukrainian; Literacy; 12 km" in pages[0]
    assert "decided by a person" in pages[1]
    assert "room for the case" in pages[2]
    assert "room for the case" not in pages[3]


async def test_a_household_has_one_short_form(door: Door) -> None:
    care = a_care()
    await fold(door.worker, care)
    short = care.key[:8]
    async with door.person(Role.MUNICIPALITY, TUEBINGEN) as browser:
        assert f">{short}</a>" in (await browser.get(f"/inbox/?q={short}")).text
        page = await household_page(browser, care)
    assert f"Household {short}</h1>" in page
    assert f'lead">{care.key}</p>' in page


async def test_ages_stand_in_their_order(door: Door) -> None:
    facts = CaseFacts(size=3, age_bands={AgeBand.ADULT: 1, AgeBand.INFANT: 2}, languages=("prs",))
    care = a_care(case=facts)
    await fold(door.worker, care)
    async with door.person(Role.MUNICIPALITY, TUEBINGEN) as browser:
        page = await household_page(browser, care)
    assert "0 to 4 years: 2; 18 to 59 years: 1" in page
    assert "Dari" in page


async def test_a_reason_that_only_repeats_the_status_is_left_out(door: Door) -> None:
    care = a_care()
    await fold(door.worker, care)
    async with door.person(Role.MUNICIPALITY, TUEBINGEN) as browser:
        assert re.search(r">Reason</dt>\s*<dd[^>]*>Matched by language, needs", await household_page(browser, care))
        await fold(door.worker, confirmed(care))
        assert ">Reason</dt>" not in await household_page(browser, care)


async def test_a_person_accepts_contacts_and_closes(door: Door) -> None:
    care = a_care()
    await fold(door.worker, care, a_municipality())
    async with door.person(Role.MUNICIPALITY, TUEBINGEN) as browser:
        shown = await household_page(browser, care)
        assert "Ukrainian" in shown
        assert "TUE-01" in shown
        assert (await send(browser, care, "accepted")).status_code == 303
        shown = await household_page(browser, care)
        assert "The proposal is accepted." in shown
        assert "The answer is being processed" not in shown
        assert (await send(browser, care, "contacted")).status_code == 303
        assert "Why is the case closed?" in await household_page(browser, care, "?ask=closed")
        assert (await send(browser, care, "closed")).status_code == 422
        assert (await send(browser, care, "closed", reason="moved_away")).status_code == 303
        assert "Moved away" in await household_page(browser, care)
    assert [row["revision"] for row in await published(door.worker)] == [1, 2, 3]


async def test_an_erased_household_has_a_history_of_days_that_ends_with_its_erasure(door: Door) -> None:
    care = a_care(assigned_at=NOW)
    await fold(door.worker, care)
    async with door.person(Role.MUNICIPALITY, TUEBINGEN) as browser:
        await send(browser, care, "accepted")
        async with door.worker.transaction() as tx:
            await tx.execute("update response set accepted_at = $1, answered_at = $1", NOW + timedelta(hours=1))
        await fold(door.worker, erased(confirmed(care)))
        page = await household_page(browser, care)
        listed = (await browser.get("/inbox/?status=all")).text
    history = page.split('class="timeline"')[1].split("</ol>")[0]
    said = re.findall(r'kern-title--small">([^<]+)<', history)
    assert said == ["Proposed to TUE-01", "Accepted", "The household was erased"]
    for shown in (history, page.split("History")[0], listed.split('id="results"')[1].split("<footer")[0]):
        assert "14 Mar 2022" in shown
        assert not re.search(r"\d\d:\d\d", re.sub(r'datetime="[^"]+"', "", shown))


async def test_who_had_a_case_still_reads_that_it_was_accepted_and_contacted(door: Door) -> None:
    care = a_care()
    await fold(door.worker, care)
    async with door.program(Role.MUNICIPALITY, TUEBINGEN) as client:
        (given,) = (await say(client, care, "contacted")).json()["items"]
        at = datetime.fromisoformat(given["contacted_at"])
        met = confirmed(care).model_copy(update={"answered_at": at, "contacted_at": at})
        moved = stayed(met, municipality=REUTLINGEN, district=REUTLINGEN[:5])
        await fold(door.worker, moved)
        async with door.program(Role.MUNICIPALITY, REUTLINGEN) as other:
            assert (await say(other, moved, "accepted")).status_code == 200
        (item,) = (await client.get(f"/inbox/v1/assignments/{care.household}")).json()["items"]
    assert (item["status"], item["answer"]) == ("closed", None)
    assert item["accepted_at"] == item["contacted_at"] == given["contacted_at"]
    async with door.person(Role.MUNICIPALITY, TUEBINGEN) as browser:
        page = await household_page(browser, care)
    history = page.split('class="timeline"')[1].split("</ol>")[0]
    said = ["Proposed to TUE-01", "Accepted", "Family contacted", labels.REASONS["moved_on"]]
    assert sorted(re.findall(r'kern-title--small">([^<]+)<', history)) == sorted(said)


async def test_programs_get_days_of_an_erased_household_too(door: Door) -> None:
    care = a_care(assigned_at=NOW)
    await fold(door.worker, care)
    async with door.program(Role.MUNICIPALITY, TUEBINGEN) as client:
        await say(client, care, "contacted")
        async with door.worker.transaction() as tx:
            met = NOW + timedelta(hours=1)
            await tx.execute("update response set accepted_at = $1, contacted_at = $1, answered_at = $1", met)
        await fold(door.worker, erased(confirmed(care)))
        (listed,) = (await client.get("/inbox/v1/assignments")).json()["items"]
        (one,) = (await client.get(f"/inbox/v1/assignments/{care.household}")).json()["items"]
    assert listed == one
    times = one["assigned_at"], one["contacted_at"], one["ended_at"], one["answer"]["answered_at"]
    assert set(times) == {"2022-03-13T23:00:00Z"}


async def test_a_person_declines_with_a_reason_and_takes_it_back(door: Door) -> None:
    care = a_care()
    await fold(door.worker, care)
    async with door.person(Role.MUNICIPALITY, TUEBINGEN) as browser:
        asked = await browser.get(f"/inbox/households/{care.household}?ask=declined", headers={"HX-Request": "true"})
        assert "<html" not in asked.text
        assert "Too many cases" in asked.text
        assert "No contact" not in asked.text
        missing = await send(browser, care, "declined")
        assert missing.status_code == 422
        assert "Please choose one of the options." in missing.text
        assert (await send(browser, care, "declined", reason="language")).status_code == 303
        await fold(door.worker, released(care))
        assert "Take the decline back" in await household_page(browser, care)
        assert (await send(browser, care, "undone")).status_code == 303
    assert len(await published(door.worker)) == 2


async def test_a_person_who_is_too_late_sees_how_it_stands(door: Door) -> None:
    care = a_care()
    await fold(door.worker, care, proposed_again(released(care)))
    async with door.person(Role.MUNICIPALITY, TUEBINGEN) as browser:
        response = await send(browser, care, "accepted")
    assert response.status_code == 409
    assert "Your answer was not taken" in response.text
    assert "TUE-02" in response.text


async def test_a_reason_is_asked_for_the_item_that_was_seen(door: Door) -> None:
    care = a_care()
    await fold(door.worker, care)
    async with door.person(Role.MUNICIPALITY, TUEBINGEN) as browser:
        page = await browser.get(f"/inbox/households/{care.household}")
        await fold(door.worker, proposed_again(released(care)))
        (link,) = re.findall(r'hx-get="([^"]+)"', page.text.split('id="answers"')[1])
        by_script = await browser.get(unescape(link), headers={"HX-Request": "true"})
        asked_again = await send(browser, care, "declined")
        assert [fields_of(shown.text)["item"] for shown in (by_script, asked_again)] == ["1", "1"]
        assert (await send(browser, care, "declined", reason="overloaded")).status_code == 409
    assert await published(door.worker) == []


async def test_names_are_offered_to_whom_they_are_shown_once_they_are(door: Door) -> None:
    care = a_care()
    await fold(door.worker, care)
    async with door.person(Role.MUNICIPALITY, TUEBINGEN) as browser:
        page = await browser.get(f"/inbox/households/{care.household}")
        assert "once the case is accepted" in page.text
        assert "Show names" not in page.text
        assert (await send(browser, care, "accepted")).status_code == 303
    for role, tenant in ((Role.MUNICIPALITY, TUEBINGEN), (Role.DISTRICT, TUEBINGEN[:5]), (Role.STATE, "08")):
        async with door.person(role, tenant) as browser:
            page = await browser.get(f"/inbox/households/{care.household}")
        assert page.status_code == 200
        assert ("Show names" in page.text) == (role is Role.MUNICIPALITY), role


async def test_the_names_of_a_page_are_offered_once_somebody_is_cared_for(door: Door) -> None:
    open_one, accepted = a_care(), a_care()
    await fold(door.worker, open_one, confirmed(accepted))
    names = f'hx-get="/intake/names?household={accepted.household}"'
    readers = {Role.MUNICIPALITY: TUEBINGEN, Role.DISTRICT: "08416"}
    seen = {}
    for role, tenant in readers.items():
        async with door.person(role, tenant) as browser:
            pages = [(await browser.get(f"/inbox/?status={status}")).text for status in ("open", "all")]
            seen[role] = [names in page for page in pages]
            assert all(f'id="names-{open_one.household}"' not in page for page in pages)
    assert seen == {Role.MUNICIPALITY: [False, True], Role.DISTRICT: [False, False]}


async def test_a_reader_has_no_buttons_and_a_stranger_no_page(door: Door) -> None:
    care = a_care()
    await fold(door.worker, care)
    async with door.person(Role.DISTRICT, TUEBINGEN[:5]) as browser:
        assert "Accept</span>" not in await household_page(browser, care)
    async with door.person(Role.MUNICIPALITY, REUTLINGEN) as browser:
        assert (await browser.get(f"/inbox/households/{care.household}")).status_code == 404
        assert (await send(browser, care, "accepted")).status_code == 404
    async with door.person(Role.OPERATOR, "08") as browser:
        assert (await browser.get("/inbox/")).status_code == 403


async def test_a_form_without_its_token_is_refused(door: Door) -> None:
    care = a_care()
    await fold(door.worker, care)
    async with door.person(Role.MUNICIPALITY, TUEBINGEN) as browser:
        forged = Browser(browser.client, "x" * 43)
        assert (await send(forged, care, "accepted")).status_code == 403
    assert await published(door.worker) == []


async def test_what_is_overdue_is_found_and_counted(door: Door) -> None:
    late, open_still = a_care(assigned_at=soon()), a_care(assigned_at=soon())
    await fold(door.worker, late, open_still)
    async with door.worker.transaction() as tx:
        await tx.execute("update item set answer_by = now() - interval '1 day' where household = $1", late.household)
    async with door.person(Role.MUNICIPALITY, TUEBINGEN) as browser:
        page = (await browser.get("/inbox/?status=overdue")).text
        assert str(late.household) in page
        assert str(open_still.household) not in page
        assert "Overdue (1)" in page
        await send(browser, late, "accepted")
        assert "Nothing is overdue" in (await browser.get("/inbox/?status=overdue")).text


@pytest.mark.parametrize(("day", "is_over"), [(date(2022, 3, 14), True), (date(9999, 12, 31), False)])
async def test_a_case_in_care_shows_when_its_counselling_period_is_over(door: Door, day: date, is_over: bool) -> None:
    facts = CaseFacts(size=1, age_bands={AgeBand.ADULT: 1}, counselling_over_on=day)
    proposed, taken = a_care(case=facts), a_care(case=facts)
    await fold(door.worker, proposed, taken, confirmed(taken))
    async with door.person(Role.MUNICIPALITY, TUEBINGEN) as browser:
        inbox = (await browser.get("/inbox/?status=accepted")).text
        assert ("Counselling period over" in inbox) == is_over
        pages = [await household_page(browser, care) for care in (taken, proposed)]
    assert ["The counselling period is over" in page for page in pages] == [is_over, False]
    assert all("Counselling period ends" in page for page in pages)


@pytest.mark.parametrize(("language", "said"), [("en", "District"), ("de", "Stadt- oder Landkreis")])
async def test_an_operator_sees_which_districts_cannot_be_told(door: Door, language: str, said: str) -> None:
    await know_contact(door.worker)
    await fold(door.worker, a_municipality())
    async with door.person(Role.OPERATOR, "08", language) as browser:
        page = (await browser.get("/inbox/messages")).text
        assert re.search(rf">{TUEBINGEN[:5]}</div></td>\s*<td[^>]*><div[^>]*>{said}</div>", page)
        await know_contact(door.worker, "amt@kreis.example", TUEBINGEN[:5])
        assert TUEBINGEN[:5] not in (await browser.get("/inbox/messages")).text


async def test_an_operator_sees_what_failed_and_sends_it_again(door: Door) -> None:
    await know_contact(door.worker)
    care = a_care(assigned_at=soon())
    await fold(door.worker, care, a_municipality(), a_municipality(ags=REUTLINGEN, name="Reutlingen"))
    async with door.worker.transaction() as tx:
        await tx.execute("update message set failed_at = now(), attempts = 3, last_error_code = 'smtp_550'")
    async with door.person(Role.OPERATOR, "08") as browser:
        page = (await browser.get("/inbox/messages")).text
        assert "in the last seven days" in page
        assert "smtp_550" in page
        assert "Reutlingen" in page
        assert care.key not in page
        assert "rathaus" not in page
        (row,) = await messages(door.worker)
        assert (await browser.send("/inbox/messages/retry", id=row["id"])).status_code == 303
        assert told((await browser.get("/inbox/messages")).text) == [("success", "Messages that are sent again: 1")]
        assert (await browser.send("/inbox/messages/retry", id=row["id"])).status_code == 303
        assert told((await browser.get("/inbox/messages")).text) == [("warning", "Messages that are sent again: 0")]
    (row,) = await messages(door.worker)
    assert (row["failed_at"], row["attempts"]) == (None, 0)
    async with door.person(Role.AUDITOR, "08") as browser:
        assert (await browser.get("/inbox/messages")).status_code == 200
        assert (await browser.send("/inbox/messages/retry")).status_code == 403
