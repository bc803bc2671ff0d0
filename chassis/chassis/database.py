"""The pool and the transaction: the only place that opens one."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import asyncpg
import orjson
from asyncpg.connect_utils import SessionAttribute
from asyncpg.pool import PoolConnectionProxy
from opentelemetry.trace import Span

from chassis import outbox, telemetry
from chassis.access.principal import Principal, Tenant
from chassis.failpoint import clock_shift
from contracts.record import State

Clock = Callable[[], datetime]
Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"

OWNER = "owner"
"""The use of the command line: making accounts and keys is nobody else's right."""

SYSTEM = "system"
"""Who does what a service does by itself, in the trail."""

ACQUIRE_SECONDS = 5.0
"""How long a caller waits for a connection before it is told to come back later."""

MOST_WAITING = 4
"""Requests that may wait for each connection of the pages: a transaction takes some ten milliseconds, and whoever would
wait for more than these is told at once to come back later. Workers wait for their own."""

AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.CannotConnectNowError,
    # A server that is no longer the one that takes writes.
    asyncpg.ReadOnlySQLTransactionError,
    # A session that the server ends in the middle of an answer, as asyncpg sees it.
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""The database cannot be reached or cannot work now: nothing is wrong with the request."""

TRANSIENT = (
    *AWAY,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    # A migration beside us has changed a table; asyncpg prepares its statements anew, for whoever begins again. What
    # else it says then, OutdatedSchemaCacheError, is an InternalClientError.
    asyncpg.InvalidCachedStatementError,
)
"""Errors that the same transaction may not meet again: deadlocks and serialization too."""

UNFIT = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
    asyncpg.InsufficientPrivilegeError,
)
"""The database is not what this release stands on, a migration or a right is missing: no request and no record is to
blame."""


RESTORING = "geleit_restoring"
"""A schema that is there from before a restore takes anything away until it has come to its end. Not in ours, which go
and come back meanwhile; and no setting of the database, which only a superuser may give it."""


class RestoreUnfinished(ConnectionError):
    """Tables are missing, or the broker has not been told of them: `geleit restore` has to come to its end."""

    def __init__(self) -> None:
        super().__init__("a restore has not come to its end: give the same `geleit restore` again")


async def refuse_unfinished(database: "asyncpg.Pool | asyncpg.Connection") -> None:
    """Raise RestoreUnfinished if a restore has begun and not come to its end."""
    if await database.fetchval("select to_regnamespace($1) is not null", RESTORING):
        raise RestoreUnfinished


@dataclass(slots=True)
class Tx:
    """One transaction: its connection, its instant, and the traces of the aggregates it touches."""

    connection: Connection
    now: datetime
    started: datetime
    """When this service's schema was made: nobody is told of what happened before."""
    principal: Principal | None = None
    actor: str = SYSTEM
    """Who does it where no principal does."""
    traces: dict[str, str] = field(default_factory=dict)
    """Aggregate key → `traceparent` of the span that handles it; what is published continues it."""
    spans: dict[str, Span] = field(default_factory=dict)
    told: list[Callable[[datetime], None]] = field(default_factory=list)
    """Who is told the time of the commit, if there is one."""

    async def fetch(self, sql: str, *args: object) -> list[asyncpg.Record]:
        """All rows of a query."""
        return await self.connection.fetch(sql, *args)

    async def fetchrow(self, sql: str, *args: object) -> asyncpg.Record | None:
        """The first row, or None."""
        return await self.connection.fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: object) -> Any:
        """The first column of the first row, or None."""
        return await self.connection.fetchval(sql, *args)

    async def execute(self, sql: str, *args: object) -> str:
        """Run a statement; PostgreSQL's command tag."""
        return await self.connection.execute(sql, *args)

    async def count(self, sql: str, *args: object) -> int:
        """Run a statement that changes rows; how many it has changed."""
        return int((await self.connection.execute(sql, *args)).rpartition(" ")[2])

    async def executemany(self, sql: str, args: Iterable[Sequence[object]]) -> None:
        """Run a statement for each tuple of arguments."""
        await self.connection.executemany(sql, args)

    async def plan_anew(self) -> None:
        """Have what follows planned for its own arguments each time.

        From the sixth time on PostgreSQL may take one plan for all, which behind row-level security reads too much.
        """
        await self.connection.execute("set local plan_cache_mode = force_custom_plan")

    async def publish(self, states: Sequence[State]) -> None:
        """Hand states to the outbox; they are sent after the commit, in this order for each key."""
        await outbox.insert(self.connection, states, self.traces, self.now)

    async def due(self, at: datetime, kind: str, aggregate: str) -> None:
        """Have `kind` handled for the aggregate at that time; replaces an earlier date."""
        await self.dues(kind, {aggregate: at})

    async def dues(self, kind: str, at: dict[str, datetime]) -> None:
        """`due` for many aggregates at once."""
        await self.connection.execute(
            "insert into due (kind, aggregate, at) select $1, a, t from unnest($2::text[], $3::timestamptz[]) d(a, t)"
            " order by a on conflict (kind, aggregate) do update set at = excluded.at, attempts = 0",
            kind,
            list(at),
            list(at.values()),
        )

    async def first_due(self, at: datetime, kind: str, aggregate: str) -> None:
        """`due` for what the clock repeats: a date that is set already stays."""
        await self.connection.execute(
            "insert into due (kind, aggregate, at) values ($1, $2, $3) on conflict (kind, aggregate) do nothing",
            kind,
            aggregate,
            at,
        )

    async def undue(self, kind: str, aggregates: Sequence[str]) -> None:
        """Forget what was due."""
        await self.connection.execute(
            "delete from due where kind = $1 and aggregate = any($2::text[])", kind, sorted(aggregates)
        )

    async def wake(self, what: str) -> None:
        """Wake this service's loop of that name (`outbox`, `errand`) when the transaction commits."""
        await self.connection.execute("select pg_notify($1 || '_' || current_schema(), '')", what)

    async def audit(self, action: str, subject: str, **details: object) -> None:
        """Write down who did what to whom, in the transaction that does it. No personal data in details."""
        await self._audited([(action, subject)], details)

    async def audits(self, done: Sequence[tuple[str, str]]) -> None:
        """`audit` for many at once: action and subject of each."""
        if done:
            await self._audited(done, {})

    async def _audited(self, done: Sequence[tuple[str, str]], details: Mapping[str, object]) -> None:
        who = self.principal
        await self.connection.execute(
            "insert into audit (at, actor, role, action, subject, details)"
            " select $1, $2, $3, a, s, $6 from unnest($4::text[], $5::text[]) with ordinality as d(a, s, n) order by n",
            self.now,
            who.subject if who else self.actor,
            str(who.role) if who else SYSTEM,
            [action for action, _ in done],
            [subject for _, subject in done],
            details,
        )

    def afterwards(self, tell: Callable[[datetime], None]) -> None:
        """Tell the time of the commit, and nothing if there is none: what a handler counts may be rolled back.

        `tell` raises nothing: what is committed must not look as if it had failed.
        """
        self.told.append(tell)

    def take_up(self, key: str, traceparent: str, name: str) -> None:
        """Go on with the trace of an aggregate that this transaction has read no record of.

        Where it is recorded, a span of this `name` says so; it ends with the commit, and without one nobody sees it.
        """
        if key in self.traces:
            return
        self.traces[key] = traceparent
        if telemetry.is_sampled(traceparent):
            span = self.spans[key] = telemetry.start_in(traceparent, name)
            self.traces[key] = telemetry.traceparent_of(span) or traceparent
            self.afterwards(lambda _: span.end())

    def describe(self, key: str, **attributes: str | int | bool) -> None:
        """Set attributes on the aggregate's span, where its trace is recorded. Never personal data."""
        if span := self.spans.get(key):
            span.set_attributes({f"geleit.{name}": value for name, value in attributes.items()})


