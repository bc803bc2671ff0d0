"""PostgreSQL's own dump, of all schemas in one snapshot."""

import asyncio
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from geleit.failures import Failure
from geleit.owner import connected

DUMP, PUT_BACK = "pg_dump", "pg_restore"


async def dump(url: str, file: Path, schemas: Sequence[str]) -> None:
    """Write a backup of these schemas; a file that is there stays if this fails. Raises Failure."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    try:
        only = [f"--schema={schema}" for schema in schemas]
        await _run(DUMP, *_reaching(url), *only, "--format=custom", f"--file={draft}", password=_password(url))
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


async def read_through(file: Path) -> None:
    """Read a backup to its end: one that was cut off must not cost what is there. Raises Failure."""
    await _run(PUT_BACK, f"--file={os.devnull}", str(file))


async def drop(url: str, schemas: Sequence[str]) -> None:
    """Take these schemas away, all or none."""
    async with connected(url) as connection:
        # One script is one transaction.
        await connection.execute("".join(f'drop schema if exists "{schema}" cascade;' for schema in schemas))


async def put_back(url: str, file: Path, schemas: Sequence[str]) -> None:
    """Replace these schemas by those of a backup; the roles that it names have to be there. Raises Failure.

    What later migrations have added is not in the backup and would hold on to what is: so all goes first. If the
    backup then cannot be put back, nothing is there, and the same command can be given again.
    """
    await drop(url, schemas)
    await _run(PUT_BACK, *_reaching(url), "--single-transaction", "--exit-on-error", str(file), password=_password(url))


def _reaching(url: str) -> Sequence[str]:
    secret = urlsplit(url).password
    # The password goes by the environment: whoever lists the processes sees the arguments.
    return (f"--dbname={url.replace(f':{secret}@', '@', 1) if secret else url}",)


def _password(url: str) -> str | None:
    secret = urlsplit(url).password
    return unquote(secret) if secret else None


async def _run(program: str, *arguments: str, password: str | None = None) -> None:
    env = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    process = await asyncio.create_subprocess_exec(
        _program(program),
        *arguments,
        env=env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, said = await process.communicate()
    except asyncio.CancelledError:
        process.kill()  # by itself it would put back what nobody waits for any more
        await process.wait()
        raise
    if process.returncode:
        # Its first line names the fault; what follows may quote rows.
        first = next(iter(said.decode(errors="replace").splitlines()), "")
        raise Failure(f"{program} failed: {first[:300]}")


def _program(name: str) -> str:
    """The embedded server's, else the one on the path. Raises Failure."""
    try:
        from geleit.embedded.accounts import PROGRAMS  # noqa: PLC0415 - installed for development only
    except ImportError:
        embedded = None
    else:
        embedded = shutil.which(name, path=str(PROGRAMS))
    if found := embedded or shutil.which(name):
        return found
    raise Failure(f"{name} is not installed here: use the one of your PostgreSQL, as docs/operations.md says.")
