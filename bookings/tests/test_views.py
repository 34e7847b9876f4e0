"""Every state of a booking, its tickets and the list, through the pages."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings import tickets
from bookings.models import Booking, BookingHistory, Ticket
from bookings.sale import Buyer
from bookings.services import Contact, confirm_booking, hold_seats, set_contact, start_payment
from bookings.tests.races import time_passes
from evently.accounts.models import User
from events.models import Event
from events.tests.factories import Hall, make_hall
from payments.models import Payment, Refund

pytestmark = pytest.mark.django_db(transaction=True)

GUEST = Buyer(session="guest")
GOING = "You\N{RIGHT SINGLE QUOTATION MARK}re going."


def browser_of(buyer: Buyer) -> Client:
    client = Client()
    session = client.session
    session["buyer"] = buyer.session
    session.save()
    return client


@pytest.fixture
def hall() -> Hall:
    return make_hall(rows=2)


@pytest.fixture
def client() -> Client:
    return browser_of(GUEST)


def hold(hall: Hall, *seats: int, buyer: Buyer = GUEST, email: str = "ada@example.org") -> Booking:
    booking = hold_seats(buyer=buyer, event_id=hall.event.pk, seats=dict.fromkeys(hall.seat_ids(*seats)))
    contact = Contact(name="Ada Example", email=email, attendees={booking.live_seats[0].pk: "Ada Example"})
    set_contact(booking_id=booking.pk, contact=contact, user_id=buyer.user_id, actor="")
    return booking


def book(hall: Hall, *seats: int, **more: Any) -> Booking:
    return confirm_booking(booking_id=hold(hall, *seats, **more).pk, actor="", payment_status=Booking.PaymentStatus.PAID)


def pay(booking: Booking, **more: Any) -> Payment:
    facts = {"event": booking.event, "gateway": "sandbox", "gateway_id": str(uuid4()), "idempotency_key": str(uuid4())}
    return Payment.objects.create(booking=booking, amount_minor=8400, currency="EUR", **(facts | more))


def refund(booking: Booking, reason: str) -> None:
    captured = {"status": "captured", "outcome": "refund", "captured_minor": 8400, "captured_currency": "EUR"}
    payment = pay(booking, **captured)
    Refund.objects.create(event=booking.event, payment=payment, amount_minor=8400, currency="EUR", reason=reason)


def page_of(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


def test_a_held_booking_leads_to_its_details(client: Client, hall: Hall) -> None:
    booking = hold(hall, 0)

    assert client.get(booking.get_absolute_url())["Location"] == f"/bookings/{booking.pk}/details/"


def test_a_confirmed_booking_shows_a_code_for_each_ticket(client: Client, hall: Hall) -> None:
    booking = book(hall, 0, 1)

    page = page_of(client, booking.get_absolute_url())

    assert GOING in page
    assert booking.reference in page
    assert "ada@example.org" in page
    assert all(tickets.qr_svg(tickets.sign(ticket)) in page for ticket in booking.tickets.all())
    assert "Make an account" in page


def test_nobody_with_an_account_is_offered_one(hall: Hall) -> None:
    ann = User.objects.create_user("ann@example.org")
    booking, browser = book(hall, 0, buyer=Buyer(user_id=ann.pk)), Client()
    browser.force_login(ann)

    assert "Make an account" not in page_of(browser, booking.get_absolute_url())


@pytest.mark.parametrize("started", [True, False])
def test_a_booking_being_paid_says_whether_a_payment_is_under_way(client: Client, hall: Hall, started: bool) -> None:
    booking = hold(hall, 0)
    start_payment(booking_id=booking.pk, actor="")
    if started:
        pay(booking, status="pending")

    page = page_of(client, booking.get_absolute_url())

    assert ("Your payment is being checked" in page) is started
    assert ("Not paid yet" in page) is not started
    assert f"/bookings/{booking.pk}/pay/" in page


def test_an_ended_hold_says_when_and_offers_the_seats_again(client: Client, hall: Hall) -> None:
    booking = hold(hall, 0)
    time_passes(11)

    page = page_of(client, booking.get_absolute_url())

    assert f"Your hold ended at {Booking.objects.get().expires_at.astimezone(hall.event.venue.zone):%H:%M}" in page
    assert "Row 0, seat 0 is still free" in page
    assert "Your name and e-mail are kept." in page


def test_late_money_is_said_to_go_back(client: Client, hall: Hall) -> None:
    booking = hold(hall, 0)
    time_passes(11)
    hold(hall, 0, buyer=Buyer(session="other"), email="other@example.org")
    refund(booking, Refund.Reason.SEATS_LOST)

    page = page_of(client, booking.get_absolute_url())

    assert "Your payment came after your time had ended" in page
    assert "€84.00 goes back to you" in page


def test_money_of_a_wrong_amount_is_said_to_go_back_and_the_seats_are_offered_again(client: Client, hall: Hall) -> None:
    booking = hold(hall, 0)
    time_passes(11)
    refund(booking, Refund.Reason.WRONG_AMOUNT)

    page = page_of(client, booking.get_absolute_url())

    assert "It was not the amount that was due" in page
    assert "Row 0, seat 0 is still free" in page
    assert "Nothing was charged." not in page


def test_a_second_payment_is_said_to_go_back(client: Client, hall: Hall) -> None:
    booking = book(hall, 0)
    refund(booking, Refund.Reason.PAID_TWICE)

    page = page_of(client, booking.get_absolute_url())

    assert GOING in page
    assert "This booking was paid twice." in page


def test_bookings_of_a_cancelled_event_say_so_whatever_their_own_state(client: Client, hall: Hall) -> None:
    held, booked = hold(hall, 0), book(hall, 1)
    Event.objects.update(status=Event.Status.CANCELLED)
    refund(booked, Refund.Reason.EVENT_CANCELLED)

    for booking in (held, booked):
        assert "This event was cancelled" in page_of(client, booking.get_absolute_url())
    assert "€84.00 goes back to you" in page_of(client, booked.get_absolute_url())
    assert "This ticket is void" in page_of(client, booked.tickets.get().get_absolute_url())


def test_the_seats_of_a_hold_are_given_back_at_once(client: Client, hall: Hall) -> None:
    booking = hold(hall, 0)

    response = client.post(f"/bookings/{booking.pk}/cancel/")

    assert response["Location"] == hall.event.get_absolute_url()
    assert [str(each) for each in get_messages(response.wsgi_request)] == [
        "Your seats are free for others again. Nothing was charged."
    ]
    booking.refresh_from_db()
    assert booking.status == Booking.Status.CANCELLED


def test_the_link_from_the_mail_opens_the_booking_in_another_browser(hall: Hall) -> None:
    booking, phone = book(hall, 0), Client()
    assert phone.get(booking.get_absolute_url()).status_code == 404

    response = phone.get(f"/bookings/{booking.pk}/open/{booking.secret}/")

    assert response["Location"] == booking.get_absolute_url()
    assert "no-store" in response["Cache-Control"]
    assert GOING in page_of(phone, booking.get_absolute_url())
    assert page_of(phone, booking.tickets.get().get_absolute_url())
    assert booking.reference in page_of(phone, "/bookings/")


@pytest.mark.parametrize("secret", ["x", "ünïcode", "0" * 32])
def test_a_wrong_secret_opens_nothing(hall: Hall, secret: str) -> None:
    booking, stranger = book(hall, 0), Client()

    assert stranger.get(f"/bookings/{booking.pk}/open/{secret}/").status_code == 404
    assert stranger.get(f"/bookings/{uuid4()}/open/{booking.secret}/").status_code == 404
    assert stranger.get(booking.get_absolute_url()).status_code == 404


def test_the_secret_of_one_booking_opens_no_other(hall: Hall) -> None:
    mine, other = book(hall, 0), book(hall, 1, buyer=Buyer(session="other"), email="bob@example.org")
    browser = Client()

    assert browser.get(f"/bookings/{other.pk}/open/{mine.secret}/").status_code == 404
    browser.get(f"/bookings/{mine.pk}/open/{mine.secret}/")
    assert browser.get(other.get_absolute_url()).status_code == 404


def test_strangers_find_neither_bookings_nor_tickets(hall: Hall) -> None:
    booking = book(hall, 0)
    bob = User.objects.create_user("bob@example.org")
    signed_in = browser_of(Buyer(session="bob"))
    signed_in.force_login(bob)

    for stranger in (Client(), browser_of(Buyer(session="other")), signed_in):
        for url in (booking.get_absolute_url(), booking.tickets.get().get_absolute_url(), f"/bookings/{booking.pk}/cancel/"):
            assert stranger.get(url).status_code == 404
        assert booking.reference not in page_of(stranger, "/bookings/")


def test_pages_of_a_booking_are_not_kept_by_caches(client: Client, hall: Hall) -> None:
    booking = book(hall, 0)

    for url in (booking.get_absolute_url(), booking.tickets.get().get_absolute_url(), "/bookings/"):
        assert "no-store" in client.get(url)["Cache-Control"]


def test_a_ticket_shows_its_code_its_seat_and_its_number(client: Client, hall: Hall) -> None:
    booking = book(hall, 0, 1)
    first, second = booking.tickets.order_by("booking_seat__seat__position")

    page = page_of(client, first.get_absolute_url())

    assert "Ticket 1 of 2" in page
    assert tickets.qr_svg(tickets.sign(first)) in page
    assert "Ada Example" in page
    assert second.get_absolute_url() in page
    assert "Ticket 2 of 2" in page_of(client, second.get_absolute_url())


def test_a_void_ticket_shows_no_code(client: Client, hall: Hall) -> None:
    booking = book(hall, 0)
    ticket = booking.tickets.get()
    Ticket.objects.update(status=Ticket.Status.VOID)

    page = page_of(client, ticket.get_absolute_url())

    assert "This ticket is void" in page
    assert tickets.qr_svg(tickets.sign(ticket)) not in page


def lists(client: Client) -> dict[str, set[str]]:
    """The references that each tab shows."""
    shown = ("upcoming", "past", "cancelled")
    return {tab: {row[0].reference for row in client.get(f"/bookings/?show={tab}").context["rows"]} for tab in shown}


def test_bookings_are_listed_by_what_has_become_of_them(client: Client, hall: Hall) -> None:
    booked, held = book(hall, 0), hold(hall, 1)
    over = make_hall()
    past = book(over, 0)
    Event.objects.filter(pk=over.event.pk).update(starts_at=timezone.now() - timedelta(days=1), ends_at=timezone.now())
    called_off = make_hall()
    cancelled = book(called_off, 0)
    Event.objects.filter(pk=called_off.event.pk).update(status=Event.Status.CANCELLED)

    assert lists(client) == {
        "upcoming": {booked.reference, held.reference},
        "past": {past.reference},
        "cancelled": {cancelled.reference},
    }


def test_holds_that_ended_unpaid_are_not_listed(client: Client, hall: Hall) -> None:
    ended, given_back = hold(hall, 0), hold(hall, 1)
    client.post(f"/bookings/{given_back.pk}/cancel/")
    time_passes(11)

    assert lists(client) == {"upcoming": set(), "past": set(), "cancelled": set()}
    Booking.objects.filter(pk=ended.pk).update(status="expired", payment_status="paid")
    assert lists(client)["cancelled"] == {ended.reference}


def test_a_person_sees_the_bookings_of_the_account_and_of_the_browser(hall: Hall) -> None:
    ann = User.objects.create_user("ann@example.org")
    by_ann = book(hall, 0, buyer=Buyer(user_id=ann.pk), email="ann@example.org")
    by_guest = book(hall, 1)
    browser = browser_of(GUEST)
    browser.force_login(ann)

    assert lists(browser)["upcoming"] == {by_ann.reference, by_guest.reference}


def test_a_visitor_without_bookings_is_shown_how_to_find_them() -> None:
    assert "Open the link in your e-mail." in page_of(Client(), "/bookings/")
    assert Client().get("/bookings/?show=nonsense").status_code == 404


def test_the_list_asks_as_much_for_three_bookings_as_for_one(client: Client, hall: Hall) -> None:
    counts = []
    for seats in ([0, 1], [2], [3]):
        book(hall, *seats)
        with CaptureQueriesContext(connection) as queries:
            client.get("/bookings/")
        counts.append(len(queries))

    assert counts == [counts[0]] * 3


def test_the_list_comes_in_pages(client: Client, hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bookings.views.PER_PAGE", 2)
    for seat in range(3):
        book(hall, seat)

    assert "Page 1 of 2" in page_of(client, "/bookings/")
    assert len(client.get("/bookings/?page=2").context["rows"]) == 1


def test_guest_bookings_come_to_the_account_that_has_proven_their_address(hall: Hall) -> None:
    booking = book(hall, 0)
    other = book(hall, 1, email="bob@example.org")
    ada = User.objects.create_user("ada@example.org")
    EmailAddress.objects.create(user=ada, email=ada.email, verified=True, primary=True)

    Client().force_login(ada)

    booking.refresh_from_db()
    other.refresh_from_db()
    assert (booking.user, other.user) == (ada, None)
    last = BookingHistory.objects.filter(booking=booking).latest("version")
    assert (last.action, last.actor, last.version) == ("claimed", f"user:{ada.pk}", booking.version)


def test_an_address_that_is_only_said_claims_nothing(hall: Hall) -> None:
    booking = book(hall, 0)
    mallory = User.objects.create_user("ada@example.org")
    EmailAddress.objects.create(user=mallory, email=mallory.email, verified=False, primary=True)

    Client().force_login(mallory)

    booking.refresh_from_db()
    assert booking.user is None


def test_the_terms_are_a_page_with_their_version() -> None:
    assert "Version 2026-11." in page_of(Client(), "/terms/")
