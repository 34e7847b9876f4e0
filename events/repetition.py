"""Dates that repeat by the clock of a place."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice
from typing import Final

from dateutil.rrule import DAILY, WEEKLY, rrule
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

MOST_DATES: Final = 200  # made in one go
HORIZON: Final = timedelta(days=731)  # as far ahead as anybody plans


class Every(TextChoices):
    DAY = "day", _("day")
    WEEK = "week", _("week")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """Every `interval` days or weeks until the day `until`, but not more than `count` dates.

    `weekdays` are those of a week's dates, Monday is 0; none: that of the first date.
    """

    every: Every
    interval: int = 1
    weekdays: frozenset[int] = frozenset()
    until: date | None = None
    count: int = MOST_DATES

    def days_after(self, first: date) -> list[date]:
        """The days on which it is repeated, without the first: at most 200 within two years."""
        return list(islice(self._days_after(first), min(self.count, MOST_DATES)))

    def _days_after(self, first: date) -> Iterator[date]:
        last = min(self.until or date.max, first + HORIZON)
        weekly = {"freq": WEEKLY, "byweekday": sorted(self.weekdays) or None} if self.every == Every.WEEK else {"freq": DAILY}
        for day in rrule(
            dtstart=datetime.combine(first, time()), until=datetime.combine(last, time()), interval=self.interval, **weekly
        ):
            if day.date() > first:
                yield day.date()


def moved(at: datetime, *, by: timedelta, zone: tzinfo) -> datetime:
    """A time so much later by the clock of the place: 20:00 stays 20:00 when the clocks change in between.

    In the hour that a clock leaves out it is an hour later; of an hour that a clock repeats it is the first. UTC.
    """
    local = at.astimezone(zone).replace(tzinfo=None) + by
    return local.replace(tzinfo=zone).astimezone(UTC)
