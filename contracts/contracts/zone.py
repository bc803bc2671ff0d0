"""Where a day of a record begins and ends; its instants are in UTC."""

from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")
