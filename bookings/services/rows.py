"""What every step of the transaction does to rows: lock them, take seats over, let seats go, write history."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models.functions import Now

from bookings.models import Booking, BookingHistory, BookingSeat, Ticket
from bookings.sale import Offer
from evently.outbox.models import OutboxMessage
from events.live import announce
from events.models import NOBODY, Seat

from .refusals import BeingPaid, HoldEnded, SeatsUnavailable

SEAT = [field.attname for field in Seat._meta.concrete_fields]
LOCK_FREE = f"""
SELECT {", ".join(f'"{field.column}"' for field in Seat._meta.concrete_fields)}, statement_timestamp() FROM events_seat
WHERE id = ANY(%(seats)s::uuid[]) AND event_id = %(event)s
    AND (status = 'available' OR (status = 'held' AND held_until <= statement_timestamp()))
ORDER BY id FOR NO KEY UPDATE
"""  # noqa: S608 -- names of our own columns


def lock_free(seat_ids: Iterable[UUID], *, event_id: UUID, skip_locked: bool = False) -> list[Seat]:
    """Lock those of the seats that are free, in primary-key order, each with the `clock` that said so."""
    sql = LOCK_FREE + (" SKIP LOCKED" if skip_locked else "")
    seats = []
    with connection.cursor() as cursor:
        cursor.execute(sql, {"seats": list(seat_ids), "event": event_id})
        for *values, clock in cursor.fetchall():
            seat = Seat.from_db(connection.alias, SEAT, values)
            seat.clock = clock
            seats.append(seat)
    return seats


def lock_event(event_id: UUID) -> str:
    """Keep the event from being cancelled until the transaction ends; return its status as it is now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT status FROM events_event WHERE id = %s FOR KEY SHARE", [event_id])
        return str(cursor.fetchone()[0])


def lock_holding(booking_id: UUID, *, statuses: Collection[str] = Booking.HOLDING) -> Booking:
    """Lock a booking whose time has not run out. Raises `HoldEnded`, or `BeingPaid` when it is not in `statuses`."""
    booking = Booking.objects.lock().get(pk=booking_id)
    if booking.status not in Booking.HOLDING or booking.expires_at <= booking.clock:
        raise HoldEnded
    if booking.status not in statuses:
        raise BeingPaid
    return booking


def refuse_missing(wanted: Collection[UUID], locked: Iterable[Seat]) -> None:
    """Raise `SeatsUnavailable` for the wanted seats that were not locked."""
    if missing := set(wanted) - {seat.pk for seat in locked}:
        raise SeatsUnavailable(missing)


def take_over(seats: Iterable[Seat]) -> None:
    """End what lapsed holds had of these locked seats. Their bookings are neither read nor locked: that would deadlock."""
    if lapsed := [seat.pk for seat in seats if seat.status == Seat.Status.HELD]:
        BookingSeat.objects.filter(seat__in=lapsed, released_at=None).update(released_at=Now())


def line_of(booking: Booking, seat: Seat, offer: Offer) -> BookingSeat:
    """The booking's line for this seat at the price of this offer, not saved."""
    line = BookingSeat(
        created_at=seat.clock,
        event_id=booking.event_id,
        booking_id=booking.pk,
        ticket_type_id=offer.id,
        price_minor=offer.price_minor,
        attendee="",
    )
    line.seat = seat
    return line


def let_go(bookings: Sequence[Booking], *, status: str, actor: str, **details: Any) -> None:
    """End these locked bookings and free the seats that are still theirs."""
    seats = BookingSeat.objects.filter(booking__in=bookings).values("seat")
    own = list(Seat.objects.filter(pk__in=seats, holder__in=[booking.pk for booking in bookings]).lock())
    Seat.objects.filter(pk__in=[seat.pk for seat in own]).update(**NOBODY)
    BookingSeat.objects.filter(booking__in=bookings, released_at=None).update(released_at=Now())
    Ticket.objects.filter(booking__in=bookings, status=Ticket.Status.VALID).update(status=Ticket.Status.VOID)
    for booking in bookings:
        booking.status = status
        booking.version += 1
    Booking.objects.bulk_update(bookings, ["status", "payment_status", "kept_minor", "version"])
    BookingHistory.objects.bulk_create(_history(booking, status, actor=actor, **details) for booking in bookings)
    OutboxMessage.objects.bulk_create(_message(booking, status) for booking in bookings)
    for event_id in {seat.event_id for seat in own}:
        announce(event_id, [seat.pk for seat in own if seat.event_id == event_id], status=Seat.Status.AVAILABLE)


CHANGEABLE = [
    *(
        "status",
        "payment_status",
        "expires_at",
        "quantity",
        "total_minor",
        "services_minor",
        "service_quantity",
        "kept_minor",
        "promo_code",
        "version",
        "user",
        "name",
        "email",
        "language",
    ),
    *("terms_version", "terms_accepted_at", "marketing_consent"),
]


def record(booking: Booking, action: str, *, actor: str, **details: Any) -> Booking:
    """Save the locked booking as its next version, with its history and its message."""
    booking.version += 1
    booking.save(update_fields=CHANGEABLE)
    _history(booking, action, actor=actor, **details).save(force_insert=True)
    _message(booking, action).save(force_insert=True)
    return booking


def _history(booking: Booking, action: str, *, actor: str, **details: Any) -> BookingHistory:
    return BookingHistory(
        event_id=booking.event_id, booking=booking, version=booking.version, action=action, actor=actor, details=details
    )


def _message(booking: Booking, action: str) -> OutboxMessage:
    payload = {"booking": str(booking.pk), "event": str(booking.event_id), "version": booking.version}
    return OutboxMessage(topic=f"booking.{action}", payload=payload)
