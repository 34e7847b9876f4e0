import os
from datetime import UTC, datetime, timedelta
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bookings.tests.races import outcomes, race, slowly
from evently import lists
from evently.accounts.models import Organizer
from evently.lists import ListReport, NoList
from events import importing
from events.importing import import_events
from events.models import Event, Series
from events.tests.factories import make_organizer, make_venue
from venues.models import SeatingPlan

pytestmark = pytest.mark.django_db

EXAMPLES = int(os.environ.get("EVENTLY_FUZZ_EXAMPLES", "150"))
BERLIN = ZoneInfo("Europe/Berlin")
YEAR = timezone.now().year + 1  # all dates of these tests are to come


def calendar(*events: str) -> bytes:
    blocks = "".join(f"BEGIN:VEVENT\n{event.strip()}\nEND:VEVENT\n" for event in events)
    return f"BEGIN:VCALENDAR\n{blocks}END:VCALENDAR\n".encode()


def an_event(**lines: str) -> str:
    usual = {"UID": "a", "SUMMARY": "Quartet", "DTSTART": f"{YEAR}0110T193000", "DTEND": f"{YEAR}0110T220000"}
    return "\n".join(f"{name}:{text}" for name, text in (usual | lines).items() if text)


def take(content: bytes, **options: Any) -> ListReport:
    venue = make_venue()
    return import_events(organizer=venue.organizer, content=content, name="dates.ics", **({"venue": venue} | options))


def starts(zone: Any = BERLIN) -> list[str]:
    times = Event.objects.order_by("starts_at").values_list("starts_at", flat=True)
    return [f"{each.astimezone(zone):%m-%d %H:%M}" for each in times]


def test_an_event_becomes_a_draft_with_the_usual_sale() -> None:
    report = take(calendar(an_event(DESCRIPTION="One\\nTwo<br>Three", CATEGORIES="Fun,Music", LOCATION="Main hall, Erfurt")))

    assert (report.rows, report.made, report.refused, report.warnings) == (1, 1, [], [])
    event = Event.objects.get()
    assert (event.title, event.description, event.category, event.status) == ("Quartet", "One\nTwo\nThree", "music", "draft")
    assert (event.slug, event.source_uid, event.sale_ends_at) == ("quartet", "a", event.starts_at)
    assert event.starts_at == datetime(YEAR, 1, 10, 18, 30, tzinfo=UTC)
    assert event.ends_at - event.starts_at == timedelta(hours=2, minutes=30)


@pytest.mark.parametrize(
    ("start", "local"),
    [
        ("DTSTART;TZID=America/New_York:{}0110T120000", "01-10 18:00"),
        ("DTSTART;TZID=Pacific Standard Time:{}0110T120000", "01-10 21:00"),
        ("DTSTART;TZID=/freeassociation.sourceforge.net/Europe/London:{}0110T120000", "01-10 13:00"),
        ("DTSTART:{}0110T120000Z", "01-10 13:00"),
        ("DTSTART:{}0110T120000", "01-10 12:00"),
        ("DTSTART;VALUE=DATE:{}0110", "01-10 00:00"),
    ],
)
def test_times_are_read_by_the_clock_that_they_name(start: str, local: str) -> None:
    take(calendar(f"UID:a\nSUMMARY:Talk\n{start.format(YEAR)}"))
    assert starts() == [local]


def test_a_time_zone_may_be_described_in_the_file_and_an_unknown_one_is_refused() -> None:
    zone = (
        "BEGIN:VTIMEZONE\nTZID:Ours\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0500\nTZOFFSETTO:+0500\n"
        "END:STANDARD\nEND:VTIMEZONE\n"
    )
    event = calendar(f"UID:a\nSUMMARY:Talk\nDTSTART;TZID=Ours:{YEAR}0110T120000")
    assert take(event).refused == [(5, "The time zone “Ours” is not known.")]
    take(event.replace(b"BEGIN:VEVENT", zone.encode() + b"BEGIN:VEVENT"))
    assert starts(UTC) == ["01-10 07:00"]


