"""Dates out of a spreadsheet: a row each, whatever the columns are called."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, time, timedelta, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from evently.lists import ListReport, Progress, Unfit, read_rows
from venues.models import time_zones

from .entries import (
    LONGEST_UID,
    USUAL_LENGTH,
    Entry,
    Venues,
    check_length,
    check_year,
    description_of,
    in_utc,
    made_up_uid,
    title_of,
    topic_of,
)

COLUMNS = {
    "title": ("title", "event", "name", "subject", "summary"),
    "start": ("start", "starts", "starts at", "starts_at", "begin", "start date", "date", "startdate"),
    "start_time": ("start time", "time", "starttime"),
    "end": ("end", "ends", "ends at", "ends_at", "end date", "enddate"),
    "end_time": ("end time", "endtime"),
    "venue": ("venue", "location", "place", "hall"),
    "time_zone": ("time zone", "time_zone", "timezone", "tz"),
    "category": ("category", "topic", "kind"),
    "description": ("description", "details", "text"),
    "uid": ("uid", "id", "key"),
}
NEEDED = ("title", "start")
DAYS = ("%Y-%m-%d", "%d.%m.%Y", "%d.%m.%y")
TIMES = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I %p", "%H.%M")


class When(NamedTuple):
    """A time as it is written: perhaps with its offset, perhaps a day alone."""

    local: datetime
    offset: tzinfo | None
    is_day: bool


def read_list(
    text: str, *, venues: Venues, floating: tzinfo | None, since: datetime, now: datetime, report: ListReport, progress: Progress
) -> Iterator[Entry]:
    """What takes place from `since` on; rows that are no event go into the report. Raises `NoList`.

    `floating` is the zone of times that have none; without it, that of each event's venue.
    """
    rows = list(read_rows(text, columns=COLUMNS, needed=NEEDED, long=("description",)))
    first_line: dict[str, int] = {}
    for line, row in progress(rows):
        report.rows += 1
        try:
            entry = _entry(row, line, venues=venues, floating=floating, now=now)
        except Unfit as problem:
            report.refused.append((line, str(problem)))
            continue
        if (first := first_line.setdefault(entry.uid, line)) != line:
            told = _("“%(title)s” is the event of line %(first)d again; that line counts.")
            venues.warn(line, told % {"title": entry.title, "first": first})
            report.left_out += 1
        elif entry.ends_at <= since:
            report.left_out += 1
        else:
            yield entry


def _entry(row: Mapping[str, str], line: int, *, venues: Venues, floating: tzinfo | None, now: datetime) -> Entry:
    title = title_of(row.get("title", ""), line=line, warn=venues.warn)
    uid = row.get("uid", "")
    if len(uid) > LONGEST_UID:
        raise Unfit(_("Its UID has more than %(most)d letters.") % {"most": LONGEST_UID})
    if not row.get("start"):
        raise Unfit(_("“%(title)s” has no start.") % {"title": title})
    venue = venues.find(row.get("venue", ""), line=line)
    zone: tzinfo = _zone(row["time_zone"]) if row.get("time_zone") else floating or venue.zone
    start = _when(row["start"], row.get("start_time", ""))
    check_year(start.local, now=now)
    starts_at = in_utc(start.local, start.offset or zone)
    ends_at = _end(row, start, zone, now=now)
    if ends_at is None or (ends_at == starts_at and not start.is_day):
        venues.warn(line, _("“%(title)s” has no end: two hours are assumed.") % {"title": title})
        ends_at = starts_at + USUAL_LENGTH
    check_length(ends_at - starts_at)
    category = topic_of([row["category"]]) if row.get("category") else ""
    if row.get("category") and not category:
        venues.warn(line, _("“%(category)s” is no category here.") % {"category": row["category"][:100]})
    return Entry(
        line=line,
        uid=uid or made_up_uid(title, venue, starts_at),
        title=title,
        venue=venue,
        starts_at=starts_at,
        ends_at=ends_at,
        description=description_of(row.get("description", ""), line=line, warn=venues.warn),
        category=category,
    )


def _end(row: Mapping[str, str], start: When, zone: tzinfo, *, now: datetime) -> datetime | None:
    """When it ends; a day means all of it, a time alone the one that follows the start."""
    text, clock = row.get("end", ""), row.get("end_time", "")
    if not text and not clock:
        return in_utc(start.local + timedelta(days=1), zone) if start.is_day else None
    alone = _clock(text or clock) if not (text and clock) else None
    if alone is not None:
        end = datetime.combine(start.local, alone)
        next_day = timedelta(days=1) if end <= start.local else timedelta(0)
        return in_utc(end + next_day, start.offset or zone)
    when = _when(text, clock)
    check_year(when.local, now=now)
    return in_utc(when.local + timedelta(days=1) if when.is_day else when.local, when.offset or zone)


def _when(text: str, clock: str = "") -> When:
    """A day and time as people and programs write it, or `Unfit`. What Americans and Europeans read differently is refused."""
    if clock:
        day, at = _day(text), _clock(clock)
        if day is not None and at is not None:
            return When(datetime.combine(day, at), None, is_day=False)
        raise _no_time(f"{text} {clock}")
    if (day := _day(text)) is not None:
        return When(day, None, is_day=True)
    written, _blank, at_text = text.replace("T", " ", 1).partition(" ")
    if (day := _day(written)) is not None and (at := _clock(at_text.strip())) is not None:
        return When(datetime.combine(day, at), None, is_day=False)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise _no_time(text) from error
    return When(moment.replace(tzinfo=None), moment.tzinfo, is_day=False)


def _no_time(text: str) -> Unfit:
    return Unfit(_("“%(text)s” is no time that everybody reads alike. Write it like 2026-11-28 19:30.") % {"text": text[:60]})


def _day(text: str) -> datetime | None:
    return next((day for form in DAYS if (day := _parsed(text, form))), None)


def _clock(text: str) -> time | None:
    text = re.sub(r"\s*(uhr|h)$", "", text, flags=re.IGNORECASE)
    return next((moment.time() for form in TIMES if (moment := _parsed(text, form))), None)


def _parsed(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007 -- by the venue's clock, which the caller knows
    except ValueError:
        return None


def _zone(name: str) -> tzinfo:
    if name not in time_zones():
        raise Unfit(_("“%(name)s” is no time zone. Write it like Europe/Berlin.") % {"name": name[:100]})
    return ZoneInfo(name)
