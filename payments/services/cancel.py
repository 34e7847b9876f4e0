"""Cancel bookings and events that money was paid for."""

from collections.abc import Callable
from uuid import UUID

from bookings import services as bookings
from bookings.models import Booking
from evently.database import transactional
from events.models import Event
from payments.models import Payment, Refund
from payments.quotes import left_of, value_of

from .refunds import request_refund


@transactional
def cancel_booking(*, booking_id: UUID, actor: str) -> Booking:
    """Give the seats back. What was paid goes back if the event is cancelled; otherwise a paid booking is refused.

    A payment still under way may end as it likes: its money goes back then. Raises `NotCancellable`.
    """
    booking = bookings.lock_booking(booking_id=booking_id)
    is_over = Event.objects.filter(pk=booking.event_id, status=Event.Status.CANCELLED).exists()
    paid = Payment.objects.lock().filter(booking=booking, outcome=Payment.Outcome.CONFIRMED).first()
    due = min(value_of(booking), left_of(paid))  # what was kept of tickets given back before stays kept
    booking = bookings.cancel_booking(booking_id=booking_id, actor=actor, paid=is_over)
    if paid and is_over and due:
        reason = Refund.Reason.EVENT_CANCELLED
        request_refund(paid, amount_minor=due, reason=reason, key=reason, actor=actor)
    return booking


def cancel_event(*, event_id: UUID, actor: str, progress: Callable[[int, int], None] | None = None) -> int:
    """Cancel an event with all its bookings and promise everybody the money back; return how many bookings it was.

    Each booking is a transaction of its own, so it may be stopped at any moment and called again to go on. `progress` hears
    how many are done and how many there are. Must not be called inside a transaction.
    """
    bookings.stop_sale(event_id=event_id)
    ongoing = Booking.objects.filter(event=event_id, status__in=[*Booking.HOLDING, Booking.Status.CONFIRMED])
    ids = list(ongoing.order_by("pk").values_list("pk", flat=True))
    for done, booking_id in enumerate(ids, start=1):
        cancel_booking(booking_id=booking_id, actor=actor)
        if progress:
            progress(done, len(ids))
    return len(ids)
