"""API keys on a real database: one scope, an end, two at once."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from access_world import a_key, owner
from chassis.access import Principal, Role
from chassis.access.identify import principal_of
from chassis.access.keys import IssuedKey, TooManyKeys, issue_key, list_keys, revoke_key
from chassis.database import Database
from chassis.gauges import measure
from gauged import sample
from integration.conftest import OpenDatabase


@pytest.fixture
async def web(database: OpenDatabase) -> Database:
    return await database("probe", "web")


async def test_a_key_stands_for_one_role_and_one_tenant(web: Database, database_url: str) -> None:
    key = await a_key(database_url)
    principal = await principal_of(web, key.secret, "key")
    assert principal == Principal(str(key.id), "import", Role.CENTRE, "karlsruhe", "key")
    assert await principal_of(web, key.secret, "session") is None


async def test_a_key_ends_when_it_is_revoked_or_expires(web: Database, database_url: str) -> None:
    revoked, expired = await a_key(database_url), await a_key(database_url)
    async with owner(database_url) as tx:
        assert await revoke_key(tx, revoked.id)
        assert not await revoke_key(tx, revoked.id)
        assert not await revoke_key(tx, uuid4())
        await tx.execute("update access.api_key set created_at = now() - interval '2 days', expires_at = now()")
    assert await principal_of(web, revoked.secret, "key") is None
    assert await principal_of(web, expired.secret, "key") is None


async def test_two_keys_of_a_scope_are_valid_and_a_third_is_refused(web: Database, database_url: str) -> None:
    first, second = await a_key(database_url), await a_key(database_url)
    with pytest.raises(TooManyKeys, match="two keys of centre karlsruhe are valid already"):
        await a_key(database_url)
    await a_key(database_url, tenant="ellwangen")
    async with owner(database_url) as tx:
        await revoke_key(tx, first.id)
    third = await a_key(database_url)
    assert await principal_of(web, second.secret, "key") is not None
    assert await principal_of(web, third.secret, "key") is not None


async def test_an_expired_key_makes_room(database_url: str) -> None:
    await a_key(database_url)
    await a_key(database_url)
    async with owner(database_url) as tx:
        await tx.execute("update access.api_key set created_at = now() - interval '2 days', expires_at = now()")
    await a_key(database_url)


async def test_keys_issued_at_the_same_time_are_still_two(database_url: str) -> None:
    answers = await asyncio.gather(*(a_key(database_url) for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(answer, IssuedKey) for answer in answers) == 2
    assert sum(isinstance(answer, TooManyKeys) for answer in answers) == 4


async def test_a_list_shows_which_key_it_is_and_not_the_key(web: Database, database_url: str) -> None:
    key = await a_key(database_url)
    await principal_of(web, key.secret, "key")
    async with owner(database_url) as tx:
        await issue_key(tx, role=Role.STATE, tenant="08", label="reports", lifetime=timedelta(days=7))
        (found,) = await list_keys(tx, role=Role.CENTRE)
        assert len(await list_keys(tx)) == 2
        assert [one.label for one in await list_keys(tx, tenant="08")] == ["reports"]
        stored = await tx.fetchval("select json_agg(k)::text from access.api_key k")
    assert found.used_at is not None
    assert len(found.prefix) == 12
    assert key.secret.startswith(found.prefix)
    assert key.secret not in str(found)
    assert key.secret not in stored


async def test_a_key_in_use_that_ends_soon_is_counted_until_nobody_uses_it(
    database: OpenDatabase, web: Database, database_url: str
) -> None:
    worker = await database("probe", "worker")
    used, _unused = await a_key(database_url), await a_key(database_url)
    assert await principal_of(web, used.secret, "key") is not None

    async def ending() -> dict[str, float | None]:
        await measure(worker, ())
        return {role: sample("geleit_keys_ending", role=role) for role in ("centre", "operator")}

    async def change(what: str) -> None:
        async with owner(database_url) as tx:
            await tx.execute(f"update access.api_key set {what}")

    assert await ending() == {"centre": None, "operator": None}
    await change("expires_at = now() + interval '29 days'")
    assert await ending() == {"centre": 1, "operator": None}
    await change("created_at = now() - interval '2 days', expires_at = now() - interval '1 day'")
    assert await ending() == {"centre": 1, "operator": None}, "somebody still knocks with it"
    await change("used_at = used_at - interval '8 days'")
    assert await ending() == {"centre": None, "operator": None}
    assert await principal_of(web, used.secret, "key") is None
    assert await ending() == {"centre": 1, "operator": None}
    async with owner(database_url) as tx:
        await revoke_key(tx, used.id)
    assert await ending() == {"centre": None, "operator": None}
