"""The real Kafka, PostgreSQL and Zipkin that run on a machine which has only Python; for development and demo."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from geleit.embedded.kafka import Kafka
from geleit.embedded.part import Part, PartFailed
from geleit.embedded.postgres import Postgres, create_database, drop_database
from geleit.progress import Steps

__all__ = ["Part", "PartFailed", "create_database", "drop_database", "kafka", "postgres"]


@asynccontextmanager
async def kafka(state_dir: Path, steps: Steps | None = None) -> AsyncIterator[Kafka]:
    """A Kafka on `state_dir`, running inside the block; `.url` is its bootstrap servers."""
    part = Kafka(state_dir, steps or Steps(quiet=True))
    try:
        await part.start()
        yield part
    finally:
        await part.stop()


@asynccontextmanager
async def postgres(state_dir: Path, steps: Steps | None = None) -> AsyncIterator[Postgres]:
    """A PostgreSQL on `state_dir`, running inside the block; `.url` is the database `geleit`."""
    part = Postgres(state_dir, steps or Steps(quiet=True))
    try:
        await part.start()
        yield part
    finally:
        await part.stop()
