"""The servers of a run, whoever takes the spans, the producer that fills topics, and our processes beside them."""

import asyncio
import os
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from benchmarks.stream.given import Raw

from contracts.topics import HOME_PARTITIONS
from geleit.embedded import create_database, drop_database, kafka, postgres
from geleit.probe import LOOPBACK, free_port
from geleit.progress import Steps
from geleit.state import master_key
from geleit.supervisor import Program, Supervised


@dataclass(frozen=True, slots=True)
class Servers:
    """A real Kafka and a real PostgreSQL, for this run only."""

    state_dir: Path
    bootstrap: str
    database: str
    span_port: int


@asynccontextmanager
async def servers(state: Path) -> AsyncIterator[Servers]:
    """Start both on an empty folder, with the settings that `make demo` runs with."""
    async with kafka(state) as broker, postgres(state) as database:
        given = Servers(state, broker.url, database.url, free_port())
        command = (sys.executable, "-m", "geleit.spans")
        catcher = Program("spans", command, port=given.span_port, port_variable="SPANS_PORT", ready=None)
        async with _supervised(catcher, given, environment(given, database.url)):
            yield given


@asynccontextmanager
async def a_database(given: Servers, name: str) -> AsyncIterator[str]:
    """URL of an empty database for one way."""
    yield await create_database(given.database, name)
    await drop_database(given.database, name)


async def drop_topics(given: Servers) -> None:
    """Begin without what another way has left; the groups' offsets in them go too."""
    admin = AIOKafkaAdminClient(bootstrap_servers=given.bootstrap)
    await admin.start()
    try:
        left = [name for name in await admin.list_topics() if not name.startswith("__")]
        if left:
            await admin.delete_topics(left)
    finally:
        await admin.close()


async def make_topics(given: Servers, *names: str) -> None:
    """Topics of as many partitions as households have."""
    admin = AIOKafkaAdminClient(bootstrap_servers=given.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name, HOME_PARTITIONS, 1) for name in names])
    await admin.close()


async def produce(bootstrap: str, topic: str, records: Sequence[Raw]) -> None:
    """Send records to their partitions and wait until the broker has all of them."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_batch_size=1 << 19)
    await producer.start()
    try:
        await send(producer, topic, records)
    finally:
        await producer.stop()


async def send(producer: AIOKafkaProducer, topic: str, records: Sequence[Raw]) -> None:
    """The quickest way there is: whole batches, a partition at a time."""
    by_partition: defaultdict[int, list[Raw]] = defaultdict(list)
    for one in records:
        by_partition[one.partition].append(one)
    await asyncio.gather(*(_send(producer, topic, partition, some) for partition, some in by_partition.items()))


async def _send(producer: AIOKafkaProducer, topic: str, partition: int, records: Sequence[Raw]) -> None:
    rest = list(reversed(records))
    while rest:
        batch = producer.create_batch()
        while rest:
            one = rest[-1]
            if batch.append(key=one.key, value=one.value, timestamp=None, headers=list(one.headers)) is None:
                break
            rest.pop()
        await (await producer.send_batch(batch, topic, partition=partition))


def environment(given: Servers, database: str, **more: str) -> dict[str, str]:
    """The variables of our processes."""
    return {
        **os.environ,
        "DATABASE_URL": database,
        "KAFKA_BOOTSTRAP_SERVERS": given.bootstrap,
        "GELEIT_STATE_DIR": str(given.state_dir),
        "VAULT_MASTER_KEY_FILE": str(master_key(given.state_dir)),
        "OTEL_TRACES_EXPORTER": "otlp_proto_http",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://{LOOPBACK}:{given.span_port}/v1/traces",
        **more,
    }


async def run(env: Mapping[str, str], *command: str) -> None:
    """Run one of our commands to its end. Raises if it fails."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *command, env=dict(env), stdout=asyncio.subprocess.DEVNULL
    )
    if await process.wait():
        raise RuntimeError(f"{command} failed")


@asynccontextmanager
async def running(
    given: Servers, name: str, command: tuple[str, ...], env: Mapping[str, str]
) -> AsyncIterator[Supervised]:
    """One process inside the block, ready when it begins."""
    program = Program(name, (sys.executable, *command), {"INSTANCE": name})
    async with _supervised(program, given, env) as process:
        yield process


@asynccontextmanager
async def _supervised(program: Program, given: Servers, env: Mapping[str, str]) -> AsyncIterator[Supervised]:
    process = Supervised(program, given.state_dir, env, Steps(quiet=True))
    await process.start()
    try:
        await process.ready()
        yield process
    finally:
        await process.stop()
