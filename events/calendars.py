"""Dates out of an iCalendar file (RFC 5545).

Every VEVENT is read by itself, so that a broken one is refused by its line and spoils no other. What repeats is counted out.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from django.utils.html import strip_tags
from django.utils.translation import gettext as _
from icalendar import Event as Component
from icalendar import Timezone
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from evently.lists import ListReport, NoList, Progress, Unfit, clean
from venues.models import Venue, time_zones

from .calendar_blocks import TEXTS, Block, name_of, read_blocks
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

MOST_DATES = 366  # of one event that repeats
MOST_STEPS = 1_000_000  # in which all rules of a file are counted out, a few seconds
LONGEST_LINE = 100_000  # letters of a property that is read; hundreds of dates have a tenth of that
FREQUENCIES = {"DAILY": 1, "WEEKLY": 7, "MONTHLY": 28, "YEARLY": 365}  # and the days of one step
PREFIXED = re.compile(r'TZID="?(/[^":;,]+)"?')  # RFC 5545, 3.2.19: globally unique, by a vendor's prefix
HTML = re.compile(r"<(br|p|div|a|b|i|u|ul|li|span)\b[^>]*>", re.IGNORECASE)
NEW_LINE = re.compile(r"<(br|/p|/div|/li)\b[^>]*>", re.IGNORECASE)
# What a VTIMEZONE may say of its changes: once a year. Anything else could be counted out forever.
YEARLY = re.compile(r"(FREQ=YEARLY|INTERVAL=1|(BYMONTH|BYDAY|BYMONTHDAY|BYHOUR|BYMINUTE|BYSECOND|UNTIL|WKST)=[-+0-9A-Z]+)")


def read_calendar(
    text: str,
    *,
    venues: Venues,
    floating: tzinfo | None,
    since: datetime,
    until: datetime,
    now: datetime,
    report: ListReport,
    progress: Progress = iter,
) -> "Calendar":
    """Read what takes place from `since` on; what repeats, until `until`. Problems go into the report.

    `floating` is the zone of times that have none; without it, that of each event's venue. Raises `NoList` if no event is there.
    """
    blocks = list(read_blocks(text))
    if not any(block.kind == "VEVENT" for block in blocks):
        raise NoList(_("There is no event in this calendar."))
    calendar = Calendar(venues, floating, since, until, now, report)
    calendar.zones.update({name: block for block in blocks if block.kind == "VTIMEZONE" and (name := block.value("TZID"))})
    for block in progress([block for block in blocks if block.kind == "VEVENT"]):
        calendar.add(block)
    return calendar


@dataclass(slots=True)
class Told:
    """A VEVENT. Its start is by the clock of its own zone."""

    block: Block
    component: Component
    uid: str
    title: str
    description: str
    venue: Venue
    zone: tzinfo
    start: datetime
    is_floating: bool
    days: int | None  # if it takes whole days
    length: timedelta
    instead_of: str  # the key of the date that it changes, if it changes one of what repeats

    @property
    def repeats(self) -> bool:
        return "RRULE" in self.component or "RDATE" in self.component

    def end(self, start: datetime) -> datetime:
        """When the date that starts then is over, in UTC."""
        if self.days is None:
            return in_utc(start, self.zone) + self.length
        return in_utc(start + timedelta(days=self.days), self.zone)  # a day may have 23 or 25 hours

    def key(self, start: datetime) -> str:
        return _key(start, self.zone, is_day=self.days is not None, is_floating=self.is_floating)


@dataclass(slots=True)
class Calendar:
    """Iterating yields the entries. `complete_until` holds for each series the line and the end of what was counted out."""

    venues: Venues
    floating: tzinfo | None
    since: datetime
    until: datetime
    now: datetime
    report: ListReport
    zones: dict[str, Any] = field(default_factory=dict)  # a block until it is asked for
    told: dict[str, Told] = field(default_factory=dict)
    changes: dict[str, dict[str, Told]] = field(default_factory=dict)
    complete_until: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    steps: int = 0

    def add(self, block: Block) -> None:
        """Take a VEVENT in, or refuse it."""
        try:
            told = self._read(block)
        except Unfit as problem:
            self._refuse(block, problem)
            return
        place = self.changes.setdefault(told.uid, {}) if told.instead_of else self.told
        name = told.instead_of or told.uid
        if first := place.get(name):
            self.report.rows += 1
            self.report.left_out += 1
            text = _("“%(title)s” has the UID of line %(first)d; that line counts.")
            self.report.warnings.append((block.line, text % {"title": told.title, "first": first.block.line}))
            return
        place[name] = told

    def __iter__(self) -> Iterator[Entry]:
        for uid in [*self.told, *(uid for uid in self.changes if uid not in self.told)]:
            told, changes = self.told.get(uid), dict(self.changes.get(uid, {}))
            entries: list[Entry] = []
            if told and not told.repeats and not changes:
                entries = [self._entry(told, told.start, told.uid)]
            else:
                if told:
                    try:
                        dates = self._dates(told)
                    except Unfit as problem:
                        self._refuse(told.block, problem)
                        continue
                    for start in dates:
                        key = told.key(start)
                        changed = changes.pop(key, None) or changes.pop(f"{start:%Y%m%d}", None)
                        # A date keeps its own name, even where its change names it by the day alone.
                        entries.append(self._entry(changed or told, changed.start if changed else start, f"{uid}/{key}", uid))
                entries += [self._entry(change, change.start, f"{uid}/{key}", uid) for key, change in changes.items()]
            coming = [entry for entry in entries if entry.ends_at > self.since]
            if not coming:
                self.report.rows += 1
                self.report.left_out += 1
            self.report.rows += len(coming)
            yield from coming

    def _refuse(self, block: Block, problem: Unfit) -> None:
        self.report.rows += 1
        self.report.refused.append((problem.line or block.line, str(problem)))

    def _warn(self, line: int, text: str) -> None:
        self.report.warnings.append((line, text))

    # One event

    def _read(self, block: Block) -> Told:
        component = _component(block)
        uid = clean(str(_one(component, block, "UID") or ""))
        if len(uid) > LONGEST_UID:
            raise Unfit(_("Its UID has more than %(most)d letters.") % {"most": LONGEST_UID}, block.line_of("UID"))
        master = self.told.get(uid) if "RECURRENCE-ID" in component else None
        if master:  # a change tells what is different
            for name in TEXTS:
                if name not in component and name in master.component:
                    component[name] = master.component[name]
        title = title_of(_text(component, "SUMMARY"), line=block.line_of("SUMMARY"), warn=self._warn)
        line, text = block.line_of("DESCRIPTION"), _plain(_text(component, "DESCRIPTION"))
        description = description_of(text, line=line, warn=self._warn)
        venue = self.venues.find(clean(_text(component, "LOCATION")), line=block.line_of("LOCATION"))
        moment = _one(component, block, "DTSTART")
        if moment is None:
            raise Unfit(_("“%(title)s” has no start (DTSTART).") % {"title": title})
        start, zone, is_floating = self._local(moment, block, "DTSTART", floating=self.floating or venue.zone)
        check_year(start, now=self.now)
        days, length = self._length(component, block, moment.dt, start, zone)
        if "EXRULE" in component:
            raise Unfit(_("It has an EXRULE, which is not understood here."), block.line_of("EXRULE"))
        instead_of = ""
        if moved := _one(component, block, "RECURRENCE-ID"):
            if moved.params.get("RANGE"):
                raise Unfit(
                    _("It changes all later dates as well, which is not understood here."), block.line_of("RECURRENCE-ID")
                )
            before, _zone, was_floating = self._local(moved, block, "RECURRENCE-ID", floating=zone, into=zone)
            check_year(before, now=self.now)
            instead_of = _key(before, zone, is_day=not isinstance(moved.dt, datetime), is_floating=was_floating)
        if not uid:
            uid = made_up_uid(title, venue, in_utc(start, zone))
            self._warn(block.line, _("“%(title)s” has no UID: its title, venue and time name it.") % {"title": title})
        return Told(block, component, uid, title, description, venue, zone, start, is_floating, days, length, instead_of)

    def _entry(self, told: Told, start: datetime, uid: str, series: str = "") -> Entry:
        return Entry(
            line=told.block.line,
            uid=uid,
            title=told.title,
            venue=told.venue,
            starts_at=in_utc(start, told.zone),
            ends_at=told.end(start),
            description=told.description,
            category=topic_of(_categories(told.component)),
            series=series,
            is_cancelled=_text(told.component, "STATUS").strip().upper() == "CANCELLED",
        )

    def _length(
        self, component: Component, block: Block, first: Any, start: datetime, zone: tzinfo
    ) -> tuple[int | None, timedelta]:
        """The whole days that it takes, if it does, and how long it takes."""
        is_whole_days = not isinstance(first, datetime)
        end, duration = _one(component, block, "DTEND"), _one(component, block, "DURATION")
        try:
            if end is not None:
                last = self._local(end, block, "DTEND", floating=zone, into=zone)[0]
                length = last - start if is_whole_days else in_utc(last, zone) - in_utc(start, zone)
            elif duration is not None:
                length = duration.dt
            else:
                length = timedelta(0)
            length = check_length(length)
        except (AttributeError, TypeError, OverflowError) as error:
            name = "DTEND" if end is not None else "DURATION"
            raise Unfit(_("“%(value)s” is no %(name)s.") % _named(block, name), block.line_of(name)) from error
        if is_whole_days:
            return max(1, -(-length // timedelta(days=1))), length
        if not length:
            self._warn(
                block.line, _("“%(title)s” has no end: two hours are assumed.") % {"title": _text(component, "SUMMARY")[:200]}
            )
        return None, length or USUAL_LENGTH

    # Zones

    def _local(
        self, moment: Any, block: Block, name: str, *, floating: tzinfo, into: tzinfo | None = None
    ) -> tuple[datetime, tzinfo, bool]:
        """What the clock shows at the moment, of which zone (`into`, if given), and whether the file leaves the zone open."""
        try:
            value = moment.dt
        except Exception as error:  # a library's own ways of being broken
            raise Unfit(_("“%(value)s” is no %(name)s.") % _named(block, name), block.line_of(name)) from error
        if isinstance(value, tuple):  # a period; its start is what names it
            value = value[0]
        if not isinstance(value, date):
            raise Unfit(_("“%(value)s” is no %(name)s.") % _named(block, name), block.line_of(name))
        if not isinstance(value, datetime):
            return datetime.combine(value, time()), floating, True
        zone_name = str(moment.params.get("TZID", "")) if hasattr(moment, "params") else ""
        zone = value.tzinfo or (self._zone(zone_name, line=block.line_of(name)) if zone_name else floating)
        local = value.replace(tzinfo=None)
        if into is not None and zone is not into and 1 < value.year < 9999:
            local = local.replace(tzinfo=zone).astimezone(into).replace(tzinfo=None)
        return local, into or zone, not (zone_name or value.tzinfo)

    def _zone(self, name: str, *, line: int) -> tzinfo:
        """The zone by its name: an IANA one, perhaps after a prefix, a Windows one, or one that the file describes."""
        if known := _iana(name):
            return ZoneInfo(known)
        if name in WINDOWS_TO_OLSON:
            return ZoneInfo(WINDOWS_TO_OLSON[name])
        if isinstance(described := self.zones.get(name), Block):
            self.zones[name] = described = _described_zone(described)
        if described is None:
            raise Unfit(_("The time zone “%(name)s” is not known.") % {"name": name[:100]}, line)
        zone: tzinfo = described
        return zone

    # What repeats

    def _dates(self, told: Told) -> list[datetime]:
        """When it starts, by its own clock: every date that is not over, up to `MOST_DATES` of them."""
        block = told.block
        since = self.since.astimezone(told.zone).replace(tzinfo=None) - told.length - timedelta(days=1)
        until = self.until.astimezone(told.zone).replace(tzinfo=None)
        dates = {told.start}
        rules = _all(told.component, "RRULE")
        for rule in rules:
            dates |= self._counted_out(rule, told, since=since, until=until)
        for added in _moments(told.component, block, "RDATE"):
            when = self._local(added, block, "RDATE", floating=told.zone, into=told.zone)[0]
            check_year(when, now=self.now)
            dates.add(when)
        for left_out in _moments(told.component, block, "EXDATE"):
            when = self._local(left_out, block, "EXDATE", floating=told.zone, into=told.zone)[0]
            whole_day = not isinstance(left_out.dt, datetime)
            dates = {each for each in dates if (each.date() != when.date() if whole_day else each != when)}
        coming = sorted(each for each in dates if told.end(each) > self.since)
        end = self.until
        if len(coming) > MOST_DATES:
            coming = coming[:MOST_DATES]
            end = in_utc(coming[-1], told.zone)
            text = _("“%(title)s” has very many dates; the first %(most)d are taken.")
            self._warn(block.line, text % {"title": told.title, "most": MOST_DATES})
        self.complete_until[told.uid] = (block.line, end)
        return coming

    def _counted_out(self, rule: Any, told: Told, *, since: datetime, until: datetime) -> set[datetime]:
        """The dates of the rule from `since` until `until`. COUNT is counted here, because the first date belongs to it."""
        line = told.block.line_of("RRULE")
        try:
            frequency, interval, count = rule["FREQ"][0], rule.get("INTERVAL", [1])[0], rule.get("COUNT", [None])[0]
            ends = [self._last(each, told) for each in rule.get("UNTIL", [])]
            is_odd = any(len(rule.get(name, [])) > 1 for name in ("BYHOUR", "BYMINUTE", "BYSECOND"))
        except Exception as error:  # a library's own ways of being broken
            raise Unfit(_("“%(value)s” is no %(name)s.") % _named(told.block, "RRULE"), line) from error
        if frequency not in FREQUENCIES or is_odd:
            raise Unfit(_("It repeats more often than daily, which is not understood here."), line)
        if interval < 1 or (count is not None and count < 1):
            raise Unfit(_("“%(value)s” is no %(name)s.") % _named(told.block, "RRULE"), line)
        until = min([until, *ends])
        self.steps += max(0, (until - told.start).days) // FREQUENCIES[frequency] + 1
        if self.steps > MOST_STEPS:
            raise Unfit(_("The rules of this calendar take too long to count out. Please let this one start later."), line)
        plain = {name: values for name, values in rule.items() if name not in ("COUNT", "UNTIL")}
        try:
            # UNTIL keeps a rule that matches nothing from being searched for up to the year 9999.
            text = type(rule)(plain | {"UNTIL": [until]}).to_ical().decode()
            following = (each for each in rrulestr(text, dtstart=told.start) if each > told.start)
            most = None if count is None else count - 1
            return {each for each in islice(following, most) if each >= since}
        except Exception as error:  # a library's own ways of being broken
            raise Unfit(_("“%(value)s” is no %(name)s.") % _named(told.block, "RRULE"), line) from error

    def _last(self, end: Any, told: Told) -> datetime:
        """The last moment of an UNTIL, by the event's clock."""
        if not isinstance(end, datetime):
            return datetime.combine(end, time(23, 59, 59))
        return end.astimezone(told.zone).replace(tzinfo=None) if end.tzinfo else end


