"""A centre's file: what a spreadsheet writes is read into forms, and every fault is named by line and column."""

from typing import Any

import pytest

from contracts.record import Shape
from intake.forms import ContactForm, Envelope, FactsForm, PersonForm
from intake.sheet import COLUMNS, MOST_HOUSEHOLDS, MOST_LINES, REQUIRED, Fault, Sheet, Stated, read
from intake.stated import Problem
from intake.web.requests import registration_of
from intake.web.upload import WORDS
from offers import a_registration, an_identity, some_keys

HEADER = (
    "reference;given_name;family_name;birth_date;nationality;sex;arrived_on;legal_group;accommodation;municipality;"
    "residence_title;languages;unaccompanied_minor;phone"
)
PARENT = "KA-1;Oksana;Melnyk;1988-05-02;UA;;2022-03-14;displaced_ukrainian;private;08416041;24;uk;;+49 7071 123456"
CHILD = "KA-1;Danylo;Melnyk;2015-11-30;UA;;;;;;;;;"
OTHER = PARENT.replace("KA-1", "KA-2")


def households(*lines: str, header: str = HEADER) -> tuple[Stated, ...]:
    sheet = read("\n".join([header, *lines]).encode())
    assert sheet.faults == ()
    return sheet.households


def faults(one: Stated) -> list[tuple[int, str, str]]:
    """Every fault that is found before anything is known of the place and the day."""
    return [
        (at.line, at.column, at.code)
        for at in map(one.fault_of, (*one.problems, *registration_of(some_keys(), one.body).form.faults))
    ]


def test_the_columns_are_the_fields_of_the_form() -> None:
    parts: tuple[type[Shape], ...] = (Envelope, FactsForm, PersonForm, ContactForm)
    fields = {name: field for part in parts for name, field in part.model_fields.items() if name != "version"}
    assert set(COLUMNS) == fields.keys()
    assert {name for name, field in fields.items() if field.is_required()} == REQUIRED


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_lines_of_one_reference_are_one_household(encoding: str, newline: str) -> None:
    sheet = read(newline.join([HEADER, PARENT, CHILD, OTHER, ";" * 13, ""]).encode(encoding))
    one, other = sheet.households
    assert (sheet.faults, one.problems, other.problems) == ((), (), ())
    assert (one.lines, other.lines) == ((2, 3), (4,))
    assert one.body == a_registration()


def test_what_is_read_is_the_same_form_as_that_of_the_page() -> None:
    """Whoever was typed in before is known, and not somebody else with the same reference."""
    (one,) = households(PARENT.rpartition(";")[0], CHILD)
    typed = a_registration(identity=an_identity(contact={}))
    assert registration_of(some_keys(), one.body).digest == registration_of(some_keys(), typed).digest


@pytest.mark.parametrize(
    ("column", "cell", "value"),
    [
        ("arrived_on", "14.03.2022", "2022-03-14"),
        ("arrived_on", "4.3.2022", "2022-03-04"),
        ("arrived_on", "14/03/2022", "14/03/2022"),
        ("allotted_on", "14.03.2022", "2022-03-14"),
        ("municipality", "8416041", "08416041"),
        ("district", "8416", "08416"),
        ("district", "416", "416"),
        ("languages", "uk ru", ["uk", "ru"]),
        ("languages", "uk, ru", ["uk", "ru"]),
        ("skills_needed", "literacy", ["literacy"]),
        ("unaccompanied_minor", "WAHR", True),
        ("unaccompanied_minor", "ja", True),
        ("unaccompanied_minor", "nein", False),
        ("unaccompanied_minor", "false", False),
        ("counselling_extended", "Yes", True),
        ("counselling_extended", "true", True),
        ("counselling_extended", "FALSCH", False),
        ("counselling_extended", "maybe", "maybe"),
    ],
)
def test_what_a_spreadsheet_made_of_a_cell_is_undone(column: str, cell: str, value: Any) -> None:
    (one,) = households(f"KA-1;{cell}", header=_with(column))
    assert one.body["facts"][column] == value


def test_a_birth_date_may_be_written_as_in_germany() -> None:
    (one,) = households(PARENT.replace("1988-05-02", "2.5.1988"))
    assert one.body["identity"]["persons"][0]["birth_date"] == "1988-05-02"


def test_what_is_wrong_with_lines_has_words() -> None:
    assert {
        "apart",
        "contradicts",
        "missing",
        "number_of_cells",
        "too_many_households",
        "too_many_lines",
    } <= WORDS.keys()


def _with(column: str) -> str:
    """A header of all that is needed, and this column in the second place."""
    return ";".join(["reference", column, *sorted(REQUIRED - {"reference", column})])


def test_cells_that_are_missing_at_the_end_of_a_line_are_empty() -> None:
    """Spreadsheets leave them out where a column has been empty for long."""
    (one,) = households(PARENT, CHILD.rstrip(";"))
    assert faults(one) == []


