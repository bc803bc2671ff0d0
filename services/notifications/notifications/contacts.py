"""Contact points from CSV: which address is told of a municipality's inbox, and which one of a district is told of what
its municipalities leave unanswered."""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass

from chassis.database import Tx
from chassis.failpoint import failpoint
from contracts import ags
from notifications.store import query

_AGS = re.compile(f"{ags.MUNICIPALITY}|{ags.DISTRICT}")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
MAX_ADDRESS = 254
MAX_ROWS = 5000


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a line, never what stood there; lines count from 1, the header is line 1."""

    line: int
    code: str


@dataclass(frozen=True, slots=True)
class Contacts:
    """The readable rows (AGS → address) and the faults of the others."""

    addresses: dict[str, str]
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What an import did: how many addresses are new or other than before, how many as they were."""

    changed: int
    unchanged: int
    faults: tuple[Fault, ...]


def read(lines: Iterable[str]) -> Contacts:
    """The contact points of a CSV with the columns `ags` and `address`, separated by `;` or `,`."""
    addresses: dict[str, str] = {}
    faults: list[Fault] = []
    columns: list[str] | None = None
    for number, line in enumerate(lines, start=1):
        cells = _cells(line)
        if columns is None:
            columns = [cell.lower() for cell in cells]
            if not {"ags", "address"} <= set(columns):
                return Contacts({}, (Fault(number, "header"),))
        elif any(cells):
            row = dict(zip(columns, cells, strict=False))
            if code := _fault(row, addresses):
                faults.append(Fault(number, code))
            else:
                addresses[row["ags"]] = row["address"]
    if columns is None:
        faults.append(Fault(1, "header"))
    return Contacts(addresses, tuple(faults))


async def import_contacts(tx: Tx, lines: Iterable[str]) -> Report:
    """Take the readable rows over and report the others; the same file again changes nothing."""
    found = read(lines)
    # Whoever announces something now either sees these, or has announced it before their `since`.
    await tx.execute("lock table contact_point in exclusive mode")
    changed = await tx.fetch(query("write_contacts"), list(found.addresses), list(found.addresses.values()), tx.now)
    failpoint("contacts.written")
    if changed:
        await tx.audit("import_contacts", "contact_point", changed=len(changed), faults=len(found.faults))
    return Report(len(changed), len(found.addresses) - len(changed), found.faults)


def _cells(line: str) -> list[str]:
    """The cells of a line; one that fits no column where it is not CSV at all."""
    line = line.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    delimiter = ";" if ";" in line else ","
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return ["not csv"]


def _fault(row: dict[str, str], addresses: dict[str, str]) -> str | None:
    ags, address = row.get("ags", ""), row.get("address", "")
    if not _AGS.fullmatch(ags):
        return "ags"
    if len(address) > MAX_ADDRESS or not _ADDRESS.fullmatch(address):
        return "address"
    if ags in addresses:
        return "twice"
    if len(addresses) >= MAX_ROWS:
        return "too_many"
    return None
