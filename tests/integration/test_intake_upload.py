"""Households of a file: shown first, then registered, each as it would have been alone."""

import asyncio
import re
import time
from html import unescape
from uuid import uuid4

import httpx
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis.access import Role
from chassis.database import Database
from chassis.web.files import LARGEST_FILE
from doors import Browser, Door
from forms import fields_of, told
from gauged import figure
from intake.sheet import COLUMNS, MOST_HOUSEHOLDS
from intake.web.formdata import flattened
from intake_world import intake_door, outcomes, with_register
from integration.conftest import OpenDatabase
from offers import a_registration
from rows import rows

UPLOAD = "/intake/upload"
HEADER = (
    "reference;given_name;family_name;birth_date;nationality;sex;arrived_on;legal_group;accommodation;municipality;"
    "residence_title;languages;phone"
)
SECRET = "Zaphod"
CHILD = f"KA-1;Danylo;{SECRET};30.11.2015;UA"


def a_line(reference: str = "KA-1", given_name: str = "Oksana", arrived_on: str = "14.03.2022") -> str:
    stated = f"{arrived_on};displaced_ukrainian;private;8416041;24;uk;"
    return f"{reference};{given_name};{SECRET};1988-05-02;UA;female;{stated}"


TWO = (a_line(), CHILD, a_line("KA-2"))


def a_file(*lines: str, header: str = HEADER) -> bytes:
    return "\r\n".join([header, *lines, ""]).encode("utf-8-sig")


@pytest.fixture
async def worker(database: OpenDatabase) -> Database:
    return await with_register(await database("intake"))


@pytest.fixture
async def door(worker: Database, database: OpenDatabase, database_url: str) -> Door:
    return intake_door(await database("intake", "web"), worker, database_url)


async def choose(browser: Browser, data: bytes) -> httpx.Response:
    """The preview."""
    files = {"file": ("arrivals.csv", data, "text/csv")}
    shown = await browser.client.post(UPLOAD, data={"csrf_token": browser.csrf}, files=files)
    assert SECRET not in shown.text
    return shown


async def confirm(browser: Browser, preview: httpx.Response) -> httpx.Response:
    """What the preview's button sends; where a file is chosen is a form of its own."""
    fields = {name: value for name, value in fields_of(preview.text).items() if name != "file"} | {"confirm": "true"}
    done = await browser.client.post(UPLOAD, files={name: (None, value) for name, value in fields.items()})
    assert SECRET not in done.text
    return done


async def register(browser: Browser, *lines: str) -> httpx.Response:
    return await confirm(browser, await choose(browser, a_file(*lines)))


async def registered(worker: Database) -> list[str]:
    return [row[0] for row in await rows(worker, "select reference from household order by reference")]


async def audited(worker: Database, action: str) -> list[tuple[str, str]]:
    return await rows(worker, "select subject, details::text from audit where action = $1 order by id", action)


def figures(page: str) -> list[str]:
    """Registered, known, refused for what is registered, refused for faults."""
    return re.findall(r'list-item__value">([^<]*)<', page)


def faults(page: str) -> list[tuple[str, ...]]:
    """The rows of the table of faults."""
    if "Faults by line" not in page:
        return []
    body = page.partition("Faults by line")[2].partition("</table>")[0].partition("<tbody")[2]
    cells = [re.findall(r'<div class="cell[^"]*">(.*?)</div>', row, re.DOTALL) for row in body.split("<tr")[1:]]
    return [tuple(unescape(re.sub("<[^>]*>", "", cell)) for cell in row) for row in cells]


async def test_codes_may_be_called_by_their_names_in_either_language(door: Door, worker: Database) -> None:
    in_german = a_line().replace("displaced_ukrainian;private", "VERTRIEBENE aus der Ukraine;Private Unterkunft")
    in_english = a_line("KA-2").replace("displaced_ukrainian;private;", "Displaced from Ukraine;private accommodation;")
    unknown = a_line("KA-3").replace("female", "feminine")
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        shown = await choose(browser, a_file(in_german.replace("female", "weiblich"), in_english, unknown))
        await confirm(browser, shown)
    assert [fault[:3] for fault in faults(shown.text)] == [("4", "KA-3", "Sex")]
    assert await rows(worker, "select distinct facts ->> 'legal_group', facts ->> 'accommodation' from household") == [
        ("displaced_ukrainian", "private")
    ]
    assert await registered(worker) == ["KA-1", "KA-2"]


