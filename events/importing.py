"""Events from calendars and lists: drafts that people give prices and places.

A file may be imported again and again. Every event keeps the name that it has in its file (`source_uid`) and marks of what
the file said of it, so that a later file changes what the file's author changed, and nothing that people changed here.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from hashlib import sha256
from pathlib import PurePath
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Now
from django.utils.crypto import get_random_string
from django.utils.formats import date_format
from django.utils.text import slugify
from django.utils.translation import gettext as _

from evently.accounts.models import Organizer, User
from evently.lists import ListReport, NoList, Progress, in_words, insert, one_at_a_time, read_text
from venues.models import Venue

from .calendars import read_calendar
from .entries import Entry, Venues
from .listing import read_list
from .models import Event, Series

AHEAD = timedelta(days=730)  # as far as what repeats is counted out
MOST_ENTRIES = 10_000  # of one file
CALENDARS = {".ics", ".ical", ".icalendar", ".ifb"}


def import_events(
    *,
    organizer: Organizer,
    content: bytes,
    name: str = "",
    venue: Venue | None = None,
    time_zone: tzinfo | None = None,
    since: datetime | None = None,
    actor: User | None = None,
    dry_run: bool = False,
    progress: Progress = iter,
) -> ListReport:
    """Make drafts of the dates in a file called `name`, an iCalendar or a CSV file, and update the drafts made of it before.

    Good dates go in, bad ones are refused by line; if the process dies, none. A second run changes nothing. What is published
    stays as it is, and is named if the file says otherwise. `venue` is where events take place that name none of the team's;
    `time_zone` that of times without one, otherwise the venue's; what ended before `since` (now) is left out. Raises `NoList`.
    """
    if venue and venue.organizer_id != organizer.pk:
        raise NoList(_("“%(venue)s” is a venue of another team.") % {"venue": venue})
    text = read_text(content)
    report = ListReport()
    now = datetime.now(tz=UTC)
    since = since or now
    venues = Venues.of(organizer, usual=venue, warn=lambda line, told: report.warnings.append((line, told)))
    complete: Mapping[str, tuple[int, datetime]] = {}
    if PurePath(name).suffix.lower() in CALENDARS or "BEGIN:VCALENDAR" in text[:1000].upper():
        calendar = read_calendar(
            text, venues=venues, floating=time_zone, since=since, until=now + AHEAD, now=now, report=report, progress=progress
        )
        entries, complete = _some(calendar), calendar.complete_until
    else:
        entries = _some(
            read_list(text, venues=venues, floating=time_zone, since=since, now=now, report=report, progress=progress)
        )
    with transaction.atomic():
        if not dry_run:
            one_at_a_time(organizer)
        _take_over(entries, organizer=organizer, report=report, actor=actor, now=now, dry_run=dry_run)
        _tell_what_is_gone({entry.uid for entry in entries}, complete, organizer=organizer, report=report, since=since)
    report.refused.sort()
    report.warnings.sort()
    return report


def _some(entries: Iterable[Entry]) -> list[Entry]:
    found = []
    for entry in entries:
        found.append(entry)
        if len(found) > MOST_ENTRIES:
            raise NoList(_("There are more than %(most)d dates in this file. Please split it.") % {"most": MOST_ENTRIES})
    return found


def _take_over(
    entries: list[Entry], *, organizer: Organizer, report: ListReport, actor: User | None, now: datetime, dry_run: bool
) -> None:
    known = _imported(organizer, [entry.uid for entry in entries])
    changed: dict[str, Entry] = {}
    unknown: list[Entry] = []
    for entry in entries:
        event = known.get(entry.uid)
        if entry.is_cancelled:
            _tell_of_cancelled(entry, event, report)
        elif event is None:
            unknown.append(entry)
        elif event.status == Event.Status.DRAFT and _changes(event, entry):
            changed[entry.uid] = entry
        else:
            _tell_of_differences(entry, event, report)
    _update(changed, known, organizer=organizer, report=report, now=now, dry_run=dry_run)
    _make(unknown, known, organizer=organizer, report=report, actor=actor, now=now, dry_run=dry_run)


def _imported(organizer: Organizer, uids: Iterable[str]) -> dict[str, Event]:
    rows = Event.objects.filter(organizer=organizer, source_uid__in=list(uids)).select_related("venue")
    return {event.source_uid: event for event in rows.defer("names", "words")}


# New ones


def _make(
    entries: list[Entry],
    known: Mapping[str, Event],
    *,
    organizer: Organizer,
    report: ListReport,
    actor: User | None,
    now: datetime,
    dry_run: bool,
) -> None:
    slugs = _taken_slugs(entries)
    series = {event.source_uid.rpartition("/")[0]: event.series for event in known.values() if event.series_id}
    for entry in entries:
        event = Event(organizer=organizer, created_by=actor, source_uid=entry.uid, source_marks=_marks(entry), **_facts(entry))
        event.sale_starts_at, event.sale_ends_at = _sale(entry, now)
        event.slug = _slug(entry)
        if event.slug in slugs:
            event.slug = f"{event.slug}-{get_random_string(6).lower()}"
        if entry.series:
            event.series = series.setdefault(entry.series, Series(organizer=organizer, title=entry.title))
        try:
            event.clean_fields(exclude=["organizer", "venue", "series", "created_by"])
        except ValidationError as error:
            report.refused.append((entry.line, in_words(error)))
            continue
        slugs.add(event.slug)
        report.new.append(event)
    if not dry_run:
        Series.objects.bulk_create(
            {event.series.pk: event.series for event in report.new if event.series and event.series._state.adding}.values()
        )
        insert(report.new)


def _facts(entry: Entry) -> dict[str, Any]:
    """What the file says of the event; nothing of the category if it says nothing."""
    names = ("title", "description", "venue", "starts_at", "ends_at", *(["category"] if entry.category else []))
    return {name: getattr(entry, name) for name in names}


def _marks(entry: Entry) -> dict[str, str]:
    """A few letters for every fact, which tell whether the file says something else than before."""
    facts = _facts(entry) | {"venue": entry.venue.pk}
    return {name: sha256(str(fact).encode()).hexdigest()[:12] for name, fact in facts.items()}


def _sale(entry: Entry, now: datetime) -> tuple[datetime, datetime]:
    """From now on until it starts; of what has started, some time before."""
    return min(now, entry.starts_at - timedelta(days=1)) if entry.starts_at <= now else now, entry.starts_at


def _slug(entry: Entry) -> str:
    title = slugify(entry.title)[:100].strip("-") or "event"
    return f"{title}-{entry.starts_at.astimezone(entry.venue.zone):%Y-%m-%d}" if entry.series else title


def _taken_slugs(entries: Iterable[Entry]) -> set[str]:
    return set(Event.objects.filter(slug__in={_slug(entry) for entry in entries}).values_list("slug", flat=True))


# Known ones


def _changes(event: Event, entry: Entry) -> dict[str, Any]:
    """What the file says anew, and the event does not say yet."""
    marks = _marks(entry)
    news = {name: fact for name, fact in _facts(entry).items() if event.source_marks.get(name) != marks[name]}
    return {name: fact for name, fact in news.items() if getattr(event, name) != fact}


def _update(
    entries: Mapping[str, Entry],
    known: Mapping[str, Event],
    *,
    organizer: Organizer,
    report: ListReport,
    now: datetime,
    dry_run: bool,
) -> None:
    """Change the drafts, each under its lock: whoever publishes one meanwhile comes first or waits."""
    drafts: Iterable[Event] = (known[uid] for uid in entries)
    if not dry_run and entries:
        rows = Event.objects.select_for_update(of=("self",), no_key=True).select_related("venue", "seating_plan")
        drafts = rows.defer("names", "words").filter(organizer=organizer, source_uid__in=entries).order_by("pk")
    for event in drafts:
        entry = entries[event.source_uid]
        changes = _changes(event, entry)
        if event.status != Event.Status.DRAFT or not changes:
            _tell_of_differences(entry, event, report)
            continue
        if "venue" in changes and event.seating_plan_id:
            told = _("“%(title)s” has a seating plan of %(venue)s and stays there; the file says %(other)s.")
            facts = {"title": event.title, "venue": event.venue, "other": entry.venue}
            report.warnings.append((entry.line, told % facts))
            del changes["venue"]
            if not changes:
                report.unchanged += 1
                continue
        if "starts_at" in changes:
            changes |= _moved(event, entry, now)
        for name, value in changes.items():
            setattr(event, name, value)
        marks = _marks(entry)
        event.source_marks |= {
            name: marks[name] for name in marks if name in changes or getattr(event, name) == getattr(entry, name)
        }
        report.changed += 1
        if not dry_run:
            event.version += 1
            event.save(update_fields=[*changes, "source_marks", "version"])


def _moved(event: Event, entry: Entry, now: datetime) -> dict[str, Any]:
    """What goes along with another start: the doors, and the end of the sale where that was the start."""
    moved: dict[str, Any] = {}
    if event.doors_at:
        moved["doors_at"] = event.doors_at + (entry.starts_at - event.starts_at)
    if event.sale_ends_at == event.starts_at:
        moved["sale_ends_at"] = entry.starts_at
        if event.sale_starts_at >= entry.starts_at:
            moved["sale_starts_at"] = _sale(entry, now)[0]
    return moved


def _tell_of_differences(entry: Entry, event: Event, report: ListReport) -> None:
    """What was published is for people to change: tell them what the file says."""
    report.unchanged += 1
    if event.status == Event.Status.DRAFT or not (changes := _changes(event, entry)):
        return
    names = ", ".join(str(getattr(Event._meta.get_field(name), "verbose_name", name)) for name in changes)
    told = _("“%(event)s” is %(status)s and stays as it is; the file says something else: %(names)s.")
    facts = {"event": _named(event), "status": event.get_status_display(), "names": names}
    report.warnings.append((entry.line, told % facts))


def _tell_of_cancelled(entry: Entry, event: Event | None, report: ListReport) -> None:
    """What the file calls off is not made; what is there stays, since tickets may be sold for it."""
    if event is None:
        report.left_out += 1
        told = _("“%(event)s” is cancelled in the file and left out.")
        facts = {"event": entry.title}
    elif event.status == Event.Status.CANCELLED:
        report.unchanged += 1
        return
    else:
        report.unchanged += 1
        told = _("“%(event)s” is cancelled in the file, but %(status)s here. Please decide what becomes of it.")
        facts = {"event": _named(event), "status": event.get_status_display()}
    report.warnings.append((entry.line, told % facts))


def _tell_what_is_gone(
    uids: set[str], complete: Mapping[str, tuple[int, datetime]], *, organizer: Organizer, report: ListReport, since: datetime
) -> None:
    """Name the dates that were imported once and that what repeats no longer has."""
    if not complete:
        return
    rows = Event.objects.filter(organizer=organizer, source_uid__contains="/", starts_at__gte=since, starts_at__gt=Now())
    rows = rows.exclude(status=Event.Status.CANCELLED).select_related("venue").defer("names", "words", "description")
    for event in rows.order_by("starts_at"):
        line, end = complete.get(event.source_uid.rpartition("/")[0], (0, since))
        if event.source_uid not in uids and event.starts_at <= end:
            told = _(
                "“%(event)s” is no longer among the dates in the file, but %(status)s here. Please decide what becomes of it."
            )
            report.warnings.append((line, told % {"event": _named(event), "status": event.get_status_display()}))


def _named(event: Event) -> str:
    return f"{event.title}, {date_format(event.starts_at.astimezone(event.venue.zone), 'j M Y, H:i')}"