def test_what_repeats_becomes_a_series_by_the_clock_of_the_place() -> None:
    """Weekly over the change of clocks: 19:30 stays 19:30. One date is left out, one added, one moved, one cancelled."""
    master = an_event(
        DTSTART=f"{YEAR}0310T193000",
        DTEND=f"{YEAR}0310T220000",
        RRULE="FREQ=WEEKLY;COUNT=5",
        EXDATE=f"{YEAR}0317T193000",
        RDATE=f"{YEAR}0501T150000",
    )
    moved = {"DTSTART": f"{YEAR}0325T200000", "DTEND": f"{YEAR}0325T210000", "RECURRENCE-ID": f"{YEAR}0324T193000"}
    off = {"DTSTART": f"{YEAR}0331T193000", "RECURRENCE-ID": f"{YEAR}0331T193000", "STATUS": "CANCELLED"}
    content = calendar(master, an_event(**moved), an_event(**off, DTEND=""))
    report = take(content)

    assert starts() == ["03-10 19:30", "03-25 20:00", "04-07 19:30", "05-01 15:00"]
    assert (report.made, report.left_out, Series.objects.get().events.count()) == (4, 1, 4)
    assert set(Event.objects.values_list("source_uid", flat=True)) == {
        f"a/{YEAR}{day}" for day in ("0310T193000", "0324T193000", "0407T193000", "0501T150000")
    }
    again = take(content)
    assert (again.made, again.changed, again.unchanged, Series.objects.count()) == (0, 0, 4, 1)

    fewer = take(content.replace(b"COUNT=5", b"COUNT=4"))
    assert [text.partition("”")[0] for _line, text in fewer.warnings if "no longer" in text] == [f"“Quartet, 7 Apr {YEAR}, 19:30"]


def test_an_endless_rule_ends_and_days_that_are_over_are_left_out() -> None:
    report = take(calendar(an_event(DTSTART="20200101T193000", DTEND="20200101T203000", RRULE="FREQ=DAILY")))
    assert (report.made, len(report.warnings)) == (366, 1)
    assert Event.objects.filter(ends_at__lt=timezone.now()).count() == 0

    old = calendar(an_event(DTSTART="20200101T193000", DTEND="20200101T203000", UID="b"))
    assert (take(old).left_out, take(old, since=datetime(2020, 1, 1, tzinfo=UTC)).made) == (1, 1)


