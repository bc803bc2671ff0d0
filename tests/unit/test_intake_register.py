"""The register: official workbook, CSV or generated; what an import adds, changes, dissolves."""

from pathlib import Path

import pytest

from intake.districts import districts
from intake.generate import generate
from intake.register import Entry, Held, RegisterUnreadable, compare, read
from workbooks import HEADER, Cell, a_district_row, a_municipality_row, write_workbook

OFFICIAL = Path(__file__).parents[3] / "shared" / "data" / "municipalities_bw.csv"
SOURCES = ["generated", *(["official csv"] if OFFICIAL.exists() else [])]


@pytest.fixture(params=SOURCES)
def whole_register(request: pytest.FixtureRequest) -> list[Entry]:
    return generate() if request.param == "generated" else read(OFFICIAL)


def test_a_whole_register_has_the_states_municipalities_and_people(whole_register: list[Entry]) -> None:
    assert len(whole_register) == len({entry.ags for entry in whole_register}) == 1101
    assert sum(entry.population for entry in whole_register) == 11_339_260


def test_each_district_has_its_municipalities_and_people(whole_register: list[Entry]) -> None:
    for ags, district in districts().items():
        own = [entry for entry in whole_register if entry.district == ags]
        assert len(own) == district.municipalities
        assert sum(entry.population for entry in own) == district.population
        assert {entry.district_name for entry in own} == {district.title}


def test_every_municipality_lies_in_the_state(whole_register: list[Entry]) -> None:
    for entry in whole_register:
        assert entry.latitude is not None
        assert entry.longitude is not None
        assert 47.5 < entry.latitude < 49.9
        assert 7.4 < entry.longitude < 10.6


def test_a_generated_register_is_always_the_same() -> None:
    assert generate() == generate()
    assert generate()[0].name == "Stuttgart"
    assert generate()[1].name == "Böblingen 01"


def test_the_official_workbook_is_read(tmp_path: Path) -> None:
    rows = [
        *HEADER,
        ["10", None, "08", None, None, None, None, "Baden-Württemberg", *[None] * 12],
        a_district_row("08115", "Böblingen, Landkreis"),
        a_municipality_row("081155001001", "Aidlingen", 9429, "8,896991", "48,677969"),
        a_municipality_row("081150003003", "Böblingen, Stadt", 52093, "9,009663", "48,685296"),
        a_municipality_row("083179971971", "Gemeindefreies Gebiet Rheinau", 0, "7,9", "48,6"),
        a_municipality_row("091620000000", "München, Landeshauptstadt", 1510378, "11,57", "48,13"),
    ]
    assert read(write_workbook(tmp_path / "register.xlsx", rows)) == [
        Entry("08115001", "Aidlingen", "Landkreis Böblingen", 9429, 48.677969, 8.896991),
        Entry("08115003", "Böblingen", "Landkreis Böblingen", 52093, 48.685296, 9.009663),
    ]


def test_keys_that_a_spreadsheet_took_for_numbers_are_read(tmp_path: Path) -> None:
    rows: list[list[Cell]] = [
        [40, 41, 8, 4, 99, None, None, "Neukreis, Landkreis", None, 1234, *[None] * 10],
        [60, 64, 8, 4, 99, 1, 3, "Neu, Stadt", 26.5, 5, 2, 3, 300, 71134, 9, 48.5, 305, "Region", 2, "mittel"],
        [60, 64, 9, 1, 62, 0, 0, "München, Landeshauptstadt", 310.7, 9, 4, 5, 300, 80331, 11.5, 48.1, 0, "", 1, ""],
    ]
    assert read(write_workbook(tmp_path / "register.xlsx", rows)) == [
        Entry("08499003", "Neu", "Neukreis", 5, 48.5, 9.0)
    ]


def test_the_last_columns_may_be_missing(tmp_path: Path) -> None:
    row = a_municipality_row("081155001001", "Aidlingen", 9429, "8,9", "48,6")[:16]
    assert [one.longitude for one in read(write_workbook(tmp_path / "register.xlsx", [row]))] == [8.9]


def test_a_district_that_we_do_not_know_is_named_by_the_workbook(tmp_path: Path) -> None:
    rows = [a_district_row("08499", "Neukreis, Landkreis"), a_municipality_row("084990001001", "Neu", 5, "9", "48")]
    assert read(write_workbook(tmp_path / "register.xlsx", rows))[0].district_name == "Neukreis"


