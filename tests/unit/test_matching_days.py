"""Days are Berlin's, working days Baden-Württemberg's."""

from datetime import UTC, date, datetime

from contracts.zone import day_of
from matching.days import after_working_days, start_of


def test_a_day_begins_at_midnight_in_berlin() -> None:
    assert day_of(datetime(2022, 3, 10, 23, 0, tzinfo=UTC)) == date(2022, 3, 11)
    assert start_of(date(2022, 3, 11)) == datetime(2022, 3, 10, 23, 0, tzinfo=UTC)


def test_weekends_do_not_count() -> None:
    friday = datetime(2022, 3, 11, 9, 0, tzinfo=UTC)
    assert after_working_days(friday, 3) == datetime(2022, 3, 16, 9, 0, tzinfo=UTC)


def test_the_states_own_holidays_do_not_count() -> None:
    day_before_corpus_christi = datetime(2022, 6, 15, 9, 0, tzinfo=UTC)
    assert after_working_days(day_before_corpus_christi, 1) == datetime(2022, 6, 17, 9, 0, tzinfo=UTC)


def test_the_time_of_day_stays_across_the_change_of_clocks() -> None:
    before = datetime(2022, 3, 25, 9, 0, tzinfo=UTC)
    assert after_working_days(before, 1) == datetime(2022, 3, 28, 8, 0, tzinfo=UTC)