@pytest.mark.parametrize(
    ("lines", "line", "reason"),
    [
        ({"SUMMARY": ""}, 2, "There is no title."),
        ({"DTSTART": ""}, 2, "“Quartet” has no start (DTSTART)."),
        ({"DTSTART": "20269999"}, 5, "“20269999” is no DTSTART."),
        ({"DTSTART": "00010101T000000"}, 2, "It takes place in the year 1."),
        ({"DTEND": f"{YEAR}0101T000000"}, 2, "It ends before it starts."),
        ({"DTEND": f"{YEAR + 3}0101T000000"}, 2, "It takes longer than a year."),
        ({"RRULE": "FREQ=SECONDLY"}, 7, "It repeats more often than daily, which is not understood here."),
        ({"RRULE": "FREQ=DAILY;BYHOUR=1,2"}, 7, "It repeats more often than daily, which is not understood here."),
        ({"RRULE": "FREQ=DAILY;INTERVAL=0"}, 7, "“FREQ=DAILY;INTERVAL=0” is no RRULE."),
        ({"RDATE": "soon"}, 7, "“soon” is no RDATE."),
        ({"EXRULE": "FREQ=DAILY"}, 7, "It has an EXRULE, which is not understood here."),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_line_and_spoils_no_other(lines: dict[str, str], line: int, reason: str) -> None:
    report = take(calendar(an_event(**lines), an_event(UID="good")))
    assert (report.refused, report.made, report.rows) == ([(line, reason)], 1, 2)


def test_a_place_that_the_team_does_not_have_is_refused_unless_one_is_chosen() -> None:
    report = take(calendar(an_event(LOCATION="Old Mill")), venue=None)
    assert report.refused == [(2, "The team has no venue “Old Mill”, and none is chosen for such events.")]
    assert take(calendar(an_event(LOCATION="Old Mill"))).warnings[0][0] == 7
    with pytest.raises(NoList):
        take(b"BEGIN:VCALENDAR", venue=make_venue(slug="other", organizer=make_organizer("others")))


def test_a_later_file_changes_drafts_but_neither_what_people_changed_nor_what_is_published() -> None:
    take(calendar(an_event(), an_event(UID="b", SUMMARY="Trio")))
    Event.objects.filter(source_uid="a").update(description="Ours", doors_at=datetime(YEAR, 1, 10, 18, tzinfo=UTC))
    Event.objects.filter(source_uid="b").update(status=Event.Status.PUBLISHED)
    assert take(calendar(an_event(), an_event(UID="b", SUMMARY="Trio"))).changed == 0

    later = calendar(
        an_event(SUMMARY="Quintet", DTSTART=f"{YEAR}0110T203000"), an_event(UID="b", SUMMARY="Duo", STATUS="CONFIRMED")
    )
    dry = take(later, dry_run=True)
    assert Event.objects.get(source_uid="a").title == "Quartet"
    report = take(later)
    assert (dry.changed, dry.warnings) == (report.changed, report.warnings) == (1, report.warnings)
    event = Event.objects.get(source_uid="a")
    assert (event.title, event.description, event.version) == ("Quintet", "Ours", 2)
    assert (event.starts_at, event.sale_ends_at) == (datetime(YEAR, 1, 10, 19, 30, tzinfo=UTC),) * 2
    assert event.doors_at == datetime(YEAR, 1, 10, 19, tzinfo=UTC)
    assert Event.objects.get(source_uid="b").title == "Trio"
    assert [text for _line, text in report.warnings] == [
        f"“Trio, 10 Jan {YEAR}, 19:30” is published and stays as it is; the file says something else: title."
    ]


def test_a_draft_with_a_seating_plan_keeps_its_venue() -> None:
    take(calendar(an_event()))
    plan = SeatingPlan.objects.create(venue=make_venue(), name="Plan", number=1, layout={}, seat_count=0)
    Event.objects.update(seating_plan=plan)
    make_venue(slug="mill", name="Old Mill")

    report = take(calendar(an_event(LOCATION="Old Mill")))

    assert (report.changed, report.unchanged, Event.objects.get().venue) == (0, 1, make_venue())
    assert report.warnings[0][1].startswith("“Quartet” has a seating plan of Main Hall")


def test_what_the_file_cancels_is_named_and_stays() -> None:
    take(calendar(an_event()))
    Event.objects.update(status=Event.Status.PUBLISHED)
    report = take(calendar(an_event(STATUS="CANCELLED"), an_event(UID="b", STATUS="CANCELLED")))
    assert (report.made, report.left_out, report.unchanged, len(report.warnings)) == (0, 1, 1, 2)
    assert Event.objects.get().status == Event.Status.PUBLISHED


def test_the_same_uid_in_another_team_is_another_event() -> None:
    take(calendar(an_event()))
    hall = make_venue(slug="other", organizer=make_organizer("others"))
    assert import_events(organizer=hall.organizer, content=calendar(an_event()), name="a.ics", venue=hall).made == 1


ROWS = (
    "Title;Start;End;Venue;Category;Description;UID\n"
    f'Jazz;{YEAR}-01-10 19:30;22:00;Main Hall;music;"One\nTwo";j1\n'
    f"Fair;10.01.{YEAR};11.01.{YEAR};main-hall;;;\n"
    f"Night;10.01.{YEAR} 22:30;01:00;;;;\n"
    f"Late;1/2/{YEAR};;;;;\n"
    f"Zoned;{YEAR}-01-10T19:30:00+00:00;;;nonsense;;\n"
    ";;;;;;x\n"
).encode("cp1252")


def test_rows_become_drafts_and_a_second_run_changes_nothing() -> None:
    venue = make_venue()
    report = import_events(organizer=venue.organizer, content=ROWS, name="dates.csv", venue=venue)

    assert [line for line, _why in report.refused] == [6, 8]
    assert [line for line, _why in report.warnings] == [7, 7]
    made = {event.title: event for event in Event.objects.all()}
    assert {title: (event.ends_at - event.starts_at).total_seconds() / 3600 for title, event in made.items()} == {
        "Jazz": 2.5,
        "Fair": 48,
        "Night": 2.5,
        "Zoned": 2,
    }
    assert (made["Jazz"].description, made["Jazz"].source_uid, made["Jazz"].category) == ("One\nTwo", "j1", "music")
    assert starts() == ["01-10 00:00", "01-10 19:30", "01-10 20:30", "01-10 22:30"]

    again = import_events(organizer=venue.organizer, content=ROWS, name="dates.csv", venue=venue)
    assert (again.made, again.changed, again.unchanged) == (0, 0, 4)


@pytest.mark.parametrize(("name", "content"), [("a.ics", b""), ("a.csv", b""), ("a.csv", b"a,b\n1,2\n"), ("a.ics", b"\0\0")])
def test_what_is_no_calendar_and_no_list_is_refused_as_a_whole(name: str, content: bytes) -> None:
    with pytest.raises(NoList):
        import_events(organizer=make_organizer(), content=content, name=name)


def test_the_command_tells_lines_and_ends_with_a_status(tmp_path: Path) -> None:
    make_venue()
    file = tmp_path / "dates.csv"
    file.write_bytes(ROWS)
    said, errors = StringIO(), StringIO()

    with pytest.raises(CommandError, match=r"Imported 4 new, .* of 6 rows\. 2 refused\.") as refusal:
        call_command("import_events", file, organizer="city-stage", venue="main-hall", stdout=said, stderr=errors)
    assert refusal.value.returncode == 1
    assert errors.getvalue().splitlines()[1] == "error  line 8: There is no title."

    with pytest.raises(CommandError, match=r"The team has no venue “nowhere”\. Venues: main-hall\.") as refusal:
        call_command("import_events", file, organizer="city-stage", venue="nowhere")
    assert refusal.value.returncode == 2


RICH = calendar(
    an_event(RRULE="FREQ=WEEKLY;COUNT=5;BYDAY=TU,TH", EXDATE=f"{YEAR}0112T193000", LOCATION="Main Hall", STATUS="CONFIRMED"),
    an_event(**{"RECURRENCE-ID": f"{YEAR}0119T193000"}, DTEND="", DURATION="PT3H"),
    an_event(UID="b", RDATE=f"{YEAR}0401T120000,{YEAR}0402T120000", CATEGORIES="Music"),
)


@st.composite
def spoiled(draw: st.DrawFn, sample: bytes) -> bytes:
    """A good file with bytes replaced, doubled, dropped and put in."""
    content = bytearray(sample)
    pieces = [b";", b'"', b"\n", b"\0", b":", b",", b"9", b"-", b"Z", b"FREQ=YEARLY", b"END:VEVENT\n", b"BEGIN:VEVENT\n", b"\n "]
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(content)))
        content[start : start + draw(st.integers(0, 9))] = draw(st.binary(max_size=9) | st.sampled_from(pieces))
    return bytes(content)


