"""What an organizer, a ticket type and the platform let one customer have."""

from typing import Any

import pytest
from django.utils import timezone

from bookings import sale
from bookings.sale import AlreadyRegistered, Buyer, EventNotFound, LimitReached, NotOnSale
from bookings.services import (
    confirm_booking,
    confirm_free_booking,
    hold_seats,
)
from bookings.tests.actions import ANN, BOB, best, contact, hold, statuses
from bookings.tests.races import time_passes
from evently.database import uuid7
from events.models import Category, TicketType
from events.tests.factories import Hall, make_hall

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hall() -> Hall:
    return make_hall()


def test_an_organizers_limits_refuse_before_anything_changes() -> None:
    hall = make_hall(max_per_booking=3, max_per_customer=4)
    with pytest.raises(LimitReached, match="At most 3 tickets per booking"):
        hold(hall, 1, 2, 3, 4)
    first = hold(hall, 1, 2, 3)
    with pytest.raises(LimitReached, match="At most 4 tickets per customer"):
        hold(hall, 4, 5)
    confirm_booking(booking_id=first.pk, actor="test")
    hold(hall, 4)
    with pytest.raises(LimitReached):
        hold(hall, 5)
    assert len(best(hall, 3, buyer=BOB)) == 3


def test_nobody_may_hold_more_than_the_caps_without_paying(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr(sale, "HELD_PER_BUYER", 3)
    monkeypatch.setattr(sale, "HELD_PER_ADDRESS", 5)
    settings.EVENTLY_RATE_LIMITS = True
    hall = make_hall()
    ann, bob = (Buyer(session=name, address="one-office") for name in ("ann", "bob"))
    mine = hold(hall, 1, 2, 3, buyer=ann)
    with pytest.raises(LimitReached, match="held without being paid"):
        hold(hall, 4, buyer=ann)
    hold(hall, 4, 5, buyer=bob)
    with pytest.raises(LimitReached):
        hold(hall, 6, buyer=bob)
    confirm_booking(booking_id=mine.pk, actor="gateway")
    hold(hall, 6, buyer=bob)
    time_passes(minutes=11)
    hold(hall, 4, 5, 6, buyer=bob)
    settings.EVENTLY_RATE_LIMITS = False
    hold(hall, 7, 8, buyer=bob)


def test_caps_count_a_person_in_every_browser(monkeypatch: pytest.MonkeyPatch, settings: Any, django_user_model: Any) -> None:
    monkeypatch.setattr(sale, "HELD_PER_BUYER", 2)
    settings.EVENTLY_RATE_LIMITS = True
    hall = make_hall()
    user = django_user_model.objects.create_user("ann@example.com")
    hold(hall, 1, 2, buyer=Buyer(user_id=user.pk, session="at home"))
    with pytest.raises(LimitReached):
        hold(hall, 3, buyer=Buyer(user_id=user.pk, session="at work"))
    with pytest.raises(LimitReached):
        hold(hall, 3, buyer=Buyer(session="at home"))


def test_a_ticket_types_rules_hold() -> None:
    hall = make_hall()
    TicketType.objects.filter(pk=hall.child.pk).update(min_per_booking=2, max_per_booking=3, limit=5)
    with pytest.raises(LimitReached, match="is sold from 2 tickets on"):
        best(hall, 1, ticket_type=hall.child)
    with pytest.raises(LimitReached, match="At most 3 of"):
        best(hall, 4, ticket_type=hall.child)
    best(hall, 3, ticket_type=hall.child)
    with pytest.raises(LimitReached, match="only 2 are left"):
        best(hall, 3, ticket_type=hall.child, buyer=BOB)
    best(hall, 2, ticket_type=hall.child, buyer=BOB)
    time_passes(minutes=11)
    best(hall, 3, ticket_type=hall.child, buyer=BOB)


def test_a_ticket_type_is_sold_in_its_own_window(hall: Hall) -> None:
    TicketType.objects.filter(pk=hall.child.pk).update(sale_ends_at=timezone.now())
    with pytest.raises(NotOnSale, match="Child"):
        best(hall, 1, ticket_type=hall.child)


def test_a_ticket_type_of_another_category_or_event_is_refused(hall: Hall) -> None:
    balcony = Category.objects.create(event=hall.event, name="Balcony")
    there = TicketType.objects.create(event=hall.event, category=balcony, name="Cheap", price_minor=1)
    elsewhere = make_hall().adult
    (seat,) = hall.seat_ids(1)
    for ticket_type in (there, elsewhere):
        with pytest.raises(NotOnSale):
            hold_seats(buyer=ANN, event_id=hall.event.pk, seats={seat: ticket_type.pk})
    assert statuses(hall) == {"available": 100}


@pytest.mark.parametrize("status", ["cancelled", "postponed", "completed"])
def test_nothing_is_sold_of_an_event_that_is_not_published(status: str) -> None:
    with pytest.raises(NotOnSale):
        hold(make_hall(status=status), 1)


def test_a_draft_and_an_unknown_event_do_not_exist(hall: Hall) -> None:
    with pytest.raises(EventNotFound):
        hold(make_hall(status="draft"), 1)
    with pytest.raises(EventNotFound):
        hold_seats(buyer=ANN, event_id=uuid7(), seats=dict.fromkeys(hall.seat_ids(1)))


def test_a_second_registration_for_a_free_event_is_refused() -> None:
    hall = make_hall(price=0)
    first = contact(hold(hall, 1))
    confirm_free_booking(booking_id=first.pk, actor="ann")
    with pytest.raises(AlreadyRegistered):
        hold(hall, 2)
    other_browser = hold(hall, 3, buyer=BOB)
    with pytest.raises(AlreadyRegistered):
        contact(other_browser, "ANN@example.com ")
    assert contact(other_browser, "bob@example.com").email == "bob@example.com"


def test_the_limit_per_customer_counts_an_e_mail_address() -> None:
    hall = make_hall(max_per_customer=2)
    contact(hold(hall, 1, 2))
    again = hold(hall, 3, buyer=BOB)
    with pytest.raises(LimitReached, match="At most 2 tickets per customer"):
        contact(again)
