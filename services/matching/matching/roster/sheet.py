"""Reads a roster from CSV; every fault by line, column and code, and never with what stood there."""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation, Overflow
from itertools import pairwise
from typing import Any

from contracts import ags
from contracts.vocabulary import Skill
from matching.domain import Absence

REQUIRED = ("code", "name", "provider", "fte", "service_area")
OPTIONAL = (
    "provider_name",
    "languages",
    "skills",
    "office",
    "active_from",
    "active_until",
    "max_new_per_week",
    "base_load",
    "absences",
    "fte_changes",
)
MOST_ROWS = 5000
MOST_FAULTS = 200
LONGEST_NAME = 100
MOST_UNITS = 1_000_000

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_AGS = re.compile(ags.MUNICIPALITY)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LANGUAGE = re.compile(r"[a-z]{2,3}")


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong in a file; line 1 is the header. A warning does not stop the import."""

    line: int
    column: str
    code: str
    warning: bool = False


FteChange = tuple[date, int]
"""From that day on a post has so many hundredths."""


@dataclass(frozen=True, slots=True)
class Row:
    """One manager as the file states her; absences and changes of her post are None where it says nothing of them."""

    line: int
    code: str
    name: str
    provider: str
    provider_name: str
    fte_hundredths: int
    languages: tuple[str, ...]
    skills: tuple[Skill, ...]
    service_area: tuple[str, ...]
    office: str
    active_from: date | None
    active_until: date | None
    max_new_per_week: int | None
    base_load: int
    absences: tuple[Absence, ...] | None
    fte_changes: tuple[FteChange, ...] | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a file says, and what is wrong with it."""

    rows: tuple[Row, ...]
    faults: tuple[Fault, ...]

    @property
    def usable(self) -> bool:
        """Whether nothing is wrong beyond warnings."""
        return all(fault.warning for fault in self.faults)


