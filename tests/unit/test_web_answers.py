"""What a client gets when something is wrong: on real requests through the whole app, without a database."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter
from openapi_spec_validator import validate
from prometheus_client import REGISTRY
from pydantic import BaseModel
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from chassis.access import Permission, Principal
from chassis.web import Work, body_limit, public, require
from chassis.web.headers import SECURITY_HEADERS
from showcase.client import client_of, showcase_app

MARKER = "Iryna Kovalenko"


class Body(BaseModel):
    size: int


def open_site() -> httpx.AsyncClient:
    router = APIRouter()

    @router.post("/v1/open", dependencies=[public])
    async def take(body: Body, limit: int = 1) -> Body:
        return body

    @router.post("/v1/large", dependencies=[public])
    async def take_much(body: Body) -> Body:
        return body

    return client_of(showcase_app(router=router, body_limits={"/v1/large": 3_000_000}))


def assert_problem(response: httpx.Response, status: int) -> dict[str, object]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, object] = response.json()
    assert body["status"] == status
    assert str(body["type"]).startswith("urn:problem-type:geleit:")
    assert body["title"]
    assert MARKER not in response.text
    for name in SECURITY_HEADERS:
        assert name in response.headers
    return body


async def test_a_body_that_does_not_fit_is_not_repeated() -> None:
    async with open_site() as client:
        body = assert_problem(await client.post("/show/v1/open", json={"size": MARKER}), 422)
        assert body["errors"] == [
            {
                "pointer": "/body/size",
                "code": "int_parsing",
                "message": "Input should be a valid integer, unable to parse string as an integer",
            }
        ]
        assert_problem(await client.post(f"/show/v1/open?limit={MARKER}", json={"size": 1}), 422)


@pytest.mark.parametrize(
    ("content", "status"),
    [(f'{{"size": "{MARKER}"'.encode(), 422), (b'{"size": "\xff\xfe"}', 400), (b"", 422), (MARKER.encode(), 422)],
)
async def test_what_is_not_json_is_refused(content: bytes, status: int) -> None:
    async with open_site() as client:
        headers = {"Content-Type": "application/json"}
        assert_problem(await client.post("/show/v1/open", content=content, headers=headers), status)


async def in_chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(0, size, 50_000):
        yield b" " * 50_000


@pytest.mark.parametrize("content", [b" " * 1_000_001, "chunks"])
async def test_a_body_beyond_the_limit_is_refused_also_in_chunks(content: bytes | str) -> None:
    async with open_site() as client:
        body = in_chunks(1_050_000) if content == "chunks" else content
        headers = {"Content-Type": "application/json"}
        assert_problem(await client.post("/show/v1/open", content=body, headers=headers), 413)


async def test_all_bodies_together_are_held_within_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_limit, "MOST_HELD", 100_000)
    is_held, goes_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b'{"size": 1' + b" " * 80_000
        is_held.set()
        await goes_on.wait()
        yield b"}"

    headers = {"Content-Type": "application/json"}
    body = b'{"size": 1}' + b" " * 40_000
    async with open_site() as client:
        slow = asyncio.create_task(client.post("/show/v1/open", content=slowly(), headers=headers))
        await is_held.wait()
        refused = await client.post("/show/v1/open", content=body, headers=headers)
        assert_problem(refused, 503)
        assert int(refused.headers["retry-after"]) > 0
        goes_on.set()
        assert (await slow).status_code == 200
        assert (await client.post("/show/v1/open", content=body, headers=headers)).status_code == 200


async def test_a_body_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some dozens of them would keep everybody else's out for as long as they are held."""
    monkeypatch.setattr(body_limit, "READ_SECONDS", 0.1)
    monkeypatch.setattr(body_limit, "MOST_HELD", 100_000)

    async def never() -> AsyncIterator[bytes]:
        yield b'{"size": 1' + b" " * 80_000
        await asyncio.Event().wait()

    headers = {"Content-Type": "application/json"}
    body = b'{"size": 1}' + b" " * 40_000
    async with open_site() as client:
        assert_problem(await client.post("/show/v1/open", content=never(), headers=headers), 408)
        assert (await client.post("/show/v1/open", content=body, headers=headers)).status_code == 200


