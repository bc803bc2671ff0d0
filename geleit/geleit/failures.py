"""What goes wrong in a way that a person at the command line can do something about."""

import asyncpg
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from chassis.migrate import MigrationChanged
from chassis.polls import Unreadable
from chassis.telemetry import place_of
from chassis.topics import TopicDiffers
from chassis.vault import VaultKeyInvalid

RUNS = "does Geleit run (`geleit up`, in containers `docker compose up -d --wait`)?"


class Failure(Exception):
    """Ends the command; its message is all that person needs, a traceback would only hide it."""


def advice_on(error: Exception) -> str:
    """What to do about a server, a file or a key; of an error that is not ours only its class and place: its text may
    quote a row."""
    match error:
        case OSError(filename=str() as name, strerror=str() as why):
            return f"{name}: {why}"
        case Unreadable():
            advice = (
                f"A topic holds a batch that cannot be unpacked ({error}): the log of who reads it says where, and "
                "ConsumerStuck in docs/operations.md what to do."
            )
        case VaultKeyInvalid():
            advice = (
                "The master key is missing, or it is not 32 bytes in base64: look at VAULT_MASTER_KEY and "
                "VAULT_MASTER_KEY_FILE."
            )
        case MigrationChanged():
            advice = f"{error}: take the file as it was, or the release that applied it."
        case TopicDiffers():
            advice = (
                f"{error}: delete the topic if nothing is on it, and give this command again; else an empty "
                "broker is told everything by `geleit restore`."
            )
        case asyncpg.UndefinedTableError() | asyncpg.UndefinedFunctionError() | asyncpg.InvalidSchemaNameError():
            advice = "The tables are older than this command, or not there: `geleit migrate` brings them to its state."
        case asyncpg.InvalidAuthorizationSpecificationError() | asyncpg.InsufficientPrivilegeError():
            advice = "PostgreSQL lets this account in no further: look at DATABASE_URL and DATABASE_PASSWORD."
        case asyncpg.IntegrityConstraintViolationError() | asyncpg.DataError():
            advice = "PostgreSQL does not take one of the values: too long, or not of its kind."
        case UnknownTopicOrPartitionError():
            advice = "A topic is missing: `geleit migrate` makes those that are not there."
        case KafkaError():
            advice = (
                f"Kafka is not there, or not ready: {RUNS} Else look at KAFKA_BOOTSTRAP_SERVERS, KAFKA_USERNAME and "
                "KAFKA_PASSWORD."
            )
        case _:
            advice = f"PostgreSQL is not there, or not ready: {RUNS} Else look at DATABASE_URL."
    return f"{advice} ({place_of(error)})"