async def test_the_page_leads_to_a_template_that_has_no_line(door: Door) -> None:
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        listed, new = await browser.get("/intake/"), await browser.get("/intake/new")
        page, template = await browser.get(UPLOAD), await browser.get(f"{UPLOAD}/template.csv")
        nothing = await choose(browser, template.content)
    assert f'href="{UPLOAD}"' in listed.text
    assert f'href="{UPLOAD}"' in new.text
    assert f'href="{UPLOAD}/template.csv"' in page.text
    assert template.text == "\N{ZERO WIDTH NO-BREAK SPACE}" + ";".join(COLUMNS) + "\r\n"
    assert faults(nothing.text)[0][3] == "There is no line below the header."
    for shown in ("displaced_ukrainian (Displaced from Ukraine)", "literacy (Literacy)", *COLUMNS):
        assert shown in page.text
    assert page.headers["cache-control"] == "no-store"


async def test_a_preview_writes_nothing_and_says_what_would_be(door: Door, worker: Database) -> None:
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        shown = await choose(browser, a_file(*TWO))
    assert (shown.status_code, shown.headers["cache-control"]) == (200, "no-store")
    assert told(shown.text) == [("info", "This file can be registered.")]
    assert figures(shown.text) == ["Households: 2, persons: 3", "0", "0", "0"]
    assert "Register the households (2)" in shown.text
    assert faults(shown.text) == []
    for table in (
        "household",
        "reference",
        "person_vault",
        "verdict",
        "idempotency",
        "outbox where topic = 'households'",
    ):
        assert await rows(worker, f"select count(*) from {table}") == [(0,)], table
    assert await audited(worker, "register_file") == []


async def test_a_confirmed_file_is_registered_with_all_that_one_household_alone_has(
    door: Door, worker: Database, spans: InMemorySpanExporter
) -> None:
    accepted = figure("geleit_bulk_items_total", status="202")
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        done = await register(browser, *TWO)
        (address,) = set(re.findall(r'href="(/intake/\?q=[^"]+)"', done.text))
        listed = await browser.get(address)
    assert told(done.text) == [("success", "Registered: 2. Refused: 0.")]
    assert address == "/intake/?q=KA-"
    assert sorted(re.findall(r">(KA-\d)<", listed.text)) == ["KA-1", "KA-2"]
    assert await registered(worker) == ["KA-1", "KA-2"]
    assert await rows(worker, "select count(*) from outbox where topic = 'households'") == [(2,)]
    assert await rows(worker, "select count(*) from person_vault") == [(2,)]
    assert await rows(worker, "select facts ->> 'size' from household order by reference") == [("2",), ("1",)]
    assert await outcomes(worker) == {"accepted": 2}
    assert len(await audited(worker, "household.accepted")) == 2
    assert await audited(worker, "register_file") == [("households", '{"known": 0, "refused": 0, "registered": 2}')]
    assert figure("geleit_bulk_items_total", status="202") == accepted + 2
    own = [span for span in spans.get_finished_spans() if span.name == "register household"]
    assert [span.attributes for span in own] == [{"http.response.status_code": 202}] * 2
    assert SECRET not in str([span.to_json() for span in spans.get_finished_spans()])


async def test_the_same_file_again_is_known(door: Door, worker: Database) -> None:
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        await register(browser, *TWO)
        again = await choose(browser, a_file(*TWO))
        more = await choose(browser, a_file(*TWO, a_line("KA-3")))
        done = await confirm(browser, more)
    assert told(again.text) == [("info", "All households of this file are registered already.")]
    assert (again.status_code, 'name="confirm"' in again.text) == (200, False)
    assert figures(more.text) == figures(done.text) == ["Households: 1, persons: 1", "2", "0", "0"]
    assert await registered(worker) == ["KA-1", "KA-2", "KA-3"]
    assert await outcomes(worker) == {"accepted": 3, "duplicate": 2}


