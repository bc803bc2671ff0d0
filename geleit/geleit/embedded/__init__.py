"""The real Kafka, PostgreSQL and Zipkin that run on a machine which has only Python; for development and demo."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from geleit.embedded.kafka import Kafka
from geleit.embedded.part import Part, PartFailed, running
from geleit.embedded.postgres import Postgres, create_database, drop_database
from geleit.progress import Steps

__all__ = ["Part", "PartFailed", "create_database", "drop_database", "kafka", "postgres"]


def kafka(state_dir: Path) -> AbstractAsyncContextManager[Kafka]:
    """A Kafka on `state_dir`, running inside the block; `.url` is its bootstrap servers."""
    return running(Kafka(state_dir, Steps(quiet=True)))


def postgres(state_dir: Path) -> AbstractAsyncContextManager[Postgres]:
    """A PostgreSQL on `state_dir`, running inside the block; `.url` is the database `geleit`."""
    return running(Postgres(state_dir, Steps(quiet=True)))
