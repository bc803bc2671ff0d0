"""What only librdkafka's admin client can ask a broker of today: accounts, rights, and who is in a group."""

from collections.abc import Iterable
from typing import Any

from chassis.settings import Settings

WITHIN = 30.0
"""Seconds for an answer."""
SILENT = 0
"""Of syslog's levels librdkafka writes those up to this one to stderr."""


def admin_of(settings: Settings) -> Any:
    """An admin client of confluent-kafka with the settings of a process."""
    from confluent_kafka.admin import AdminClient  # noqa: PLC0415 - other commands need not wait for it

    protocol = ("SASL_" if settings.kafka_username else "") + ("SSL" if settings.kafka_tls else "PLAINTEXT")
    told: dict[str, Any] = {
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        "security.protocol": protocol,
        # What fails is told once, by whoever waits for the answer, and not by each try to connect.
        "log_level": SILENT,
        "sasl.mechanism": settings.kafka_mechanism if settings.kafka_username else None,
        "sasl.username": settings.kafka_username,
        "sasl.password": settings.kafka_password and settings.kafka_password.get_secret_value(),
        "ssl.ca.location": settings.kafka_ca_file and str(settings.kafka_ca_file),
    }
    return AdminClient({name: value for name, value in told.items() if value is not None})


def members(settings: Settings, groups: Iterable[str]) -> list[str]:
    """Who is in these consumer groups, those among them whose session has not ended yet. Raises KafkaException."""
    admin = admin_of(settings)  # held: an answer to a client that is gone never comes
    described = admin.describe_consumer_groups(list(groups), request_timeout=WITHIN)
    return [member.client_id for future in described.values() for member in future.result(WITHIN).members]