async def test_who_has_withdrawn_is_not_known_but_refused_though_the_entries_are_the_same(
    door: Door, worker: Database
) -> None:
    ended = ("KA-1", "Reference", "The household of this reference is no longer active.")
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        await register(browser, *TWO)
        ((household,),) = await rows(worker, "select id from household where reference = 'KA-1'")
        await browser.send(f"/intake/households/{household}/withdraw")
        again = await choose(browser, a_file(*TWO))
        alone = await choose(browser, a_file(*TWO[:2]))
        done = await register(browser, *TWO, a_line("KA-3"))
    for page in (again.text, alone.text):
        assert told(page)[-1] == ("danger", "Nothing of this file can be registered.")
    for page in (again.text, alone.text, done.text):
        assert [row[1:4] for row in faults(page)] == [ended]
    assert figures(done.text) == ["Households: 1, persons: 1", "1", "1", "0"]
    assert (await audited(worker, "register_file"))[1:] == [
        ("households", '{"known": 1, "refused": 1, "registered": 1}')
    ]
    assert await outcomes(worker) == {"accepted": 3, "withdrawn": 1, "duplicate": 2}


async def test_a_household_that_was_typed_in_before_is_known(door: Door, worker: Database) -> None:
    line = "KA-1;Oksana;Melnyk;1988-05-02;UA;;2022-03-14;displaced_ukrainian;private;08416041;24;uk;+49 7071 123456"
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        await browser.send("/intake/new", **flattened(a_registration()), form_id=str(uuid4()))
        shown = await choose(browser, a_file(line, "KA-1;Danylo;Melnyk;2015-11-30;UA"))
    assert figures(shown.text) == ["Households: 0, persons: 0", "1", "0", "0"]


async def test_the_same_confirmation_twice_registers_once_and_is_told_the_same(door: Door, worker: Database) -> None:
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        shown = await choose(browser, a_file(*TWO, a_line("KA-3", arrived_on="2999-01-01")))
        first, *others = await asyncio.gather(*(confirm(browser, shown) for _ in range(3)))
        late = await confirm(browser, shown)
    assert figures(first.text) == ["Households: 2, persons: 3", "0", "0", "1"]
    for again in (*others, late):
        assert again.text == first.text
    assert await registered(worker) == ["KA-1", "KA-2"]
    assert await rows(worker, "select count(*) from outbox where topic = 'households'") == [(2,)]
    assert [details for _, details in await audited(worker, "register_file")] == [
        '{"known": 0, "refused": 1, "registered": 2}',
        *['{"known": 2, "refused": 1, "registered": 0}'] * 3,
    ]


async def test_a_faulty_household_keeps_no_other_from_being_registered(door: Door, worker: Database) -> None:
    faulty = (a_line("KA-1", arrived_on="2999-01-01"), f"KA-1;;{SECRET};2015-11-30;Ukraine;;;;first_reception")
    wrong = [
        ("2", "KA-1", "Day of arrival", "The arrival cannot be in the future.", "Correct this entry."),
        ("3", "KA-1", "Accommodation", "The first line of the household says something else."),
        ("3", "KA-1", "Given name", "This cell is empty.", "Fill it in as the table of columns below says."),
        (
            "3",
            "KA-1",
            "Nationality",
            "This does not have the expected form.",
            "Two capital letters by ISO 3166, for example UA.",
        ),
        ("5", "–", "Reference", "This does not have the expected form."),
    ]
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        shown = await choose(browser, a_file(*faulty, a_line("KA-2"), a_line(f"{SECRET}, Oksana")))
        done = await confirm(browser, shown)
    assert told(shown.text) == [("warning", "Households of this file that would not be registered: 2.")]
    assert "Register the sound households (1)" in shown.text
    for page in (shown.text, done.text):
        assert [row[: len(one)] for row, one in zip(sorted(faults(page)), wrong, strict=True)] == wrong
    assert told(done.text) == [("warning", "Registered: 1. Refused: 2.")]
    assert await registered(worker) == ["KA-2"]
    assert await outcomes(worker) == {"accepted": 1, "rejected": 2}


