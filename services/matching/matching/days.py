"""The days of the field: Europe/Berlin's, and working days in Baden-Württemberg."""

from datetime import date, datetime, time, timedelta

from holidays import country_holidays

from contracts.zone import BERLIN, day_of

_HOLIDAYS = country_holidays("DE", subdiv="BW")


def start_of(day: date) -> datetime:
    """The instant a day begins in Berlin."""
    return datetime.combine(day, time(), BERLIN)


def monday_of(now: datetime) -> date:
    """The day the week began, in Berlin."""
    day = day_of(now)
    return day - timedelta(days=day.weekday())


def day_after(day: date) -> date:
    """The next one; after the last that there is, which some write for "open", none comes."""
    return day + timedelta(days=1) if day < date.max else day


def after_working_days(now: datetime, days: int) -> datetime:
    """The same time of day, so many working days later."""
    local = now.astimezone(BERLIN)
    day = _HOLIDAYS.get_nth_working_day(local.date(), days)
    return datetime.combine(day, local.time(), BERLIN).astimezone(now.tzinfo)
