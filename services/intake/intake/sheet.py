"""Reads households from CSV, a line a person; every fault by line, column and code, and never with what stood there."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from itertools import islice
from typing import Any

from intake.stated import MAX_PERSONS, Problem

PERSON = ("given_name", "family_name", "birth_date", "nationality", "sex")
FACTS = (
    "arrived_on",
    "legal_group",
    "accommodation",
    "municipality",
    "district",
    "allotted_on",
    "counselling_extended",
    "residence_title",
    "family_group",
    "unaccompanied_minor",
    "languages",
    "skills_needed",
)
CONTACT = ("phone", "email")
COLUMNS = ("reference", *PERSON, *FACTS, *CONTACT)
"""The form's fields by the names that JSON has for them."""
REQUIRED = frozenset({"reference", *PERSON[:-1], *FACTS[:3]})
"""The others may be left out with their whole column."""
MOST_HOUSEHOLDS = 500
MOST_LINES = MOST_HOUSEHOLDS * MAX_PERSONS

_DAYS = {"birth_date", "arrived_on", "allotted_on"}
_GERMAN_DAY = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")
_SHORT_AGS = {"municipality": re.compile("8[0-9]{6}"), "district": re.compile("8[0-9]{3}")}
_LISTS = {"languages", "skills_needed"}
_FLAGS = {"counselling_extended", "unaccompanied_minor"}
_SAID = dict.fromkeys(("yes", "ja", "true", "wahr"), True) | dict.fromkeys(("", "no", "nein", "false", "falsch"), False)
"""Spreadsheets translate true and false."""


Names = Mapping[str, Mapping[str, str]]
NO_NAMES: Names = {}


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong in a file; line 1 is the header. `column` is one of COLUMNS, the number of another, or empty."""

    line: int
    column: str
    code: str


@dataclass(frozen=True, slots=True)
class Stated:
    """One household: the body of its registration, the line of each person, and what is wrong with how they stand.

    A problem's pointer is one into the body; what a line says that only the first one may is a field of its person.
    """

    body: Mapping[str, Any]
    lines: tuple[int, ...]
    problems: tuple[Problem, ...] = ()

    def fault_of(self, problem: Problem) -> Fault:
        """Where in the file a problem of this household's form is."""
        parts = problem.pointer.split("/")
        place = int(parts[3]) if parts[2:3] == ["persons"] and len(parts) > 3 else 0
        return Fault(self.lines[place], next((one for one in parts if one in COLUMNS), ""), problem.code)


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a file says; no household if something is wrong with the file as a whole."""

    households: tuple[Stated, ...] = ()
    faults: tuple[Fault, ...] = ()


class _Unreadable(Exception):
    def __init__(self, *faults: Fault) -> None:
        super().__init__(*(fault.code for fault in faults))
        self.faults = faults


@dataclass(slots=True)
class _Lines:
    """The lines of one reference, as they are found."""

    numbers: list[int] = field(default_factory=list)
    cells: list[Mapping[str, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def add(self, number: int, cells: Mapping[str, str], faults: Sequence[tuple[str, str]]) -> None:
        at = f"/identity/persons/{len(self.numbers)}"
        self.numbers.append(number)
        self.cells.append(cells)
        self.problems.extend(Problem(f"{at}/{column}", code) for column, code in faults)


def read(data: bytes, names: Names = NO_NAMES) -> Sheet:
    """The households of a CSV file: UTF-8 with or without byte order mark, `;` between cells, a header of COLUMNS.

    Lists are separated by spaces. `names` are what people call a column's codes, in small letters. Nothing is judged
    here that the form's reader judges.
    """
    try:
        found = _read(_text(data), names)
    except _Unreadable as why:
        return Sheet(faults=why.faults)
    return Sheet(tuple(_stated(reference, some) for reference, some in found.items()))


def _text(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Unreadable(Fault(data.count(b"\n", 0, error.start) + 1, "", "not_utf8")) from None
    if "\0" in text:
        raise _Unreadable(Fault(text.count("\n", 0, text.index("\0")) + 1, "", "nul"))
    return text


def _read(text: str, names: Names) -> dict[str, _Lines]:
    lines = csv.reader(StringIO(text, newline=""), delimiter=";", strict=True)
    try:
        header = [cell.lower() for cell in _filled(next(lines, []))]
        if faults := list(_faults_of_header(header)):
            raise _Unreadable(*faults)
        found = _grouped(islice(lines, MOST_LINES), header, names)
        if any(_filled(more) for more in lines):
            raise _Unreadable(Fault(MOST_LINES + 2, "", "too_many_lines"))
    except csv.Error:
        raise _Unreadable(Fault(lines.line_num, "", "not_csv")) from None
    if not found:
        raise _Unreadable(Fault(1, "", "no_household"))
    if len(found) > MOST_HOUSEHOLDS:
        beyond = list(found.values())[MOST_HOUSEHOLDS]
        raise _Unreadable(Fault(beyond.numbers[0], "reference", "too_many_households"))
    return found


def _faults_of_header(header: Sequence[str]) -> Iterator[Fault]:
    if len(header) == 1 and "," in header[0]:
        yield Fault(1, "", "not_semicolons")
        return
    yield from (Fault(1, column, "column_missing") for column in COLUMNS if column in REQUIRED - {*header})
    for place, column in enumerate(header):
        if column not in COLUMNS:
            yield Fault(1, str(place + 1), "column_unknown")
        elif column in header[:place]:
            yield Fault(1, column, "column_twice")


def _filled(cells: Sequence[str]) -> list[str]:
    """The cells up to the last one that is not empty: whether others follow is the spreadsheet's whim."""
    stripped = [cell.strip() for cell in cells]
    while stripped and not stripped[-1]:
        stripped.pop()
    return stripped


