"""Mails: queued once, sent when the mail server lets us, never in the way of a booking."""

import email
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.core import mail
from django.core.cache import cache
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import F

from bookings.models import Booking, Ticket
from bookings.services import confirm_free_booking
from bookings.tests.races import race
from evently.accounts.models import Organizer
from evently.audit import complaints
from evently.outbox.models import OutboxMessage
from evently.outbox.relay import relay
from evently.templatetags.evently import event_when_long, moment
from events.models import Event
from events.services import postpone_event, reschedule_event
from events.tests.factories import Hall, make_hall
from notifications import subscribers
from notifications.models import Delivery
from notifications.services import LONGEST_LEASE, LOST, MOST_ATTEMPTS, queue, send_due
from notifications.tasks import send_due as task
from payments.models import Payment
from payments.services import cancel_booking, cancel_event, give_back, settle_from_gateway
from payments.tests.factories import BOB, check_out, decide, hold, state

SMTP_BACKEND = "django.core.mail.backends.smtp.EmailBackend"


@pytest.fixture(autouse=True)
def _audited(transactional_db: None) -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()
    assert complaints("bookings", "payments") == {}


@pytest.fixture
def hall() -> Hall:
    return make_hall(title="Sky Sessions: Live & Loud")


@pytest.fixture
def dead_mail_server(settings: Any) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = SMTP_BACKEND, "127.0.0.1", 9


def pay(booking: Booking) -> Payment:
    payment = check_out(booking).payment
    decide(payment)
    return settle_from_gateway(payment_id=payment.pk)


def book_free() -> Booking:
    booking = hold(make_hall(price=0), 1)
    return confirm_free_booking(booking_id=booking.pk, actor="ann")


def queued(recipient: str = "ann@example.org", kind: str = "booking_confirmed") -> Delivery:
    queue(key="k1", kind=kind, recipient=recipient, object_id=book_free().pk)
    return Delivery.objects.get()


def leases_end() -> None:
    cache.clear()
    Delivery.objects.update(due_at=F("due_at") - LONGEST_LEASE - timedelta(minutes=1))


def sent() -> EmailMultiAlternatives:
    (message,) = mail.outbox
    assert isinstance(message, EmailMultiAlternatives)
    return message


def html(message: EmailMultiAlternatives) -> str:
    return str(message.alternatives[0][0])


def subjects() -> list[str]:
    relay()
    send_due()
    return [str(message.subject) for message in mail.outbox]


# What is told


def test_whoever_has_paid_is_sent_the_tickets(hall: Hall, settings: Any) -> None:
    settings.EVENTLY_SITE_URL = "https://tickets.example"
    pay(hold(hall, 1, 2))
    relay()
    assert send_due() == 1

    message, booking = sent(), Booking.objects.get()
    assert (message.to, message.subject) == (["ann@example.org"], "Your tickets for Sky Sessions: Live & Loud")
    for body in (html(message), message.body):
        assert f"https://tickets.example/bookings/{booking.pk}/open/{booking.secret}/" in body
        assert booking.reference in body
        assert "€168.00" in body
        assert "Row 0, seat 1" in body
        assert "Main Hall" in body
    assert "Sky Sessions: Live &amp; Loud" in html(message)
    assert "Sky Sessions: Live & Loud" in message.body
    assert list(Delivery.objects.values_list("status", "attempts", "error")) == [("sent", 1, "")]


def test_each_ticket_comes_with_its_code_as_a_picture_in_the_mail(hall: Hall) -> None:
    pay(hold(hall, 1, 2))
    subjects()
    parsed = email.message_from_bytes(sent().message().as_bytes(), policy=policy.default)
    assert parsed.get_content_type() == "multipart/related"
    pictures = {part["Content-ID"].strip("<>"): part for part in parsed.walk() if part["Content-ID"]}
    assert sorted(pictures) == sorted(str(pk) for pk in Ticket.objects.values_list("pk", flat=True))
    for pk, picture in pictures.items():
        assert picture.get_content_disposition() == "inline"
        assert picture.get_content().startswith(b"\x89PNG")
        assert f'src="cid:{pk}"' in html(sent())


