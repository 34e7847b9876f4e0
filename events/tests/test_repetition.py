from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from events.repetition import MOST_DATES, Every, Repetition, moved

BERLIN = ZoneInfo("Europe/Berlin")
FRIDAY = date(2027, 3, 19)


def test_every_week_is_on_the_weekday_of_the_first_date_unless_days_are_given() -> None:
    weekly = Repetition(every=Every.WEEK, count=2)
    assert weekly.days_after(FRIDAY) == [date(2027, 3, 26), date(2027, 4, 2)]

    weekends = Repetition(every=Every.WEEK, weekdays=frozenset({4, 5}), count=3)
    assert weekends.days_after(FRIDAY) == [date(2027, 3, 20), date(2027, 3, 26), date(2027, 3, 27)]


def test_every_other_day_until_a_day_that_counts() -> None:
    assert Repetition(every=Every.DAY, interval=2, until=date(2027, 3, 23)).days_after(FRIDAY) == [
        date(2027, 3, 21),
        date(2027, 3, 23),
    ]


@pytest.mark.parametrize("until", [None, date.max])
def test_dates_are_not_more_than_200_within_two_years(until: date | None) -> None:
    assert len(Repetition(every=Every.DAY, until=until).days_after(FRIDAY)) == MOST_DATES == 200
    weekly = Repetition(every=Every.WEEK, until=until).days_after(FRIDAY)
    assert (len(weekly), weekly[-1]) == (104, date(2029, 3, 16))


def test_nothing_is_repeated_before_the_first_date() -> None:
    assert Repetition(every=Every.DAY, until=FRIDAY).days_after(FRIDAY) == []


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (datetime(2027, 3, 26, 20, tzinfo=BERLIN), datetime(2027, 4, 2, 18, tzinfo=UTC)),  # summer time began: still 20:00
        (datetime(2027, 10, 29, 20, tzinfo=BERLIN), datetime(2027, 11, 5, 19, tzinfo=UTC)),  # and ended
        (datetime(2027, 3, 21, 2, 30, tzinfo=BERLIN), datetime(2027, 3, 28, 1, 30, tzinfo=UTC)),  # 02:30 does not exist: 03:30
        (datetime(2027, 10, 24, 2, 30, tzinfo=BERLIN), datetime(2027, 10, 31, 0, 30, tzinfo=UTC)),  # 02:30 comes twice: the first
    ],
)
def test_a_week_later_it_is_the_same_time_of_day_by_the_clock_of_the_place(first: datetime, then: datetime) -> None:
    assert moved(first, by=timedelta(weeks=1), zone=BERLIN) == then
