"""Refunds as JSON, and what goes back for tickets."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from bookings.models import Booking
from evently.money import decimal_string, digits, to_minor

from .models import Payment, Refund, RefundApproval
from .quotes import Basis, Quote

MOST_SEATS = 100


class RefundWishSerializer(serializers.Serializer[Any]):
    """Tickets, money, or both. Needs the `currency` as its context; the cleaned amount is in minor units."""

    seats = serializers.ListField(
        child=serializers.UUIDField(), max_length=MOST_SEATS, default=list, help_text="Whose tickets are void then."
    )
    amount = serializers.DecimalField(max_digits=14, decimal_places=3, min_value=Decimal(0), help_text="What goes back.")
    note = serializers.CharField(max_length=300, required=False, help_text="By the team: why. The buyer does not see it.")

    def validate_amount(self, amount: Decimal) -> int:
        currency = self.context["currency"]
        if amount != round(amount, digits(currency)):
            raise serializers.ValidationError(_("Please give an amount in %(currency)s.") % {"currency": currency})
        return to_minor(amount, currency)

    def validate_seats(self, seats: list[UUID]) -> list[UUID]:
        return list(dict.fromkeys(seats))


class RefundSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(allow_null=True, help_text="None when nothing goes back.")
    payment = serializers.UUIDField()
    booking = serializers.UUIDField()
    amount = serializers.CharField()
    currency = serializers.CharField()
    reason = serializers.ChoiceField([*Refund.Reason.choices, ("", "nothing goes back")])
    status = serializers.ChoiceField([*Refund.Status.choices, ("waiting", "a colleague has to agree"), ("", "nothing goes back")])
    created_at = serializers.DateTimeField(allow_null=True)


def render_refund(refund: Refund | None, payment: Payment) -> dict[str, Any]:
    """A refund of the payment, or that nothing of it goes back for the tickets that are void now."""
    minor = refund.amount_minor if refund else 0
    return {
        "id": refund and refund.pk,
        "payment": payment.pk,
        "booking": payment.booking_id,
        "amount": decimal_string(minor, payment.captured_currency),
        "currency": payment.captured_currency,
        "reason": refund.reason if refund else "",
        "status": refund.status if refund else "",
        "created_at": refund and refund.created_at,
    }


def render_approval(approval: RefundApproval) -> dict[str, Any]:
    """A refund that a colleague has to agree to."""
    return {
        "id": approval.pk,
        "payment": approval.payment_id,
        "booking": approval.payment.booking_id,
        "amount": decimal_string(approval.amount_minor, approval.currency),
        "currency": approval.currency,
        "reason": Refund.Reason.BY_STAFF,
        "status": approval.status,
        "created_at": approval.created_at,
    }


class QuotedTicketSerializer(serializers.Serializer[Any]):
    seat = serializers.UUIDField()
    paid = serializers.CharField()
    back = serializers.CharField()


class QuoteSerializer(serializers.Serializer[Any]):
    payment = serializers.UUIDField(allow_null=True, help_text="Whose refunds to post to; none for what costs nothing.")
    basis = serializers.ChoiceField(
        [
            (Basis.TERMS, "by the terms that the booking was made with"),
            (Basis.MOVED, "the event has another date"),
            (Basis.FREE, "it cost nothing"),
        ]
    )
    until = serializers.DateTimeField(help_text="When this ends, or becomes another amount.")
    tickets = QuotedTicketSerializer(many=True)
    services_paid = serializers.CharField(help_text="Services go back with the last ticket.")
    services_back = serializers.CharField()
    kept = serializers.CharField(help_text="What stays with the organizer.")
    amount = serializers.CharField(help_text="What goes back, to be sent along as the agreement.")
    currency = serializers.CharField()


def render_quote(quote: Quote, booking: Booking) -> dict[str, Any]:
    def text(minor: int) -> str:
        return decimal_string(minor, booking.currency)

    return {
        "payment": booking.payments.filter(outcome=Payment.Outcome.CONFIRMED).values_list("pk", flat=True).first(),
        "basis": quote.basis.value,
        "until": quote.until,
        "tickets": [
            {"seat": ticket.line.seat_id, "paid": text(ticket.paid_minor), "back": text(ticket.back_minor)}
            for ticket in quote.tickets
        ],
        "services_paid": text(quote.services_minor),
        "services_back": text(quote.services_back_minor),
        "kept": text(quote.kept_minor),
        "amount": text(quote.back_minor),
        "currency": booking.currency,
    }
