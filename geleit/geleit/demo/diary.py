"""What a week began with: kept beside the state, so that a week that was killed is resumed and not begun again."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from geleit.processes import write_atomically

FILE = "demo-week.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """One week: its number, its size, and how the topics and the mail folder stood when it began."""

    week: int
    arrivals: int
    began_at: datetime
    offsets: Mapping[str, int]
    """End of each submissions topic before the week's first record."""
    mails: int
    finished: bool = False


def last(state_dir: Path) -> Entry | None:
    """The newest week, finished or not."""
    try:
        kept = json.loads((state_dir / FILE).read_text("utf-8"))
    except FileNotFoundError:
        return None
    return Entry(**{**kept, "began_at": datetime.fromisoformat(kept["began_at"])}) if kept else None


def begin(state_dir: Path) -> None:
    """Say that this state is a demo's, before its first week."""
    write_atomically(state_dir / FILE, json.dumps(None))


def has_begun(state_dir: Path) -> bool:
    """Whether this state is a demo's."""
    return (state_dir / FILE).exists()


def write(state_dir: Path, entry: Entry) -> None:
    """Keep it in place of the one before."""
    write_atomically(state_dir / FILE, json.dumps({**asdict(entry), "began_at": entry.began_at.isoformat()}))


def finish(state_dir: Path, entry: Entry) -> None:
    """The next run begins the next week."""
    write(state_dir, replace(entry, finished=True))