class _Faulty(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read(data: bytes, register: AbstractSet[str]) -> Sheet:
    """The managers of a CSV file: UTF-8 with or without byte order mark, `;` between cells, `0,75` or `0.75`.

    Lists (languages, skills, service_area, absences) are separated by spaces; an absence is `2022-03-01/2022-03-20`,
    without its end while that is open, a change of her post `2022-05-01:0,5`. `register` has the AGS of the
    municipalities there are.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Sheet((), (Fault(data.count(b"\n", 0, error.start) + 1, "", "not_utf8"),))
    lines = csv.reader(text.splitlines(keepends=True), delimiter=";", strict=True)
    faults: list[Fault] = []
    rows: list[Row] = []
    try:
        header = [cell.strip() for cell in next(lines, [])]
        faults.extend(_faults_of_header(header))
        if not faults:
            rows.extend(_rows(lines, header, register, faults))
    except csv.Error:
        faults.append(Fault(lines.line_num, "", "not_csv"))
    faults.extend(_doubles(rows))
    return Sheet(tuple(rows), tuple(sorted(faults, key=lambda one: one.line)[:MOST_FAULTS]))


def _faults_of_header(header: Sequence[str]) -> list[Fault]:
    missing = [Fault(1, column, "column_missing") for column in REQUIRED if column not in header]
    if len(set(header)) < len(header) or not set(header) <= {*REQUIRED, *OPTIONAL}:
        missing.append(Fault(1, "", "column_unknown_or_twice"))
    return missing


def _rows(
    lines: Iterator[list[str]], header: Sequence[str], register: AbstractSet[str], faults: list[Fault]
) -> Iterator[Row]:
    for number, cells in enumerate(lines, start=2):
        if not any(cells):
            continue
        if number > MOST_ROWS + 1:
            faults.append(Fault(number, "", "too_many_rows"))
            return
        if len(cells) != len(header):
            faults.append(Fault(number, "", "number_of_cells"))
            continue
        stated = {column: cell.strip() for column, cell in zip(header, cells, strict=True)}
        row, found = read_row(number, stated, register)
        faults.extend(found)
        if row:
            yield row


def _doubles(rows: Sequence[Row]) -> Iterator[Fault]:
    seen: set[tuple[str, str]] = set()
    for row in rows:
        if (row.provider, row.code) in seen:
            yield Fault(row.line, "code", "duplicate_code")
        seen.add((row.provider, row.code))


def read_row(line: int, cells: Mapping[str, str], register: AbstractSet[str]) -> tuple[Row | None, list[Fault]]:
    """One manager of her cells by column, as a line of the file or a form states them; None if they are faulty."""
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for column, parse in _PARSERS.items():
        try:
            values[column] = parse(cells.get(column, ""))
        except _Faulty as fault:
            faults.append(Fault(line, column, fault.code))
    if faults:
        return None, faults
    area, office = values["service_area"], values["office"] or values["service_area"][0]
    faults += [Fault(line, "service_area", "unknown_ags")] if not register >= set(area) else []
    faults += [Fault(line, "office", "unknown_ags")] if values["office"] and office not in register else []
    since, until = values["active_from"], values["active_until"]
    faults += [Fault(line, "active_until", "ends_before_it_begins")] if since and until and until < since else []
    if faults:
        return None, faults
    if values["fte"] % 25:
        faults.append(Fault(line, "fte", "not_in_quarters", warning=True))
    return (
        Row(
            line=line,
            code=values["code"],
            name=values["name"],
            provider=values["provider"],
            provider_name=values["provider_name"] or values["provider"],
            fte_hundredths=values["fte"],
            languages=values["languages"],
            skills=values["skills"],
            service_area=area,
            office=office,
            active_from=since,
            active_until=until,
            max_new_per_week=values["max_new_per_week"],
            base_load=values["base_load"],
            absences=values["absences"] if "absences" in cells else None,
            fte_changes=values["fte_changes"] if "fte_changes" in cells else None,
        ),
        faults,
    )


def _code(text: str) -> str:
    return _matching(_CODE, text, "not_a_code")


def _name(text: str) -> str:
    if not text:
        raise _Faulty("missing")
    if len(text) > LONGEST_NAME or not text.isprintable():
        raise _Faulty("not_a_name")
    return text


def _name_or_nothing(text: str) -> str:
    return _name(text) if text else ""


def _fte(text: str) -> int:
    """Hundredths of a full post."""
    try:
        hundredths = Decimal(text.replace(",", ".", 1)) * 100
    except (InvalidOperation, Overflow):
        raise _Faulty("not_a_number") from None
    if not hundredths.is_finite():
        raise _Faulty("not_a_number")
    if hundredths < 0:
        raise _Faulty("negative")
    if hundredths > 100:
        raise _Faulty("more_than_one_post")
    if hundredths != int(hundredths):
        raise _Faulty("more_than_two_decimals")
    return int(hundredths)


def _units(text: str) -> int:
    if not text:
        return 0
    if text.startswith("-"):
        raise _Faulty("negative")
    if not (text.isascii() and text.isdecimal()) or len(text) > 7 or int(text) > MOST_UNITS:
        raise _Faulty("not_a_number")
    return int(text)


def _units_or_nothing(text: str) -> int | None:
    return _units(text) if text else None


def _languages(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_matching(_LANGUAGE, one, "not_a_language_code") for one in text.split()))


def _skills(text: str) -> tuple[Skill, ...]:
    try:
        return tuple(dict.fromkeys(Skill(one) for one in text.split()))
    except ValueError:
        raise _Faulty("unknown_skill") from None


def _service_area(text: str) -> tuple[str, ...]:
    if not text:
        raise _Faulty("missing")
    return tuple(dict.fromkeys(_matching(_AGS, one, "not_an_ags") for one in text.split()))


def _office(text: str) -> str | None:
    return _matching(_AGS, text, "not_an_ags") if text else None


def _date(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(_matching(_DATE, text, "not_a_date"))
    except ValueError:
        raise _Faulty("not_a_date") from None


def _absences(text: str) -> tuple[Absence, ...]:
    absences = sorted(map(_absence, text.split()), key=lambda one: one.since)
    if overlap(absences):
        raise _Faulty("absences_overlap")
    return tuple(absences)


def _absence(text: str) -> Absence:
    since, slash, until = text.partition("/")
    begins, ends = _date(since), _date(until)
    if begins is None or not slash:
        raise _Faulty("not_a_period")
    if ends is not None and ends < begins:
        raise _Faulty("ends_before_it_begins")
    return Absence(begins, ends)


def _fte_changes(text: str) -> tuple[FteChange, ...]:
    changes = tuple(sorted(map(_fte_change, text.split())))
    if len({since for since, _ in changes}) < len(changes):
        raise _Faulty("two_changes_on_one_day")
    return changes


def _fte_change(text: str) -> FteChange:
    since, colon, fte = text.partition(":")
    begins = _date(since)
    if begins is None or not colon:
        raise _Faulty("not_a_change")
    return begins, _fte(fte)


def overlap(absences: Sequence[Absence]) -> bool:
    """Whether some day is in two of these absences, which are sorted by their beginning."""
    return any(one.until is None or other.since <= one.until for one, other in pairwise(absences))


def _matching(pattern: re.Pattern[str], text: str, code: str) -> str:
    if not pattern.fullmatch(text):
        raise _Faulty(code if text else "missing")
    return text


_PARSERS: Mapping[str, Callable[[str], Any]] = {
    "code": _code,
    "name": _name,
    "provider": _code,
    "provider_name": _name_or_nothing,
    "fte": _fte,
    "languages": _languages,
    "skills": _skills,
    "service_area": _service_area,
    "office": _office,
    "active_from": _date,
    "active_until": _date,
    "max_new_per_week": _units_or_nothing,
    "base_load": _units,
    "absences": _absences,
    "fte_changes": _fte_changes,
}
