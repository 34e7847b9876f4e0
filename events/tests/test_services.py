import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from bookings.tests.races import outcomes, race
from evently.outbox.models import OutboxMessage
from events import services
from events.models import Category, Event, Seat, TicketType
from events.services import NotPublishable, VenueTaken, make_categories_from_plan, publish, publish_event
from events.tests.factories import make_event, make_venue
from venues.geometry import read_layout
from venues.importing import import_seating_plan
from venues.models import SeatingPlan

LAYOUT = Path(settings.BASE_DIR, "demo", "hall-1057.json")


def make_plan() -> SeatingPlan:
    plan = import_seating_plan(venue=make_venue(), content=LAYOUT.read_bytes()).plan
    assert plan
    return plan


def sell(category: Category, *, price: int = 4200, is_default: bool = True) -> TicketType:
    values = {"name": "Adult", "price_minor": price, "is_default": is_default}
    return TicketType.objects.create(event=category.event, category=category, **values)


def make_draft(**facts: Any) -> Event:
    """A draft in the hall of 1,057 seats, ready to be published."""
    event = make_event(status="draft", **({"seating_plan": make_plan()} | facts))
    for category in make_categories_from_plan(event=event):
        sell(category)
    return event


def make_standing(*, capacity: int | None = 20, **facts: Any) -> Event:
    event = make_event(status="draft", **facts)
    sell(Category.objects.create(event=event, name="Standing", numbered=False, capacity=capacity))
    return event


def reasons(event: Event) -> list[str]:
    with pytest.raises(NotPublishable) as refusal:
        publish_event(event_id=event.pk, actor="test")
    event.refresh_from_db()
    assert (event.status, event.version, event.seats.count()) == ("draft", 1, 0)
    return refusal.value.reasons


@pytest.mark.django_db
def test_publish_event_makes_every_seat_of_the_plan_in_its_category() -> None:
    draft = make_draft()
    event = publish_event(event_id=draft.pk, actor="test")

    event.refresh_from_db()
    assert (event.status, event.version) == ("published", 2)
    assert {category.name: category.seats.count() for category in event.categories.all()} == {
        "Parkett vorne": 238,
        "Parkett mitte": 100,
        "Parkett hinten": 619,
        "Balkon vorne": 33,
        "Balkon hinten": 67,
    }
    assert set(event.seats.values_list("status", "version", "accessible")) == {("available", 1, False)}
    assert (event.summary.free, event.summary.capacity, event.summary.price_from_minor) == (1057, 1057, 4200)
    assert list(OutboxMessage.objects.values_list("topic", "payload")) == [
        ("event.published", {"event": str(event.pk), "actor": "test"})
    ]


@pytest.mark.django_db
def test_seats_are_neighbours_exactly_where_the_plan_puts_them_side_by_side() -> None:
    event = publish_event(event_id=make_draft().pk, actor="test")
    where = {seat.place: seat for seat in read_layout(json.loads(LAYOUT.read_text())).seats}
    seats = list(event.seats.order_by("position"))

    assert {seat.place for seat in seats} == set(where)
    assert len({seat.position for seat in seats}) == 1057
    for one, two in pairwise(seats):
        left, right = where[one.place], where[two.place]
        side_by_side = left.y == right.y and right.x - left.x == 30
        assert (two.position - one.position == 1) == side_by_side


@pytest.mark.django_db
def test_best_seat_is_in_the_middle_of_the_front_row() -> None:
    event = publish_event(event_id=make_draft().pk, actor="test")

    assert sorted(event.seats.values_list("rank", flat=True)) == list(range(1057))
    best = event.seats.get(rank=0)
    assert (best.section, best.row, best.number) == ("Ground floor", "1", "14")


@pytest.mark.django_db
def test_general_admission_follows_the_plan_with_places_that_have_no_neighbours() -> None:
    event = make_draft()
    standing = Category.objects.create(event=event, name="Standing", numbered=False, capacity=50, position=9)
    sell(standing)
    publish_event(event_id=event.pk, actor="test")

    last = event.seats.exclude(category=standing).order_by("position").last()
    assert last
    places = list(standing.seats.order_by("position").values_list("section", "row", "number", "place", "position", "rank"))
    assert places == [("Standing", "", "", "", last.position + 2 + 2 * index, 1057 + index) for index in range(50)]


