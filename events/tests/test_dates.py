"""Copies, series, postponed and rescheduled events."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from bookings.sale import Buyer, NotOnSale
from bookings.services import confirm_booking, confirm_free_booking, start_payment
from bookings.tests.actions import BOB, contact, hold
from bookings.tests.races import outcomes, race
from evently.audit import complaints
from evently.outbox.models import OutboxMessage
from events.models import Category, Event, Series, TicketType
from events.services import (
    NotMovable,
    Times,
    VenueTaken,
    clone_event,
    dates,
    plan_dates,
    postpone_event,
    publish_event,
    repeat_event,
    reschedule_event,
)
from events.tests.factories import make_event, make_hall

SUMMER = datetime(2030, 6, 14, 18, tzinfo=UTC)  # a Friday, 20:00 in Berlin
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _audited(db: None) -> Iterator[None]:
    yield
    assert complaints("events", "bookings") == {}


def make_show(**facts: Any) -> Event:
    """A published evening with standing places at two prices, early birds until a month before."""
    start = facts.pop("starts_at", SUMMER)
    times: dict[str, Any] = {
        "starts_at": start,
        "ends_at": start + timedelta(hours=3),
        "doors_at": start - timedelta(hours=1),
        "sale_starts_at": start - 90 * DAY,
        "sale_ends_at": start,
    }
    usual: dict[str, Any] = {"title": "Show", "slug": "show", "status": "draft", "shares_venue": False}
    event = make_event(**(usual | times | facts))
    category = Category.objects.create(event=event, name="Standing", numbered=False, capacity=5)
    more: dict[str, Any] = {"event": event, "category": category}
    TicketType.objects.create(name="Adult", price_minor=2000, is_default=True, **more)
    TicketType.objects.create(name="Early bird", price_minor=1500, limit=2, sale_ends_at=start - 30 * DAY, **more)
    return publish_event(event_id=event.pk, actor="test")


def times_of(event: Event) -> Times:
    return Times(*(getattr(event, name) for name in Times.__slots__))


# Copies


def test_a_copy_is_a_draft_with_the_same_prices_and_times_that_moved_along() -> None:
    show = make_show(source_uid="imported", source_marks={"title": "x"})
    copy = clone_event(event_id=show.pk, title="Another", starts_at=SUMMER + 200 * DAY + timedelta(hours=1), created_by=None)

    copy.refresh_from_db()
    assert (copy.status, copy.version, copy.title, copy.series, copy.source_uid) == ("draft", 1, "Another", None, "")
    assert (copy.source_marks, copy.slug) == ({}, "another-2030-12-31")
    winter = SUMMER + 200 * DAY + timedelta(hours=1)  # 20:00 in Berlin
    assert times_of(copy) == Times(
        winter,
        winter + timedelta(hours=3),
        winter - timedelta(hours=1),
        datetime(2030, 10, 2, 17, tzinfo=UTC),  # 19:00, as it was
        winter,
    )
    assert list(copy.categories.values_list("name", "capacity", "numbered")) == [("Standing", 5, False)]
    assert list(copy.ticket_types.order_by("name").values_list("name", "price_minor", "limit", "is_default", "sale_ends_at")) == [
        ("Adult", 2000, None, True, None),
        ("Early bird", 1500, 2, False, datetime(2030, 12, 1, 19, tzinfo=UTC)),
    ]
    assert copy.seats.count() == 0
    publish_event(event_id=copy.pk, actor="test")
    assert (copy.seats.count(), show.seats.count()) == (5, 5)


def test_copies_of_one_day_have_addresses_of_their_own() -> None:
    show = make_show()
    slugs = {clone_event(event_id=show.pk, starts_at=SUMMER + DAY).slug for _ in range(3)}
    assert len(slugs) == 3
    assert "show-2030-06-15" in slugs


# Series


def test_a_series_keeps_the_time_of_day_through_the_change_of_the_clocks() -> None:
    show = make_show(starts_at=datetime(2030, 10, 18, 18, tzinfo=UTC))
    made = repeat_event(event_id=show.pk, days=[date(2030, 11, 1), date(2030, 10, 25)], created_by=None)

    assert [event.starts_at for event in made] == [
        datetime(2030, 10, 25, 18, tzinfo=UTC),
        datetime(2030, 11, 1, 19, tzinfo=UTC),
    ]
    show.refresh_from_db()
    series = Series.objects.get()
    assert (series.title, series.organizer, series.events.count(), show.series) == ("Show", show.organizer, 3, series)
    assert [event.slug for event in made] == ["show-2030-10-25", "show-2030-11-01"]


def test_repeating_twice_makes_nothing_twice_and_cancelled_dates_anew() -> None:
    show = make_show()
    days = [date(2030, 6, day) for day in (14, 21, 28)]
    assert len(repeat_event(event_id=show.pk, days=days, created_by=None)) == 2  # the 14th is the show itself
    assert repeat_event(event_id=show.pk, days=days, created_by=None) == []

    Event.objects.filter(slug="show-2030-06-28").update(status="cancelled")
    (again,) = repeat_event(event_id=show.pk, days=days, created_by=None)
    assert again.starts_at == SUMMER + 14 * DAY
    assert Series.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_series_that_two_people_make_at_one_moment_is_made_once() -> None:
    show = make_show()
    days = [date(2030, 6, 21), date(2030, 6, 28)]
    results = race([partial(repeat_event, event_id=show.pk, days=days, created_by=None)] * 4)
    assert sorted(map(len, results)) == [0, 0, 0, 2]
    assert (Event.objects.count(), Series.objects.count()) == (3, 1)


def test_planned_dates_tell_what_is_in_their_way(django_assert_num_queries: Any) -> None:
    show = make_show()
    rival = make_event(
        title="Rival", shares_venue=False, starts_at=SUMMER + 7 * DAY, ends_at=SUMMER + 7 * DAY + timedelta(hours=1)
    )
    repeat_event(event_id=show.pk, days=[date(2030, 6, 28)], created_by=None)
    show = Event.objects.select_related("venue").get(pk=show.pk)

    with django_assert_num_queries(2):
        planned = plan_dates(show, [date(2030, 6, 21), date(2030, 6, 28), date(2030, 7, 5)])
    assert [(each.day.day, each.rival, each.is_there) for each in planned] == [
        (21, rival, False),
        (28, None, True),
        (5, None, False),
    ]


# Postponed


def test_a_postponed_event_sells_nothing_until_it_has_a_new_date_and_tickets_stay_valid() -> None:
    hall = make_hall(rows=1, length=6, price=0)
    people = [Buyer(session=name) for name in ("ann", "ben", "cat")]
    sold, held, paying = (
        contact(hold(hall, seat, buyer=person), f"{person.session}@example.com") for seat, person in enumerate(people)
    )
    confirm_free_booking(booking_id=sold.pk, actor="ann")
    start_payment(booking_id=paying.pk, actor="ann")

    postponed = postpone_event(event_id=hall.event.pk, actor="boss")
    assert (postponed.status, postponed.version) == ("postponed", 2)
    attempts: list[Callable[[], object]] = [
        lambda: hold(hall, 4, buyer=BOB),
        lambda: start_payment(booking_id=held.pk, actor="ann"),
        lambda: confirm_free_booking(booking_id=held.pk, actor="ann"),
    ]
    for attempt in attempts:
        with pytest.raises(NotOnSale):
            attempt()
    assert confirm_booking(booking_id=paying.pk, actor="gateway").status == "confirmed"  # its money had left already
    sold.refresh_from_db()
    assert sold.status == "confirmed"

    moved = reschedule_event(event_id=hall.event.pk, starts_at=hall.event.starts_at + 30 * DAY, actor="boss")
    assert (moved.status, moved.version, moved.moved_from) == ("published", 3, hall.event.starts_at)
    assert hold(hall, 4, buyer=BOB).status == "held"
    assert sold.tickets.get().status == "valid"


def test_postponing_twice_is_told_once() -> None:
    event = make_show()
    for _ in range(2):
        postpone_event(event_id=event.pk, actor="boss")
    (message,) = OutboxMessage.objects.filter(topic="event.postponed")
    assert message.payload == {"event": str(event.pk), "version": 3, "actor": "boss"}


@pytest.mark.parametrize("status", ["draft", "cancelled", "completed"])
def test_what_is_not_public_or_ended_is_neither_postponed_nor_moved(status: str) -> None:
    event = make_event(status=status)
    for move in (postpone_event, partial(reschedule_event, starts_at=event.starts_at + DAY)):
        with pytest.raises(NotMovable) as refusal:
            move(event_id=event.pk, actor="boss")
        assert refusal.value.reasons == [f"It is {status}."]
    event.refresh_from_db()
    assert (event.status, event.version) == (status, 1)


def test_what_is_over_is_not_postponed() -> None:
    now = timezone.now()
    event = make_event(starts_at=now - 2 * DAY, ends_at=now - DAY)
    with pytest.raises(NotMovable) as refusal:
        postpone_event(event_id=event.pk, actor="boss")
    assert refusal.value.reasons == ["It is over."]


# Another date


def test_what_is_not_given_moves_along_by_the_clock_of_the_venue() -> None:
    show = make_show()
    moved = reschedule_event(event_id=show.pk, starts_at=datetime(2030, 12, 20, 20, tzinfo=UTC), actor="boss")

    start = datetime(2030, 12, 20, 20, tzinfo=UTC)  # 21:00, an hour later than it was
    moved.refresh_from_db()
    assert times_of(moved) == Times(start, start + timedelta(hours=3), start - timedelta(hours=1), show.sale_starts_at, start)
    assert (moved.moved_from, moved.version) == (SUMMER, 3)


def test_a_date_of_its_own_for_everything_and_no_news_when_nothing_changes() -> None:
    show = make_show()
    wish = {
        "starts_at": SUMMER + DAY,
        "ends_at": SUMMER + DAY + timedelta(hours=1),
        "doors_at": SUMMER + DAY,
        "sale_ends_at": SUMMER,
    }
    for _ in range(2):
        moved = reschedule_event(event_id=show.pk, actor="boss", **wish)
    assert {name: getattr(moved, name) for name in wish} == wish
    assert (OutboxMessage.objects.filter(topic="event.rescheduled").count(), moved.version) == (1, 3)


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        ({"starts_at": datetime(2020, 1, 1, tzinfo=UTC)}, "It ends in the past."),
        ({"starts_at": SUMMER, "ends_at": SUMMER - DAY}, "It ends before it starts."),
        ({"starts_at": SUMMER, "doors_at": SUMMER + DAY}, "The doors open after it starts."),
        ({"starts_at": SUMMER, "sale_ends_at": SUMMER - 91 * DAY}, "Its sale ends before it starts."),
    ],
)
def test_a_date_that_makes_no_sense_is_refused_and_nothing_changes(wish: dict[str, datetime], reason: str) -> None:
    show = make_show()
    with pytest.raises(NotMovable) as refusal:
        reschedule_event(event_id=show.pk, actor="boss", **wish)
    assert reason in refusal.value.reasons
    assert times_of(Event.objects.get(pk=show.pk)) == times_of(show)


def test_a_date_at_which_the_venue_is_taken_is_refused_and_names_the_other_event() -> None:
    show, rival = make_show(), make_show(title="Rival", slug="rival", starts_at=SUMMER + 7 * DAY)
    postpone_event(event_id=show.pk, actor="boss")
    with pytest.raises(VenueTaken, match="“Rival” takes place"):
        reschedule_event(event_id=show.pk, starts_at=rival.starts_at, actor="boss")
    show.refresh_from_db()
    assert (show.status, show.starts_at) == ("postponed", SUMMER)


@pytest.mark.django_db(transaction=True)
def test_of_two_events_moved_to_one_date_at_one_moment_one_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    shows = [make_show(), make_show(slug="second", starts_at=SUMMER + 7 * DAY)]
    monkeypatch.setattr(dates, "check_venue", lambda event: None)  # both have looked before either is there

    results = race(partial(reschedule_event, event_id=show.pk, starts_at=SUMMER + 30 * DAY, actor="boss") for show in shows)

    assert outcomes(results) == {"Event": 1, "VenueTaken": 1}
    assert Event.objects.filter(starts_at=SUMMER + 30 * DAY).count() == 1


@pytest.mark.django_db(transaction=True)
def test_holds_in_flight_while_it_is_postponed_are_whole_and_later_ones_refused() -> None:
    hall = make_hall(rows=2, length=10)
    calls: list[Callable[[], object]] = [partial(hold, hall, seat, buyer=BOB) for seat in range(12)]
    calls.insert(4, partial(postpone_event, event_id=hall.event.pk, actor="boss"))

    results = race(calls, threads=8)

    assert set(outcomes(results)) <= {"Booking", "NotOnSale", "Event"}
    held = hall.event.seats.filter(status="held").count()
    assert held == outcomes(results)["Booking"]
    with pytest.raises(NotOnSale):
        hold(hall, 19)
    assert held + hall.event.seats.filter(status="available").count() == 20
