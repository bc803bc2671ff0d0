"""Brings tables, topics and what services begin with to the newest state; run before each start."""

from collections.abc import Sequence

from chassis.broker import Broker
from chassis.migrate import migrate
from chassis.service import Service, seed
from chassis.settings import Settings
from chassis.stream import create_topics
from contracts.topics import all_topics


async def install(settings: Settings, services: Sequence[Service]) -> tuple[list[str], list[str]]:
    """The migrations applied and the topics created; safe to run at any time and twice at once.

    `settings` are the installation's own, of whoever may make roles and topics.

    Raises MigrationChanged, TopicDiffers, asyncpg.PostgresError, KafkaError.
    """
    files = await migrate(
        settings.database_url,
        [(service.name, service.package) for service in services],
        passwords={service.name: service.settings.database_password for service in services},
    )
    topics = await create_topics(Broker.of(settings), all_topics(settings.centres), replicas=settings.kafka_replicas)
    for service in services:
        await seed(service)
    return files, topics
