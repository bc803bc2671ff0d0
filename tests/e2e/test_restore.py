"""A backup older than the broker, and a broker that is lost: everything comes together again, nobody is written to."""

import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from chassis.access import Role
from chassis.database import Database, RestoreUnfinished
from chassis.failpoint import VARIABLE
from chassis.migrate import migrate
from contracts.vocabulary import SubmissionKind
from e2e.gate import open_gate
from e2e.rest import faults, is_quiet
from e2e.world import CENTRE, HOUSEHOLDS, World, geleit, registration, system_on, world_of
from geleit.audit.journal import Journal
from geleit.embedded import postgres
from reporting.store import state_hash
from stream import eventually

pytestmark = [pytest.mark.own_servers, pytest.mark.timeout(300)]

OURS = ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "DATABASE_PASSWORD")


@asynccontextmanager
async def up(state: Path) -> AsyncIterator[World]:
    """All of Geleit on a folder, as long as the block lasts."""
    async with open_gate() as gate, system_on(state, gate) as running, world_of(running, gate) as world:
        yield world
        await eventually(lambda: is_quiet(world), within=60)


def command(state: Path, *words: str) -> str:
    """What a command says that finds no running Geleit but what it starts itself."""
    environment = {name: value for name, value in os.environ.items() if name not in OURS}
    done = geleit({**environment, "GELEIT_STATE_DIR": str(state)}, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def fails(state: Path, *words: str, **variables: str) -> str:
    """What a command says that is refused."""
    environment = {name: value for name, value in os.environ.items() if name not in OURS}
    done = geleit({**environment, "GELEIT_STATE_DIR": str(state), **variables}, *words)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout + done.stderr


async def is_sound(world: World) -> None:
    await eventually(lambda: is_quiet(world), within=60)
    # A database that is older than its mails does not know all of them.
    assert not [one for one in await faults(world, Journal()) if not one.startswith("mail: ")]


async def what_is_told(world: World) -> str:
    async with world.databases["reporting"].transaction() as tx:
        return str(await state_hash(tx))


async def withdrawn(world: World, household: UUID) -> None:
    centre = await world.client(Role.CENTRE, CENTRE)
    answer = await centre.post(f"{HOUSEHOLDS}/{household}/withdrawal", json={}, headers={"Idempotency-Key": "w"})
    assert answer.status_code == 202, answer.text


def erase(world: World, household: UUID) -> None:
    done = geleit(world.running.environment, "household", "erase", str(household), "--yes")
    assert done.returncode == 0, done.stderr


async def offered(world: World, reference: str, town: str) -> None:
    body: Mapping[str, Any] = registration(town, reference=reference)
    state = world.submission(reference, SubmissionKind.REGISTER, facts=body["facts"], identity=body["identity"])
    await world.submit(state)


async def households_in(state: Path) -> int:
    """How many households intake has, if nothing waits for a restore; without starting anything but the database."""
    async with postgres(state) as server:
        database = await Database.open(server.url, service="intake", use="worker")
        try:
            async with database.transaction() as tx:
                return int(await tx.fetchval("select count(*) from household"))
        finally:
            await database.close()


async def nobody_is_let_in(state: Path) -> None:
    """Before a restore has come to its end no process works on the database, and no migration makes it look whole."""
    async with postgres(state) as server:
        with pytest.raises(RestoreUnfinished):
            await Database.open(server.url, service="intake", use="worker")
        with pytest.raises(RestoreUnfinished):
            await migrate(server.url, [])


async def test_a_backup_that_is_older_than_the_broker(state: Path) -> None:
    backup = state / "geleit.dump"
    async with up(state) as world:
        town = world.town()
        await world.manager(town, room=60)
        known, proposed, gone = [await world.registered(town) for _ in range(3)]
        first = await world.item(town, known, "open")
        await world.answer(town, known, first["item"], "accepted")
        await world.care(known, "confirmed")
        await world.care(gone, "waiting")
        forgotten = await world.registered(None)
        await eventually(lambda: is_quiet(world), within=60)
        world.running.process("matching.0").freeze()
        between = await world.registered(town)
        backed_up = geleit(world.running.environment, "backup", str(backup))
        world.running.process("matching.0").thaw()
        assert backed_up.returncode == 0, backed_up.stderr
        assert backup.stat().st_mode & 0o077 == 0, "identities are in it"
        refused = geleit(world.running.environment, "restore", str(backup), "--yes")
        assert refused.returncode == 1, "nothing may run meanwhile"
        # All of this the backup does not know.
        await world.manager(town, room=200)
        await world.answer(town, known, first["item"], "contacted")
        item = await world.item(town, proposed, "open")
        await world.answer(town, proposed, item["item"], "declined", reason="language")
        await withdrawn(world, gone)
        erase(world, forgotten)
        lost = await world.registered(town, reference="LOST-1")
        accepted = await world.item(town, lost, "open")
        await world.answer(town, lost, accepted["item"], "accepted")
        await world.care(lost, "confirmed")
        await offered(world, "TOPIC-1", town)
        on_topic = await world.household("TOPIC-1")
        await offered(world, "TOPIC-2", town)
        erase(world, await world.household("TOPIC-2"))
        await world.care(between, "waiting", "proposed")
        await world.care(on_topic, "proposed")
        await eventually(lambda: is_quiet(world), within=60)
        mails = len(world.mails(town))
        there = await world.ask("intake", "select count(*) from household")
    cut_off = state / "cut-off.dump"
    cut_off.write_bytes(backup.read_bytes()[:-1000])
    assert "pg_restore failed" in fails(state, "restore", str(cut_off), "--yes")
    assert await households_in(state) == there, "what cannot be put back has cost nothing"
    shutil.rmtree(state / "postgres")
    (armed := state / "armed").mkdir()
    (armed / "install.topics_made.error").touch()
    assert "Start nothing" in fails(state, "restore", str(backup), "--yes", **{VARIABLE: str(armed)})
    await nobody_is_let_in(state)
    said = command(state, "restore", str(backup), "--yes")
    assert "Households that their centres have to register again: 1 " in said
    assert "Keys, accounts and passwords are those of the backup" in said
    async with up(state) as world:
        await is_sound(world)
        await world.care(known, "confirmed")
        contacted = await world.ask("matching", "select contacted_at from care where household = $1", known)
        assert contacted, "an answer is not lost"
        assert (await world.care(proposed, "waiting"))["reason"] == "all_excluded", "and neither is a decline"
        assert await world.ask("intake", "select status from household where id = $1", forgotten) == "erased"
        assert not await world.ask("intake", "select count(*) from person_vault where household = $1", forgotten)
        await world.care(between, "waiting", "proposed")
        shown = await (await world.client(Role.MUNICIPALITY, town)).get("/inbox/v1/assignments")
        assert {str(known), str(proposed)} <= {one["household"] for one in shown.json()["items"]}, (
            "on another server too"
        )
        assert (await world.care(gone))["status"] in {"waiting", "proposed"}, "its withdrawal is not known any more"
        centre = await world.client(Role.CENTRE, CENTRE)
        assert (await centre.get(f"{HOUSEHOLDS}/{lost}")).json().get("reference") != "LOST-1"
        again = await world.registered(town, reference="LOST-1")
        assert again not in {lost, on_topic}
        assert await world.household("TOPIC-1") != on_topic, "taken in again from its topic"
        await world.manager(town, room=200, code="third")
        next_item = await world.item(town, proposed, "open")
        await world.answer(town, proposed, next_item["item"], "accepted")
        await world.care(proposed, "confirmed")
        await is_sound(world)
        led_to = await world.ask("intake", "select count(household) from reference where reference = 'TOPIC-2'")
        assert not led_to, "what was erased is not read again"
        counted = (await (await world.client(Role.STATE, "08")).get("/reports/v1/figures")).json()["cohort"]
        assert (counted["arrivals"], counted["left"]) == (8, 2), "nobody twice"
        told = [str(mail.get_payload(decode=True)) for mail in world.mails(town)[mails:]]
        assert len(told) <= 5
        assert not [one for one in told for old in (known, forgotten) if str(old) in one], "of what is old"


async def test_a_broker_that_is_lost_is_told_everything_again(state: Path) -> None:
    async with up(state) as world:
        town = world.town()
        await world.manager(town, room=200)
        household = await world.registered(town)
        item = await world.item(town, household, "open")
        await world.answer(town, household, item["item"], "accepted")
        await world.care(household, "confirmed")
        await world.registered(town)
        await offered(world, "TOPIC-2", town)
        await world.household("TOPIC-2")
        await eventually(lambda: is_quiet(world), within=60)
        before, mails = await what_is_told(world), len(world.mails())
    heard = command(state, "restore").splitlines()
    assert all(", 0 of them above" in line for line in heard if "told again, " in line), "the same as was told"
    shutil.rmtree(state / "kafka")
    (armed := state / "armed").mkdir()
    (armed / "outbox.inserted.error").touch()
    assert "Start nothing" in fails(state, "restore", **{VARIABLE: str(armed)})
    await nobody_is_let_in(state)
    said = command(state, "restore")
    assert "households: 3 told again, 0 of them above" in said
    async with up(state) as world:
        await is_sound(world)
        assert await what_is_told(world) == before
        assert len(world.mails()) == mails, "nobody is written to"
        await world.item(town, await world.registered(town))
