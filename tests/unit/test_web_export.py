"""A table as a German spreadsheet reads it."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from chassis.web.export import Cell, csv_lines


def text_of(*row: Cell) -> str:
    return b"".join(csv_lines(["Ort"], [row])).decode("utf-8-sig").splitlines()[1]


def test_it_begins_with_a_byte_order_mark_and_the_header() -> None:
    assert b"".join(csv_lines(["Ort", "Köpfe"], [])) == "\N{ZERO WIDTH NO-BREAK SPACE}Ort;Köpfe\r\n".encode()


@pytest.mark.parametrize("formula", ["=1+1", "+49", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_text_is_never_a_formula(formula: str) -> None:
    assert text_of(formula).strip('"').startswith("'")


def test_numbers_days_and_times_are_what_people_here_write() -> None:
    moment = datetime(2022, 3, 14, 23, 30, tzinfo=UTC)
    row = text_of(-3, Decimal("0.75"), date(2022, 3, 14), moment, None, True, "Bad Säckingen; Ost")
    assert row == '-3;0,75;2022-03-14;2022-03-15 00:30:00;;1;"Bad Säckingen; Ost"'
