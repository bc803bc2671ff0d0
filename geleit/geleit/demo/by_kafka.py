"""The half of a week's records that centres write to their topics, as fast as the broker takes them."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaProducer

from chassis.broker import Broker
from contracts.record import Headers, encode, headers
from contracts.submissions import Submission
from contracts.topics import submissions
from geleit.demo.flaws import poisoned
from geleit.demo.records import Offer
from geleit.progress import Step
from intake.identity import encrypt

AT_ONCE = 100


async def offer(
    broker: Broker,
    offers: Mapping[str, Sequence[Offer]],
    public_key: Mapping[str, Any],
    step: Step,
) -> None:
    """Write each centre's records to its topic, in their order; returns when the broker has them all."""
    step.size(sum(map(len, offers.values())))
    producer = AIOKafkaProducer(**broker.client, acks="all", enable_idempotence=True, linger_ms=5)
    await producer.start()
    try:
        async with asyncio.TaskGroup() as group:
            for centre, its in offers.items():
                group.create_task(_write(producer, centre, its, public_key, step))
    finally:
        await producer.stop()


async def _write(
    producer: AIOKafkaProducer, centre: str, offers: Sequence[Offer], public_key: Mapping[str, Any], step: Step
) -> None:
    topic = submissions(centre).name
    for first in range(0, len(offers), AT_ONCE):
        some = offers[first : first + AT_ONCE]
        # Encrypting takes half a millisecond each, in which nothing else would run.
        records = await asyncio.to_thread(_records, some, public_key)
        sent = [
            await producer.send(topic, value, key=one.reference.encode(), partition=0, headers=list(its_headers))
            for one, (value, its_headers) in zip(some, records, strict=True)
        ]
        await asyncio.gather(*sent)
        step.advance(len(some))


def _records(some: Sequence[Offer], public_key: Mapping[str, Any]) -> list[tuple[bytes | None, Headers]]:
    return [_record(one, public_key) for one in some]


def _record(one: Offer, public_key: Mapping[str, Any]) -> tuple[bytes | None, Headers]:
    if one.poison is not None:
        return poisoned(one.poison, one.reference)
    submission = Submission(
        reference=one.reference,
        kind=one.submission,
        facts=dict(one.facts) if one.facts is not None else None,
        identity=encrypt(one.identity, public_key) if one.identity is not None else None,
    )
    return encode(submission), headers(submission, source=f"centre/{one.centre}", time=datetime.now(UTC))
