"""Builds small .xlsx files, laid out as Destatis lays out its quarterly register of municipalities (GV-ISys)."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

Cell = str | int | float | None
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"

HEADER: Sequence[Sequence[Cell]] = (
    ["Alle politisch selbständigen Gemeinden mit ausgewählten Merkmalen am 31.12.2024"],
    [None],
    ["Satzart", "Text-\nkenn-\nzeichen", "Amtlicher Regionalschlüssel (ARS)", None, None, None, None, "Gemeindename"],
    [None, None, "Land", "RB", "Kreis", "VB", "Gem", None, "Fläche km2", "insgesamt", "männlich", "weiblich"],
)


def a_district_row(ars: str, name: str) -> list[Cell]:
    return ["40", "41", ars[:2], ars[2], ars[3:5], None, None, name, *[None] * 12]


def a_municipality_row(ars: str, name: str, population: int, longitude: str, latitude: str) -> list[Cell]:
    """`ars`: 2 state, 1 council, 2 district, 4 association, 3 municipality digits."""
    key: list[Cell] = [ars[:2], ars[2], ars[3:5], ars[5:9], ars[9:]]
    people: list[Cell] = [float(population), population // 2, population - population // 2, 300]
    return ["60", "64", *key, name, 26.5, *people, "71134", longitude, latitude, "305", "Region", "02", "mittel"]


def write_workbook(path: Path, rows: Sequence[Sequence[Cell]]) -> Path:
    """A workbook with a cover sheet and the rows in its second sheet."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("[Content_Types].xml", _content_types())
        file.writestr("_rels/.rels", _relations(("officeDocument", "xl/workbook.xml")))
        file.writestr(
            "xl/_rels/workbook.xml.rels", _relations(*(("worksheet", f"worksheets/sheet{n}.xml") for n in (1, 2)))
        )
        file.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets><sheet name="Deckblatt" sheetId="1" r:id="r1"/>'
            '<sheet name="Onlineprodukt_Gemeinden" sheetId="2" r:id="r2"/></sheets></workbook>',
        )
        file.writestr("xl/worksheets/sheet1.xml", _sheet([["Gemeindeverzeichnis-Informationssystem GV-ISys"]]))
        file.writestr("xl/worksheets/sheet2.xml", _sheet(rows))
    return path


def _content_types() -> str:
    sheets = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_TYPE}.worksheet+xml"/>' for n in (1, 2)
    )
    return (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>{sheets}</Types>'
    )


def _relations(*targets: tuple[str, str]) -> str:
    inner = "".join(
        f'<Relationship Id="r{n}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{inner}</Relationships>'


def _sheet(rows: Sequence[Sequence[Cell]]) -> str:
    lines = "".join(
        f'<row r="{number}">' + "".join(_cell(f"{_column(n)}{number}", cell) for n, cell in enumerate(row)) + "</row>"
        for number, row in enumerate(rows, 1)
    )
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{lines}</sheetData></worksheet>'


def _cell(place: str, cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case str():
            return f'<c r="{place}" t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
        case _:
            return f'<c r="{place}"><v>{cell}</v></c>'


def _column(index: int) -> str:
    return chr(ord("A") + index)
