"""Sessions, keys, forgery and the request's transaction: by HTTP, on a real database."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import httpx
import pytest
from fastapi import APIRouter
from starlette.requests import Request

from access_world import PASSWORD, a_key, a_session, an_account, owner
from builders import TUEBINGEN
from chassis.access import Role, accounts
from chassis.access.passwords import MOST_SIGNING_IN
from chassis.access.tokens import csrf_token
from chassis.database import Database
from chassis.web import Work, pages, require
from chassis.web.guard import SESSION_COOKIE
from forms import told
from integration.conftest import OpenDatabase
from showcase.client import client_of, showcase_app

HTML = {"Accept": "text/html"}
HOUSEHOLD = {"reference": "A-1", "persons": [{"born": "1984-05-01", "kind": "adult"}]}


@pytest.fixture
async def web(database: OpenDatabase) -> Database:
    return await database("probe", "web")


@pytest.fixture
async def client(web: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(showcase_app(lambda _: web)) as found:
        yield found


async def signed_in(client: httpx.AsyncClient, web: Database, url: str, role: Role, tenant: str) -> str:
    await an_account(url, name=role.value, role=role, tenant=tenant)
    token = await a_session(web, role.value)
    client.cookies.set(SESSION_COOKIE, token)
    return token


async def test_a_form_without_the_sessions_token_is_refused(
    client: httpx.AsyncClient, web: Database, database_url: str
) -> None:
    token = await signed_in(client, web, database_url, Role.MUNICIPALITY, TUEBINGEN)
    form = {"persons": "2", "reason": "moved"}
    foreign = csrf_token("the token of another session")
    for attempt in (form, {**form, "csrf_token": ""}, {**form, "csrf_token": foreign}):
        refused = await client.post("/show/rows/one", data=attempt)
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:problem-type:geleit:forged-request")
    for header in (foreign.encode(), "ä".encode()):
        refused = await client.post("/show/rows/one", data=form, headers={b"X-CSRF-Token": header})
        assert refused.status_code == 403
    sent = await client.post("/show/rows/one", data={**form, "csrf_token": csrf_token(token)})
    by_header = await client.post("/show/rows/one", data=form, headers={"X-CSRF-Token": csrf_token(token)})
    assert sent.status_code == by_header.status_code == 303


@pytest.mark.parametrize("charset", ["unicode_escape", "undefined", "utf-16", "no-such"])
async def test_a_form_in_another_charset_is_refused(
    client: httpx.AsyncClient, web: Database, database_url: str, charset: str
) -> None:
    token = await signed_in(client, web, database_url, Role.MUNICIPALITY, TUEBINGEN)
    form = '--X\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    body = form.format("csrf_token", csrf_token(token)) + form.format("password", "\\ud800") + "--X--\r\n"
    for stated, status in ((f"; charset={charset}", 400), ("; charset=UTF-8", 422)):
        kind = {"Content-Type": f"multipart/form-data; boundary=X{stated}"}
        answered = await client.post("/password", content=body.encode(), headers=kind)
        assert answered.status_code == status, stated


async def test_a_json_request_of_a_session_needs_the_token_too(
    client: httpx.AsyncClient, web: Database, database_url: str
) -> None:
    token = await signed_in(client, web, database_url, Role.CENTRE, "karlsruhe")
    assert (await client.post("/show/v1/households", json=HOUSEHOLD)).status_code == 403
    headers = {"X-CSRF-Token": csrf_token(token)}
    assert (await client.post("/show/v1/households", json=HOUSEHOLD, headers=headers)).status_code == 202


async def test_a_key_needs_no_token_and_is_held_to_its_tenant(client: httpx.AsyncClient, database_url: str) -> None:
    key = await a_key(database_url)
    headers = {"Authorization": f"Bearer {key.secret}"}
    assert (await client.post("/show/v1/households", json=HOUSEHOLD, headers=headers)).status_code == 202
    answer = await client.get("/show/v1/tenant", headers=headers)
    assert answer.json() == {"role": "centre", "tenant": "karlsruhe"}


@pytest.mark.parametrize("header", ["Bearer glt_wrong", "Basic abc", "Bearer", "Bearer " + "x" * 300])
async def test_a_wrong_key_is_not_made_good_by_a_session(
    client: httpx.AsyncClient, web: Database, database_url: str, header: str
) -> None:
    await signed_in(client, web, database_url, Role.CENTRE, "karlsruhe")
    assert (await client.get("/show/v1/tenant")).status_code == 200
    assert (await client.get("/show/v1/tenant", headers={"Authorization": header})).status_code == 401


async def test_a_role_without_the_permission_is_refused(client: httpx.AsyncClient, database_url: str) -> None:
    key = await a_key(database_url, Role.OPERATOR, "08")
    answer = await client.get("/show/v1/tenant", headers={"Authorization": f"Bearer {key.secret}"})
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:problem-type:geleit:not-permitted")


async def test_the_transaction_is_committed_before_the_answer_or_not_at_all(
    client: httpx.AsyncClient, database_url: str
) -> None:
    key = await a_key(database_url)
    headers = {"Authorization": f"Bearer {key.secret}"}

    async def notes() -> list[tuple[str, str]]:
        async with owner(database_url) as tx:
            return [(row["actor"], row["role"]) for row in await tx.fetch("select * from probe.audit")]

    assert (await client.post("/show/v1/notes?fail=true", headers=headers)).status_code == 409
    assert await notes() == []
    assert (await client.post("/show/v1/notes", headers=headers)).status_code == 200
    assert await notes() == [(str(key.id), "centre")]
    assert (await client.post("/show/v1/unlikely", headers=headers)).status_code == 500


async def test_a_list_is_read_page_by_page_and_downloaded(client: httpx.AsyncClient, database_url: str) -> None:
    key = await a_key(database_url)
    client.headers["Authorization"] = f"Bearer {key.secret}"
    first = (await client.get("/show/v1/rows?limit=3")).json()
    second = (await client.get("/show/v1/rows", params={"limit": 3, "cursor": first["next"]})).json()
    assert (len(first["items"]), len(second["items"]), second["next"]) == (3, 1, None)
    assert (await client.get("/show/v1/rows?cursor=nonsense")).status_code == 422
    assert (await client.get("/show/v1/rows?limit=100000")).status_code == 422
    download = await client.get("/show/v1/rows.csv")
    assert download.headers["content-disposition"] == 'attachment; filename="rows.csv"'
    assert download.text.startswith("\N{ZERO WIDTH NO-BREAK SPACE}Code;Ort\r\nH-7Q2M;Tübingen\r\n")


async def test_a_person_signs_in_works_and_signs_out(client: httpx.AsyncClient, database_url: str) -> None:
    await an_account(database_url, name="land", role=Role.STATE, tenant="08")
    client.headers.update(HTML)
    sent_away = await client.get("/show/rows?q=a")
    back = unquote(sent_away.headers["location"].removeprefix("/login?next="))
    wrong = await client.post("/login", data={"name": "land", "password": "wrong", "next": back})
    assert wrong.status_code == 401
    assert "Name oder Passwort ist falsch." in wrong.text

    right = await client.post("/login", data={"name": " Land ", "password": PASSWORD, "next": back})
    assert (right.status_code, right.headers["location"]) == (303, "/show/rows?q=a")
    cookie = right.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie

    page = await client.get("/show/rows?q=a")
    assert page.status_code == 200
    assert "Rottenburg am Neckar" in page.text
    overview = await client.get("/")
    assert 'href="/show/rows"' in overview.text
    assert "/show/parked" not in overview.text
    assert (await client.get("/login?next=/show/rows")).headers["location"] == "/show/rows"

    csrf = re.findall(r'name="csrf_token" value="([^"]+)"', page.text)[0]
    before = client.cookies[SESSION_COOKIE]
    assert (await client.post("/logout", data={"csrf_token": csrf})).status_code == 303
    client.cookies.set(SESSION_COOKIE, before)
    assert (await client.get("/show/rows")).headers["location"] == "/login?next=/show/rows"


async def test_a_wrong_password_keeps_the_name(client: httpx.AsyncClient) -> None:
    page = await client.post("/login", data={"name": 'l"and', "password": "wrong"}, headers=HTML)
    name, password = re.findall(r'<input [^>]*id="(?:name|password)"[^>]*>', page.text)
    assert 'value="l&#34;and"' in name
    assert ("autofocus" in name, "autofocus" in password) == (False, True)


async def test_what_was_sent_after_the_end_of_a_session_is_said_to_be_lost(client: httpx.AsyncClient) -> None:
    client.headers.update(HTML)
    came_from = {"Referer": "http://geleit.test/show/rows/one"}
    sent = await client.post("/show/rows/one", headers=came_from, data={"persons": "2"})
    assert sent.headers["location"] == "/login?next=/show/rows/one&lost=true"
    said = "Ihre Sitzung ist beendet; was Sie eingegeben haben, wurde nicht gespeichert."
    assert said in (await client.get(sent.headers["location"])).text
    for nothing_lost in (await client.get("/show/rows"), await client.post("/logout")):
        assert said not in (await client.get(nothing_lost.headers["location"])).text


async def test_a_form_that_is_shown_again_offers_no_other_language(
    client: httpx.AsyncClient, web: Database, database_url: str
) -> None:
    client.headers.update(HTML)
    token = await signed_in(client, web, database_url, Role.MUNICIPALITY, TUEBINGEN)
    assert 'action="/language"' in (await client.get("/show/rows/one")).text
    refused = await client.post("/show/rows/one", data={"persons": "x", "csrf_token": csrf_token(token)})
    assert refused.status_code == 422
    assert 'action="/language"' not in refused.text


async def test_signing_in_ends_the_session_before_and_locks_after_failures(
    client: httpx.AsyncClient, web: Database, database_url: str
) -> None:
    before = await signed_in(client, web, database_url, Role.STATE, "08")
    assert (await client.post("/login", data={"name": "state", "password": PASSWORD})).status_code == 303
    client.cookies.clear()
    client.cookies.set(SESSION_COOKIE, before)
    assert (await client.get("/show/v1/tenant")).status_code == 401
    for _ in range(5):
        await client.post("/login", data={"name": "state", "password": "wrong"})
    locked = await client.post("/login", data={"name": "state", "password": PASSWORD}, headers=HTML)
    assert locked.status_code == 429
    assert 20 < int(locked.headers["retry-after"]) <= 30
    assert "Zu viele Versuche" in locked.text


async def test_a_person_changes_her_password(client: httpx.AsyncClient, web: Database, database_url: str) -> None:
    before = await signed_in(client, web, database_url, Role.MUNICIPALITY, TUEBINGEN)
    elsewhere = await a_session(web, "municipality")
    client.headers.update(HTML)
    assert 'href="/password"' in (await client.get("/")).text
    page = (await client.get("/password")).text
    assert "12 bis 1024 Zeichen" in page
    inputs = {name: re.findall(rf'<input [^>]*id="{name}"[^>]*>', page)[0] for name in ("password", "new", "again")}
    assert 'autocomplete="current-password"' in inputs["password"]
    assert 'autocomplete="new-password"' in inputs["new"]
    assert 'autocomplete="new-password"' in inputs["again"]

    new = " another horse battery "
    form = {"password": PASSWORD, "new": new, "again": new}
    assert (await client.post("/password", data=form)).status_code == 403
    changed = await client.post("/password", data={**form, "csrf_token": csrf_token(before)})
    assert (changed.status_code, changed.headers["location"]) == (303, "/")
    client.cookies = changed.cookies
    said = "Ihr Passwort ist geändert. Alle Ihre anderen Sitzungen sind beendet."
    assert told((await client.get("/")).text) == [("success", said)]
    for ended in (before, elsewhere):
        client.cookies.clear()
        client.cookies.set(SESSION_COOKIE, ended)
        assert (await client.get("/show/rows")).headers["location"] == "/login?next=/show/rows"
    assert (await client.post("/login", data={"name": "municipality", "password": new})).status_code == 303


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"password": "wrong horse battery"}, ("password", "Das ist nicht Ihr jetziges Passwort.")),
        ({"password": ""}, ("password", "Bitte füllen Sie dieses Feld aus.")),
        ({"new": "eleven char", "again": "eleven char"}, ("new", "Ein Passwort hat 12 bis 1024 Zeichen.")),
        ({"new": "x" * 1025, "again": "x" * 1025}, ("new", "Ein Passwort hat 12 bis 1024 Zeichen.")),
        ({"again": "another horse"}, ("again", "Das ist nicht dasselbe wie darüber.")),
    ],
)
async def test_what_is_wrong_with_a_new_password_stands_at_its_field_and_nothing_is_shown_again(
    client: httpx.AsyncClient, web: Database, database_url: str, wrong: dict[str, str], fault: tuple[str, str]
) -> None:
    token = await signed_in(client, web, database_url, Role.MUNICIPALITY, TUEBINGEN)
    form = {"password": PASSWORD, "new": "another horse battery", "again": "another horse battery", **wrong}
    refused = await client.post("/password", data={**form, "csrf_token": csrf_token(token)}, headers=HTML)
    assert refused.status_code == 422
    error = r'id="(\w+)-error" role="alert">.*?<span class="kern-body">(.*?)</span>'
    assert re.findall(error, refused.text) == [fault]
    assert not [value for value in form.values() if value and value in refused.text]
    assert (await client.get("/")).status_code == 200, "still signed in"


async def test_whoever_tries_too_often_is_locked_out_of_changing_a_password_too(
    client: httpx.AsyncClient, web: Database, database_url: str
) -> None:
    token = await signed_in(client, web, database_url, Role.MUNICIPALITY, TUEBINGEN)
    form = {"new": "another horse battery", "again": "another horse battery", "csrf_token": csrf_token(token)}
    for _ in range(5):
        await client.post("/password", data={**form, "password": "wrong"})
    locked = await client.post("/password", data={**form, "password": PASSWORD}, headers=HTML)
    assert locked.status_code == 429
    assert 20 < int(locked.headers["retry-after"]) <= 30
    assert told(locked.text) == [("warning", "Zu viele Versuche")]


async def test_a_key_has_no_password(client: httpx.AsyncClient, database_url: str) -> None:
    headers = {"Authorization": f"Bearer {(await a_key(database_url)).secret}"}
    assert (await client.get("/password", headers=headers)).status_code == 404
    assert (await client.post("/password", headers=headers)).status_code == 404


async def test_a_lock_is_over_at_the_time_that_is_shown(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def locked(*_: object, **__: object) -> accounts.Locked:
        return accounts.Locked(datetime(2026, 3, 1, 8, 30, 35, tzinfo=UTC), timedelta(seconds=28.2))

    monkeypatch.setattr(pages, "sign_in", locked)
    page = await client.post("/login", data={"name": "land", "password": "wrong"}, headers=HTML)
    assert re.search(r"nach \d\d:31", page.text)
    assert page.headers["retry-after"] == "29", "whatever this machine's own clock says"


async def test_who_would_wait_too_long_to_sign_in_is_told_at_once_and_not_counted(
    client: httpx.AsyncClient, web: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, over = asyncio.Semaphore(0), asyncio.Event()

    async def slow(_hash: str | None, _password: str) -> bool:
        inside.release()
        await over.wait()
        return False

    monkeypatch.setattr(accounts, "password_fits", slow)

    async def sign_in(name: str) -> httpx.Response:
        return await client.post("/login", data={"name": name, "password": "wrong"}, headers=HTML)

    waiting = []
    for number in range(MOST_SIGNING_IN):
        waiting.append(asyncio.create_task(sign_in(f"name {number}")))
        await inside.acquire()
    for _ in range(6):
        refused = await asyncio.wait_for(sign_in("land"), 5)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    over.set()
    assert {answer.status_code for answer in await asyncio.gather(*waiting)} == {401}
    assert (await sign_in("land")).status_code == 401, "and afterwards there is room again"
    async with owner(database_url) as tx:
        assert await tx.fetchval("select sum(failures) from access.attempt") == MOST_SIGNING_IN + 1


async def test_a_form_shows_its_errors_in_ones_language_and_says_when_it_is_saved(
    client: httpx.AsyncClient, web: Database, database_url: str
) -> None:
    token = await signed_in(client, web, database_url, Role.MUNICIPALITY, TUEBINGEN)
    client.headers.update(HTML)
    form = {"persons": "two", "reason": "", "csrf_token": csrf_token(token)}
    wrong = await client.post("/show/rows/one", data=form)
    assert wrong.status_code == 422
    assert "Bitte geben Sie eine ganze Zahl ein." in wrong.text
    assert "Bitte füllen Sie dieses Feld aus." in wrong.text
    assert 'value="two"' in wrong.text
    chosen = await client.post("/language", data={"language": "en", "next": "/show/rows/one"})
    assert chosen.headers["location"] == "/show/rows/one"
    assert "Please enter a whole number." in (await client.post("/show/rows/one", data=form)).text

    saved = await client.post("/show/rows/one", data={**form, "persons": "2", "reason": "moved"})
    assert saved.headers["location"] == "/show/rows"
    assert told((await client.get("/show/rows")).text) == [("success", "Gespeichert.")]
    assert "Gespeichert." not in (await client.get("/show/rows")).text


async def test_a_refusal_after_a_form_is_no_success(
    client: httpx.AsyncClient, web: Database, database_url: str
) -> None:
    token = await signed_in(client, web, database_url, Role.MUNICIPALITY, TUEBINGEN)
    client.headers.update(HTML)
    await client.post("/show/rows/late", data={"csrf_token": csrf_token(token)})
    assert told((await client.get("/show/rows")).text) == [("warning", "Zu spät: nichts gespeichert.")]


async def test_a_notice_of_the_release_before_or_of_no_kind_is_shown_as_it_was(
    client: httpx.AsyncClient, web: Database, database_url: str
) -> None:
    await signed_in(client, web, database_url, Role.MUNICIPALITY, TUEBINGEN)
    client.headers.update(HTML)
    for cookie in ("Gespeichert.", "nonsense:Gespeichert."):
        client.cookies.set("geleit_notice", cookie)
        assert told((await client.get("/show/rows")).text) == [("success", "Gespeichert.")]


async def test_htmx_gets_the_part_it_asks_for(client: httpx.AsyncClient, web: Database, database_url: str) -> None:
    token = await signed_in(client, web, database_url, Role.STATE, "08")
    part = await client.get("/show/rows?q=reut", headers={"HX-Request": "true"})
    whole = await client.get("/show/rows?q=reut", headers={"HX-Request": "true", "HX-Boosted": "true"})
    assert "<html" not in part.text
    assert "Reutlingen" in part.text
    assert "Tübingen" not in part.text
    assert "<html" in whole.text
    headers = {"HX-Request": "true", "X-CSRF-Token": csrf_token(token)}
    saved = await client.post("/show/rows/one", data={"persons": "2", "reason": "moved"}, headers=headers)
    assert (saved.status_code, saved.headers["hx-redirect"]) == (204, "/show/rows")


async def test_when_the_database_goes_away_it_says_so(
    client: httpx.AsyncClient, web: Database, database_url: str
) -> None:
    key = await a_key(database_url)
    await web.close()
    answer = await client.get("/show/v1/tenant", headers={"Authorization": f"Bearer {key.secret}"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_a_body_that_never_ends_holds_no_connection(web: Database, database_url: str) -> None:
    router, halves, ending = APIRouter(dependencies=[require()]), asyncio.Semaphore(0), asyncio.Event()

    @router.post("/v1/form")
    async def take(request: Request, tx: Work) -> None:
        await request.form()

    @router.get("/v1/one")
    async def one(tx: Work) -> None:
        await tx.fetchval("select 1")

    async def half() -> AsyncIterator[bytes]:
        yield b"reason=mo"
        halves.release()
        await ending.wait()

    slow, other = await a_key(database_url), await a_key(database_url, tenant="freiburg")
    headers = {"Authorization": f"Bearer {slow.secret}", "Content-Type": "application/x-www-form-urlencoded"}
    async with client_of(showcase_app(lambda _: web, router)) as client, asyncio.TaskGroup() as group:
        sending = [group.create_task(client.post("/show/v1/form", content=half(), headers=headers)) for _ in range(4)]
        for _ in sending:
            await halves.acquire()
        answer = await client.get("/show/v1/one", headers={"Authorization": f"Bearer {other.secret}"})
        ending.set()
    assert answer.status_code == 200
    assert [sent.result().status_code for sent in sending] == [200] * 4
