"""The municipality register: entries read from Destatis' workbook or a CSV, and what an import changes."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO
from math import inf
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook

from contracts import ags
from intake.districts import districts

MUNICIPALITY, DISTRICT = "60", "40"
"""Satzart: the kinds of rows we read."""
STATE = "08"
_WORKBOOKS = (b"PK", bytes.fromhex("d0cf11e0"))
"""How the files of .xlsx and .ods begin (they are ZIP archives), and those of .xls."""
_PEOPLE = re.compile(r"[0-9]{1,8}")
_AGS = re.compile(ags.MUNICIPALITY)


class RegisterUnreadable(ValueError):
    """The file is not a register; the message names the row."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A municipality as the register has it; key = AGS. Coordinates in degrees (WGS 84)."""

    ags: str
    name: str
    district_name: str
    population: int
    latitude: float | None = None
    longitude: float | None = None

    @property
    def district(self) -> str:
        """The first five digits."""
        return self.ags[:5]


@dataclass(frozen=True, slots=True)
class Held:
    """An entry as the database holds it."""

    entry: Entry
    revision: int
    active: bool


@dataclass(frozen=True, slots=True)
class Changes:
    """What an import makes of the register: the next state of every municipality that changes."""

    added: tuple[Held, ...]
    changed: tuple[Held, ...]
    dissolved: tuple[Held, ...]


def read(path: Path) -> list[Entry]:
    """The entries of an official workbook (.xlsx, .xls, .ods) or of a CSV; raises RegisterUnreadable, OSError."""
    # By what it holds: what comes by a pipe has no name.
    content = path.read_bytes()
    entries = list(_workbook(content) if content.startswith(_WORKBOOKS) else _csv(content))
    if not entries:
        raise RegisterUnreadable("no municipality of Baden-Württemberg found")
    if len({entry.ags for entry in entries}) != len(entries):
        raise RegisterUnreadable("a municipality is listed twice")
    return entries


def compare(held: Mapping[str, Held], entries: Sequence[Entry]) -> Changes:
    """The difference; a file that would dissolve more than half of the register is half a file."""
    new = {entry.ags: entry for entry in entries}
    gone = [one for ags, one in sorted(held.items()) if one.active and ags not in new]
    if 2 * len(gone) > sum(one.active for one in held.values()):
        raise RegisterUnreadable("the file lacks more than half of the municipalities")
    return Changes(
        added=tuple(Held(entry, 1, True) for ags, entry in sorted(new.items()) if ags not in held),
        changed=tuple(
            Held(entry, held[ags].revision + 1, True)
            for ags, entry in sorted(new.items())
            if ags in held and (held[ags].entry != entry or not held[ags].active)
        ),
        dissolved=tuple(Held(one.entry, one.revision + 1, False) for one in gone),
    )


def _workbook(content: bytes) -> Iterator[Entry]:
    """GV-ISys, quarterly: Satzart, Textkennzeichen, Land, RB, Kreis, VB, Gemeinde, name, area, population, its men
    and women, density, postcode, longitude, latitude, …; the two uninhabited areas are no municipalities."""
    try:
        sheets = CalamineWorkbook.from_filelike(BytesIO(content))
        tables = [sheets.get_sheet_by_name(name).to_python() for name in sheets.sheet_names]
    except CalamineError:
        raise RegisterUnreadable("not a workbook") from None
    rows = [(number, row) for table in tables for number, row in enumerate(table, 1) if len(row) >= 16]
    names = {
        _code(row[2], 2) + _code(row[3], 1) + _code(row[4], 2): _short(row[7])
        for _, row in rows
        if _code(row[0], 2) == DISTRICT and _code(row[2], 2) == STATE
    }
    for number, row in rows:
        if _code(row[0], 2) == MUNICIPALITY and _code(row[2], 2) == STATE and row[9] not in (None, "", 0):
            ags = _code(row[2], 2) + _code(row[3], 1) + _code(row[4], 2) + _code(row[6], 3)
            cells = {"ags": ags, "name": _short(row[7]), "population": row[9], "lat": row[15], "lon": row[14]}
            yield _entry(number, cells, names.get(ags[:5]))


def _csv(content: bytes) -> Iterator[Entry]:
    """Columns ags, name, population, lat, lon, others ignored; comma or semicolon, UTF-8."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RegisterUnreadable("neither a workbook nor a CSV in UTF-8") from None
    header = text.partition("\n")[0]
    rows = csv.DictReader(StringIO(text), delimiter=";" if header.count(";") > header.count(",") else ",")
    if missing := {"ags", "name", "population"} - set(rows.fieldnames or ()):
        raise RegisterUnreadable(f"columns missing: {', '.join(sorted(missing))}")
    for number, row in enumerate(rows, 2):
        yield _entry(number, row)


def _entry(row: int, cells: Mapping[str, object], district: str | None = None) -> Entry:
    """An entry of the columns ags, name, population, lat, lon; `district` names one that we do not know."""
    ags, name = str(cells["ags"] or "").strip(), str(cells["name"] or "").strip()
    known = districts().get(ags[:5])
    district_name = known.title if known else district
    if not _AGS.fullmatch(ags) or not name or district_name is None:
        raise RegisterUnreadable(f"row {row}: not a municipality of Baden-Württemberg")
    return Entry(
        ags,
        name,
        district_name,
        _people(cells["population"], row),
        _degrees(cells.get("lat"), row),
        _degrees(cells.get("lon"), row),
    )


def _people(cell: object, row: int) -> int:
    """A whole number, with spaces between thousands at most: 90.000 could be ninety or ninety thousand."""
    text = str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
    text = text.replace(" ", "").replace("\xa0", "")
    if not _PEOPLE.fullmatch(text):
        raise RegisterUnreadable(f"row {row}: population is not a whole number without points")
    return int(text)


def _degrees(cell: object, row: int) -> float | None:
    """A number, or German text with a decimal comma; None if it is empty."""
    if cell in (None, ""):
        return None
    try:
        degrees = float(str(cell).replace(",", "."))
    except ValueError:
        degrees = inf
    if not -180 <= degrees <= 180:
        raise RegisterUnreadable(f"row {row}: not a coordinate in degrees")
    return round(degrees, 6)


def _code(cell: object, digits: int) -> str:
    text = str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()
    return text.zfill(digits) if text else ""


def _short(cell: object) -> str:
    """`Böblingen, Stadt` → `Böblingen`."""
    return str(cell).partition(",")[0].strip()
