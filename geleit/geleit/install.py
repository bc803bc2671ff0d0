"""Brings tables, topics and what services begin with to the newest state; run before each start."""

from collections.abc import Sequence

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from chassis.broker import Broker
from chassis.database import AWAY
from chassis.failpoint import failpoint
from chassis.migrate import migrate
from chassis.service import Service, seed
from chassis.settings import Settings
from chassis.topics import create_topics
from contracts.topics import all_topics


async def reachable(settings: Settings) -> bool:
    """Whether database and broker take connections now."""
    admin = AIOKafkaAdminClient(**Broker.of(settings).client)
    try:
        connection = await asyncpg.connect(settings.database_url, timeout=5)
        await connection.close()
        await admin.start()
    except (*AWAY, KafkaError):
        return False
    finally:
        await admin.close()
    return True


async def install(
    settings: Settings, services: Sequence[Service], *, restoring: bool = False
) -> tuple[list[str], list[str]]:
    """The migrations applied and the topics created; safe to run at any time and twice at once.

    `settings` are the installation's own, of whoever may make roles and topics.

    Raises MigrationChanged, TopicDiffers, asyncpg.PostgresError, KafkaError, RestoreUnfinished unless `restoring`.
    """
    files = await migrate(
        settings.database_url,
        [(service.name, service.package) for service in services],
        passwords={service.name: service.settings.database_password for service in services},
        restoring=restoring,
    )
    failpoint("install.migrated")
    topics = await create_topics(Broker.of(settings), all_topics(settings.centres), replicas=settings.kafka_replicas)
    failpoint("install.topics_made")
    for service in services:
        await seed(service)
    return files, topics
