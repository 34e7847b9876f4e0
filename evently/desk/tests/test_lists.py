"""Lists imported at the desk: looked at first, then imported as they were shown, for one's own teams alone."""

import os
from typing import Any

import pytest
from django.core import signing
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from evently.desk import lists
from events.models import Event
from venues.models import Venue

from .conftest import SignIn, Team

VENUES = b"name;city;country\nCloud House;M\xc3\xbcnchen;Germany\nNowhere;;Germany\n"
CALENDAR = b"""BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Open Air\r\nDTSTART:20300701T180000Z\r
DTEND:20300701T200000Z\r\nLOCATION:%s\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"""


def file(content: bytes, name: str = "list.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def page(kind: str) -> str:
    return reverse(f"admin:{kind}_import")


def test_venues_are_shown_with_their_problems_and_then_imported(ours: Team, sign_in: SignIn) -> None:
    client, before = sign_in(ours), Venue.objects.count()
    assert page("venues_venue") in client.get(reverse("admin:venues_venue_changelist")).text

    shown = client.post(page("venues_venue"), {"organizer": ours.organizer.pk, "file": file(VENUES)})
    assert shown.status_code == 200
    assert (shown.context["report"].made, shown.context["refused"][0][0]) == (1, 3)
    assert Venue.objects.count() == before

    done = client.post(page("venues_venue"), {"confirmed": shown.context["token"]}, follow=True)
    assert "Imported: 1 new, 0 changed, 1 refused." in done.text
    venue = Venue.objects.get(name="Cloud House")
    assert (venue.city, venue.organizer_id) == ("München", ours.organizer.pk)

    again = client.post(page("venues_venue"), {"organizer": ours.organizer.pk, "file": file(VENUES)})
    assert "There is nothing to import" in again.text


def test_events_come_from_calendars(ours: Team, sign_in: SignIn) -> None:
    client = sign_in(ours)
    calendar = file(CALENDAR % ours.event.venue.name.encode(), "season.ics")

    shown = client.post(page("events_event"), {"organizer": ours.organizer.pk, "file": calendar})
    assert (shown.context["report"].made, shown.context["refused"]) == (1, [])
    client.post(page("events_event"), {"confirmed": shown.context["token"]})

    event = Event.objects.get(title="Open Air")
    assert (event.status, event.organizer_id, event.source_uid) == ("draft", ours.organizer.pk, "1")


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"", "empty"), (b"\x89PNG\0\0", "not a text file"), (b"a;b\n1;2\n", "must name the columns"), (b"x" * 1_600_000, "1.2 MB")],
    ids=["empty", "picture", "columns", "large"],
)
def test_what_is_no_list_is_told_and_nothing_happens(ours: Team, sign_in: SignIn, content: bytes, told: str) -> None:
    before = Venue.objects.count()

    refused = sign_in(ours).post(page("venues_venue"), {"organizer": ours.organizer.pk, "file": file(content)})

    assert refused.status_code == 422
    assert told in refused.text
    assert Venue.objects.count() == before


def test_nobody_imports_for_another_team(ours: Team, theirs: Team, sign_in: SignIn) -> None:
    client = sign_in(ours)
    refused = client.post(page("venues_venue"), {"organizer": theirs.organizer.pk, "file": file(VENUES)})
    assert refused.status_code == 422

    shown = sign_in(theirs).post(page("venues_venue"), {"organizer": theirs.organizer.pk, "file": file(VENUES)})
    stolen = sign_in(ours).post(page("venues_venue"), {"confirmed": shown.context["token"]}, follow=True)
    assert "choose the file again" in stolen.text
    assert not Venue.objects.filter(name="Cloud House").exists()


def test_a_page_that_lay_about_too_long_asks_for_the_file_again(
    ours: Team, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in(ours)
    shown = client.post(page("venues_venue"), {"organizer": ours.organizer.pk, "file": file(VENUES)})
    monkeypatch.setattr(lists, "HALF_AN_HOUR", -1)

    refused = client.post(page("venues_venue"), {"confirmed": shown.context["token"]}, follow=True)

    assert "choose the file again" in refused.text
    assert not Venue.objects.filter(name="Cloud House").exists()


def test_the_largest_file_fits_into_the_page_that_asks(settings: Any) -> None:
    """Even if it cannot be compressed: two bytes for every other one, in base64."""
    noise = os.urandom(lists.LARGEST).decode("latin-1")
    token = signing.TimestampSigner().sign_object(["x" * 36, "list.csv", noise], compress=True)

    assert len(token) < settings.DATA_UPLOAD_MAX_MEMORY_SIZE
