"""How far a consumer is behind, from what it has learned by fetching: no question to the broker of its own."""

from collections import Counter
from collections.abc import Iterable, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRecord

from chassis.telemetry import consumer_lag_records


async def measure_lag(consumer: AIOKafkaConsumer, topics: Sequence[str], at_hand: Iterable[ConsumerRecord]) -> None:
    """Set the lag of each topic over the partitions this consumer holds; `at_hand` is read and not yet applied.

    The ends are those of the last fetch, and nothing is fetched while a batch cannot be applied: who is slow shows by
    the lag that grows, who is stuck by the lag that stays. A topic of which a partition has not been fetched yet keeps
    the lag it had: a rebalance is no catching up.

    Raises KafkaError where a partition is taken away meanwhile.
    """
    behind = Counter(dict.fromkeys(topics, 0))
    behind.update(raw.topic for raw in at_hand)
    unknown = set()
    for place in consumer.assignment():
        position, end = await consumer.position(place), consumer.highwater(place)
        if end is None:
            unknown.add(place.topic)
        else:
            behind[place.topic] += end - position
    for topic in behind.keys() - unknown:
        consumer_lag_records.labels(topic).set(behind[topic])
