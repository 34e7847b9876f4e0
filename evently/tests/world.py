"""A small busy platform: bookings in every state, with their money and messages, as its services leave them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from bookings.models import BookingSeat
from bookings.sale import Buyer
from bookings.services import (
    Contact,
    apply_code,
    confirm_free_booking,
    expire_holds,
    hold_best,
    set_contact,
    set_services,
    start_payment,
)
from evently.outbox.relay import relay
from evently.rest.idempotency import Once
from events.models import Event, EventService, PricingRule, PromoCode, Service
from events.repricing import reprice
from events.tests.factories import Hall, make_hall
from notifications.services import send_due
from payments import services as payments
from payments.gateways import ChargeStatus, DisputeResult, RefundResult, RefundStatus, Result
from payments.models import Payment, Payout, PlatformFee, Refund, Seller

AGED = (
    "bookings_booking",
    "bookings_bookingseat",
    "bookings_bookinghistory",
    "bookings_ticket",
    "payments_payment",
    "payments_refund",
)


@contextmanager
def rules_off() -> Iterator[Any]:
    """A cursor past triggers and foreign keys, as a bug, a restore or a careless hand would have it."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        try:
            yield cursor
        finally:
            cursor.execute("SET session_replication_role = origin")


@dataclass
class World:
    """The bookings by what became of them."""

    hall: Hall
    free_hall: Hall
    dear_hall: Hall
    paid: UUID
    free: UUID
    held: UUID
    cheap: UUID
    paying: UUID
    expired: UUID
    cancelled: UUID
    late: UUID
    called_off: UUID
    partly: UUID


def hold(hall: Hall, name: str, quantity: int = 2) -> UUID:
    """A hold with its buyer written down."""
    buyer = Buyer(session=name)
    once = Once(name, "wish")
    booking = hold_best(buyer=buyer, event_id=hall.event.pk, quantities={hall.adult.pk: quantity}, once=once)
    contact = Contact(name=name.title(), email=f"{name}@example.org", terms_version="1")
    set_contact(booking_id=booking.pk, contact=contact, user_id=None, actor=str(buyer))
    return booking.pk


def pay(booking_id: UUID) -> Payment:
    """The booking on its way to the gateway."""
    booking = start_payment(booking_id=booking_id, actor="buyer")
    return Payment.objects.create(
        event_id=booking.event_id,
        booking=booking,
        gateway="sandbox",
        gateway_id=str(booking.pk),
        amount_minor=booking.total_minor,
        currency=booking.currency,
        status=Payment.Status.PENDING,
        idempotency_key=str(booking.pk),
    )


def capture(payment: Payment) -> None:
    """The gateway says that the money has come."""
    result = Result(
        status=ChargeStatus.CAPTURED, amount_minor=payment.amount_minor, currency=payment.currency, reference=str(payment.pk)
    )
    payments.settle(payment_id=payment.pk, result=result)


def give_back_a_part(payment: Payment) -> None:
    """Paid, some of it given back and paid back, and disputed at the buyer's bank, which has decided for the organizer."""
    capture(payment)
    refund = payments.give_back(payment_id=payment.pk, amount_minor=1001, key="kind", note="rain", actor="organizer")
    assert isinstance(refund, Refund)
    told = RefundResult(
        gateway_id="r1", status=RefundStatus.SUCCEEDED, amount_minor=1001, currency=payment.currency, reference=str(refund.pk)
    )
    payments.settle_refund(refund_id=refund.pk, result=told)
    for is_lost in (None, False):
        dispute = DisputeResult(gateway_id="d1", amount_minor=800, currency=payment.currency, is_lost=is_lost)
        result = Result(
            status=ChargeStatus.CAPTURED,
            amount_minor=payment.amount_minor,
            currency=payment.currency,
            reference=str(payment.pk),
            fee_minor=33,
            disputes=(dispute,),
        )
        payments.take_note(payment_id=payment.pk, result=result)