def test_what_the_first_line_says_may_be_repeated_and_not_contradicted() -> None:
    again = ";".join(
        [*CHILD.split(";")[:6], "14.03.2022", "displaced_ukrainian", "private", "8416041", "24", "uk", "no"]
    )
    differs = again.replace("private", "first_reception") + ";+49 7071 654321"
    one, other = households(PARENT, again, OTHER, differs.replace("KA-1", "KA-2"))
    assert faults(one) == []
    assert faults(other) == [(5, "accommodation", "contradicts"), (5, "phone", "contradicts")]


def test_lines_that_stand_apart_and_lines_without_a_reference_are_faults_of_their_household() -> None:
    apart, sound, unnamed = households(
        PARENT, OTHER, CHILD, PARENT.replace("KA-1", "KA-3"), PARENT.replace("KA-1", "KA-4"), CHILD.replace("KA-1", "")
    )[:2] + households(PARENT, CHILD.replace("KA-1", ""))
    assert (apart.lines, faults(apart)) == ((2, 4), [(4, "reference", "apart")])
    assert faults(sound) == []
    assert (unnamed.lines, faults(unnamed)) == ((2, 3), [(3, "reference", "missing")])


def test_a_file_that_begins_without_a_reference() -> None:
    unnamed, sound = households(PARENT.replace("KA-1", ""), OTHER)
    assert set(faults(unnamed)) == {(2, "reference", "missing")}
    assert faults(sound) == []


def test_every_fault_of_a_form_is_told_by_its_line_and_column() -> None:
    (one,) = households(
        PARENT.replace("2022-03-14", "yesterday").replace(";uk;", ";uk x1;").replace("08416041", "Tübingen"),
        CHILD.replace("Danylo", "").replace(";UA", ";Ukraine"),
        CHILD + ";too;many",
    )
    assert sorted(faults(one)) == [
        (2, "arrived_on", "not_a_date"),
        (2, "languages", "malformed"),
        (2, "municipality", "malformed"),
        (3, "given_name", "missing"),
        (3, "nationality", "malformed"),
        (4, "", "number_of_cells"),
    ]
    assert [one.fault_of(Problem(at, "x")).column for at in ("", "/identity/persons", "/identity/persons/1")] == [
        ""
    ] * 3
    assert one.fault_of(Problem("/identity/persons/1", "duplicate_person")).line == 3


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", Fault(1, "reference", "column_missing")),
        (HEADER.encode(), Fault(1, "", "no_household")),
        (HEADER.replace(";", ",").encode(), Fault(1, "", "not_semicolons")),
        (f"{HEADER};shoe_size\n{PARENT}".encode(), Fault(1, "15", "column_unknown")),
        (f"{HEADER};Phone\n{PARENT}".encode(), Fault(1, "phone", "column_twice")),
        (HEADER.replace("birth_date;", "").encode(), Fault(1, "birth_date", "column_missing")),
        (b"reference\nKA-1", Fault(1, "given_name", "column_missing")),
        (f"{HEADER}\nKA-1;Söröş\n".encode("cp1258", "replace"), Fault(2, "", "not_utf8")),
        (f"{HEADER}\n{PARENT}".encode("utf-16"), Fault(1, "", "not_utf8")),
        (f"{HEADER}\n{PARENT}\nKA-2;\0".encode(), Fault(3, "", "nul")),
        (f'{HEADER}\nKA-1;"Oks"ana\n'.encode(), Fault(2, "", "not_csv")),
        (f'{HEADER}\nKA-1;"{"x" * 200_000}"\n'.encode(), Fault(2, "", "not_csv")),
    ],
)
def test_a_file_that_cannot_be_read_has_no_household(data: bytes, fault: Fault) -> None:
    sheet = read(data)
    assert sheet.households == ()
    assert sheet.faults[0] == fault
    assert fault.code in WORDS


def test_more_households_than_a_file_may_have_are_a_fault_where_they_begin() -> None:
    lines = [PARENT.replace("KA-1", f"KA-{number}") for number in range(MOST_HOUSEHOLDS + 1)]
    assert len(households(*lines[:-1])) == MOST_HOUSEHOLDS
    sheet = read("\n".join([HEADER, *lines]).encode())
    assert sheet.faults == (Fault(MOST_HOUSEHOLDS + 2, "reference", "too_many_households"),)


def test_a_file_ends_where_nobody_can_have_so_many_persons() -> None:
    assert read("\n".join([HEADER, PARENT, *[";"] * MOST_LINES]).encode()).faults == ()
    sheet = read("\n".join([HEADER, PARENT, *["x"] * MOST_LINES]).encode())
    assert sheet == Sheet(faults=(Fault(MOST_LINES + 2, "", "too_many_lines"),))


def test_columns_that_are_empty_at_the_end_of_the_header_are_none() -> None:
    (one,) = households(PARENT + ";;", header=HEADER + ";;")
    assert faults(one) == []


def test_a_cell_may_hold_a_semicolon_and_a_line_break() -> None:
    """A line is a row of the spreadsheet."""
    one, other = households(PARENT.replace("Oksana", '"Oksana;\nAnna"'), OTHER.replace("UA", "ua"))
    assert one.body["identity"]["persons"][0]["given_name"] == "Oksana;\nAnna"
    assert faults(other) == [(3, "nationality", "malformed")]
