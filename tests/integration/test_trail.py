"""The audit trail, as an auditor reads it: newest first, of one household or one person, and nobody else."""

import re

import asyncpg
import pytest

from chassis.access import Role
from chassis.database import Database
from chassis.web.trail import router
from doors import Door, probe_door
from integration.conftest import OpenDatabase


@pytest.fixture
async def door(probe: Database, database: OpenDatabase, database_url: str) -> Door:
    return probe_door(router, await database("probe", "web"), probe, database_url)


@pytest.fixture(autouse=True)
async def entries(probe: Database) -> None:
    async with probe.transaction() as tx:
        await tx.audit("identity.read", "household-a")
        await tx.audit("override", "household-b", manager="somebody", reason=None)
        await tx.audits([("identity.read", f"more-{number}") for number in range(3)])
        await tx.audit("of_a_newer_release", "household-a")


async def test_an_auditor_sees_the_newest_first_and_goes_on_to_all(door: Door) -> None:
    async with door.person(Role.AUDITOR, "08") as browser:
        page = (await browser.get("/probe/trail?limit=4")).text
        assert page.index("of_a_newer_release") < page.index("more-2") < page.index("more-0")
        assert "household-b" not in page
        cursor = page.partition("cursor=")[2].partition('"')[0]
        rest = (await browser.get(f"/probe/trail?limit=4&cursor={cursor}")).text
        assert rest.index("Manager chosen by a person") < rest.index("Names read")
        assert "manager: somebody" in rest
        assert "reason:" not in rest


async def test_what_a_command_has_done_names_who_gave_it(door: Door, probe: Database) -> None:
    probe.actor = "cli:anna.maier"
    async with probe.transaction() as tx:
        await tx.audit("enact", "2026-2")
    async with door.person(Role.AUDITOR, "08") as browser:
        page = (await browser.get("/probe/trail")).text
        assert "Geleit itself" in page
        link = re.findall(r'href="(/probe/trail\?actor=[^"]+)">Command line, anna.maier</a>', page)
        by_her = (await browser.get(*link)).text
        assert "Policy enacted" in by_her
        assert "Geleit itself" not in by_her
    async with door.person(Role.AUDITOR, "08", language="de") as browser:
        assert "Befehlszeile, anna.maier" in (await browser.get("/probe/trail")).text


async def test_of_one_household_or_one_person(door: Door) -> None:
    async with door.person(Role.AUDITOR, "08") as browser:
        of_first = (await browser.get("/probe/trail", params={"subject": " household-a "})).text
        assert of_first.count("subject=household-a") == 2
        assert "household-b" not in of_first
        assert "more-0" in (await browser.get("/probe/trail?actor=system")).text
        assert "Each service keeps its own trail" in (await browser.get("/probe/trail?actor=nobody")).text
        assert (await browser.get("/probe/trail?subject=%00")).status_code == 422


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.STATE])
async def test_nobody_else_reads_it(door: Door, role: Role) -> None:
    async with door.person(role, "08") as browser:
        assert (await browser.get("/probe/trail")).status_code == 403


async def test_pages_can_change_nothing_of_it(door: Door) -> None:
    for statement in ("update audit set actor = ''", "delete from audit"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with door.web.transaction() as tx:
                await tx.execute(statement)