@pytest.mark.django_db
def test_publish_event_twice_makes_the_seats_once() -> None:
    event = make_standing()
    publish_event(event_id=event.pk, actor="test")
    publish_event(event_id=event.pk, actor="test")

    event.refresh_from_db()
    assert (event.version, event.seats.count(), OutboxMessage.objects.count()) == (2, 20, 1)


@pytest.mark.django_db(transaction=True)
def test_publish_event_four_times_at_once_makes_the_seats_once() -> None:
    event = make_standing(capacity=6000)  # enough for ANALYZE, after the commit

    def work(_number: int) -> str:
        try:
            return publish_event(event_id=event.pk, actor="test").status
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == ["published"] * 4

    event.refresh_from_db()
    assert (event.version, event.seats.count(), OutboxMessage.objects.count()) == (2, 6000, 1)


@pytest.mark.django_db
def test_make_categories_from_plan_adds_only_what_is_missing() -> None:
    event = make_event(status="draft", seating_plan=make_plan())
    Category.objects.create(event=event, name="Front stalls", plan_category="Parkett vorne")
    made = make_categories_from_plan(event=event)

    assert [(category.name, category.position) for category in made] == [
        *(("Parkett mitte", 1), ("Parkett hinten", 2), ("Balkon vorne", 3), ("Balkon hinten", 4))
    ]
    assert make_categories_from_plan(event=event) == []
    assert make_categories_from_plan(event=make_event(status="draft")) == []


@pytest.mark.django_db
def test_everything_that_is_missing_is_told_at_once() -> None:
    now = timezone.now()
    event = make_event(
        status="draft",
        starts_at=now - timedelta(days=3),
        ends_at=now - timedelta(days=2),
        doors_at=now,
        sale_starts_at=now - timedelta(days=2),
        sale_ends_at=now - timedelta(days=1),
        currency="XXX",
    )

    assert reasons(event) == [
        "It ends in the past.",
        "The doors open after it starts.",
        "Its sale ends in the past.",
        "Its sale starts after it is over.",
        "“XXX” is not a currency to sell in.",
        "It has no category of places.",
    ]


def take_away_ticket_types(event: Event) -> None:
    event.ticket_types.all().delete()


def take_away_default(event: Event) -> None:
    event.ticket_types.update(is_default=False)


def use_foreign_ticket_type(event: Event) -> None:
    event.ticket_types.update(event=make_event())


def take_away_capacity(event: Event) -> None:
    event.categories.update(capacity=0)


def add_a_slip_of_the_keyboard(event: Event) -> None:
    event.categories.update(capacity=2_000_000)


def make_numbered(event: Event) -> None:
    event.categories.update(numbered=True)


def want_unknown_seats(event: Event) -> None:
    event.categories.update(numbered=True, plan_category="Loge")


def want_seats_for_standing(event: Event) -> None:
    event.categories.update(plan_category="Loge")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (take_away_ticket_types, "“Standing” has no ticket type."),
        (take_away_default, "“Standing” has no ticket type that is chosen by default."),
        (use_foreign_ticket_type, "The ticket type “Adult” belongs to another event."),
        (take_away_capacity, "“Standing” is general admission and needs a number of places."),
        (add_a_slip_of_the_keyboard, "It has 2000000 places, at most 150000 can be sold."),
        (make_numbered, "“Standing” has numbered seats, but no category of a seating plan."),
        (want_unknown_seats, "“Standing”: the seating plan has no seats in “Loge”."),
        (want_seats_for_standing, "“Standing” is general admission and cannot take seats of the plan."),
    ],
)
def test_category_that_cannot_be_sold_is_refused(spoil: Callable[[Event], None], reason: str) -> None:
    event = make_standing()
    spoil(event)

    assert reasons(event) == [reason]


@pytest.mark.django_db
def test_seats_of_the_plan_must_belong_to_exactly_one_category() -> None:
    event = make_draft()
    event.categories.get(name="Balkon vorne").delete()
    sell(Category.objects.create(event=event, name="Boxes", plan_category="Parkett mitte"))

    assert reasons(event) == [
        "The seats of “Parkett mitte” in the plan belong to several categories.",
        "The 33 seats of “Balkon vorne” in the plan belong to no category.",
    ]


@pytest.mark.django_db
def test_plan_of_another_venue_is_refused() -> None:
    assert reasons(make_draft(venue=make_venue(slug="elsewhere"))) == ["The seating plan belongs to another venue."]


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["postponed", "cancelled", "completed"])
def test_only_a_draft_is_published(status: str) -> None:
    event = make_standing()
    Event.objects.filter(pk=event.pk).delete()
    event = make_event(status=status)
    sell(Category.objects.create(event=event, name="Standing", numbered=False, capacity=5))

    with pytest.raises(NotPublishable) as refusal:
        publish_event(event_id=event.pk, actor="test")
    assert refusal.value.extra() == {"reasons": [f"It is {status}."]}
    assert not Seat.objects.exists()


