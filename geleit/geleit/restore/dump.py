"""PostgreSQL's own dump, of all schemas in one snapshot."""

import asyncio
import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from geleit.failures import Failure

DUMP, PUT_BACK = "pg_dump", "pg_restore"


async def dump(url: str, file: Path) -> None:
    """Write a backup; a file that is there stays if this fails. Raises Failure."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    try:
        await _run(DUMP, url, "--format=custom", f"--file={draft}")
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


async def put_back(url: str, file: Path) -> None:
    """Replace everything in the database by a backup, or nothing. Raises Failure."""
    await _run(PUT_BACK, url, "--clean", "--if-exists", "--single-transaction", "--exit-on-error", str(file))


async def _run(program: str, url: str, *arguments: str) -> None:
    # The password goes by the environment: whoever lists the processes sees the arguments.
    parts = urlsplit(url)
    env = {**os.environ, **({"PGPASSWORD": parts.password} if parts.password else {})}
    shown = url.replace(f":{parts.password}@", "@", 1) if parts.password else url
    process = await asyncio.create_subprocess_exec(
        _program(program),
        f"--dbname={shown}",
        *arguments,
        env=env,
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
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