def check_import(name: str, content: bytes) -> None:
    venue = make_venue()
    before = Event.objects.count()
    options: dict[str, Any] = {"organizer": venue.organizer, "content": content, "name": name, "venue": venue}
    try:
        report = import_events(**options)
    except NoList:
        assert Event.objects.count() == before
        return
    assert Event.objects.count() == before + report.made
    assert report.rows == report.made + report.changed + report.unchanged + report.left_out + len(report.refused)
    for event in Event.objects.filter(pk__in=[event.pk for event in report.new]):
        event.clean_fields(exclude=["organizer", "venue", "series"])
    again = import_events(**options)
    assert (again.made, again.changed) == (0, 0)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=spoiled(RICH) | st.binary(max_size=300))
def test_whatever_the_calendar_is_there_is_a_report_or_a_refusal(content: bytes) -> None:
    check_import("dates.ics", content)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=spoiled(ROWS) | st.binary(max_size=300))
def test_whatever_the_list_is_there_is_a_report_or_a_refusal(content: bytes) -> None:
    check_import("dates.csv", content)


BUSY_FILE = calendar(
    *(an_event(UID=f"u{n}", SUMMARY=f"Quartet {n}") for n in range(20)),
    an_event(UID="s", SUMMARY="Series", RRULE="FREQ=WEEKLY;COUNT=5"),
)


def twice_at_once(*organizers: Organizer) -> list[Any]:
    """The same file imported by all of them at one moment."""
    venues = [make_venue(slug=f"hall-{organizer.slug}", organizer=organizer) for organizer in organizers]
    return race(
        partial(import_events, organizer=organizer, content=BUSY_FILE, name="dates.ics", venue=venue)
        for organizer, venue in zip(organizers, venues, strict=True)
    )


@pytest.mark.django_db(transaction=True)
def test_two_imports_of_one_file_at_once_make_everything_once() -> None:
    team = make_organizer()

    reports = twice_at_once(team, team)

    assert sorted((report.made, report.unchanged, report.refused) for report in reports) == [(0, 25, []), (25, 0, [])]
    assert (Event.objects.count(), Series.objects.count()) == (25, 1)


@pytest.mark.django_db(transaction=True)
def test_without_its_lock_one_of_two_imports_at_once_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "one_at_a_time", lambda organizer: None)
    slowly(monkeypatch, importing, "_make", seconds=0.3)
    team = make_organizer()

    assert outcomes(twice_at_once(team, team)) == {"ListReport": 1, "IntegrityError": 1}


@pytest.mark.django_db(transaction=True)
def test_two_teams_import_one_file_at_once_and_each_has_it_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    slowly(monkeypatch, importing, "insert", seconds=0.3)
    one, other = make_organizer("one"), make_organizer("other")

    reports = twice_at_once(one, other)

    assert [(report.made, report.refused) for report in reports] == [(25, []), (25, [])]
    assert {(team.slug, team.events.count()) for team in (one, other)} == {("one", 25), ("other", 25)}
    assert len(set(Event.objects.values_list("slug", flat=True))) == 50


@pytest.mark.django_db(transaction=True)
def test_who_waits_too_long_for_another_import_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    team = make_organizer()
    monkeypatch.setattr(lists, "LONGEST_WAIT", "50ms")
    slowly(monkeypatch, importing, "_make", seconds=0.6)

    assert outcomes(twice_at_once(team, team)) == {"ListReport": 1, "ImportUnderWay": 1}
    assert Event.objects.count() == 25
