"""The day it is where a record's instants are counted by days; the instants themselves are in UTC."""

from datetime import UTC, date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")


@lru_cache(maxsize=1024)
def day_of(at: datetime) -> date:
    """The day it is in Berlin."""
    # Kept, because every household of a batch asks for the day of the same instant, several times.
    return at.astimezone(BERLIN).date()


def day_only(at: datetime) -> datetime:
    """The instant that day began in Berlin: of an erased household no time is kept."""
    return datetime.combine(day_of(at), time(), BERLIN).astimezone(UTC)


def is_day(at: datetime) -> bool:
    """Whether only the day is left of an instant, as of an erased household's: to the microsecond, when it began."""
    return at == day_only(at)
