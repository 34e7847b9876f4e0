"""Bookings as JSON: what callers may send, and what they get.

What is sent is checked lightly and what is answered are plain dictionaries: a ModelSerializer costs more than the hold's SQL.
The serializers of answers only describe them.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from evently.money import decimal_string
from events.models import LONGEST_CODE

from .models import Booking, BookingService

MOST_SEATS = 100
A_SEAT = {
    "oneOf": [
        {"type": "string", "format": "uuid"},
        {
            "type": "object",
            "required": ["seat", "ticket_type"],
            "properties": {"seat": {"type": "string", "format": "uuid"}, "ticket_type": {"type": "string", "format": "uuid"}},
        },
    ]
}


class ItemSerializer(serializers.Serializer[Any]):
    ticket_type = serializers.UUIDField()
    quantity = serializers.IntegerField(min_value=1, max_value=MOST_SEATS)


class ServiceWishSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Of the event's service.")
    quantity = serializers.IntegerField(min_value=0, max_value=MOST_SEATS)


@extend_schema_field(A_SEAT)
class SeatWishField(serializers.JSONField):
    """A seat's id, or `{"seat": id, "ticket_type": id}`; without one the seat's category decides."""


class HoldSerializer(serializers.Serializer[Any]):
    """Either the seats, or how many places of which ticket types: the best ones left, next to each other while possible."""

    event = serializers.UUIDField()
    seats = serializers.ListField(child=SeatWishField(), max_length=MOST_SEATS, required=False)
    items = serializers.ListField(child=ItemSerializer(), max_length=MOST_SEATS, required=False)
    wheelchairs = serializers.IntegerField(
        min_value=0, max_value=MOST_SEATS, default=0, help_text="With `items`: so many of the places are for wheelchairs."
    )
    code = serializers.CharField(
        max_length=LONGEST_CODE, required=False, help_text="For a discount, or for ticket types that are sold with a code only."
    )
    services = ServiceWishSerializer(many=True, required=False, help_text="To go with the tickets.")
    aisle = serializers.BooleanField(default=False, help_text="With `items`: rather at the end of a row or beside an aisle.")

    def validate_seats(self, seats: list[Any]) -> dict[UUID, UUID | None]:
        return chosen(seats)

    def validate_services(self, services: list[dict[str, Any]]) -> dict[UUID, int]:
        return summed_up(services)

    def validate_items(self, items: list[dict[str, Any]]) -> dict[UUID, int]:
        quantities: dict[UUID, int] = {}
        for item in items:
            quantities[item["ticket_type"]] = quantities.get(item["ticket_type"], 0) + item["quantity"]
        if sum(quantities.values()) > MOST_SEATS:
            raise serializers.ValidationError(_("At most %(most)d places at once.") % {"most": MOST_SEATS})
        return quantities

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if bool(attrs.get("seats")) == bool(attrs.get("items")):
            raise serializers.ValidationError(_("Give either seats or items."))
        if attrs["wheelchairs"] > sum(attrs.get("items", {}).values()):
            raise serializers.ValidationError({"wheelchairs": [_("That is more than the places wished for.")]})
        return attrs


class ChangeSerializer(serializers.Serializer[Any]):
    """What to add to the hold and what to give back, all or nothing."""

    add = serializers.ListField(child=SeatWishField(), max_length=MOST_SEATS, default=list)
    remove = serializers.ListField(child=serializers.UUIDField(), max_length=MOST_SEATS, default=list)
    code = serializers.CharField(
        max_length=LONGEST_CODE, required=False, allow_null=True, help_text="By itself: use this code, or, `null`, none."
    )
    services = ServiceWishSerializer(many=True, required=False, help_text="By itself: have exactly these.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        alone = [name for name in ("code", "services") if name in attrs]
        if alone and (attrs["add"] or attrs["remove"] or len(alone) > 1):
            raise serializers.ValidationError({name: [_("Send this by itself.")] for name in alone})
        return attrs

    def validate_services(self, services: list[dict[str, Any]]) -> dict[UUID, int]:
        return summed_up(services)

    def validate_add(self, seats: list[Any]) -> dict[UUID, UUID | None]:
        return chosen(seats)


class CheckoutSerializer(serializers.Serializer[Any]):
    """How to pay, and who the tickets go to: the account, where nothing else is said."""

    gateway = serializers.CharField(max_length=20, required=False, help_text="Needed unless the booking costs nothing.")
    name = serializers.CharField(max_length=200, required=False)
    email = serializers.EmailField(max_length=254, required=False)
    accept_terms = serializers.BooleanField(default=False)


def summed_up(services: list[dict[str, Any]]) -> dict[UUID, int]:
    """How many of each service; on several lines of one service they add up."""
    quantities: dict[UUID, int] = {}
    for wish in services:
        quantities[wish["id"]] = quantities.get(wish["id"], 0) + wish["quantity"]
    return quantities


def chosen(seats: list[Any]) -> dict[UUID, UUID | None]:
    """Read seats as `HoldSerializer` takes them, each with its ticket type or none."""
    wished: dict[UUID, UUID | None] = {}
    for seat in seats:
        pk, ticket_type = (seat.get("seat"), seat.get("ticket_type")) if isinstance(seat, dict) else (seat, None)
        try:
            wished[UUID(pk)] = None if ticket_type is None else UUID(ticket_type)
        except (TypeError, ValueError, AttributeError) as error:
            raise serializers.ValidationError(_("A seat is an id, or an object of seat and ticket_type.")) from error
    return wished


def render(booking: Booking, *, tickets: Sequence[dict[str, Any]], services: Sequence[BookingService]) -> dict[str, Any]:
    """The booking as everybody sees it now. Needs `clock` and `live_seats`."""
    status, currency = booking.effective_status, booking.currency
    return {
        "id": booking.pk,
        "reference": booking.reference,
        "event": booking.event_id,
        "status": status,
        "payment_status": booking.payment_status,
        "expires_at": booking.expires_at if status in Booking.HOLDING else None,
        "code": booking.promo_code.code if booking.promo_code else None,
        "discount": decimal_string(booking.discount_minor, currency),
        "total": decimal_string(booking.total_minor, currency),
        "currency": currency,
        "created_at": booking.created_at,
        "seats": [
            {
                "id": line.seat_id,
                "section": line.seat.section,
                "row": line.seat.row,
                "number": line.seat.number,
                "category": line.seat.category_id,
                "ticket_type": line.ticket_type_id,
                "price": decimal_string(line.price_minor, currency),
                "discount": decimal_string(line.discount_minor, currency),
            }
            for line in booking.live_seats
        ],
        "services": [
            {
                "id": line.event_service_id,
                "name": line.event_service.service.name,
                "quantity": line.quantity,
                "price": decimal_string(line.price_minor, currency),
            }
            for line in services
        ],
        "tickets": tickets,
    }


class BookedSeatSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    section = serializers.CharField()
    row = serializers.CharField()
    number = serializers.CharField()
    category = serializers.UUIDField()
    ticket_type = serializers.UUIDField()
    price = serializers.CharField()
    discount = serializers.CharField(help_text="This ticket's part of what the code takes off.")


class BookedServiceSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    quantity = serializers.IntegerField()
    price = serializers.CharField(help_text="Of one.")


class TicketSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    seat = serializers.UUIDField()
    code = serializers.CharField(help_text="The signed text of the QR code.")
    url = serializers.URLField()


class BookingSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    reference = serializers.CharField()
    event = serializers.UUIDField()
    status = serializers.ChoiceField(Booking.Status.choices)
    payment_status = serializers.ChoiceField(Booking.PaymentStatus.choices)
    expires_at = serializers.DateTimeField(allow_null=True, help_text="While held or being paid.")
    code = serializers.CharField(allow_null=True)
    discount = serializers.CharField(help_text="What the code takes off; the total is what is left.")
    total = serializers.CharField()
    currency = serializers.CharField()
    created_at = serializers.DateTimeField()
    seats = BookedSeatSerializer(many=True)
    services = BookedServiceSerializer(many=True)
    tickets = TicketSerializer(many=True, help_text="Once confirmed.")


class CheckoutStartedSerializer(serializers.Serializer[Any]):
    payment = serializers.UUIDField()
    redirect_url = serializers.URLField(help_text="Where the buyer pays.")
