"""Contact points from CSV."""

import pytest

from notifications.contacts import Fault, read


def test_rows_with_semicolons_or_commas_are_read() -> None:
    assert read(["AGS;Address;name", "08416041;rathaus@tuebingen.example;x"]).addresses == {
        "08416041": "rathaus@tuebingen.example"
    }
    assert read(["ags;address", "08416;amt@kreis.example"]).addresses == {"08416": "amt@kreis.example"}
    assert read(["\ufeffaddress,ags", '"a@b.example",08416041', ""]).addresses == {"08416041": "a@b.example"}


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("09162000;a@b.example", "ags"),
        ("8416041;a@b.example", "ags"),
        ("08416041;nobody", "address"),
        ("08416041;a@b.example, c@d.example", "address"),
        ("08416041;a@b.example\rBcc: c@d.example", "ags"),
        ("08416041;" + "a" * 64 + "@" + "b" * 190 + ".example", "address"),
        ("08416041", "address"),
        ("08111000;x@y.example", "twice"),
    ],
)
def test_a_bad_row_is_named_by_line_and_code_and_the_others_count(row: str, code: str) -> None:
    found = read(["ags;address", "08111000;rathaus@stuttgart.example", row])
    assert found.addresses == {"08111000": "rathaus@stuttgart.example"}
    assert found.faults == (Fault(3, code),)


@pytest.mark.parametrize("lines", [[], ["08416041;a@b.example"], ["ags;mail"]])
def test_a_file_without_the_header_is_refused_as_a_whole(lines: list[str]) -> None:
    assert read(lines).faults == (Fault(1, "header"),)