async def test_a_route_may_take_more() -> None:
    async with open_site() as client:
        padded = b'{"size": 1' + b" " * 2_000_000 + b"}"
        headers = {"Content-Type": "application/json"}
        assert (await client.post("/show/v1/large", content=padded, headers=headers)).status_code == 200
        assert_problem(await client.post("/show/v1/large", content=padded + padded, headers=headers), 413)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/show/nowhere", 404),
        ("DELETE", "/show/v1/open", 405),
        ("GET", "/show/v1/rows", 401),
    ],
)
async def test_refusals_are_problems(method: str, path: str, status: int) -> None:
    async with client_of(showcase_app()) as client:
        response = await client.request(method, path)
        assert_problem(response, status)
        assert ("www-authenticate" in response.headers) == (status == 401)


async def test_a_database_that_is_away_is_503_with_a_time_to_come_back() -> None:
    async with client_of(showcase_app()) as client:
        gone_meanwhile = await client.get("/show/v1/away")
        never_there = await client.get("/show/v1/rows", headers={"Authorization": "Bearer glt_x"})
        person = {"Cookie": "geleit_session=x", "Accept": "text/html"}
        page = await client.get("/show/rows?q=a", headers=person)
        sent = await client.post("/show/rows/one", headers={**person, "Referer": "http://geleit.test/show/rows/one"})
        elsewhere = await client.post("/show/rows/one", headers={**person, "Referer": "http://a.test//b.test"})
    for response, again in ((page, "/show/rows?q=a"), (sent, "/show/rows/one"), (elsewhere, "/")):
        assert response.status_code == 503
        assert f'href="{again}"><span class="kern-label">Noch einmal versuchen' in response.text
        assert 'href="/login"' not in response.text
    for response in (gone_meanwhile, never_there):
        assert_problem(response, 503)
    assert "Der Dienst ist kurz nicht verfügbar" in page.text
    assert {response.headers["retry-after"] for response in (gone_meanwhile, never_there, page)} == {"5"}


