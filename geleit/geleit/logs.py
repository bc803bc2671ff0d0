"""What processes leave in the state folder to be read: a log for each, kept small, and the caught mails."""

from pathlib import Path

LARGEST = 20_000_000  # bytes


def log_file(state_dir: Path, name: str) -> Path:
    """Where the output of a process goes."""
    return state_dir / "log" / f"{name}.log"


def mail_dir(state_dir: Path) -> Path:
    """The folder of caught mails, one .eml each."""
    return state_dir / "mail"


def last_lines(log: Path) -> str:
    """The end of a log, for an error message."""
    try:
        lines = log.read_bytes()[-20_000:].decode(errors="replace").splitlines()
    except FileNotFoundError:
        return "(no log)"
    return "\n".join(lines[-15:])


def rotate(state_dir: Path) -> None:
    """Put aside what has grown large; nobody may be writing."""
    for log in (state_dir / "log").glob("*.log"):
        if log.stat().st_size > LARGEST:
            log.replace(log.with_suffix(".log.1"))
