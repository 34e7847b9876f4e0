from collections import Counter
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command
from django.db.models import F
from django.utils import timezone

from bookings.models import Booking
from evently.accounts.models import Membership, User
from evently.audit import complaints
from events.models import Event
from notifications.demo import catalogue
from notifications.demo.shows import SHOWS
from notifications.tasks import make_demo_events

pytestmark = pytest.mark.django_db


def demo(**options: Any) -> str:
    out = StringIO()
    call_command("demo", stdout=out, **options)
    return out.getvalue()


def test_whole_programme_is_ahead_and_free_of_complaints() -> None:
    demo(events=len(SHOWS))

    events = Event.objects.with_list_fields()
    assert {event.title for event in events.upcoming()} == {show.title for show in SHOWS}
    assert complaints() == {}
    sold = {event.title: 1 - event.summary.free / event.summary.capacity for event in events}
    assert {show.title: round(sold[show.title], 2) for show in SHOWS} == {show.title: round(show.sold, 2) for show in SHOWS}
    assert events.filter(sale_starts_at__gt=timezone.now()).get().title == "Copper & Clay: Release Tour"
    assert [event.title for event in events if event.summary.is_sold_out] == ["Small Disasters"]
    assert not Booking.objects.filter(created_at__gt=timezone.now()).exists()
    assert events.filter(currency="EUR", venue__city="Erfurt", summary__price_from_minor=12_00).count() == 4
    assert Booking.objects.filter(user__email="customer@example.com").count() == 3


def test_demo_again_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTLY_DEMO_PASSWORD", "correct horse battery")
    demo(events=2)
    before = Event.objects.count(), Booking.objects.count(), User.objects.count(), EmailAddress.objects.count()
    again = demo(events=2)

    assert again.count("there already") == 2
    assert (Event.objects.count(), Booking.objects.count(), User.objects.count(), EmailAddress.objects.count()) == before
    assert User.objects.get(email="organizer@example.com").check_password("correct horse battery")


def test_next_programme_follows_when_the_old_one_is_over() -> None:
    demo(events=1)
    Event.objects.update(starts_at=F("created_at"), ends_at=F("created_at") + timedelta(microseconds=1))
    demo(events=1)

    old, new = Event.objects.order_by("created_at")
    assert (old.title, new.title) == ("Open Mic Night", "Open Mic Night")
    assert new.slug == f"open-mic-night-{new.starts_at:%Y-%m-%d}"


def test_hall_looks_as_if_people_had_chosen_their_seats() -> None:
    demo(events=3)

    quartet = Event.objects.get(title="Sky Sessions: Live Quartet")
    sizes = Counter(Booking.objects.filter(event=quartet).values_list("quantity", flat=True))
    assert sizes.most_common(1)[0][0] == 2
    halves = [
        quartet.seats.filter(status="sold", rank__lt=528).count(),
        quartet.seats.filter(status="sold", rank__gte=528).count(),
    ]
    assert halves[0] > halves[1]
    features = quartet.seats.filter(accessible=True).count(), quartet.seats.filter(companion=True).count()
    assert features == (8, 8)
    assert quartet.seats.filter(restricted_view=True).count() == 12
    assert not quartet.seats.filter(accessible=True, status="sold").exists()


def test_people_can_sign_in_with_the_password_that_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVENTLY_DEMO_PASSWORD", raising=False)
    first, again = demo(events=1), demo(events=1)
    password = first.split("admin@example.com: ")[1].split()[0]

    for email, staff, superuser in (("customer", False, False), ("organizer", True, False), ("admin", True, True)):
        user = User.objects.get(email=f"{email}@example.com")
        assert (user.check_password(password), user.is_staff, user.is_superuser) == (True, staff, superuser)
        assert EmailAddress.objects.filter(user=user, verified=True, primary=True).count() == 1
    assert "Password" not in again
    assert list(Membership.objects.values_list("user__email", "organizer__slug", "role")) == [
        ("organizer@example.com", "city-stage", "owner")
    ]


def test_demo_is_refused_in_production(settings: Any) -> None:
    settings.PRODUCTION = True

    with pytest.raises(CommandError, match="refused in production"):
        demo()
    assert not User.objects.exists()


def test_the_catalogue_is_large_and_lively_and_keeps_to_its_size() -> None:
    entries = catalogue.entries()

    sizes = [sum(places.capacity or 0 for places in entry.places) for entry in entries]
    bowl = sum(tier.blocks * tier.rows * tier.seats for tier in catalogue.BOWL)
    assert len({entry.title for entry in entries}) == len(entries) > 400
    assert (entries[0].title, bowl) == (catalogue.LARGEST, 94_000)
    assert sum(sizes) + bowl < 290_000
    assert {"soon", "postponed", "cancelled", "past"} < {entry.fate for entry in entries}
    assert all(entry.day > timezone.now().date() for entry in entries)
    assert len({entry.venue for entry in entries}) > 100


def test_more_events_than_there_are_come_again_on_other_days() -> None:
    entries = catalogue.entries(1_200)

    assert len({entry.title for entry in entries}) == 1_200
    assert entries[1_000].day > entries[1_000 - 2 * len(catalogue.entries())].day
    assert entries[1_000].places[0].capacity == 12


def test_the_worker_makes_the_rest_piece_by_piece_and_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    small = [entry for entry in catalogue.entries() if entry.title != catalogue.LARGEST]
    wanted = [next(entry for entry in small if entry.fate == fate) for fate in ("", "soon", "postponed", "cancelled", "past")]
    monkeypatch.setattr(catalogue, "entries", lambda _count: wanted)
    monkeypatch.setattr("notifications.tasks.DEMO_EVENTS", 2)
    monkeypatch.setattr(make_demo_events, "delay", make_demo_events)
    demo(events=1)
    for _ in range(2):
        make_demo_events(None)

        made = {event.title: event for event in Event.objects.filter(organizer__slug__in=catalogue.TEAMS)}
        assert made.keys() == {entry.title for entry in wanted}
    statuses = [made[entry.title].status for entry in wanted]
    assert statuses == ["published", "published", "postponed", "cancelled", "published"]
    assert made[wanted[1].title].sale_starts_at > timezone.now()
    assert made[wanted[4].title].ends_at < timezone.now()
    assert Booking.objects.filter(event=made[wanted[4].title], status="confirmed").exists()
    assert complaints() == {}