class Database:
    """A pool of connections of one role to one service's schema."""

    def __init__(
        self, pool: asyncpg.Pool, started: datetime, clock: Clock | None, *, most_waiting: int | None = None
    ) -> None:
        self._pool = pool
        self._started = started
        self._clock = clock
        self._waiting = 0
        self._most_waiting = most_waiting
        self.actor = SYSTEM
        """Who does what its transactions do without a principal."""

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        service: str,
        use: str,
        password: str | None = None,
        connections: int = 8,
        clock: Clock | None = None,
        restoring: bool = False,
    ) -> "Database":
        """Connect as `<service>_<use>` (`worker` or `web`), or as the URL's own user if `use` is OWNER.

        Transactions have the server's time; `clock` is there for who wants another.
        Raises one of AWAY while it cannot, RestoreUnfinished among them unless `restoring`.
        """
        pool = await asyncpg.create_pool(
            url,
            user=None if use == OWNER else f"{service}_{use}",
            password=None if use == OWNER else password,
            min_size=1,
            max_size=connections,
            timeout=ACQUIRE_SECONDS,
            command_timeout=60,
            init=_with_json,
            reset=_as_it_is,
            # After a failover the old server may be there still; who audits may well ask a copy.
            target_session_attrs=SessionAttribute.any if use == OWNER else SessionAttribute.read_write,
            server_settings={
                "search_path": service,
                "application_name": f"{service}_{use}",
                "timezone": "UTC",
                # Behind row-level security what pages ask looks dear: compiling it takes longer than answering.
                "jit": "off",
            },
        )
        try:
            if not restoring:
                await refuse_unfinished(pool)
            started = await pool.fetchval("select at from started")
        except BaseException:
            pool.terminate()
            raise
        return cls(pool, started, clock, most_waiting=MOST_WAITING * connections if use == "web" else None)

    @asynccontextmanager
    async def transaction(self, tenant: Tenant | None = None, principal: Principal | None = None) -> AsyncIterator[Tx]:
        """One READ COMMITTED transaction, held to `tenant` by row-level security.

        Raises one of AWAY; of the OSErrors among them only ConnectionError.
        """
        async with self._connection() as connection, connection.transaction():
            if tenant is not None:
                await connection.execute(
                    "select set_config('geleit.role', $1, true), set_config('geleit.tenant', $2, true)",
                    str(tenant.role),
                    tenant.id,
                )
            if self.actor != SYSTEM:
                # What access writes down of a command has it from there.
                await connection.execute("select set_config('geleit.actor', $1, true)", self.actor)
            tx = Tx(connection, await self._now(connection), self._started, principal, self.actor)
            begun = time.monotonic()
            yield tx
        committed = tx.now + timedelta(seconds=time.monotonic() - begun)
        for tell in tx.told:
            tell(committed)

    @asynccontextmanager
    async def trial(self) -> AsyncIterator[Tx]:
        """A transaction that leaves nothing behind."""
        async with self._connection() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                yield Tx(connection, await self._now(connection), self._started)
            finally:
                await transaction.rollback()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Tx]:
        """A transaction that reads only, and sees at every statement what was committed at its first one."""
        async with (
            self._connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield Tx(connection, await self._now(connection), self._started)

    async def _now(self, connection: Connection) -> datetime:
        """The server's time: one for all processes, however wrong the clocks of their machines are."""
        if self._clock:
            return self._clock()
        now: datetime = await connection.fetchval("select now()")
        return now + clock_shift()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        if self._most_waiting is not None and self._waiting >= self._most_waiting:
            raise ConnectionError("too many wait for the database")
        self._waiting += 1
        try:
            connection = await self._pool.acquire(timeout=ACQUIRE_SECONDS)
        except OSError as error:
            # A server's socket that is not there is FileNotFoundError, which says something else everywhere else.
            raise ConnectionError("the database is away") from error
        finally:
            self._waiting -= 1
        try:
            yield connection
        except asyncpg.ReadOnlySQLTransactionError:
            # The next one asks anew which server takes writes.
            connection.terminate()
            raise
        finally:
            await self._pool.release(connection)

    async def fetchrow(self, sql: str, *args: object) -> asyncpg.Record | None:
        """The first row of a statement that is its own transaction, or None. Raises what `transaction` raises."""
        async with self._connection() as connection:
            return await connection.fetchrow(sql, *args)

    async def ping(self) -> None:
        """Ask the server for an answer; raises one of AWAY if there is none."""
        async with asyncio.timeout(ACQUIRE_SECONDS), self._pool.acquire() as connection:
            await connection.fetchval("select 1")

    async def dedicated(self) -> Connection:
        """A connection outside the transactions' turn, for locks of a session and for listening.

        The caller gives it back by `release`.
        """
        return await self._pool.acquire(timeout=ACQUIRE_SECONDS)

    async def release(self, connection: Connection) -> None:
        """End a dedicated connection, and with it its locks and listeners."""
        with suppress(asyncpg.InterfaceError):  # the server has ended it: the pool has it back already
            connection.terminate()
        await self._pool.release(connection, timeout=ACQUIRE_SECONDS)

    async def close(self) -> None:
        """Close every connection, at once if they do not end by themselves or the server has gone."""
        try:
            await asyncio.wait_for(self._pool.close(), ACQUIRE_SECONDS)
        except AWAY:
            self._pool.terminate()


def columns(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    """Rows turned into one list a column, as `unnest` takes them; no column of no rows."""
    return [list(column) for column in zip(*rows, strict=True)]


async def _as_it_is(_: asyncpg.Connection) -> None:
    """A transaction leaves nothing in its session: what is set for one, locks and listeners are a dedicated
    connection's, which ends. asyncpg's own reset would be one more statement for each transaction."""


async def _with_json(connection: asyncpg.Connection) -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name,
            schema="pg_catalog",
            encoder=lambda value: orjson.dumps(value).decode(),
            decoder=orjson.loads,
        )
