"""Topics on the broker: made where they are missing, and looked for."""

from collections.abc import Iterable, Mapping

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from chassis.broker import Broker
from contracts.topics import Topic

FEWEST_TO_LOSE_ONE = 3
"""Copies from which on two must agree: one may be away and writing still goes on."""


class TopicDiffers(Exception):
    """A topic exists with another number of partitions: a key would live in two of them."""


async def create_topics(broker: Broker, topics: Iterable[Topic], *, replicas: int = 1) -> list[str]:
    """Create the topics that are missing; their names. Raises TopicDiffers, KafkaError."""
    wanted = {topic.name: topic for topic in topics}
    admin = AIOKafkaAdminClient(**broker.client)
    await admin.start()
    try:
        found = {
            one["topic"]: len(one["partitions"])
            for one in await admin.describe_topics(list(wanted))
            if one["partitions"]
        }
        for name, partitions in found.items():
            if partitions != wanted[name].partitions:
                raise TopicDiffers(f"{name} has {partitions} partitions instead of {wanted[name].partitions}")
        missing = [topic for name, topic in wanted.items() if name not in found]
        if missing:
            safe = {"min.insync.replicas": "2"} if replicas >= FEWEST_TO_LOSE_ONE else {}
            answer = await admin.create_topics(
                [NewTopic(one.name, one.partitions, replicas, topic_configs=one.config | safe) for one in missing]
            )
            for name, code, *_ in answer.topic_errors:
                error = for_code(code)
                if code and error is not TopicAlreadyExistsError:
                    raise error(name)
        return [topic.name for topic in missing]
    finally:
        await admin.close()


async def refused(broker: Broker, topics: Iterable[str]) -> Mapping[str, type[KafkaError]]:
    """Of these topics those that the broker does not let this account at, and why; a missing one is
    UnknownTopicOrPartitionError. Raises KafkaError.
    """
    admin = AIOKafkaAdminClient(**broker.client)
    await admin.start()
    try:
        found = await admin.describe_topics(list(topics))
    finally:
        await admin.close()
    codes = {one["topic"]: one["error_code"] for one in found}
    return {topic: for_code(code) for topic, code in codes.items() if code}