async def test_a_known_reference_with_other_content_is_refused_and_nothing_is_corrected(
    door: Door, worker: Database
) -> None:
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        await register(browser, *TWO)
        shown = await choose(browser, a_file(a_line(given_name="Iryna"), a_line("KA-3")))
        done = await confirm(browser, shown)
        await confirm(browser, await choose(browser, a_file(a_line("KA-2", "Iryna"))))
    for page in (shown.text, done.text):
        assert figures(page) == ["Households: 1, persons: 1", "0", "1", "0"]
        ((_, reference, field, wrong, _),) = faults(page)
        assert (reference, field) == ("KA-1", "Reference")
        assert wrong == "A household with other entries is registered under this reference."
        assert 'href="/intake/?q=KA-1"' in page
    assert await rows(worker, "select distinct revision from household") == [(1,)]


@pytest.mark.parametrize(
    ("data", "line", "wrong"),
    [
        (a_file(a_line(given_name="Söröş")).replace("ş".encode(), b"\xfe"), "2", "The file is not in UTF-8."),
        (a_file(a_line(), a_line("KA-2", "A\0")), "3", "There is a character that no text has."),
        (a_file(a_line(), header=f"{HEADER};{SECRET}"), "1", "No column of the template has this name."),
        (a_file(a_line(), header=HEADER.replace("birth_date;", "")), "1", "This column is missing."),
        (
            a_file(a_line(given_name=f'"{SECRET}')),
            "2",
            "A quotation mark stands where none may stand, or is not closed.",
        ),
    ],
)
async def test_a_file_that_cannot_be_read_says_why(
    door: Door, worker: Database, data: bytes, line: str, wrong: str
) -> None:
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        shown = await choose(browser, data)
    assert shown.status_code == 422
    assert told(shown.text) == [("danger", "This file cannot be read.")]
    assert 'name="confirm"' not in shown.text
    assert (faults(shown.text)[0][0], faults(shown.text)[0][3]) == (line, wrong)
    assert await registered(worker) == []


async def test_no_file_or_one_that_is_too_large_is_none(door: Door) -> None:
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        none = await browser.send(UPLOAD)
        broken = await browser.send(UPLOAD, content="no base64", confirm="true")
        large = await choose(browser, b"x" * (LARGEST_FILE + 1))
        huge = await choose(browser, b"x" * 2_000_000)
    for shown in (none, broken, large):
        assert shown.status_code == 422
        assert "Please choose a CSV file of at most 750 kB." in shown.text
    assert huge.status_code == 413


@pytest.mark.parametrize("role", [Role.DISTRICT, Role.STATE, Role.MUNICIPALITY, Role.AUDITOR, Role.OPERATOR])
async def test_nobody_but_a_centre_may(door: Door, role: Role) -> None:
    tenant = {Role.DISTRICT: "08416", Role.STATE: "08", Role.MUNICIPALITY: "08416041"}.get(role, "geleit")
    async with door.person(role, tenant) as browser:
        answers = [
            await browser.get(UPLOAD),
            await browser.get(f"{UPLOAD}/template.csv"),
            await browser.send(UPLOAD),
        ]
    assert {one.status_code for one in answers} == {403}


async def test_only_the_first_hundred_faults_are_shown(door: Door) -> None:
    lines = [a_line(f"KA-{number}").replace(";private;", ";a tent;") for number in range(130)]
    async with door.person(Role.CENTRE, "karlsruhe", "de") as browser:
        shown = await choose(browser, a_file(*lines))
    assert (shown.status_code, "a tent" in shown.text) == (422, False)
    assert "Dies sind die ersten 100 Fehler; es gibt 30 weitere." in shown.text
    assert shown.text.count("Nehmen Sie einen der Codes") == 100


async def test_the_largest_file_is_there_within_seconds(door: Door, worker: Database) -> None:
    """With as many households as a file may have, nearly as many persons, and their names long."""
    children = [f"Child{'e' * 26}{n};{SECRET};30.11.2015;UA" for n in range(22)]
    lines = [
        line
        for number in range(MOST_HOUSEHOLDS)
        for line in (a_line(f"KA-{number:03}"), *(f"KA-{number:03};{child}" for child in children))
    ]
    data = a_file(*lines)
    assert 0.97 * LARGEST_FILE < len(data) <= LARGEST_FILE
    async with door.person(Role.CENTRE, "karlsruhe") as browser:
        begun = time.process_time()
        done = await confirm(browser, await choose(browser, data))
        took = time.process_time() - begun
    assert figures(done.text)[0] == "Households: 500, persons: 11,500"
    assert len(await registered(worker)) == MOST_HOUSEHOLDS
    assert took < 5
