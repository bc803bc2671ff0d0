"""A real PostgreSQL from a Python package, reached through a Unix socket that only its owner may open."""

import asyncio
import hashlib
import os
import signal
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from geleit.embedded.accounts import PROGRAMS, open_programs_to, open_way_to, postgres_account
from geleit.embedded.part import Part, PartFailed
from geleit.logs import last_lines
from geleit.owner import connected
from geleit.probe import NotInTime, until
from geleit.progress import Steps

DATABASE = "geleit"
START_WITHIN = 60.0
LONGEST_SOCKET = 100  # bytes; macOS allows 103, Linux 107

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "300",
    "timezone": "UTC",
    # The detail of an error ("Key (name)=(…) already exists") is a row's content; it must not reach a log.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}


class Postgres(Part):
    """Lives in `state_dir`/postgres; a killed one recovers what it has acknowledged when it is started again."""

    name = "postgres"
    # PostgreSQL's "fast": end the sessions, write a checkpoint, leave.
    ends_by = signal.SIGINT

    def __init__(self, state_dir: Path, steps: Steps) -> None:
        super().__init__(state_dir, steps)
        self._data = self._home / "data"
        self._sockets = _socket_folder(self._home)

    @property
    def url(self) -> str:
        """The URL of the database `geleit`, for its owner."""
        return database_url(f"postgresql://postgres@/postgres?host={self._sockets}", DATABASE)

    async def start(self) -> None:
        with self._steps.step("PostgreSQL") as step:
            before = self.pid if self.alive() else None
            account = await asyncio.to_thread(self._prepare)
            await self._spawn_until_serving(account)
            await create_database(self.url, DATABASE)
            step.outcome = "attached" if self.pid == before else "started"

    def _prepare(self) -> tuple[int, int] | None:
        account = postgres_account()
        open_programs_to(account)
        for folder in (self._home, self._data, self._sockets):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if account is not None:
            open_way_to(self._data)
            open_way_to(self._sockets)
        for folder in {self._data, self._sockets}:
            if account is not None:
                os.chown(folder, *account)
            elif folder.stat().st_uid != os.geteuid():
                raise PartFailed(f"{folder} belongs to another user; choose another GELEIT_STATE_DIR")
        if not (self._data / "PG_VERSION").exists():
            self._create_cluster(account)
        return account

    def _create_cluster(self, account: tuple[int, int] | None) -> None:
        uid, gid = account or (None, None)
        options = ("--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--username=postgres", "--no-instructions")
        made = subprocess.run(  # noqa: S603
            (str(PROGRAMS / "initdb"), *options, "-D", str(self._data)),
            cwd=self._data,
            user=uid,
            group=gid,
            extra_groups=None if account is None else [],
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
        )
        if made.returncode != 0:
            raise PartFailed(f"PostgreSQL's cluster could not be made:\n{made.stderr}")

    async def _spawn_until_serving(self, account: tuple[int, int] | None) -> None:
        settings = {**SETTINGS, "unix_socket_directories": str(self._sockets)}
        command = [str(PROGRAMS / "postgres"), "-D", str(self._data)]
        command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

        async def serving() -> bool:
            # After a kill its children need a moment to let go of the shared memory; until then a new one gives up.
            if not self.alive():
                self._process.spawn(command, log=self._log, cwd=self._data, account=account)
            return await self._accepts()

        try:
            await until(serving, within=START_WITHIN, what="PostgreSQL")
        except NotInTime as late:
            raise PartFailed(f"{late} ({self._log}):\n{last_lines(self._log)}") from late

    async def _accepts(self) -> bool:
        try:
            connection = await asyncpg.connect(database_url(self.url, "postgres"))
        except (OSError, asyncpg.PostgresError):
            return False
        await connection.close()
        return True


def _socket_folder(home: Path) -> Path:
    inside = home / "data"
    if len(os.fsencode(inside / ".s.PGSQL.5432")) <= LONGEST_SOCKET:
        return inside
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"geleit-{digest}"


def database_url(server: str, name: str) -> str:
    """The URL of another database of the same server."""
    return urlsplit(server)._replace(path=f"/{name}").geturl()


async def create_database(server: str, name: str) -> str:
    """Make a database where it does not exist yet; return its URL."""
    async with connected(database_url(server, "postgres")) as connection:
        if not await connection.fetchval("select exists (select from pg_database where datname = $1)", name):
            await connection.execute(f'create database "{name}"')
    return database_url(server, name)


async def drop_database(server: str, name: str) -> None:
    """Remove a database, also under those who are connected to it."""
    async with connected(database_url(server, "postgres")) as connection:
        await connection.execute(f'drop database if exists "{name}" with (force)')
