"""Periods and shares."""

from datetime import date, timedelta

import pytest

from reporting.domain import Capacity, Coverage, Period, PeriodRefused, period_of

TODAY = date(2022, 3, 20)


def test_without_ends_a_period_is_four_weeks_up_to_today() -> None:
    assert period_of(None, None, TODAY) == Period(date(2022, 2, 21), TODAY)


def test_an_open_end_is_today_and_an_open_begin_four_weeks_before_the_end() -> None:
    assert period_of(date(2022, 3, 1), None, TODAY) == Period(date(2022, 3, 1), TODAY)
    assert period_of(None, date(2022, 1, 31), TODAY) == Period(date(2022, 1, 4), date(2022, 1, 31))


def test_a_period_from_tomorrow_on_is_that_day() -> None:
    tomorrow = date(2022, 3, 21)
    assert period_of(tomorrow, None, TODAY) == Period(tomorrow, tomorrow)


@pytest.mark.parametrize(
    ("first", "last"), [(date(2022, 3, 2), date(2022, 3, 1)), (date(2000, 1, 1), date(2022, 1, 1))]
)
def test_a_period_that_ends_before_it_begins_or_lasts_for_ever_is_refused(first: date, last: date) -> None:
    with pytest.raises(PeriodRefused):
        Period(first, last)


def test_a_period_of_a_day_and_one_of_ten_years_are_periods() -> None:
    assert Period(TODAY, TODAY).first == TODAY
    assert Period(TODAY - timedelta(days=3660), TODAY).last == TODAY
    with pytest.raises(PeriodRefused):
        Period(TODAY - timedelta(days=3661), TODAY)


def test_a_period_before_the_first_day_is_refused() -> None:
    with pytest.raises(PeriodRefused):
        period_of(None, date(1, 1, 5), TODAY)


def test_shares_of_nothing_are_unknown() -> None:
    assert Capacity().utilisation is None
    assert Coverage().share is None
    assert Capacity(managers=1, fte=1.0, capacity=200, load=50).utilisation == 0.25
    assert Coverage(municipalities=4, served=3).share == 0.75
