"""Single tickets of a sold booking come back: void at once, their seats free for others."""

from collections.abc import Collection
from uuid import UUID

from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from bookings.models import Booking, BookingSeat, Ticket
from evently.database import transactional
from evently.errors import DomainError
from events.live import announce
from events.models import NOBODY, Seat

from .rows import let_go, record


class NoSuchTickets(DomainError):
    code = "no_such_tickets"
    message = _("These tickets are not valid any more, or not part of this booking.")


@transactional
def take_back(*, booking_id: UUID, line_ids: Collection[UUID], kept_minor: int, actor: str, refund: str = "") -> Booking:
    """Void the tickets of these booked seats and free the seats; with its last ticket the booking is cancelled.

    Its total stays what it was sold for. `kept_minor` of what was paid for the tickets stays with the organizer; the rest the
    caller must promise back in the same transaction, by the key `refund`. Raises `NoSuchTickets`, changing nothing, unless all
    of them are valid tickets of a confirmed booking.
    """
    booking = Booking.objects.lock().get(pk=booking_id)
    live = {line.pk: line for line in booking.seats.filter(released_at=None)}
    if booking.status != Booking.Status.CONFIRMED or not line_ids or not live.keys() >= set(line_ids):
        raise NoSuchTickets
    booking.kept_minor += kept_minor
    told = {"lines": sorted(str(pk) for pk in set(line_ids)), "refund": refund}
    if len(set(line_ids)) == len(live):
        let_go([booking], status=Booking.Status.CANCELLED, actor=actor, **told)
        return booking
    returned = [live[pk] for pk in set(line_ids)]
    seats = Seat.objects.filter(pk__in=[line.seat_id for line in returned], holder=booking_id)
    own = [seat.pk for seat in seats.lock()]
    Seat.objects.filter(pk__in=own).update(**NOBODY)
    lines = [line.pk for line in returned]
    BookingSeat.objects.filter(pk__in=lines).update(released_at=Now())
    Ticket.objects.filter(booking_seat__in=lines, status=Ticket.Status.VALID).update(status=Ticket.Status.VOID)
    booking.quantity -= len(returned)
    announce(booking.event_id, own, status=Seat.Status.AVAILABLE)
    return record(booking, "returned", actor=actor, **told)
