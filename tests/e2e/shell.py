"""`geleit` as somebody starts it at a shell: a process without a terminal, on a state folder of its own."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOREIGN = {"DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "SMTP_URL", "PUBLIC_URL", "TRACING", "ARRIVALS", "REGISTER"}
"""What this session may have been started with, and does not mean its geleit."""
ENDS_WITHIN = 150.0


@contextmanager
def started(state: Path, port: int, command: str, **variables: str) -> Iterator["subprocess.Popen[bytes]"]:
    """The process inside the block; what it says is added to the file that `said` reads."""
    env = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    env |= {"GELEIT_STATE_DIR": str(state), "PORT": str(port), **variables}
    with output(state, command).open("ab") as told:
        child = subprocess.Popen(
            [sys.executable, "-m", "geleit", command], env=env, stdout=told, stderr=told, start_new_session=True
        )
    try:
        yield child
    finally:
        child.terminate()
        child.wait(60)


def output(state: Path, command: str) -> Path:
    """The file with what this command has said on this state folder."""
    return state / f"{command}.out"


def said(state: Path, command: str) -> str:
    """What this command has said so far."""
    return output(state, command).read_text("utf-8")


async def ran(state: Path, port: int, command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """The same to its end, with what it has said. Raises subprocess.TimeoutExpired."""
    before = len(said(state, command)) if output(state, command).exists() else 0
    with started(state, port, command, **variables) as child:
        code = await asyncio.to_thread(child.wait, ENDS_WITHIN)
    return subprocess.CompletedProcess(child.args, code, said(state, command)[before:])
