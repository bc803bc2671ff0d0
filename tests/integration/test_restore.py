"""Before a restore: nobody may be there, not even somebody who only reads topics and waits for the database."""

import pytest
from aiokafka import AIOKafkaConsumer

from chassis.broker import Broker
from chassis.service import Service
from chassis.settings import Settings
from chassis.stream import create_topics
from contracts.topics import all_topics
from geleit.failures import Failure
from geleit.restore import reconcile


async def test_who_reads_topics_without_the_database_is_noticed(
    database_url: str, kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "LEFT_WITHIN", 5.0)
    broker = Broker(kafka_bootstrap)
    settings = Settings(database_url=database_url, kafka_bootstrap_servers=kafka_bootstrap)
    service = Service("forgotten", "probe", "/probe", settings)
    await create_topics(broker, all_topics([]))
    reader = AIOKafkaConsumer("policy", bootstrap_servers=kafka_bootstrap, group_id=service.name)
    await reader.start()
    try:
        with pytest.raises(Failure, match="stop all of them"):
            await reconcile.nobody_is_there([service], settings)
    finally:
        await reader.stop()
    await reconcile.nobody_is_there([service], settings)
