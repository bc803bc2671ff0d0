"""The embedded Kafka and PostgreSQL are real: they keep what they acknowledged, also under SIGKILL.

What starts a server of its own here is about the embedded one, whatever `--kafka` and `--postgres` say.
"""

from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import UnknownTopicOrPartitionError

from geleit import embedded
from geleit.embedded.artifacts import UntrustedArtifact, archives, pins
from geleit.embedded.kafka import Kafka
from geleit.embedded.postgres import Postgres
from geleit.progress import Steps

QUIET = Steps(quiet=True)


async def create_topic(bootstrap: str) -> str:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    name = f"trial-{uuid4().hex}"
    try:
        await admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()
    return name


async def send(bootstrap: str, topic: str, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        await producer.send_and_wait(topic, value)


async def first_value(bootstrap: str, topic: str) -> bytes | None:
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=uuid4().hex, auto_offset_reset="earliest"
    ) as consumer:
        value: bytes | None = (await consumer.getone()).value
        return value


async def test_a_record_goes_through_a_consumer_group(kafka_bootstrap: str) -> None:
    topic = await create_topic(kafka_bootstrap)
    await send(kafka_bootstrap, topic, b"arrival")
    assert await first_value(kafka_bootstrap, topic) == b"arrival"


async def test_a_topic_is_never_made_by_a_typo(kafka_bootstrap: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    try:
        (answer,) = await admin.describe_topics(["housholds"])
    finally:
        await admin.close()
    assert answer["error_code"] == UnknownTopicOrPartitionError.errno


@pytest.mark.own_servers
async def test_kafka_keeps_its_address_and_its_records_over_a_kill(state: Path) -> None:
    async with embedded.kafka(state) as kafka:
        address = kafka.url
        topic = await create_topic(address)
        await send(address, topic, b"before the kill")
        kafka.kill()
        await kafka.start()
        assert kafka.url == address
        assert await first_value(address, topic) == b"before the kill"


@pytest.mark.own_servers
async def test_the_next_start_attaches_to_what_a_killed_host_left_running(state: Path) -> None:
    async with embedded.kafka(state) as left_behind:
        found = Kafka(state, QUIET)
        await found.start()
        assert (found.pid, found.url) == (left_behind.pid, left_behind.url)
    assert not found.alive()


@pytest.mark.own_servers
async def test_postgres_keeps_what_it_acknowledged_over_a_kill(state: Path) -> None:
    async with embedded.postgres(state) as postgres:
        connection = await asyncpg.connect(postgres.url)
        await connection.execute("create table kept (id int)")
        await connection.execute("insert into kept select generate_series(1, 1000)")
        first_pid = postgres.pid
        postgres.kill()
        connection.terminate()
        await postgres.start()
        assert postgres.pid != first_pid
        again = await asyncpg.connect(postgres.url)
        assert await again.fetchval("select count(*) from kept") == 1000
        await again.close()


@pytest.mark.own_servers
async def test_postgres_is_attached_to_and_stopped_by_whoever_comes_next(state: Path) -> None:
    async with embedded.postgres(state) as left_behind:
        found = Postgres(state, QUIET)
        await found.start()
        assert found.pid == left_behind.pid
        await found.stop()
        assert not left_behind.alive()


@pytest.mark.own_servers
async def test_postgres_writes_no_row_into_its_log(state: Path) -> None:
    async with embedded.postgres(state) as postgres:
        connection = await asyncpg.connect(postgres.url)
        await connection.execute("create table person (name text unique)")
        await connection.execute("insert into person values ($1)", "Olena Kowalenko")
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute("insert into person values ('Olena Kowalenko')")
        await connection.close()
    log = (state / "log" / "postgres.log").read_text()
    assert "duplicate key" in log
    assert "Olena" not in log


async def test_databases_come_and_go_on_one_server(postgres_server: str) -> None:
    name = f"trial_{uuid4().hex}"
    url = await embedded.create_database(postgres_server, name)
    connection = await asyncpg.connect(url)
    await embedded.drop_database(postgres_server, name)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await connection.execute("select 1")
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(url)


async def test_an_archive_that_is_not_the_pinned_one_is_never_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first, *_ = pins("kafka")
    wrong = type(first)("org.slf4j:slf4j-api:jar:1.7.36", "0" * 64)
    monkeypatch.setenv("M2_REPO", str(tmp_path))
    monkeypatch.setattr("geleit.embedded.artifacts.pins", lambda _name: (wrong,))
    with pytest.raises(UntrustedArtifact, match="slf4j-api"):
        await archives("kafka", QUIET)
    assert not list(tmp_path.rglob("*.jar"))  # noqa: ASYNC240 - a handful of files of this test
