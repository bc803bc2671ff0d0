"""On the broker a centre reaches its own two topics and nothing else, and nobody gets in without an account."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka.errors import GroupAuthorizationFailedError, KafkaConnectionError, TopicAuthorizationFailedError

from containers.stack import CENTRE, Installation, Stack
from contracts.record import encode, headers
from contracts.submissions import Submission
from contracts.topics import STATE_TOPICS, submissions, verdicts
from contracts.vocabulary import SubmissionKind
from e2e.world import registration
from geleit.rights import centre_account
from intake.identity import encrypt

OTHER = "ellwangen"
Account = dict[str, Any]


@pytest.fixture(scope="module")
def account(installation: Installation) -> Account:
    """How the centre's own software signs in."""
    name, password = installation.stack.geleit("broker", "account", CENTRE).split()[-2:]
    return signed_in(installation.stack, name, password)


def signed_in(stack: Stack, name: str, password: str) -> Account:
    return {
        "bootstrap_servers": f"127.0.0.1:{stack.kafka_port}",
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": name,
        "sasl_plain_password": password,
    }


@asynccontextmanager
async def producing(account: Account) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(**account, acks="all", request_timeout_ms=5000) as producer:
        yield producer


async def test_a_submission_goes_in_and_its_verdict_comes_back(installation: Installation, account: Account) -> None:
    town, reference = installation.town(2), f"k-{uuid4().hex[:10]}"
    key = (await installation.centre.get("/intake/v1/key")).json()
    form = registration(town.ags)
    public_key = {name: value for name, value in key.items() if value is not None}
    state = Submission(
        reference=reference,
        kind=SubmissionKind.REGISTER,
        facts=form["facts"],
        identity=encrypt(form["identity"], public_key),
    )
    told = list(headers(state, source=CENTRE, time=datetime.now(UTC)))
    async with producing(account) as producer:
        await producer.send_and_wait(submissions(CENTRE).name, encode(state), key=reference.encode(), headers=told)
    topic = verdicts(CENTRE)
    group = centre_account(CENTRE)
    async with (
        asyncio.timeout(60),
        AIOKafkaConsumer(topic.name, **account, group_id=group, auto_offset_reset="earliest") as consumer,
    ):
        async for record in consumer:
            verdict = topic.schema.model_validate_json(record.value)
            if record.key == reference.encode():
                break
    assert verdict.model_dump(mode="json")["outcome"] == "accepted"


@pytest.mark.parametrize("topic", [submissions(OTHER).name, verdicts(CENTRE).name, *(one.name for one in STATE_TOPICS)])
async def test_a_centre_writes_nowhere_else(account: Account, topic: str) -> None:
    async with producing(account) as producer:
        with pytest.raises(TopicAuthorizationFailedError):
            await producer.send_and_wait(topic, b"{}", key=b"k", partition=0)


@pytest.mark.parametrize("topic", [submissions(CENTRE).name, verdicts(OTHER).name, *(one.name for one in STATE_TOPICS)])
async def test_a_centre_reads_nothing_else(account: Account, topic: str) -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        await asyncio.wait_for(first_record(topic, account, centre_account(CENTRE)), 30)


async def first_record(topic: str, account: Account, group: str) -> ConsumerRecord:
    async with AIOKafkaConsumer(topic, **account, group_id=group, auto_offset_reset="earliest") as consumer:
        return await consumer.getone()


async def test_a_centre_cannot_take_a_services_place(account: Account) -> None:
    with pytest.raises(GroupAuthorizationFailedError):
        await asyncio.wait_for(first_record(verdicts(CENTRE).name, account, "intake"), 30)


@pytest.mark.parametrize("topic", [topic.name for topic in (*STATE_TOPICS, submissions(CENTRE), verdicts(CENTRE))])
async def test_reporting_writes_nowhere(stack: Stack, topic: str) -> None:
    async with producing(signed_in(stack, "reporting", stack.variables()["REPORTING_KAFKA_PASSWORD"])) as producer:
        with pytest.raises(TopicAuthorizationFailedError):
            await producer.send_and_wait(topic, b"{}", key=b"k", partition=0)


async def test_reporting_reads_no_submission(stack: Stack) -> None:
    account = signed_in(stack, "reporting", stack.variables()["REPORTING_KAFKA_PASSWORD"])
    with pytest.raises(TopicAuthorizationFailedError):
        await asyncio.wait_for(first_record(submissions(CENTRE).name, account, "reporting"), 30)


@pytest.mark.parametrize("password", ["guessed", "KAFKA_ADMIN_PASSWORD", "MATCHING_KAFKA_PASSWORD"])
async def test_nobody_gets_in_with_another_password(stack: Stack, password: str) -> None:
    own = stack.variables()["INTAKE_KAFKA_PASSWORD"]
    async with AIOKafkaProducer(**signed_in(stack, "intake", own), enable_idempotence=False):
        pass  # the way in is open: what follows is refused for its password
    producer = AIOKafkaProducer(**signed_in(stack, "intake", stack.variables().get(password, password)))
    with pytest.raises(KafkaConnectionError):
        await producer.start()
    await producer.stop()


async def test_nobody_gets_in_without_an_account(stack: Stack) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=f"127.0.0.1:{stack.kafka_port}", request_timeout_ms=3000)
    with pytest.raises(KafkaConnectionError):
        await producer.start()
    await producer.stop()