def test_the_time_is_that_of_the_venue(hall: Hall) -> None:
    Event.objects.update(starts_at=datetime(2026, 6, 13, 18, tzinfo=UTC), ends_at=datetime(2026, 6, 13, 21, tzinfo=UTC))
    pay(hold(hall, 1))
    subjects()
    assert "Saturday 13 June 2026, 20:00 CEST" in html(sent())


def test_a_mail_is_written_in_the_language_of_its_booking(hall: Hall) -> None:
    pay(hold(hall, 1, language="de"))
    subjects()
    assert '<html lang="de">' in html(sent())
    assert "84,00\N{NO-BREAK SPACE}€" in html(sent())


def test_an_answer_goes_to_the_organizer(hall: Hall) -> None:
    Organizer.objects.update(email="hello@stage.example")
    pay(hold(hall, 1))
    subjects()
    assert sent().reply_to == ["hello@stage.example"]


def test_each_confirmation_is_told_once_however_often_it_is_heard(hall: Hall) -> None:
    pay(hold(hall, 1))
    for _ in range(3):
        relay()
        OutboxMessage.objects.update(sent_at=None, handled=[], due_at=F("created_at"))
        send_due()
    assert len(mail.outbox) == 1


def test_who_paid_too_late_is_told_that_the_money_goes_back(hall: Hall) -> None:
    booking = hold(hall, 1)
    payment = check_out(booking).payment
    cancel_booking(booking_id=booking.pk, actor="ann")
    decide(payment)
    settle_from_gateway(payment_id=payment.pk)
    assert subjects() == ["Your money for Sky Sessions: Live & Loud goes back to you"]
    for body in (html(sent()), sent().body):
        assert "after the booking had been cancelled" in body
        assert "€84.00, goes back to you" in body


def test_what_the_organizer_gives_back_is_told_with_its_amount(hall: Hall) -> None:
    payment = pay(hold(hall, 1))
    subjects()
    mail.outbox.clear()
    give_back(payment_id=payment.pk, amount_minor=1250, key="rain", note="rain", actor="boss")
    assert subjects() == ["Your money for Sky Sessions: Live & Loud goes back to you"]
    for body in (html(sent()), sent().body):
        assert "The organizer gives this part of what you paid back to you. Your tickets stay valid." in body
        assert "€12.50 goes back to you" in body
        assert "All of your money" not in body


def test_everybody_with_tickets_is_told_once_that_the_event_was_cancelled(hall: Hall) -> None:
    pay(hold(hall, 1))
    hold(hall, 2, buyer=BOB)
    relay()
    send_due()
    mail.outbox.clear()

    cancel_event(event_id=hall.event.pk, actor="boss")
    assert subjects() == ["Sky Sessions: Live & Loud was cancelled"]
    assert sent().to == ["ann@example.org"]
    assert "€84.00, goes back to you" in html(sent())
    assert subjects() == ["Sky Sessions: Live & Loud was cancelled"]


def test_a_free_ticket_of_a_cancelled_event_is_told_without_money() -> None:
    booking = book_free()
    cancel_event(event_id=booking.event_id, actor="boss")
    assert subjects() == ["Concert was cancelled"]
    assert "goes back" not in html(sent())