@pytest.mark.django_db
def test_publish_event_refuses_the_time_of_another_event_in_the_venue_and_names_it() -> None:
    first, second = make_standing(shares_venue=False, title="First"), make_standing(shares_venue=False, title="Second")
    publish_event(event_id=first.pk, actor="test")

    with pytest.raises(VenueTaken, match=r"“First” takes place in this venue from .* to .*\. Choose another time"):
        publish_event(event_id=second.pk, actor="test")

    second.refresh_from_db()
    assert (second.status, second.version, second.seats.count()) == ("draft", 1, 0)


@pytest.mark.django_db
@pytest.mark.parametrize("way_out", ["shares", "elsewhere", "afterwards", "postponed"])
def test_publish_event_takes_a_venue_that_is_free_or_shared(way_out: str) -> None:
    first = publish_event(event_id=make_standing(shares_venue=False).pk, actor="test")
    ways: dict[str, dict[str, Any]] = {
        "shares": {"shares_venue": True},
        "elsewhere": {"venue": make_venue(slug="park")},
        "afterwards": {"starts_at": first.ends_at, "ends_at": first.ends_at + timedelta(hours=1)},
        "postponed": {},
    }
    if way_out == "postponed":
        Event.objects.filter(pk=first.pk).update(status="postponed")

    assert (
        publish_event(event_id=make_standing(**({"shares_venue": False} | ways[way_out])).pk, actor="test").status == "published"
    )


@pytest.mark.django_db(transaction=True)
def test_of_two_events_published_at_one_moment_one_gets_the_venue(monkeypatch: pytest.MonkeyPatch) -> None:
    drafts = [make_standing(shares_venue=False), make_standing(shares_venue=False)]
    monkeypatch.setattr(publish, "check_venue", lambda event: None)  # both have looked before either is there

    results = race(partial(publish_event, event_id=draft.pk, actor="test") for draft in drafts)

    assert outcomes(results) == {"Event": 1, "VenueTaken": 1}
    assert sorted(Event.objects.values_list("status", flat=True)) == ["draft", "published"]


@pytest.mark.django_db(transaction=True)
def test_without_the_constraint_both_get_the_venue(monkeypatch: pytest.MonkeyPatch) -> None:
    drafts = [make_standing(shares_venue=False), make_standing(shares_venue=False)]
    monkeypatch.setattr(publish, "check_venue", lambda event: None)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", [services.ONE_AT_A_TIME])
        (wall,) = cursor.fetchone() or ("",)
        cursor.execute(f"ALTER TABLE events_event DROP CONSTRAINT {services.ONE_AT_A_TIME}")
    try:
        results = race(partial(publish_event, event_id=draft.pk, actor="test") for draft in drafts)
        assert outcomes(results) == {"Event": 2}
    finally:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE events_event CASCADE")
            cursor.execute(f"ALTER TABLE events_event ADD CONSTRAINT {services.ONE_AT_A_TIME} {wall}")


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["published", "postponed", "cancelled"])
def test_once_published_an_event_keeps_its_version_of_the_plan(status: str) -> None:
    event = publish_event(event_id=make_draft().pk, actor="test")
    plan, seats = event.seating_plan, set(event.seats.values_list("pk", "place", "section", "row", "number", "category"))
    Event.objects.filter(pk=event.pk).update(status=status)

    layout = json.loads(LAYOUT.read_text()) | {"name": "Rebuilt"}
    newer = import_seating_plan(venue=event.venue, content=json.dumps(layout).encode()).plan
    assert newer
    assert newer != plan
    for other in (newer, None):
        with pytest.raises(IntegrityError, match="its seating plan stays"), transaction.atomic():
            Event.objects.filter(pk=event.pk).update(seating_plan=other)

    event.refresh_from_db()
    assert event.seating_plan == plan
    assert set(event.seats.values_list("pk", "place", "section", "row", "number", "category")) == seats


@pytest.mark.django_db
def test_a_draft_may_take_another_plan() -> None:
    draft = make_draft()
    Event.objects.filter(pk=draft.pk).update(seating_plan=None)
    draft.refresh_from_db()
    assert draft.seating_plan is None