def the_worker_runs() -> None:
    relay()
    send_due()


def an_hour_passes() -> None:
    with rules_off() as cursor:
        for table in (*AGED, "events_event", "outbox_outboxmessage", "rest_idempotencykey", "notifications_delivery"):
            cursor.execute(f"UPDATE {table} SET created_at = created_at - interval '1 hour'")  # noqa: S608 -- our own words
        for table, column in (("bookings_booking", "expires_at"), ("events_seat", "held_until"), ("events_event", "updated_at")):
            cursor.execute(f"UPDATE {table} SET {column} = {column} - interval '1 hour'")  # noqa: S608 -- our own words


def build() -> World:
    """Everything that happens to bookings, an hour ago and now."""
    hall, free_hall, called_off_hall = make_hall(), make_hall(price=0), make_hall()
    named = {"name": "City Stage e.V.", "address": "Erfurt", "invoice_prefix": "CITY"}
    Seller.objects.create(organizer=hall.event.organizer, tax_rate=19, **named)
    PlatformFee.objects.create(organizer=hall.event.organizer, currency="EUR", percent=2, fixed_minor=49)
    paid, late, called_off = hold(hall, "paid"), hold(hall, "late"), hold(called_off_hall, "fan")
    for booking_id in (paid, called_off):
        capture(pay(booking_id))
    partly = hold(hall, "partly")
    give_back_a_part(pay(partly))
    for booking_id in (called_off, partly):
        acme = payments.Recipient(name="Acme", address="Erfurt")
        payments.issue_invoice(booking_id=booking_id, recipient=acme, actor="buyer")
    late_payment = pay(late)
    free = hold(free_hall, "free", 1)
    confirm_free_booking(booking_id=free, actor="buyer")
    expired, cancelled = hold(hall, "idle"), hold(hall, "undecided")
    payments.cancel_booking(booking_id=cancelled, actor="buyer")

    the_worker_runs()
    an_hour_passes()
    expire_holds()
    hall.seats.exclude(status="sold").update(status="blocked")  # so that the late money finds its seats gone
    capture(late_payment)
    hall.seats.filter(status="blocked").update(status="available")
    Event.objects.filter(pk=called_off_hall.event.pk).update(status=Event.Status.CANCELLED)
    payments.cancel_booking(booking_id=called_off, actor="organizer")

    dear_hall = make_hall()
    PricingRule.objects.create(event=dear_hall.event, hours_before=10_000, change_percent=10, ceiling_minor=1_000_000)
    reprice(event_id=dear_hall.event.pk)

    PromoCode.objects.create(organizer=hall.event.organizer, code="A", canonical="a", percent=10, limit=5, per_customer=1)
    idle_seats = hall.event.seats.filter(pk__in=BookingSeat.objects.filter(booking=expired).values("seat"))
    idle_seats.update(status="blocked")  # whoever holds now takes others: a damage gives these back to the idle one
    held, paying, cheap = hold(hall, "holder"), hold(hall, "payer"), hold(dear_hall, "saver")
    idle_seats.update(status="available")
    apply_code(booking_id=cheap, typed="a", actor="saver")
    service = Service.objects.create(organizer=hall.event.organizer, name="Parking")
    parking = EventService.objects.create(event=dear_hall.event, service=service, price_minor=500, stock=5)
    set_services(booking_id=cheap, quantities={parking.pk: 2}, actor="saver")
    pay(paying)
    payout: dict[str, Any] = {"kind": Payout.Kind.PAID, "amount_minor": 5000, "currency": "EUR", "paid_on": timezone.now().date()}
    payments.record_payout(organizer_id=hall.event.organizer_id, reference="T1", actor="user:root", **payout)
    the_worker_runs()
    with connection.cursor() as cursor:  # what is checked at the end of a transaction is checked now, before the damages
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    return World(hall, free_hall, dear_hall, paid, free, held, cheap, paying, expired, cancelled, late, called_off, partly)