def _grouped(lines: Iterator[list[str]], header: Sequence[str], names: Names) -> dict[str, _Lines]:
    """The lines by reference, in the order of the file."""
    found: dict[str, _Lines] = {}
    last = ""
    for number, raw in enumerate(lines, start=2):
        cells = _filled(raw)
        if not cells:
            continue
        stated = {
            column: names.get(column, {}).get(cell.casefold(), cell)
            for column, cell in zip(header, cells, strict=False)
            if cell
        }
        faults = [("", "number_of_cells")] if len(cells) > len(header) else []
        if not (reference := stated.get("reference", "")):
            # Whose person it is, nobody can say: the household above must not be registered without it.
            reference = last
            faults.append(("reference", "missing"))
        elif reference in found and reference != last:
            faults.append(("reference", "apart"))
        found.setdefault(reference, _Lines()).add(number, stated, faults)
        last = reference
    return found


def _stated(reference: str, some: _Lines) -> Stated:
    first = some.cells[0]
    persons = [{column: _value(column, cells[column]) for column in PERSON if column in cells} for cells in some.cells]
    body = {
        "reference": reference or None,
        "facts": _part(FACTS, first),
        # Also without a word of it: the page's form has it too, and the same household is the same form.
        "identity": {"persons": persons, "contact": _part(CONTACT, first)},
    }
    contradictions = (
        Problem(f"/identity/persons/{place}/{column}", "contradicts")
        for place, cells in enumerate(some.cells)
        for column in (*FACTS, *CONTACT)
        if column in cells and _value(column, cells[column]) != _value(column, first.get(column, ""))
    )
    return Stated(body, tuple(some.numbers), (*some.problems, *contradictions))


def _part(columns: Sequence[str], cells: Mapping[str, str]) -> dict[str, Any]:
    return {column: _value(column, cells[column]) for column in columns if column in cells}


def _value(column: str, cell: str) -> object:
    """A cell as JSON has it; what a spreadsheet makes of days and of keys that begin with zero is undone."""
    if column in _DAYS and (day := _GERMAN_DAY.fullmatch(cell)):
        return f"{day[3]}-{day[2]:0>2}-{day[1]:0>2}"
    if column in _SHORT_AGS and _SHORT_AGS[column].fullmatch(cell):
        return f"0{cell}"
    if column in _LISTS:
        return cell.replace(",", " ").split()
    if column in _FLAGS:
        return _SAID.get(cell.lower(), cell)
    return cell