async def test_a_fault_of_ours_says_nothing_and_is_not_taken_for_an_outage(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with client_of(showcase_app()) as client:
            body = assert_problem(await client.get("/show/v1/fault"), 500)
    assert body["title"] == "Internal Server Error"
    assert "unhandled ZeroDivisionError" in caplog.text
    assert "in fault" in caplog.text
    assert MARKER not in caplog.text


async def test_a_browser_gets_pages_in_its_language() -> None:
    async with client_of(showcase_app(), headers={"Accept": "text/html"}) as client:
        german = await client.get("/nowhere")
        english = await client.get("/nowhere", headers={"Accept-Language": "en"})
        first = await client.get("/show/rows?q=a")
    assert (german.status_code, first.status_code) == (404, 303)
    assert '<html lang="de"' in german.text
    assert "Diese Seite gibt es nicht" in german.text
    assert '<html lang="en"' in english.text
    assert "This page does not exist" in english.text
    assert first.headers["location"] == "/login?next=/show/rows%3Fq%3Da"


async def test_htmx_is_sent_to_sign_in_as_a_whole_page() -> None:
    """With the Accept header that htmx sends, and back to the page on which it asked."""
    for page, target in {
        "http://geleit.test/show/rows?q=a": "/login?next=/show/rows%3Fq%3Da",
        "http://[": "/login",
        "http://elsewhere.test": "/login",
    }.items():
        headers = {"Accept": "*/*", "HX-Request": "true", "HX-Current-URL": page}
        async with client_of(showcase_app(), headers=headers) as client:
            response = await client.get("/show/rows?part")
        assert (response.status_code, response.headers["hx-redirect"]) == (204, target)


async def test_htmx_is_told_what_went_wrong_by_a_page() -> None:
    async with client_of(showcase_app(), headers={"Accept": "*/*", "HX-Request": "true"}) as client:
        missing = await client.get("/nowhere")
    assert missing.status_code == 404
    assert re.search(r"data-error.*<h1[^>]*>Diese Seite gibt es nicht</h1>", missing.text, re.DOTALL)


async def test_the_language_switch_of_an_answer_to_a_form_leads_back_to_the_form() -> None:
    headers = {"Accept": "text/html", "Referer": "http://geleit.test/show/rows?q=a"}
    async with client_of(showcase_app(), headers=headers) as client:
        page = await client.post("/nowhere")
    assert 'name="next" value="/show/rows?q=a"' in page.text


async def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere() -> None:
    async with client_of(showcase_app()) as client:
        policy = (await client.get("/login")).headers["content-security-policy"]
        secure = await client.get("https://geleit.test/login")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "strict-transport-security" in secure.headers


async def test_static_files_are_kept_for_ever_under_their_digest() -> None:
    async with client_of(showcase_app()) as client:
        page = (await client.get("/login")).text
        addresses = [part.split('"')[0] for part in page.split('"/static/')[1:]]
        assert len(addresses) >= 5
        for address in addresses:
            response = await client.get(f"/static/{address}")
            assert response.status_code == 200
            assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert (await client.get("/static/chassis/../web/guard.py")).status_code == 404
        assert (await client.get("/login")).headers["cache-control"] == "no-store"


async def test_a_form_from_another_site_does_not_sign_anybody_in() -> None:
    async with client_of(showcase_app()) as client:
        response = await client.post("/login", data={"name": "a"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert_problem(response, 403)


async def test_the_openapi_document_is_valid_and_shows_no_pages() -> None:
    async with client_of(showcase_app()) as client:
        document = (await client.get("/show/openapi.json")).json()
    validate(document)
    assert document["openapi"].startswith("3.1")
    assert document["servers"] == [{"url": "/show"}]
    assert all(path.startswith("/v1/") for path in document["paths"])
    operation = document["paths"]["/v1/households"]["post"]
    assert "application/problem+json" in operation["responses"]["default"]["content"]
    assert "422" not in operation["responses"]


async def test_a_stranger_is_sent_to_sign_in_also_where_the_transaction_is_named_first() -> None:
    router = APIRouter()

    @router.get("/cases")
    async def cases(tx: Work, who: Annotated[Principal, require(Permission.READ_CASES)]) -> None: ...

    async with client_of(showcase_app(router=router)) as http:
        assert_problem(await http.get("/show/cases"), 401)
        page = await http.get("/show/cases", headers={"Accept": "text/html"})
        assert (page.status_code, page.headers["location"]) == (303, "/login?next=/show/cases")


async def test_what_was_answered_is_counted_by_route_and_not_by_path() -> None:
    def count() -> float:
        return (
            REGISTRY.get_sample_value(
                "geleit_http_requests_total", {"method": "POST", "route": "/show/v1/open", "status": "422"}
            )
            or 0.0
        )

    before = count()
    async with open_site() as http:
        await http.post("/show/v1/open?limit=2", json={"size": MARKER})
    assert count() == before + 1


async def test_who_goes_away_while_sending_is_no_fault_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    router = APIRouter()

    @router.post("/v1/form", dependencies=[public])
    async def take(request: Request) -> None:
        await request.form()

    app = showcase_app(router=router)

    async def cut_short(scope: Scope, _: Receive, send: Send) -> None:
        half: list[Message] = [
            {"type": "http.request", "body": b"reason=mo", "more_body": True},
            {"type": "http.disconnect"},
        ]

        async def receive() -> Message:
            return half.pop(0)

        await app(scope, receive, send)

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(cut_short), base_url="http://geleit.test") as client:
        assert_problem(await client.post("/show/v1/form", headers=headers), 400)
    assert "unhandled" not in caplog.text
