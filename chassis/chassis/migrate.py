"""Migrations: numbered .sql files, forward only, each once, each in a transaction, under one lock."""

import hashlib
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

import asyncpg

from chassis.database import refuse_unfinished
from chassis.failpoint import failpoint

log = logging.getLogger(__name__)

_LOCK = 0x47656C656974
_FILE = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_OWN = """
create schema if not exists geleit;
create table if not exists geleit.migration (
    schema text not null,
    source text not null,
    number integer not null,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default now(),
    primary key (schema, source, number)
);
"""


class MigrationChanged(Exception):
    """An applied file is no longer what it was: the database and the code would differ unseen."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of one source for one schema."""

    schema: str
    source: str
    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


async def migrate(
    url: str,
    packages: Sequence[tuple[str, str]],
    *,
    passwords: Mapping[str, str | None] | None = None,
    restoring: bool = False,
) -> list[str]:
    """Bring access and each (service, package) to the newest state, as the owner; the files applied.

    Services' roles are made where they are missing, and given the service's password of `passwords`, if there is one.
    Raises MigrationChanged, asyncpg.PostgresError, RestoreUnfinished unless `restoring`: empty tables would look whole.
    """
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("select pg_advisory_lock($1)", _LOCK)
        if not restoring:
            await refuse_unfinished(connection)
        await connection.execute("set lock_timeout = '5s'")
        await connection.execute(_OWN)
        for service, _ in packages:
            await _make_roles(connection, service, (passwords or {}).get(service))
        applied = [one for one in _access() if await _apply(connection, one)]
        for service, package in packages:
            await connection.execute(f'grant geleit_access to "{service}_worker", "{service}_web"')
            for one in _of_service(service, package):
                if await _apply(connection, one):
                    applied.append(one)
            await _grant_own(connection, service)
            failpoint("migrate.granted")
        return [f"{one.schema}/{one.source}/{one.name}" for one in applied]
    finally:
        await connection.close()


async def _make_roles(connection: asyncpg.Connection, service: str, password: str | None) -> None:
    for role in (f"{service}_worker", f"{service}_web"):
        if not await connection.fetchval("select exists (select from pg_roles where rolname = $1)", role):
            await connection.execute(f'create role "{role}" login')
        if password is not None:
            literal = await connection.fetchval("select quote_literal($1)", password)
            await connection.execute(f'alter role "{role}" password {literal}')
    await connection.execute(f'create schema if not exists "{service}"')
    await connection.execute(f'grant usage on schema "{service}" to "{service}_worker", "{service}_web"')


async def _grant_own(connection: asyncpg.Connection, service: str) -> None:
    """Both uses write the outbox, dues and audit; only the worker reads, sends and parks.

    Pages show the audit trail, and what is parked; they can destroy the content of that and not read it. The auditor,
    who has a worker's rights, looks for names in the trail too.
    """
    await connection.execute(f'''
        set search_path = "{service}";
        grant select on started to "{service}_worker", "{service}_web";
        grant select, insert, update, delete on outbox, due, parked to "{service}_worker";
        grant select, insert, update on consumed to "{service}_worker";
        grant insert on outbox to "{service}_web";
        grant select, insert, update, delete on due to "{service}_web";
        grant select (id, topic, partition, position, error, ce_type, traceparent, parked_at, expires_at, tried_at,
            resolved_at, resolution) on parked to "{service}_web";
        grant update (resolved_at, resolution, payload, wrapped_key) on parked to "{service}_web";
        grant insert on audit to "{service}_worker", "{service}_web";
        grant select on audit to "{service}_worker", "{service}_web";
        grant usage on all sequences in schema "{service}" to "{service}_worker", "{service}_web";
        reset search_path;
    ''')


async def _apply(connection: asyncpg.Connection, migration: Migration) -> bool:
    known = await connection.fetchval(
        "select checksum from geleit.migration where schema = $1 and source = $2 and number = $3",
        migration.schema,
        migration.source,
        migration.number,
    )
    if known == migration.checksum:
        return False
    if known is not None:
        raise MigrationChanged(f"{migration.schema}: {migration.name} was changed after it had been applied")
    async with connection.transaction():
        await connection.execute(f'set local search_path = "{migration.schema}"')
        await connection.execute(migration.sql)
        failpoint("migrate.applied")
        await connection.execute(
            "insert into geleit.migration (schema, source, number, name, checksum) values ($1, $2, $3, $4, $5)",
            migration.schema,
            migration.source,
            migration.number,
            migration.name,
            migration.checksum,
        )
    failpoint("migrate.committed")
    log.info("migrated %s: %s", migration.schema, migration.name)
    return True


def _access() -> Iterator[Migration]:
    return _read(files("chassis") / "sql" / "access", "access", "access")


def _of_service(service: str, package: str) -> Iterator[Migration]:
    yield from _read(files("chassis") / "sql" / "service", service, "chassis")
    yield from _read(files(package) / "sql", service, package)


def _read(folder: Traversable, schema: str, source: str) -> Iterator[Migration]:
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        if match := _FILE.fullmatch(file.name):
            yield Migration(schema, source, int(match[1]), file.name, file.read_text("utf-8"))