def _key(start: datetime, zone: tzinfo, *, is_day: bool, is_floating: bool) -> str:
    """What is added to the UID to name one date of several: its time before anybody changed it."""
    if is_day:
        return f"{start:%Y%m%d}"
    return f"{start:%Y%m%dT%H%M%S}" if is_floating else f"{in_utc(start, zone):%Y%m%dT%H%M%SZ}"


def _component(block: Block) -> Any:
    if not block.is_closed:
        raise Unfit(_("This event is never ended (END:VEVENT)."))
    for line, text in block.lines:
        if len(text) > LONGEST_LINE and name_of(text) != "DESCRIPTION":
            raise Unfit(_("%(name)s is too long.") % {"name": name_of(text)}, line)
    try:
        component = _parsed([text[:LONGEST_LINE] for _line, text in block.lines])
    except Exception as error:  # a library's own ways of being broken
        raise Unfit(_("This event cannot be read: %(error)s") % {"error": str(error)[:200]}) from error
    for name, _complaint in component.errors:
        line, broken = (block.line_of(name), name) if name else _broken_line(block)
        raise Unfit(_("“%(value)s” is no %(name)s.") % _named(block, broken), line)
    return component


def _parsed(lines: list[str]) -> Any:
    # The library would warn of guessing.
    plain = (text if name_of(text) in TEXTS else PREFIXED.sub(_without_prefix, text, count=1) for text in lines)
    return Component.from_ical("\r\n".join(["BEGIN:VEVENT", *plain, "END:VEVENT", ""]))


