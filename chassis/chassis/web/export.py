"""Tables as CSV for the spreadsheet that German offices use."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import chain

from starlette.responses import StreamingResponse

from contracts.zone import BERLIN

Cell = str | int | float | Decimal | bool | date | datetime | None

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_response(filename: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> StreamingResponse:
    """A download that a German Excel opens by double click.

    It needs `;` between cells, a decimal comma (a point would turn 1.5 into the first of May) and a byte order mark
    to see that the text is UTF-8. Days are ISO, instants Europe/Berlin's. Text that would be read as a formula gets
    an apostrophe in front.
    """
    return StreamingResponse(
        csv_lines(header, rows),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{filename}"'},
    )


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """The lines of csv_response, as bytes."""
    yield b"\xef\xbb\xbf"
    for row in chain([header], rows):
        buffer = io.StringIO()
        csv.writer(buffer, delimiter=";").writerow([_text(cell) for cell in row])
        yield buffer.getvalue().encode()


def _text(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return str(int(cell))
        case float() | Decimal():
            return f"{cell:f}".replace(".", ",")
        case datetime():
            return cell.astimezone(BERLIN).isoformat(sep=" ", timespec="seconds")[:19]
        case str() if cell.startswith(_FORMULA):
            return f"'{cell}"
        case _:
            return str(cell)
