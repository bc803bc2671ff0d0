"""Where a day of a record begins and ends; its instants are in UTC."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")


def day_only(at: datetime) -> datetime:
    """The instant that day began in Berlin: of an erased household no time is kept."""
    return datetime.combine(at.astimezone(BERLIN), time(), BERLIN).astimezone(UTC)