def _without_prefix(match: re.Match[str]) -> str:
    return f"TZID={_iana(match[1]) or match[1]}"


def _iana(name: str) -> str:
    """The IANA zone of this name, perhaps after a prefix; empty if there is none."""
    parts = name.strip("/").split("/")
    known = (name, *("/".join(parts[-count:]) for count in (3, 2)))
    return next((each for each in known if each in time_zones()), "")


def _broken_line(block: Block) -> tuple[int, str]:
    """The number and name of the property that cannot even be taken apart."""
    for line, text in block.lines:
        if _parsed([text]).errors:
            return line, name_of(text)
    return block.line, ""


def _named(block: Block, name: str) -> Mapping[str, str]:
    return {"value": clean(block.value(name))[:80], "name": name}


def _all(component: Component, name: str) -> list[Any]:
    values = component.get(name, [])
    return values if isinstance(values, list) else [values]


def _one(component: Component, block: Block, name: str) -> Any:
    values = _all(component, name)
    if len(values) > 1:
        raise Unfit(_("It has more than one %(name)s.") % {"name": name}, block.line_of(name))
    return values[0] if values else None


def _text(component: Component, name: str) -> str:
    values = _all(component, name)
    return str(values[0]) if values else ""


def _categories(component: Component) -> list[str]:
    return [str(each).strip() for value in _all(component, "CATEGORIES") for each in getattr(value, "cats", [value])]


