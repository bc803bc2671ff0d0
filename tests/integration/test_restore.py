"""Until a restore has ended nobody may be there, not even somebody who reads topics and waits for the database."""

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer

from builders import NOW, a_household
from chassis.authority import tell_again
from chassis.broker import Broker
from chassis.database import RestoreUnfinished
from chassis.service import Service, open_database
from chassis.settings import Settings
from chassis.topics import create_topics
from contracts.households import Household
from contracts.topics import all_topics, verdicts
from contracts.vocabulary import HouseholdChange, HouseholdStatus
from contracts.zone import day_only
from geleit.audit.stream import Read, Told
from geleit.commands import restore
from geleit.failures import Failure
from geleit.install import install
from geleit.probe import until
from geleit.processes import identify
from geleit.restore import dump, reconcile
from geleit.services import all_services, installation
from intake.authority import HOUSEHOLDS
from intake.reception import erase_household, take_all
from intake.shapes import household_of
from intake_world import with_register
from integration.conftest import OpenDatabase
from offers import an_offer, some_keys


async def test_who_reads_topics_without_the_database_is_noticed(
    database_url: str, kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "LEFT_WITHIN", 5.0)
    broker = Broker(kafka_bootstrap)
    settings = Settings(database_url=database_url, kafka_bootstrap_servers=kafka_bootstrap)
    service = Service("forgotten", "probe", "/probe", settings)
    await create_topics(broker, all_topics([]))
    reader = AIOKafkaConsumer("policy", bootstrap_servers=kafka_bootstrap, group_id=service.name)
    await reader.start()
    try:
        with pytest.raises(Failure, match="stop all of them"):
            await reconcile.nobody_is_there([service], settings)
    finally:
        await reader.stop()
    await reconcile.nobody_is_there([service], settings)


async def test_whom_only_the_broker_knew_is_told_without_a_day_unless_erased_since(database: OpenDatabase) -> None:
    """They are counted on none: the same people are registered again. Who was erased since is not."""
    erased, days = HouseholdStatus.ERASED, []
    registered, asked = a_household(), a_household(status=erased, change=HouseholdChange.ERASED, revision=2)
    # By a restore before this one, which did not know them either.
    lost = a_household(status=erased, revision=2, registered_at=None)
    heard = {one.key: one for one in (registered, asked, lost)}
    worker = await database("intake")
    for _ in range(3):
        async with worker.transaction() as tx:
            settled = await tell_again(tx, HOUSEHOLDS, heard)
            rows = await tx.fetch("select payload from outbox where topic = 'households' order by id desc limit 3")
        told = [Household.model_validate_json(row["payload"]) for row in rows]
        assert {one.status for one in told} == {erased}
        days.append({one.id: (one.revision, one.registered_at) for one in told})
        heard = {one.key: one for one in told}
    assert (settled.overtaken, settled.adopted) == (0, frozenset())
    assert days[1:] == days[:1] * 2
    assert days[0] == {registered.id: (2, None), asked.id: (3, day_only(NOW)), lost.id: (3, None)}


async def test_a_verdict_that_its_topic_has_outlived_is_not_lost(database: OpenDatabase) -> None:
    """Told again it would come after newer ones on the same reference; what is younger, and not there, is told."""
    topic = verdicts("karlsruhe")
    insert = (
        "insert into outbox (topic, partition, key, revision, ce_id, ce_type, payload, created_at, published_at)"
        " values ($1, 0, $2, 1, $3, 'v', '', $4, $5)"
    )
    worker = await database("intake")
    async with worker.transaction() as tx:
        old, recent = tx.now - timedelta(days=15), tx.now - timedelta(days=13)
        rows = {"old": (old, old), "never": (old, None), "recent": (recent, recent), "heard": (recent, None)}
        for key, (created_at, published_at) in rows.items():
            await tx.execute(insert, topic.name, key, uuid4(), created_at, published_at)
        read = Read(topic, begins={}, ends={}, told=[Told(0, 0, "heard", 1, 0)])
        await reconcile._forget_unsent(tx, {topic.name: read})
        unsent = await tx.fetch("select key from outbox where published_at is null order by key")
    assert [row["key"] for row in unsent] == ["never", "recent"]


