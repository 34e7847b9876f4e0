"""Bookings about to be paid, and people at the sandbox's pay page."""

import json
import time
from typing import Any
from uuid import UUID

from django.utils import translation

from bookings.models import Booking
from bookings.sale import Buyer
from bookings.services import Contact, hold_seats, set_contact
from evently.database import uuid7
from events.tests.factories import Hall
from payments.gateways import sandbox
from payments.gateways.signatures import sign
from payments.models import LedgerEntry, Payment, Refund, SandboxCharge
from payments.services import Checkout, settle_from_gateway, start_checkout

ANN, BOB = Buyer(session="ann"), Buyer(session="bob")
PAID, DECLINED, ABANDONED = SandboxCharge.Status.PAID, SandboxCharge.Status.DECLINED, SandboxCharge.Status.ABANDONED


def hold(hall: Hall, *numbers: int, buyer: Buyer = ANN, language: str = "en") -> Booking:
    """These seats, held by a buyer who has said who they are."""
    booking = hold_seats(buyer=buyer, event_id=hall.event.pk, seats=dict.fromkeys(hall.seat_ids(*numbers)))
    contact = Contact(name=buyer.session.title(), email=f"{buyer.session}@example.org")
    with translation.override(language):
        return set_contact(booking_id=booking.pk, contact=contact, user_id=None, actor=str(buyer))


def check_out(booking: Booking, gateway: str = "sandbox") -> Checkout:
    return start_checkout(booking_id=booking.pk, gateway=gateway, actor="ann")


def decide(payment: Payment, status: SandboxCharge.Status = PAID) -> None:
    """The buyer makes up their mind at the pay page; the platform has not heard of it yet."""
    sandbox.decide(charge_id=UUID(Payment.objects.get(pk=payment.pk).gateway_id), status=status)


def paid(hall: Hall, *numbers: int, buyer: Buyer = ANN) -> tuple[Booking, Payment]:
    """These seats, bought by the sandbox's card."""
    booking = hold(hall, *numbers, buyer=buyer)
    payment = check_out(booking).payment
    decide(payment)
    payment = settle_from_gateway(payment_id=payment.pk)
    booking.refresh_from_db()
    return booking, payment


def balances() -> dict[str, int]:
    """The ledger's accounts that are not empty: minor units, debits positive."""
    totals: dict[str, int] = {}
    for account, amount in LedgerEntry.objects.values_list("account", "amount_minor"):
        totals[account] = totals.get(account, 0) + amount
    return {account: total for account, total in totals.items() if total}


def webhook(payment: Payment, *, message_id: str | None = None, age: int = 0) -> dict[str, Any]:
    """Headers and body that the sandbox would send."""
    body = json.dumps({"type": "charge.paid", "charge": payment.gateway_id}).encode()
    headers = sign(secret=sandbox.secret(), message_id=message_id or str(uuid7()), timestamp=int(time.time()) - age, body=body)
    return {"headers": headers, "body": body}


def state(booking: Booking) -> tuple[str, str]:
    booking.refresh_from_db()
    return booking.status, booking.payment_status


def outcomes(booking: Booking) -> list[tuple[str, str]]:
    """What has become of the payments of a booking, oldest first."""
    return list(booking.payments.order_by("created_at").values_list("status", "outcome"))


def refunds(booking: Booking) -> list[tuple[str, int, str]]:
    rows = Refund.objects.filter(payment__booking=booking).order_by("created_at")
    return list(rows.values_list("reason", "amount_minor", "currency"))
