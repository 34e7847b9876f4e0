from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.utils import timezone

from evently.outbox.services import subscribers
from events import reads, summary, tasks
from events.models import Category, Event, EventSummary, TicketType
from events.tests.factories import Hall, make_event, make_hall

pytestmark = pytest.mark.django_db


def counts(event: Event) -> tuple[int, int, int | None]:
    found = EventSummary.objects.get(pk=event.pk)
    return found.free, found.capacity, found.price_from_minor


def hold(hall: Hall, *numbers: int, minutes: int) -> None:
    until = timezone.now() + timedelta(minutes=minutes)
    hall.event.seats.filter(rank__in=numbers).update(status="held", holder=uuid4(), held_until=until)


def test_summary_counts_lapsed_holds_as_free_and_leaves_blocked_places_out() -> None:
    hall = make_hall(rows=2, length=5)
    hall.event.seats.filter(rank=0).update(status="blocked")
    hall.event.seats.filter(rank=1).update(status="sold", holder=uuid4())
    hold(hall, 2, minutes=5)
    hold(hall, 3, minutes=-5)
    summary.refresh([hall.event.pk])

    assert counts(hall.event) == (7, 9, 4200)


def test_a_large_hall_is_read_from_its_summary_and_a_small_one_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    hall = make_hall(rows=2, length=5)
    standing = Category.objects.create(event=hall.event, name="Standing", numbered=False)
    hall.event.seats.filter(rank__gte=8).update(category=standing)
    hall.event.seats.filter(rank=0).update(status="blocked")
    summary.refresh([hall.event.pk])
    hall.event.seats.filter(rank=1).update(status="sold", holder=uuid4())

    stalls = hall.adult.category_id
    assert reads.places_of(hall.event) == {stalls: (6, 7), standing.pk: (2, 2)}
    monkeypatch.setattr(reads, "LARGE", 8)
    assert reads.places_of(hall.event) == {stalls: (7, 7), standing.pk: (2, 2)}
    summary.refresh([hall.event.pk])
    assert reads.places_of(hall.event) == {stalls: (6, 7), standing.pk: (2, 2)}


def test_lowest_price_is_one_that_can_be_bought_now() -> None:
    hall = make_hall(rows=1, length=2)
    now = timezone.now()
    standing = Category.objects.create(event=hall.event, name="Standing", numbered=False)
    more: dict[str, Any] = {"event": hall.event, "category": hall.adult.category}
    TicketType.objects.create(name="Sold-out category", event=hall.event, category=standing, price_minor=1)
    TicketType.objects.create(name="Early", price_minor=2, sale_ends_at=now - timedelta(days=1), **more)
    TicketType.objects.create(name="Late", price_minor=3, sale_starts_at=now + timedelta(days=1), **more)
    summary.refresh([hall.event.pk])

    assert counts(hall.event) == (2, 2, 4200)


def test_sold_out_event_shows_its_lowest_price() -> None:
    hall = make_hall(rows=1, length=2)
    hall.event.seats.update(status="sold", holder=uuid4())
    summary.refresh([hall.event.pk])

    assert counts(hall.event) == (0, 2, 4200)
    assert EventSummary.objects.get().is_sold_out


def test_event_without_seats_has_an_empty_summary() -> None:
    event = make_event()
    summary.refresh([event.pk, uuid4()])

    assert counts(event) == (0, 0, None)


def test_older_counts_do_not_undo_newer_ones() -> None:
    hall = make_hall(rows=1, length=2)
    summary.refresh([hall.event.pk])
    later = timezone.now() + timedelta(minutes=1)
    EventSummary.objects.update(free=1, refreshed_at=later)
    summary.refresh([hall.event.pk])

    assert EventSummary.objects.get().free == 1


def test_upcoming_events_are_refreshed_from_time_to_time() -> None:
    now = timezone.now()
    hall, draft = make_hall(rows=1, length=2), make_event(status="draft")
    over = make_event(starts_at=now - timedelta(days=2), ends_at=now - timedelta(days=1))
    tasks.refresh_summaries()

    assert counts(hall.event) == (2, 2, 4200)
    assert not EventSummary.objects.filter(event__in=[draft, over]).exists()


def test_one_refresh_is_scheduled_for_many_messages_of_an_event(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = str(make_event().pk), str(make_event().pk)
    scheduled: list[Any] = []
    monkeypatch.setattr(tasks.refresh_summary, "apply_async", lambda args, **options: scheduled.append((args, options)))
    for event in (first, first, second, first):
        tasks.schedule_refresh({"event": event, "booking": str(uuid4())})

    later = {"countdown": 2, "expires": 60}
    assert scheduled == [([first], later), ([second], later)]
    cache.delete_many([f"summary-due:{event}" for event in (first, second)])


def test_whatever_changes_seats_leads_to_a_refresh() -> None:
    for topic in (
        "booking.held",
        "booking.changed",
        "booking.confirmed",
        "booking.expired",
        "booking.cancelled",
        "event.cancelled",
    ):
        assert "events.tasks.schedule_refresh" in subscribers(topic)
    hall = make_hall(rows=1, length=2)
    tasks.refresh_summary(str(hall.event.pk))

    assert counts(hall.event) == (2, 2, 4200)
