"""Signing in on a real database: who gets in, for how long, and who is kept out."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from access_world import PASSWORD, a_session, an_account, owner
from builders import TUEBINGEN
from chassis.access import Principal, Role, accounts
from chassis.access.accounts import (
    Attempt,
    Locked,
    NameTaken,
    Refused,
    SignedIn,
    change_password,
    create_account,
    disable_account,
    set_password,
    sign_in,
    sign_out,
)
from chassis.access.identify import principal_of
from chassis.access.passwords import MOST_SIGNING_IN, WeakPassword, password_fits, signing_in
from chassis.database import Database
from integration.conftest import OpenDatabase
from rows import somebody_waits
from stream import eventually


@pytest.fixture
def passwords_in_no_time() -> None:
    """Not here, where they are what it is about."""


@pytest.fixture
async def web(database: OpenDatabase) -> Database:
    return await database("probe", "web")


async def test_who_knows_the_password_is_who_the_account_says(web: Database, database_url: str) -> None:
    await an_account(database_url)
    token = await a_session(web, "Tuebingen")
    principal = await principal_of(web, token, "session")
    assert principal is not None
    assert principal == Principal(principal.subject, "tuebingen", Role.MUNICIPALITY, TUEBINGEN, "session")
    assert await principal_of(web, token, "key") is None
    assert await principal_of(web, token + "x", "session") is None


async def test_an_unknown_name_and_a_wrong_password_are_answered_alike(web: Database, database_url: str) -> None:
    await an_account(database_url)

    async def timed(name: str) -> float:
        begin = time.perf_counter()
        assert await sign_in(web, name=name, password="wrong horse battery") == Refused()
        return time.perf_counter() - begin

    await timed("warm-up")
    known = min([await timed("tuebingen") for _ in range(3)])
    unknown = min([await timed("nobody") for _ in range(3)])
    assert known / 4 < unknown < known * 4


async def test_a_new_password_opens_a_name_that_is_locked(web: Database, database_url: str) -> None:
    await an_account(database_url)
    for _ in range(6):
        await sign_in(web, name="tuebingen", password="wrong horse battery")
    async with owner(database_url) as tx:
        assert await set_password(tx, name="tuebingen", password="another horse battery")
    assert isinstance(await sign_in(web, name="tuebingen", password="another horse battery"), SignedIn)


@pytest.mark.parametrize("name", ["tuebingen", "nobody"])
async def test_five_failures_lock_a_name_known_or_not(web: Database, database_url: str, name: str) -> None:
    await an_account(database_url)
    for _ in range(5):
        assert await sign_in(web, name=name, password="wrong horse battery") == Refused()
    locked = await sign_in(web, name=name, password=PASSWORD)
    assert isinstance(locked, Locked)
    assert timedelta(seconds=20) < locked.left <= timedelta(seconds=30)
    async with owner(database_url) as tx:
        assert await tx.fetchval("select count(*) from access.audit where action = 'sign_in.locked'") == 1


async def test_the_lock_doubles_up_to_an_hour_and_success_ends_it(web: Database, database_url: str) -> None:
    await an_account(database_url)
    delays = []
    for _ in range(14):
        async with web.transaction() as tx:
            await tx.execute("select access.begin_sign_in('tuebingen')")
        async with owner(database_url) as tx:
            delays.append(await tx.fetchval("select locked_until - last_at from access.attempt"))
            await tx.execute("update access.attempt set locked_until = null")
    seconds = [delay and delay.total_seconds() for delay in delays]
    assert seconds == [None] * 4 + [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    await a_session(web)
    async with owner(database_url) as tx:
        assert await tx.fetchval("select count(*) from access.attempt") == 0


async def test_attempts_at_the_same_time_do_not_outrun_the_lock(web: Database, database_url: str) -> None:
    await an_account(database_url)

    async def attempt() -> Attempt:
        return await sign_in(web, name="tuebingen", password="wrong horse battery")

    answers = await asyncio.gather(*(attempt() for _ in range(16)))
    assert answers.count(Refused()) == 5
    assert sum(isinstance(answer, Locked) for answer in answers) == 11


async def test_a_session_ends_by_signing_out(web: Database, database_url: str) -> None:
    await an_account(database_url)
    token, other = await a_session(web), await a_session(web)
    await sign_out(web, token)
    assert await principal_of(web, token, "session") is None
    assert await principal_of(web, other, "session") is not None


@pytest.mark.parametrize(
    "passed", ["expires_at = now()", "seen_at = now() - interval '61 minutes'", "idle = interval '0'"]
)
async def test_a_session_ends_when_its_time_has_passed(web: Database, database_url: str, passed: str) -> None:
    await an_account(database_url)
    token = await a_session(web)
    assert await principal_of(web, token, "session") is not None
    async with owner(database_url) as tx:
        await tx.execute(f"update access.session set {passed}")
    assert await principal_of(web, token, "session") is None


async def test_a_session_in_use_stays_but_never_beyond_its_whole_life(web: Database, database_url: str) -> None:
    await an_account(database_url)
    token = await a_session(web)
    async with owner(database_url) as tx:
        await tx.execute("update access.session set seen_at = now() - interval '59 minutes'")
    assert await principal_of(web, token, "session") is not None
    async with owner(database_url) as tx:
        assert await tx.fetchval("select now() - seen_at < interval '1 minute' from access.session")
        assert await tx.fetchval("select expires_at - created_at from access.session") == timedelta(hours=12)


async def test_a_disabled_account_and_a_new_password_end_all_sessions(web: Database, database_url: str) -> None:
    await an_account(database_url)
    token = await a_session(web)
    async with owner(database_url) as tx:
        assert await set_password(tx, name="tuebingen", password="another horse battery")
    assert await principal_of(web, token, "session") is None
    assert await sign_in(web, name="tuebingen", password=PASSWORD) == Refused()
    signed_in = await sign_in(web, name="tuebingen", password="another horse battery")
    assert isinstance(signed_in, SignedIn)
    async with owner(database_url) as tx:
        assert await disable_account(tx, name="tuebingen")
        assert not await disable_account(tx, name="tuebingen")
    assert await principal_of(web, signed_in.token, "session") is None
    assert await sign_in(web, name="tuebingen", password="another horse battery") == Refused()


async def end_access(url: str, disabled: bool) -> None:
    async with owner(url) as tx:
        if disabled:
            await disable_account(tx, name="tuebingen")
        else:
            await set_password(tx, name="tuebingen", password="another " + PASSWORD)


def fits_until_now(url: str, disabled: bool) -> Callable[[str | None, str], Awaitable[bool]]:
    """Looks whether a password fits, and ends the access before it says so."""

    async def fits(password_hash: str | None, password: str) -> bool:
        fitted = await password_fits(password_hash, password)
        await end_access(url, disabled)
        return fitted

    return fits


@pytest.mark.parametrize("disabled", [False, True])
async def test_a_sign_in_under_way_does_not_outlive_its_password(
    web: Database, database_url: str, monkeypatch: pytest.MonkeyPatch, disabled: bool
) -> None:
    await an_account(database_url)
    monkeypatch.setattr(accounts, "password_fits", fits_until_now(database_url, disabled))
    assert await sign_in(web, name="tuebingen", password=PASSWORD) == Refused()
    async with owner(database_url) as tx:
        assert await tx.fetchval("select count(*) from access.session") == 0


@pytest.mark.parametrize("disabled", [False, True])
async def test_a_session_that_is_being_opened_ends_with_its_password(
    web: Database, database_url: str, disabled: bool
) -> None:
    await an_account(database_url)
    async with web.transaction() as tx:
        found = await tx.fetchrow("select account, password_hash from access.begin_sign_in('tuebingen')")
    async with asyncio.TaskGroup() as group:
        async with web.transaction() as tx:
            opened = "select access.open_session($1, $2, sha256('token'), interval '1 hour', interval '1 hour')"
            assert await tx.fetchval(opened, *found) is True  # type: ignore[misc]
            ending = group.create_task(end_access(database_url, disabled))
            await eventually(lambda: somebody_waits(web))
        await ending
    async with owner(database_url) as tx:
        assert await tx.fetchval("select count(*) from access.session") == 0


async def test_a_password_that_is_changed_ends_all_sessions_but_a_new_one(web: Database, database_url: str) -> None:
    await an_account(database_url)
    await an_account(database_url, name="reutlingen")
    before, elsewhere, somebody_elses = await a_session(web), await a_session(web), await a_session(web, "reutlingen")
    changed = await change_password(web, name="tuebingen", password=PASSWORD, new="another horse battery")
    assert isinstance(changed, SignedIn)
    assert [await principal_of(web, ended, "session") for ended in (before, elsewhere)] == [None, None]
    assert await principal_of(web, somebody_elses, "session") is not None
    who = await principal_of(web, changed.token, "session")
    assert who is not None
    assert await sign_in(web, name="tuebingen", password=PASSWORD) == Refused()
    assert isinstance(await sign_in(web, name="tuebingen", password="another horse battery"), SignedIn)
    async with owner(database_url) as tx:
        written = await tx.fetch("select actor, detail from access.audit where action = 'account.password_changed'")
    assert list(map(tuple, written)) == [(UUID(who.subject), {"account": who.subject})]


async def test_a_wrong_present_password_counts_as_a_failed_sign_in(web: Database, database_url: str) -> None:
    await an_account(database_url)
    token = await a_session(web)
    wrong = {"name": "tuebingen", "password": "wrong horse battery", "new": "another horse battery"}
    for _ in range(3):
        assert await change_password(web, **wrong) == Refused()
    for _ in range(2):
        assert await sign_in(web, name="tuebingen", password="wrong horse battery") == Refused()
    assert isinstance(await change_password(web, **{**wrong, "password": PASSWORD}), Locked)
    assert await principal_of(web, token, "session") is not None


async def test_a_weak_new_password_is_no_attempt(web: Database, database_url: str) -> None:
    await an_account(database_url)
    with pytest.raises(WeakPassword):
        await change_password(web, name="tuebingen", password=PASSWORD, new="short")
    async with owner(database_url) as tx:
        assert await tx.fetchval("select count(*) from access.attempt") == 0


async def test_who_changes_a_password_takes_a_place_among_those_who_sign_in(web: Database, database_url: str) -> None:
    await an_account(database_url)
    async with AsyncExitStack() as places:
        for _ in range(MOST_SIGNING_IN):
            await places.enter_async_context(signing_in())
        with pytest.raises(ConnectionError):
            await change_password(web, name="tuebingen", password=PASSWORD, new="another horse battery")


@pytest.mark.parametrize("disabled", [False, True])
async def test_a_password_that_was_replaced_meanwhile_changes_nothing_any_more(
    web: Database, database_url: str, monkeypatch: pytest.MonkeyPatch, disabled: bool
) -> None:
    await an_account(database_url)
    monkeypatch.setattr(accounts, "password_fits", fits_until_now(database_url, disabled))
    assert await change_password(web, name="tuebingen", password=PASSWORD, new="a stolen horse battery") == Refused()
    async with owner(database_url) as tx:
        assert await tx.fetchval("select count(*) from access.session") == 0
        (stored,) = await tx.fetch("select password_hash from access.account")
    assert not await password_fits(stored["password_hash"], "a stolen horse battery")


async def test_names_are_unique_and_passwords_long(database_url: str) -> None:
    await an_account(database_url)
    for name, password, error in [("TUEBINGEN", PASSWORD, NameTaken), ("ulm", "short", WeakPassword)]:
        async with owner(database_url) as tx:
            with pytest.raises(error):
                await create_account(tx, name=name, password=password, role=Role.STATE, tenant="08")


async def test_no_secret_is_stored(web: Database, database_url: str) -> None:
    await an_account(database_url)
    token = await a_session(web)
    async with owner(database_url) as tx:
        tables = [
            row["t"] for row in await tx.fetch("select tablename as t from pg_tables where schemaname = 'access'")
        ]
        stored = "".join(
            [str(await tx.fetchval(f"select json_agg(x)::text from access.{table} x")) for table in tables]
        )
    assert "$argon2id$" in stored
    assert token not in stored
    assert PASSWORD not in stored


@pytest.mark.parametrize(
    "forbidden",
    [
        "select * from access.account",
        "update access.session set expires_at = now()",
        "select access.create_account('x', 'y', 'state', '08')",
        "select access.issue_key('state', '08', 'x', 'x', 'x'::bytea, interval '1 day')",
        "select access.set_password('x', 'y')",
        "select access.list_keys(null, null)",
    ],
)
async def test_a_web_role_reaches_neither_tables_nor_administration(web: Database, forbidden: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with web.transaction() as tx:
            await tx.execute(forbidden)
