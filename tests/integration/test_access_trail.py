"""The trail of access, as an auditor reads it: who came and went, and what was done to accounts and keys; no secret."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from html import unescape

import asyncpg
import pytest
from fastapi import APIRouter

from access_world import PASSWORD, a_key, a_session, an_account, owner
from builders import TUEBINGEN
from chassis import retention
from chassis.access import Role
from chassis.access.accounts import change_password, create_account, disable_account, sign_in, sign_out
from chassis.access.identify import principal_of
from chassis.access.keys import issue_key, revoke_key
from chassis.database import OWNER, Database
from chassis.retention import forget
from doors import Door, probe_door
from integration.conftest import OpenDatabase

TYPED = "no name but a password"
HALF_A_YEAR = timedelta(days=180)


@pytest.fixture
async def web(database: OpenDatabase) -> Database:
    return await database("probe", "web")


@pytest.fixture
async def door(web: Database, database: OpenDatabase, database_url: str) -> Door:
    return probe_door(APIRouter(), web, await database("probe"), database_url)


def done(page: str, heading: str = "What") -> list[str]:
    """What the entries of a page say was done."""
    return re.findall(rf'data-label="{heading}"><\w+[^>]*>([^<]*)<', page)


async def test_an_auditor_sees_what_was_done_newest_first_and_no_secret(
    door: Door, web: Database, database_url: str
) -> None:
    await an_account(database_url)
    token = await a_session(web)
    await sign_out(web, token)
    key = await a_key(database_url)
    async with owner(database_url) as tx:
        await revoke_key(tx, key.id)
    await change_password(web, name="tuebingen", password=PASSWORD, new="another horse battery")
    for name in [TYPED] * 6 + ["tuebingen"] * 6:
        await sign_in(web, name=name, password="wrong horse battery")
    async with owner(database_url) as tx:
        await disable_account(tx, name="tuebingen")
        secrets = await tx.fetchval("select array_agg(password_hash) from access.account")
        digests = await tx.fetchval("select array_agg(name_hash::text) from access.attempt")
    async with door.person(Role.AUDITOR, "08") as browser:
        page = (await browser.get("/trail")).text
    hers, entries = done(page)[:2], done(page)[2:]
    assert hers == ["Signed in", "Account created"]
    assert entries == [
        "Account disabled",
        "Name locked after failures",
        "Name locked after failures",
        "Signed in",
        "Password changed",
        "Key revoked",
        "Key issued",
        "Signed out",
        "Signed in",
        "Account created",
    ]
    assert "role: centre, tenant: karlsruhe" in page
    assert "failures: 5" in page
    secret = [TYPED, ">tuebingen<", PASSWORD, token, key.secret, key.secret[:12], *secrets, *digests]
    assert not [one for one in secret if one in page]


async def test_it_goes_on_to_all_of_one_account(door: Door, web: Database, database_url: str) -> None:
    await an_account(database_url)
    await an_account(database_url, name="reutlingen")
    token = await a_session(web)
    who = await principal_of(web, token, "session")
    assert who is not None
    await a_session(web, "reutlingen")
    for _ in range(5):
        await sign_in(web, name="tuebingen", password="wrong horse battery")

    async with door.person(Role.AUDITOR, "08") as browser:

        async def told(**query: object) -> list[str]:
            return done((await browser.get("/trail", params=query)).text)

        first = (await browser.get("/trail", params={"subject": who.subject, "limit": 2})).text
        (onward,) = re.findall(r'href="([^"]+cursor=[^"]+)"', first)
        rest = (await browser.get(unescape(onward))).text
        assert [done(first), done(rest)] == [["Name locked after failures", "Signed in"], ["Account created"]]
        assert await told(actor=f" {who.subject} ") == ["Signed in"], "who fails at her name need not be she"
        assert await told(subject=who.subject, actor="system") == ["Name locked after failures", "Account created"]
        assert await told(actor="nobody") == []
        assert f">{who.subject}</a> (Municipality)" in first
        assert (await browser.get("/trail?actor=%00")).status_code == 422


async def test_a_name_of_nobody_is_locked_by_geleit_itself(door: Door, web: Database) -> None:
    for _ in range(5):
        await sign_in(web, name=TYPED, password="wrong horse battery")
    async with door.person(Role.AUDITOR, "08") as browser:
        page = (await browser.get("/trail?subject=-")).text
        assert 'href="/trail?actor=system">Geleit itself</a>' in page
        assert "Name locked after failures" in page


async def test_what_a_command_has_done_names_who_gave_it(door: Door, database_url: str) -> None:
    database = await Database.open(database_url, service="probe", use=OWNER, connections=1)
    try:
        database.actor = "cli:anna.maier"
        async with database.transaction() as tx:
            await create_account(tx, name="ulm", password=PASSWORD, role=Role.MUNICIPALITY, tenant="08421000")
            await issue_key(tx, role=Role.STATE, tenant="08", label="reports")
        database.actor = "system"
        async with database.transaction() as tx:
            await create_account(tx, name="ravensburg", password=PASSWORD, role=Role.STATE, tenant="08")
    finally:
        await database.close()
    async with door.person(Role.AUDITOR, "08", language="de") as browser:
        page = (await browser.get("/trail")).text
        assert "<title>Protokoll: Zugang" in page
        link = re.findall(r'href="(/trail\?actor=[^"]+)">Befehlszeile, anna.maier</a>', page)
        assert len(link) == 2
        by_her = (await browser.get(link[0])).text
        assert done(by_her, "Was") == ["Schlüssel ausgestellt", "Konto angelegt"]
        assert "tenant: 08421000" in by_her


async def test_the_menu_leads_auditors_there_and_nobody_else(door: Door) -> None:
    for role, tenant in [(Role.OPERATOR, "08"), (Role.STATE, "08"), (Role.MUNICIPALITY, TUEBINGEN)]:
        async with door.person(role, tenant) as browser:
            assert (await browser.get("/trail")).status_code == 403
            assert 'href="/trail"' not in (await browser.get("/")).text
    async with door.program(Role.OPERATOR, "08") as program:
        assert (await program.get("/trail")).status_code == 403
    async with door.person(Role.AUDITOR, "08") as browser:
        assert 'href="/trail">Trail: access</a>' in (await browser.get("/")).text


async def actions(database_url: str) -> list[str]:
    async with owner(database_url) as tx:
        return [row["action"] for row in await tx.fetch("select action from access.audit order by id")]


async def made_older(database_url: str, by: timedelta) -> None:
    async with owner(database_url) as tx:
        await tx.execute("update access.audit set at = at - $1::interval", by)


async def test_when_somebody_came_and_went_is_forgotten_and_what_changed_stays(
    database: OpenDatabase, web: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker: Database = await database("probe")
    await an_account(database_url)
    for _ in range(2):
        await sign_out(web, await a_session(web))
    for _ in range(5):
        await sign_in(web, name="nobody", password="wrong horse battery")
    await made_older(database_url, HALF_A_YEAR - timedelta(hours=1))
    before = await actions(database_url)
    assert await forget(worker, asyncio.Event()) == 0
    assert await actions(database_url) == before
    await made_older(database_url, timedelta(hours=1))
    await a_session(web)
    monkeypatch.setattr(retention, "BATCH", 2)
    assert await forget(worker, asyncio.Event()) == 5
    assert await actions(database_url) == ["account.created", "sign_in"]


async def test_nobody_can_have_it_forgotten_earlier(database: OpenDatabase, web: Database, database_url: str) -> None:
    await an_account(database_url)
    await a_session(web)
    ahead: Database = await database("probe", clock=lambda: datetime.now(UTC) + 2 * HALF_A_YEAR)
    assert await forget(ahead, asyncio.Event()) == 0
    async with web.transaction() as tx:
        assert await tx.count("select access.forget_sign_ins('infinity', 10)") == 0
    for statement in ("select * from access.audit", "update access.audit set actor = null", "delete from access.audit"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with web.transaction() as tx:
                await tx.execute(statement)
    assert await actions(database_url) == ["account.created", "sign_in"]
