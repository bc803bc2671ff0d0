"""Migrations: each once, under one lock, and a changed file is refused."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from chassis import migrate as migrating
from chassis.migrate import MigrationChanged, migrate
from geleit.embedded.postgres import database_url
from integration.conftest import a_database

PROBE = [("probe", "probe")]


@pytest.fixture
async def empty_url(postgres_url: str) -> AsyncIterator[str]:
    async with a_database(postgres_url) as name:
        yield database_url(postgres_url, name)


async def test_two_that_migrate_at_once_apply_each_file_once(empty_url: str) -> None:
    results = await asyncio.gather(*(migrate(empty_url, PROBE) for _ in range(2)))
    applied = [name for result in results for name in result]
    assert len(applied) == len(set(applied)) >= 3
    assert await migrate(empty_url, PROBE) == []


async def test_a_file_that_changed_after_it_was_applied_is_refused(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate(empty_url, PROBE)
    changed = migrating.Migration("probe", "probe", 1, "0001_seen.sql", "select 1")
    monkeypatch.setattr(migrating, "_of_service", lambda *_: iter([changed]))
    with pytest.raises(MigrationChanged, match=r"0001_seen\.sql"):
        await migrate(empty_url, PROBE)


async def test_a_services_role_reaches_no_other_services_schema(
    database_url: str, services_password: str | None
) -> None:
    connection = await asyncpg.connect(database_url, user="probe_worker", password=services_password)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetchval("select count(*) from reporting.outbox")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetchval("select count(*) from access.account")
    finally:
        await connection.close()