def _moments(component: Component, block: Block, name: str) -> Iterator[Any]:
    """The values of a property that lists times, each with the parameters of its list."""
    for value in _all(component, name):
        try:
            moments = value.dts
        except Exception as error:  # a library's own ways of being broken
            raise Unfit(_("“%(value)s” is no %(name)s.") % _named(block, name), block.line_of(name)) from error
        for moment in moments:
            moment.params = value.params
            yield moment


def _plain(text: str) -> str:
    """The text without the HTML that some calendars write."""
    return strip_tags(NEW_LINE.sub("\n", text)) if HTML.search(text) else text


def _described_zone(block: Block) -> tzinfo | None:
    """The zone that a VTIMEZONE describes, or None if it cannot be understood."""
    for _line, text in block.lines:
        if name_of(text) == "RRULE" and not all(YEARLY.fullmatch(part) for part in text.partition(":")[2].strip().split(";")):
            return None
    try:
        component: Any = Timezone.from_ical(
            "\r\n".join(["BEGIN:VTIMEZONE", *(text for _line, text in block.lines), "END:VTIMEZONE", ""])
        )
        zone: tzinfo = component.to_tz(lookup_tzid=False)
        datetime(2026, 1, 1, tzinfo=UTC).astimezone(zone)
    except Exception:  # a library's own ways of being broken; the caller refuses what needs this zone
        return None
    return zone