def test_everybody_with_tickets_is_told_that_the_event_was_postponed_and_then_of_the_new_date(hall: Hall) -> None:
    pay(hold(hall, 1))
    hold(hall, 2, buyer=BOB)
    relay()
    send_due()
    mail.outbox.clear()
    starts_at = hall.event.starts_at

    postpone_event(event_id=hall.event.pk, actor="boss")
    assert subjects() == ["Sky Sessions: Live & Loud was postponed"]
    assert sent().to == ["ann@example.org"]
    for body in (html(sent()), sent().body):
        assert "There is no new date yet" in body
        assert "stay valid for the new date" in body
    assert subjects() == ["Sky Sessions: Live & Loud was postponed"]

    mail.outbox.clear()
    later = reschedule_event(event_id=hall.event.pk, starts_at=starts_at + timedelta(days=30), actor="boss")
    assert subjects() == ["New date: Sky Sessions: Live & Loud"]
    for body in (html(sent()), sent().body):
        assert f"It takes place on {event_when_long(later)}, Main Hall, Erfurt." in body
        assert f"It was to be on {moment(starts_at, later)}." in body


def test_every_time_that_it_is_postponed_is_told_and_what_is_no_longer_true_is_not(hall: Hall) -> None:
    pay(hold(hall, 1))
    subjects()
    mail.outbox.clear()
    for days in (10, 20):
        postpone_event(event_id=hall.event.pk, actor="boss")
        relay()  # and the new date is there before the mail goes out
        reschedule_event(event_id=hall.event.pk, starts_at=hall.event.starts_at + timedelta(days=days), actor="boss")
        assert subjects()[-1] == "New date: Sky Sessions: Live & Loud"
    assert len(mail.outbox) == 2
    assert Delivery.objects.filter(kind="event_postponed", status="dropped").count() == 2


def sell_while_it_is_postponed() -> list[str]:
    """A sale that begins before the event is postponed and ends after its news were told; the kinds of what is told."""
    booking = hold(make_hall(price=0), 1)
    begun = threading.Event()

    def sell() -> None:
        with transaction.atomic():
            confirm_free_booking(booking_id=booking.pk, actor="ann")
            begun.set()
            time.sleep(0.3)

    def tell() -> None:
        begun.wait()
        postpone_event(event_id=booking.event_id, actor="boss")
        relay()

    assert race([sell, tell]) == [None, None]
    return sorted(Delivery.objects.exclude(kind="booking_confirmed").values_list("kind", flat=True))


def test_a_sale_that_ends_after_the_event_was_postponed_is_told() -> None:
    assert sell_while_it_is_postponed() == ["event_postponed"]


def test_without_waiting_for_it_a_sale_in_flight_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscribers, "wait_for_sales_in_flight", lambda *, event_id: None)
    assert sell_while_it_is_postponed() == []


def test_tickets_of_a_postponed_event_say_so() -> None:
    booking = book_free()
    postpone_event(event_id=booking.event_id, actor="boss")
    assert subjects()[0] == "Your tickets for Concert"
    message: Any = mail.outbox[0]
    for body in (html(message), message.body):
        assert "This event was postponed. Your tickets are valid for the new date" in body


def test_tickets_are_not_sent_once_they_are_void(hall: Hall) -> None:
    booking = book_free()
    relay()
    cancel_booking(booking_id=booking.pk, actor="ann")
    assert send_due() == 0
    assert list(Delivery.objects.values_list("status", flat=True)) == ["dropped"]


# Sending


def test_a_key_is_told_once() -> None:
    delivery = queued()
    queue(key="k1", kind="event_cancelled", recipient="bob@example.org", object_id=delivery.pk)
    assert list(Delivery.objects.values_list("kind", "recipient")) == [("booking_confirmed", "ann@example.org")]


def test_a_dead_mail_server_does_not_touch_a_booking_and_gets_the_mail_later(
    hall: Hall, dead_mail_server: None, settings: Any
) -> None:
    booking = hold(hall, 1)
    pay(booking)
    relay()
    assert task() == 0
    assert state(booking) == ("confirmed", "paid")
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.attempts) == ("queued", 1)
    assert delivery.error == "ConnectionRefusedError: [Errno 111] Connection refused"

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    leases_end()
    assert send_due() == 1
    assert sent().to == ["ann@example.org"]
    assert Delivery.objects.get().error == ""


