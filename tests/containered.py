"""Kafka and PostgreSQL in containers: the images of docker-compose.yml, removed by Ryuk if the session is killed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from secrets import token_hex

from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.container import DockerContainer

from geleit.embedded import PartFailed
from geleit.embedded.kafka import JVM, PROPERTIES, START_WITHIN, knows_its_broker
from geleit.embedded.postgres import SETTINGS
from geleit.probe import LOOPBACK, until

IMAGES = {"kafka": "apache/kafka:4.3.1", "postgres": "postgres:17"}


class KafkaContainer(DockerContainer):
    """One node with the settings of the embedded one; it starts once it knows the port that it is published on."""

    PORT = 9092
    ADDRESS = "/tmp/address"
    RUN = f"until [ -s {ADDRESS} ]; do sleep 0.1; done; . {ADDRESS}; exec /etc/kafka/docker/run"

    def __init__(self) -> None:
        super().__init__(IMAGES["kafka"])
        self.with_command(["bash", "-c", self.RUN])
        _publish(self, self.PORT)
        listeners = {
            "KAFKA_LISTENERS": f"BROKER://localhost:9094,PUBLISHED://:{self.PORT},CONTROLLER://localhost:9093",
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "BROKER:PLAINTEXT,PUBLISHED:PLAINTEXT,CONTROLLER:PLAINTEXT",
        }
        settings = PROPERTIES.format(host="localhost", broker=9094, controller=9093, data="/tmp/data")
        self.with_envs(**_variables(settings) | listeners, KAFKA_HEAP_OPTS=JVM[0])

    @property
    def url(self) -> str:
        """The bootstrap servers."""
        return f"{LOOPBACK}:{self.get_exposed_port(self.PORT)}"

    async def serving(self) -> None:
        """Let it start, and return when it answers. Raises NotInTime, PartFailed."""
        advertised = f"export KAFKA_ADVERTISED_LISTENERS=BROKER://localhost:9094,PUBLISHED://{self.url}\n"
        self.copy_into_container(advertised.encode(), self.ADDRESS)

        async def metadata() -> bool:
            self.reload()
            if self.status != "running":
                raise PartFailed(f"Kafka's container is {self.status}:\n{self.get_logs()[0].decode()[-2000:]}")
            return await knows_its_broker(self.url)

        await until(metadata, within=START_WITHIN, what=f"Kafka in a container at {self.url}", every=0.1)


@asynccontextmanager
async def kafka() -> AsyncIterator[str]:
    """Bootstrap servers of a Kafka that runs inside the block."""
    # Starting blocks the loop on purpose: in a thread it would go on after Ctrl-C, past the stop.
    with KafkaContainer() as container:
        await container.serving()
        yield container.url


@asynccontextmanager
async def postgres() -> AsyncIterator[str]:
    """The owner's URL of a PostgreSQL that runs inside the block and asks everybody for a password."""
    container = PostgresContainer(
        IMAGES["postgres"], username="geleit", password=token_hex(16), dbname="geleit", driver=None
    )
    settings = SETTINGS | {"listen_addresses": "*"}
    container.with_command(["postgres", *(f"--{name}={value}" for name, value in settings.items())])
    _publish(container, container.port)
    with container:
        yield container.get_connection_url(host=LOOPBACK)


def _publish(container: DockerContainer, port: int) -> None:
    # On a free port of the loopback address only: Docker takes a pair, of which testcontainers' types do not know.
    container.ports[str(port)] = (LOOPBACK, None)  # type: ignore[assignment]


def _variables(properties: str) -> dict[str, str]:
    """Lines of a server.properties as the image's variables."""
    lines = (line.partition("=") for line in properties.splitlines() if not line.startswith("#"))
    return {f"KAFKA_{name.replace('.', '_').upper()}": value for name, _, value in lines}
