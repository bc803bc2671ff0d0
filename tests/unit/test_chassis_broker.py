"""A client signs in as the settings say, in clear text only where they say so."""

from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from chassis.broker import Broker
from chassis.settings import Settings


def settings(**more: object) -> Settings:
    return Settings.model_validate({"database_url": "postgresql://", "kafka_bootstrap_servers": "kafka:9092", **more})


def test_without_an_account_a_client_just_connects() -> None:
    assert Broker.of(settings()).client == {"bootstrap_servers": "kafka:9092"}


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"])
async def test_an_account_is_one_of_aiokafkas(mechanism: str) -> None:
    account = {"kafka_username": "intake", "kafka_password": "s3cret", "kafka_mechanism": mechanism}
    client = Broker.of(settings(**account)).client
    assert client["security_protocol"] == "SASL_PLAINTEXT"
    assert (client["sasl_mechanism"], client["sasl_plain_username"]) == (mechanism, "intake")
    AIOKafkaProducer(**client)


async def test_tls_is_asked_of_every_client() -> None:
    assert Broker.of(settings(kafka_tls=True)).client["security_protocol"] == "SSL"
    account = {"kafka_username": "intake", "kafka_password": "s3cret", "kafka_tls": True}
    client = Broker.of(settings(**account)).client
    assert client["security_protocol"] == "SASL_SSL"
    AIOKafkaProducer(**client)


def test_a_missing_ca_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        Broker.of(settings(kafka_tls=True, kafka_ca_file=tmp_path / "ca.pem"))


def test_no_password_is_shown() -> None:
    assert "s3cret" not in repr(settings(kafka_username="intake", kafka_password="s3cret"))


def test_a_file_among_the_secrets_stands_for_its_variable(tmp_path: Path) -> None:
    (tmp_path / "kafka_password").write_text("from a file\n")
    (tmp_path / "database_url").write_text("postgresql://db\n")
    found = Settings(_secrets_dir=tmp_path, kafka_bootstrap_servers="kafka:9092")
    assert found.database_url == "postgresql://db"
    assert found.kafka_password is not None
    assert found.kafka_password.get_secret_value() == "from a file"
