"""The roster's file: what German offices write is read, and every fault is named by line and column."""

from datetime import date

import pytest

from contracts.vocabulary import Skill
from matching.domain import Absence
from matching.roster.sheet import Fault, read

REGISTER = frozenset({"08416041", "08415061"})
HEADER = "code;name;provider;fte;languages;skills;service_area;active_from;active_until;base_load;absences"
GOOD = "TUE-1;Jana Öhm;LRA;0,75;de uk;literacy;08416041 08415061;2018-01-01;;120;2022-03-01/2022-03-20 2022-05-01/"


def faults(*lines: str) -> list[tuple[int, str, str]]:
    sheet = read("\n".join([HEADER, *lines]).encode(), REGISTER)
    return [(one.line, one.column, one.code) for one in sheet.faults]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_reads_what_an_office_exports(encoding: str, newline: str) -> None:
    sheet = read(newline.join([HEADER, GOOD, ""]).encode(encoding), REGISTER)
    (row,) = sheet.rows
    assert sheet.faults == ()
    assert (row.name, row.fte_hundredths, row.base_load, row.office) == ("Jana Öhm", 75, 120, "08416041")
    assert (row.languages, row.skills) == (("de", "uk"), (Skill.LITERACY,))
    assert row.absences == (
        Absence(date(2022, 3, 1), date(2022, 3, 20)),
        Absence(date(2022, 5, 1), None),
    )


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("code", "", "missing"),
        ("code", "a b", "not_a_code"),
        ("name", "", "missing"),
        ("fte", "-0,5", "negative"),
        ("fte", "1,25", "more_than_one_post"),
        ("fte", "0,333", "more_than_two_decimals"),
        ("fte", "half", "not_a_number"),
        ("fte", "nan", "not_a_number"),
        ("fte", "1E999999", "not_a_number"),
        ("fte", "", "not_a_number"),
        ("languages", "Ukrainian", "not_a_language_code"),
        ("skills", "magic", "unknown_skill"),
        ("service_area", "", "missing"),
        ("service_area", "Tübingen", "not_an_ags"),
        ("service_area", "08999999", "unknown_ags"),
        ("active_from", "1.3.2022", "not_a_date"),
        ("active_from", "2022-02-30", "not_a_date"),
        ("active_until", "2017-12-31", "ends_before_it_begins"),
        ("base_load", "-1", "negative"),
        ("base_load", "many", "not_a_number"),
        ("absences", "2022-03-01", "not_a_period"),
        ("absences", "2022-03-02/2022-03-01", "ends_before_it_begins"),
        ("absences", "2022-03-01/2022-03-20 2022-03-20/", "absences_overlap"),
        ("absences", "2022-03-01/ 2022-04-01/2022-04-02", "absences_overlap"),
    ],
)
def test_each_fault_has_its_line_column_and_code(column: str, value: str, code: str) -> None:
    cells = dict(zip(HEADER.split(";"), GOOD.split(";"), strict=True)) | {column: value}
    assert faults(GOOD.replace("TUE-1", "TUE-0"), ";".join(cells.values())) == [(3, column, code)]


def test_a_share_that_is_no_quarter_is_a_warning_only() -> None:
    sheet = read("\n".join([HEADER, GOOD.replace("0,75", "0.8")]).encode(), REGISTER)
    assert sheet.faults == (Fault(2, "fte", "not_in_quarters", warning=True),)
    assert sheet.usable
    assert sheet.rows[0].fte_hundredths == 80


def test_a_code_may_come_once_with_each_provider() -> None:
    assert faults(GOOD, GOOD.replace(";LRA;", ";CITY;"), GOOD) == [(4, "code", "duplicate_code")]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", (1, "code", "column_missing")),
        (b"code;name\n", (1, "provider", "column_missing")),
        (b"code;name;provider;fte;service_area;nickname\n", (1, "", "column_unknown_or_twice")),
        (HEADER.encode() + b"\nA;B\n", (2, "", "number_of_cells")),
        (HEADER.encode() + b"\n" + "J\u00f6rg".encode("latin-1"), (2, "", "not_utf8")),
        (HEADER.encode() + b'\n"A;B', (2, "", "not_csv")),
    ],
)
def test_a_file_that_is_no_roster_says_so(data: bytes, fault: tuple[int, str, str]) -> None:
    sheet = read(data, REGISTER)
    assert fault in [(one.line, one.column, one.code) for one in sheet.faults]
    assert not sheet.usable


def test_faults_never_repeat_what_stood_there() -> None:
    sheet = read("\n".join([HEADER, GOOD.replace("0,75", "Geheimnis")]).encode(), REGISTER)
    assert "Geheimnis" not in repr(sheet.faults)
