"""Giving tickets back in the browser: choose, see what goes back, agree; and what people hear of it."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db.models import F
from django.test import Client
from django.utils import timezone

from bookings.models import Booking
from bookings.services import confirm_free_booking
from evently.outbox.relay import relay
from events.models import Event, RefundTerm
from events.services import postpone_event
from events.tests.factories import Hall, make_hall
from notifications.services import send_due
from payments.models import Refund

from .factories import hold, paid, refunds, state


@pytest.fixture
def hall() -> Hall:
    """Tickets go back for all but 4 until ten days before, for half until two days before."""
    start = timezone.now() + timedelta(days=30)
    hall = make_hall(starts_at=start, ends_at=start + timedelta(hours=3))
    RefundTerm.objects.create(event=hall.event, days_before=10, percent=100, fee_minor=400)
    RefundTerm.objects.create(event=hall.event, days_before=2, percent=50)
    return hall


def url(booking: Booking) -> str:
    return f"/bookings/{booking.pk}/return/"


def page(browser: Client, address: str, *, status: int = 200) -> str:
    response = browser.get(address)
    assert response.status_code == status
    return " ".join(response.content.decode().split())


def ticket(booking: Booking, number: int) -> str:
    return str(booking.seats.order_by("seat__position").values_list("pk", flat=True)[number])


def agree(browser: Client, booking: Booking, expected: str, *tickets: str, **more: Any) -> Any:
    return browser.post(url(booking), {"ticket": tickets, "expected": expected}, **more)


def test_the_terms_are_told_before_and_after_buying(ann: Client, hall: Hall) -> None:
    held = hold(hall, 5)
    assert "less €4.00 for each ticket" in page(ann, hall.event.get_absolute_url())
    assert "50&nbsp;% of the price" in page(ann, f"/bookings/{held.pk}/pay/")
    booking, _payment = paid(hall, 1)
    confirmed = page(ann, booking.get_absolute_url())
    assert "less €4.00 for each ticket" in confirmed
    assert url(booking) in confirmed
    RefundTerm.objects.all().delete()
    assert "Tickets are not taken back" in page(ann, hall.event.get_absolute_url())
    assert "less €4.00 for each ticket" in page(ann, booking.get_absolute_url())


def test_one_of_two_tickets_is_chosen_looked_at_and_given_back(ann: Client, hall: Hall) -> None:
    booking, _payment = paid(hall, 1, 2)
    assert "Which tickets do you give back?" in page(ann, url(booking))
    assert page(ann, url(booking)).count("€80.00 back") == 2
    assert "No ticket is chosen" in page(ann, url(booking) + "?see=1")
    asked = page(ann, f"{url(booking)}?ticket={ticket(booking, 0)}&see=1")
    for words in ("Give this ticket back?", "Kept by the terms", "€4.00", "Goes back to you", "€80.00"):
        assert words in asked

    done = agree(ann, booking, "8000", ticket(booking, 0), follow=True).content.decode()
    assert "€80.00 goes back to you" in done
    assert "Tickets given back" in done
    assert (state(booking), booking.quantity) == (("confirmed", "paid"), 1)
    assert refunds(booking) == [("returned", 8000, "EUR")]
    again = agree(ann, booking, "8000", ticket(booking, 0), follow=True).content.decode()
    assert "not valid any more" in again
    assert len(refunds(booking)) == 1


@pytest.mark.parametrize("expected", ["8001", "-1", "", "x", "9" * 30])
def test_nothing_happens_unless_the_buyer_agreed_to_what_goes_back(ann: Client, hall: Hall, expected: str) -> None:
    booking, _payment = paid(hall, 1)
    answer = agree(ann, booking, expected, ticket(booking, 0))
    assert answer.status_code == 409
    assert "has just changed" in answer.content.decode()
    assert "€80.00" in answer.content.decode()
    assert (state(booking), refunds(booking)) == (("confirmed", "paid"), [])


def test_the_last_ticket_cancels_the_booking_and_one_mail_tells_of_both(ann: Client, hall: Hall) -> None:
    booking, _payment = paid(hall, 1)
    Booking.objects.update(email="ann@example.org")
    relay()
    send_due()
    mail.outbox.clear()
    done = agree(ann, booking, "8000", ticket(booking, 0), follow=True).content.decode()
    assert "This booking is cancelled" in done
    assert "€4.00 stays with the organizer" in " ".join(done.split())
    relay()
    relay()
    send_due()
    assert [(sent.subject, sent.to) for sent in mail.outbox] == [("You gave tickets for Concert back", ["ann@example.org"])]
    for words in ("Row 0, seat 1", "€80.00 goes back to you"):
        assert words in str(mail.outbox[0].body)


def test_what_costs_nothing_is_given_back_after_being_asked_once_more(ann: Client) -> None:
    hall = make_hall(price=0)
    booking = hold(hall, 1)
    confirm_free_booking(booking_id=booking.pk, actor="ann")
    assert ann.get(f"/bookings/{booking.pk}/cancel/")["Location"] == url(booking)
    assert "so that somebody else can go" in page(ann, url(booking))
    assert "This booking is cancelled" in agree(ann, booking, "0", ticket(booking, 0), follow=True).content.decode()
    assert ann.get(url(booking))["Location"] == booking.get_absolute_url()


def test_who_may_not_give_back_hears_why_and_whom_to_ask(ann: Client, hall: Hall) -> None:
    hall.event.organizer.email = "box@example.org"
    hall.event.organizer.save()
    RefundTerm.objects.all().delete()
    booking, _payment = paid(hall, 1)
    for told in (page(ann, url(booking), status=409), agree(ann, booking, "8400", ticket(booking, 0)).content.decode()):
        assert "are not taken back" in told
        assert "mailto:box@example.org" in told
    Event.objects.update(starts_at=F("created_at"))
    assert "has begun" in page(ann, url(booking), status=409)
    assert state(booking) == ("confirmed", "paid")


def test_an_event_that_is_put_off_leaves_the_choice(ann: Client, hall: Hall) -> None:
    RefundTerm.objects.all().delete()
    booking, _payment = paid(hall, 1)
    postpone_event(event_id=hall.event.pk, actor="boss")
    assert "Or have your money back" in page(ann, booking.get_absolute_url())
    assert "have everything that you paid back" in page(ann, url(booking))
    agree(ann, booking, "8400", ticket(booking, 0))
    assert (state(booking)[0], Refund.objects.get().amount_minor) == ("cancelled", 8400)


def test_the_bookings_of_others_are_not_there(hall: Hall) -> None:
    booking, _payment = paid(hall, 1)
    assert Client().get(url(booking)).status_code == 404
    assert agree(Client(), booking, "8000", ticket(booking, 0)).status_code == 404
    assert state(booking) == ("confirmed", "paid")