async def test_whom_a_restore_of_an_older_backup_lost_a_newer_one_brings_back(database: OpenDatabase) -> None:
    """Unless they were to be forgotten meanwhile."""
    worker, keys = await with_register(await database("intake")), some_keys()
    offers = [an_offer(reference=reference) for reference in ("KA-1", "KA-2")]
    async with worker.transaction() as tx:
        back, forgotten = [household_of(one)[0] for one in await take_all(tx, keys, "karlsruhe", offers)]
    assert back
    assert forgotten
    lost = a_household(id=back, status=HouseholdStatus.ERASED, revision=5, registered_at=None)
    erased = a_household(id=forgotten, status=HouseholdStatus.ERASED, revision=5)
    async with worker.transaction() as tx:
        await tell_again(tx, HOUSEHOLDS, {one.key: one for one in (lost, erased)})
        rows = await tx.fetch("select payload from outbox where topic = 'households' order by id desc limit 2")
    told = {one.id: one for one in (Household.model_validate_json(row["payload"]) for row in rows)}
    assert (told[back].status, told[back].revision) == (HouseholdStatus.ACTIVE, 6)
    assert (told[forgotten].status, told[forgotten].revision) == (HouseholdStatus.ERASED, 6)


async def test_who_is_lost_can_be_erased_for_good(database: OpenDatabase) -> None:
    worker, lost = await database("intake"), a_household()
    async with worker.transaction() as tx:
        await tell_again(tx, HOUSEHOLDS, {lost.key: lost})
    async with worker.transaction() as tx:
        assert await erase_household(tx, lost.id)
        row = await tx.fetchrow("select payload from outbox where topic = 'households' order by id desc limit 1")
        assert not await erase_household(tx, lost.id), "once"
    assert row
    told = Household.model_validate_json(row["payload"])
    assert (told.status, told.registered_at) == (HouseholdStatus.ERASED, day_only(NOW))


@pytest.fixture
async def backup(here: pytest.MonkeyPatch, tmp_path: Path, database_url: str, kafka_bootstrap: str) -> Path:
    """One of this test's database, which the environment names."""
    here.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka_bootstrap)
    file = tmp_path / "geleit.dump"
    await dump.dump(database_url, file, restore._schemas(all_services()))
    return file


@pytest.mark.parametrize("is_back", [False, True])
async def test_one_that_breaks_off_leaves_nothing_to_work_on_or_to_migrate(
    backup: Path, monkeypatch: pytest.MonkeyPatch, is_back: bool
) -> None:
    """As well where pg_restore has gone on by itself, and come to its end."""

    async def nobody(*_: object) -> None:
        pass

    async def breaks_off(url: str, file: Path, schemas: list[str]) -> None:
        await dump.drop(url, schemas)
        if is_back:
            await dump.put_back(url, file, schemas)
        raise Failure("pg_restore failed: no space left.")

    monkeypatch.setattr(restore, "nobody_is_there", nobody)
    monkeypatch.setattr(restore, "put_back", breaks_off)
    with pytest.raises(Failure, match=r"no space left\.\nStart nothing, and give the same command again"):
        await restore._restore(backup)
    settings, services = installation(), all_services()
    with pytest.raises(RestoreUnfinished):
        await install(settings, services)
    with pytest.raises(RestoreUnfinished):
        await restore._back_up(settings.database_url, backup)
    with pytest.raises(Failure, match="A backup is being put back: give its file"):
        await restore._restore(None)
    if is_back:
        with pytest.raises(RestoreUnfinished):
            await open_database(services[0], "worker")


async def test_who_has_come_while_the_backup_was_read_is_noticed_before_anything_is_taken_away(
    backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[bool] = []

    async def somebody_the_second_time(*_: object) -> None:
        looks.append(bool(looks))
        if looks[-1]:
            raise Failure("somebody is connected")

    async def never(*_: object) -> None:
        raise AssertionError("taken away under somebody's hands")

    monkeypatch.setattr(restore, "nobody_is_there", somebody_the_second_time)
    monkeypatch.setattr(restore, "drop", never)
    with pytest.raises(Failure, match="somebody is connected"):
        await restore._restore(backup)


async def test_a_command_that_is_interrupted_takes_its_program_along(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program, pid = tmp_path / "pg_restore", tmp_path / "pid"
    program.write_text(f"#!/bin/sh\necho $$ > '{pid}'\nexec sleep 60\n")
    program.chmod(0o700)
    monkeypatch.setattr(dump, "_program", lambda _: str(program))
    running = asyncio.create_task(dump.read_through(tmp_path))

    async def runs() -> bool:
        return bool(pid.exists() and pid.read_text())

    await until(runs, within=10, what="the program")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert identify(int(pid.read_text())) is None
