"""Numbers and times as people here write them: by language, in Europe/Berlin."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from babel import Locale, dates, numbers

from contracts.zone import BERLIN, day_of, is_day

Number = int | float | Decimal
NOTHING = "–"
FIRST_LANGUAGES = ("uk", "ru", "ar", "fa", "prs", "ps", "ku", "tr", "ti", "so", "en", "fr", "de")


def language_names(locale: Locale) -> Mapping[str, str]:
    """What languages are called, by ISO 639 code; Dari's own is one that CLDR knows as Afghanistan's Persian."""
    return {"prs": locale.languages["fa_AF"], **locale.languages}


def languages(locale: Locale) -> list[tuple[str, str]]:
    """ISO 639 codes with their names; those that are asked for most come first."""
    return first(FIRST_LANGUAGES, {code: name for code, name in language_names(locale).items() if len(code) in (2, 3)})


def first(codes: Sequence[str], names: Mapping[str, str]) -> list[tuple[str, str]]:
    """Choices by name, but these before all others."""
    rest = sorted((name, code) for code, name in names.items() if code not in codes)
    return [*((code, names.get(code, code)) for code in codes), *((code, name) for name, code in rest)]


def filters(locale: Locale) -> Mapping[str, Callable[..., str]]:
    """Jinja filters `date`, `time`, `datetime`, `number`, `percent`, `seconds`, `language`, `country`; None shows as –.

    `date` takes what JSON holds of a day, too; `datetime` shows no time where only the day is left.
    """
    names = language_names(locale)

    def day(value: date | str | None) -> str:
        if isinstance(value, str):
            value = date.fromisoformat(value)
        if isinstance(value, datetime):
            value = day_of(value)
        return NOTHING if value is None else dates.format_date(value, "medium", locale)

    def clock(value: datetime | None) -> str:
        return NOTHING if value is None else dates.format_time(value, "short", tzinfo=BERLIN, locale=locale)

    def moment(value: datetime | None) -> str:
        return day(value) if value is None or is_day(value) else f"{day(value)}, {clock(value)}"

    def number(value: Number | None, digits: int | None = None) -> str:
        if value is None:
            return NOTHING
        form = None if digits is None else "#,##0" + ("." + "0" * digits if digits else "")
        return numbers.format_decimal(value, form, locale)

    def percent(value: Number | None, digits: int = 0) -> str:
        if value is None:
            return NOTHING
        space = "\N{NO-BREAK SPACE}" if locale.language == "de" else ""
        return number(value * 100, digits) + space + "%"

    def seconds(value: timedelta | Number | None) -> str:
        if value is None:
            return NOTHING
        amount = value.total_seconds() if isinstance(value, timedelta) else float(value)
        if amount < 1:
            return f"{number(amount * 1000, 0)}\N{NO-BREAK SPACE}ms"
        if amount < 120:
            return f"{number(amount, 1)}\N{NO-BREAK SPACE}s"
        return dates.format_timedelta(timedelta(seconds=amount), locale=locale)

    def language(code: str) -> str:
        return names.get(code, code)

    def country(code: str) -> str:
        return str(locale.territories.get(code, code))

    return {
        "date": day,
        "time": clock,
        "datetime": moment,
        "number": number,
        "percent": percent,
        "seconds": seconds,
        "language": language,
        "country": country,
    }
