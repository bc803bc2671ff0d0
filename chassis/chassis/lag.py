"""How far a consumer is behind, from what it has learned by fetching: no question to the broker of its own."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from chassis.telemetry import consumer_lag_records, partitions_standing

POSITION_SECONDS = 1.0


async def positions_of(
    consumer: AIOKafkaConsumer, places: Iterable[TopicPartition]
) -> Mapping[TopicPartition, int | None]:
    """Where the consumer stands in each partition, or None if it does not know: asked for that, it would wait."""
    asked = list(places)
    return dict(zip(asked, await asyncio.gather(*(_position(consumer, place) for place in asked)), strict=True))


async def _position(consumer: AIOKafkaConsumer, place: TopicPartition) -> int | None:
    with suppress(TimeoutError, KafkaError):
        return int(await asyncio.wait_for(consumer.position(place), POSITION_SECONDS))
    return None


async def measure_lag(consumer: AIOKafkaConsumer, topics: Sequence[str], at_hand: Iterable[ConsumerRecord]) -> None:
    """Set the lag of each topic over the partitions this consumer holds; `at_hand` is read and not yet applied.

    The ends are those of the last fetch, and nothing is fetched while a batch cannot be applied: who is slow shows by
    the lag that grows, who is stuck by the lag that stays. A topic of which a partition has not been fetched yet keeps
    the lag it had: a rebalance is no catching up. Partitions that nobody can unpack, or whose position nobody knows,
    are counted beside it: in the lag of the others they would not be seen.
    """
    behind, standing = (Counter(dict.fromkeys(topics, 0)) for _ in range(2))
    behind.update(raw.topic for raw in at_hand)
    standing.update(place.topic for place in consumer.paused())
    unknown = set()
    for place, position in (await positions_of(consumer, consumer.assignment())).items():
        end = consumer.highwater(place) if position is not None else None
        if position is None:
            standing[place.topic] += 1
        if position is None or end is None:
            unknown.add(place.topic)
        else:
            behind[place.topic] += end - position
    for topic in behind.keys() - unknown:
        consumer_lag_records.labels(topic).set(behind[topic])
    for topic, number in standing.items():
        partitions_standing.labels(topic).set(number)
