"""How far a consumer is behind, from what it has learned by fetching: no question to the broker of its own."""

from collections import Counter
from collections.abc import Iterable, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRecord

from chassis.telemetry import consumer_lag_records


async def measure_lag(consumer: AIOKafkaConsumer, topics: Sequence[str], at_hand: Iterable[ConsumerRecord]) -> None:
    """Set the lag of each topic over the partitions this consumer holds; `at_hand` is read and not yet applied.

    The ends are those of the last fetch, and nothing is fetched while a batch cannot be applied: who is slow shows by
    the lag that grows, who is stuck by the lag that stays.
    Raises KafkaError where a partition is taken away meanwhile.
    """
    behind = Counter(dict.fromkeys(topics, 0))
    behind.update(raw.topic for raw in at_hand)
    for place in consumer.assignment():
        position = await consumer.position(place)
        # None: nothing of it has been fetched yet.
        behind[place.topic] += (consumer.highwater(place) or position) - position
    for topic, records in behind.items():
        consumer_lag_records.labels(topic).set(records)