def test_a_csv_may_have_semicolons_and_lack_coordinates(tmp_path: Path) -> None:
    path = tmp_path / "register.csv"
    path.write_text("\ufeffags;name;population\n08115001;Aidlingen;9 429\n", "utf-8")
    assert read(path) == [Entry("08115001", "Aidlingen", "Landkreis Böblingen", 9429)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "columns missing: ags, name, population"),
        (b"ags,name\n08115001,A\n", "columns missing: population"),
        (b"ags,name,population\n", "no municipality"),
        (b"ags,name,population\n09162000,Munich,1\n", "row 2: not a municipality"),
        (b"ags,name,population\n08115001,,1\n", "row 2: not a municipality"),
        (b"ags,population,name\n08115001,1\n", "row 2: not a municipality"),
        (b"name,population,ags\nA,1\n", "row 2: not a municipality"),
        (b"ags,name,population\n08115,A,1\n", "row 2: not a municipality"),
        (b"ags,name,population\n08999001,A,1\n", "row 2: not a municipality"),
        *[
            (f"ags;name;population\n08115001;A;{people}\n".encode(), "row 2: population is not a whole number")
            for people in ("many", "", "90.000", "1,5", "-5", "nan", "inf", "1e12", "123456789")
        ],
        *[
            (f"ags;name;population;lat;lon\n08115001;A;1;{lat};9\n".encode(), "row 2: not a coordinate")
            for lat in ("north", "nan", "inf", "485,6", "-180,1")
        ],
        (b"ags,name,population\n08115001,A,1\n08115001,B,1\n", "listed twice"),
        ("ags,name,population\n08115001,Böb,1\n".encode("latin-1"), "neither a workbook nor a CSV in UTF-8"),
    ],
)
def test_a_file_that_is_no_register_says_why(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "register.csv"
    path.write_bytes(content)
    with pytest.raises(RegisterUnreadable, match=message):
        read(path)


def test_a_file_without_a_name_is_read_by_what_it_holds(tmp_path: Path) -> None:
    """As `/dev/stdin` is."""
    book = write_workbook(
        tmp_path / "book.xlsx", [a_municipality_row("081155001001", "Aidlingen", 9429, "8,9", "48,6")]
    )
    table = b"ags,name,population,lat,lon\n08115001,Aidlingen,9429,48.6,8.9\n"
    path = tmp_path / "stdin"
    for content in (book.read_bytes(), table):
        path.write_bytes(content)
        assert read(path) == [Entry("08115001", "Aidlingen", "Landkreis Böblingen", 9429, 48.6, 8.9)]


@pytest.mark.parametrize("begins", [b"PK", b"\xd0\xcf\x11\xe0"], ids=["xlsx", "xls"])
def test_a_file_that_is_no_workbook_says_so(tmp_path: Path, begins: bytes) -> None:
    path = tmp_path / "register.xlsx"
    path.write_bytes(begins + b" no")
    with pytest.raises(RegisterUnreadable, match="not a workbook"):
        read(path)


def held(*entries: Entry) -> dict[str, Held]:
    return {entry.ags: Held(entry, 1, True) for entry in entries}


ONE, TWO, THREE = (Entry(f"0811500{n}", f"Town {n}", "Landkreis Böblingen", 100) for n in (1, 2, 3))


def test_the_same_register_again_changes_nothing() -> None:
    changes = compare(held(ONE, TWO), [ONE, TWO])
    assert (changes.added, changes.changed, changes.dissolved) == ((), (), ())


def test_an_import_adds_changes_and_dissolves() -> None:
    renamed = Entry(ONE.ags, "New town", ONE.district_name, 120)
    fourth = Entry("08115009", "Town 9", ONE.district_name, 50)
    changes = compare(held(ONE, TWO, THREE), [renamed, TWO, fourth])
    assert changes.added == (Held(fourth, 1, True),)
    assert changes.changed == (Held(renamed, 2, True),)
    assert changes.dissolved == (Held(THREE, 2, False),)


def test_a_dissolved_municipality_can_come_back() -> None:
    before = {ONE.ags: Held(ONE, 2, False), TWO.ags: Held(TWO, 1, True)}
    assert compare(before, [ONE, TWO]).changed == (Held(ONE, 3, True),)


def test_half_a_file_dissolves_nothing() -> None:
    with pytest.raises(RegisterUnreadable, match="more than half"):
        compare(held(ONE, TWO, THREE), [ONE])


def test_half_of_the_register_may_be_dissolved_and_only_once() -> None:
    assert compare(held(ONE, TWO), [ONE]).dissolved == (Held(TWO, 2, False),)
    before = held(ONE, THREE) | {TWO.ags: Held(TWO, 2, False)}
    assert compare(before, [ONE, THREE]).dissolved == ()