@pytest.mark.usefixtures("dead_mail_server")
def test_a_mail_server_that_cannot_be_reached_is_left_alone_for_a_while() -> None:
    booking = book_free()
    for number in range(5):
        queue(key=f"k{number}", kind="booking_confirmed", recipient="ann@example.org", object_id=booking.pk)
    for _ in range(3):
        send_due()
    assert sorted(Delivery.objects.values_list("attempts", flat=True)) == [0, 0, 0, 0, 1]


@pytest.mark.usefixtures("dead_mail_server")
def test_a_mail_that_can_never_be_sent_is_given_up_and_says_why() -> None:
    queued()
    for _ in range(MOST_ATTEMPTS + 2):
        send_due()
        leases_end()
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.attempts) == ("failed", MOST_ATTEMPTS)
    assert delivery.error == "ConnectionRefusedError: [Errno 111] Connection refused"


def test_a_mail_whose_sending_killed_every_worker_is_given_up() -> None:
    queued()
    Delivery.objects.update(attempts=MOST_ATTEMPTS)
    assert send_due() == 0
    assert (Delivery.objects.get().status, Delivery.objects.get().error) == ("failed", LOST)


@pytest.mark.parametrize("address", ["ann@example.org\r\nBcc: all@example.org", "ann@example.org\nSubject: x"])
def test_an_address_with_a_line_break_is_never_sent_to(address: str) -> None:
    queued(recipient=address)
    assert send_due() == 0
    assert mail.outbox == []
    assert Delivery.objects.get().error.startswith("BadHeaderError: ")


def test_a_title_with_a_line_break_stays_in_the_subject() -> None:
    booking = book_free()
    Event.objects.update(title="Concert\r\nBcc: all@example.org")
    queue(key="k1", kind="booking_confirmed", recipient="ann@example.org", object_id=booking.pk)
    assert send_due() == 1
    message = email.message_from_bytes(sent().message().as_bytes(), policy=policy.default)
    assert (message["Subject"], message["Bcc"]) == ("Your tickets for Concert Bcc: all@example.org", None)


def test_a_name_of_markup_stays_a_name() -> None:
    booking = book_free()
    booking.seats.update(attendee="<script>alert(1)</script>{{ 7|add:7 }}")
    queue(key="k1", kind="booking_confirmed", recipient="ann@example.org", object_id=booking.pk)
    send_due()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{ 7|add:7 }}" in html(sent())


def test_workers_at_once_send_each_mail_once() -> None:
    booking = book_free()
    for number in range(20):
        queue(key=f"k{number}", kind="booking_confirmed", recipient=f"{number}@example.org", object_id=booking.pk)
    assert sum(race([send_due] * 4)) == 20
    assert len({message.to[0] for message in mail.outbox}) == len(mail.outbox) == 20


class Mailbox(Message):
    """What a real mail server has taken."""

    def __init__(self) -> None:
        super().__init__(EmailMessage)
        self.recipients: list[str] = []
        self.messages: list[Any] = []

    def handle_message(self, message: Any) -> None:
        self.messages.append(message)

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if address.startswith("nobody"):
            return "550 no such person"
        envelope.rcpt_tos.append(address)
        self.recipients.append(address)
        return "250 OK"


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    box = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = SMTP_BACKEND, "127.0.0.1", port
    yield box
    controller.stop()


def test_a_real_mail_server_takes_the_mails_over_one_connection(mailbox: Mailbox) -> None:
    booking = book_free()
    for name in ("nobody", "ann", "bob"):
        queue(key=name, kind="booking_confirmed", recipient=f"{name}@example.org", object_id=booking.pk)
    assert send_due() == 2
    assert mailbox.recipients == ["ann@example.org", "bob@example.org"]
    assert [message["Message-ID"] for message in mailbox.messages] == [
        f"<{delivery.pk}@localhost>" for delivery in Delivery.objects.exclude(key="nobody").order_by("pk")
    ]
    refused = Delivery.objects.get(key="nobody")
    assert refused.status == "queued"
    assert refused.error.startswith("SMTPRecipientsRefused")
