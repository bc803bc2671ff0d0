"""What a week began with: kept beside the state, so that a week that was killed is resumed and not begun again."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

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
    week = _kept(state_dir).get("week")
    return Entry(**{**week, "began_at": datetime.fromisoformat(week["began_at"])}) if week else None


def begin(state_dir: Path, installation: datetime) -> None:
    """Say that the installation that was made then is a demo's, before its first week."""
    _keep(state_dir, {"installation": installation.isoformat(), "week": None})


def has_begun(state_dir: Path, installation: datetime) -> bool:
    """Whether it is a demo's. The folder alone does not say: another database may be used from it."""
    return bool(_kept(state_dir).get("installation") == installation.isoformat())


def write(state_dir: Path, entry: Entry) -> None:
    """Keep it in place of the one before."""
    _keep(state_dir, {**_kept(state_dir), "week": {**asdict(entry), "began_at": entry.began_at.isoformat()}})


def finish(state_dir: Path, entry: Entry) -> None:
    """The next run begins the next week."""
    write(state_dir, replace(entry, finished=True))


def _keep(state_dir: Path, kept: Mapping[str, Any]) -> None:
    write_atomically(state_dir / FILE, json.dumps(kept))


def _kept(state_dir: Path) -> dict[str, Any]:
    try:
        return json.loads((state_dir / FILE).read_text("utf-8")) or {}
    except FileNotFoundError:
        return {}
