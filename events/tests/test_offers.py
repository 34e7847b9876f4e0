from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from events.models import Category, Event, Seat, TicketType
from events.offers import SaleState, price_list, sale_state, summary_state
from events.tests.factories import make_event, make_hall

NOW = timezone.now()
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("facts", "free", "state"),
    [
        ({}, 50, SaleState.ON_SALE),
        ({}, 10, SaleState.FEW_LEFT),
        ({}, 0, SaleState.SOLD_OUT),
        ({"sale_ends_at": NOW}, 50, SaleState.CLOSED),
        ({"sale_starts_at": NOW + DAY}, 50, SaleState.NOT_YET),
        ({"status": "postponed"}, 50, SaleState.POSTPONED),
        ({"ends_at": NOW}, 0, SaleState.ENDED),
        ({"status": "completed"}, 50, SaleState.ENDED),
        ({"status": "cancelled", "ends_at": NOW}, 0, SaleState.CANCELLED),
        ({"status": "draft"}, 50, SaleState.DRAFT),
    ],
)
def test_sale_state_names_what_matters_most_to_a_buyer(facts: dict[str, Any], free: int, state: SaleState) -> None:
    usual = {"status": "published", "ends_at": NOW + 7 * DAY, "sale_starts_at": NOW - DAY, "sale_ends_at": NOW + 6 * DAY}
    event = Event(**usual | facts)

    assert sale_state(event, at=NOW, free=free, capacity=100) is state


@pytest.mark.django_db
def test_summary_state_assumes_places_before_the_first_summary() -> None:
    assert summary_state(make_event(), at=timezone.now()) is SaleState.ON_SALE


@pytest.mark.django_db
def test_price_list_counts_lapsed_holds_as_free_and_blocked_places_not_at_all() -> None:
    hall = make_hall(rows=1)
    lapsed, held, blocked = hall.seat_ids(0, 1, 2)
    holder = hall.event.pk
    now = timezone.now()
    Seat.objects.filter(pk=lapsed).update(status="held", holder=holder, held_until=now - timedelta(minutes=1))
    Seat.objects.filter(pk=held).update(status="held", holder=holder, held_until=now + timedelta(minutes=1))
    Seat.objects.filter(pk=blocked).update(status="blocked")

    (line,) = price_list(hall.event)

    assert (line.free, line.capacity) == (8, 9)
    assert (line.letter, line.usual, line.prices_at(now)) == ("a", hall.adult, [8400, 4200])


@pytest.mark.django_db
def test_price_list_puts_the_dearest_category_first() -> None:
    event = make_event()
    for name, price in (("Cheap", 1000), ("Dear", 9000)):
        category = Category.objects.create(event=event, name=name, numbered=False)
        TicketType.objects.create(event=event, category=category, name="Adult", price_minor=price, is_default=True)

    assert [(line.letter, line.category.name) for line in price_list(event)] == [("a", "Dear"), ("b", "Cheap")]
