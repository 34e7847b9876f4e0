"""Which facts people are told of. Facts may come twice and in any order; the key tells each once."""

from typing import Any
from uuid import UUID

from bookings.models import Booking
from events.models import Event
from payments.models import Payment, Refund

from .messages import BOOKING_CONFIRMED, EVENT_CANCELLED, REFUND_REQUESTED
from .services import queue


def tell_confirmed(payload: dict[str, Any]) -> None:
    """The tickets: once for each booking, ever."""
    _tell(Booking.objects.get(pk=payload["booking"]), kind=BOOKING_CONFIRMED)


def tell_cancelled(payload: dict[str, Any]) -> None:
    """Whoever had tickets for an event that was cancelled. Who gave back a hold knows that."""
    booking = Booking.objects.select_related("event").get(pk=payload["booking"])
    if booking.event.status == Event.Status.CANCELLED and booking.tickets.exists():
        _tell(booking, kind=EVENT_CANCELLED)


def tell_refund(payload: dict[str, Any]) -> None:
    """Money that goes back, with its reason; for a cancelled event in one message with the cancellation."""
    refund = Refund.objects.select_related("payment__booking").get(pk=payload["refund"])
    booking = refund.payment.booking
    if refund.reason == Refund.Reason.EVENT_CANCELLED and refund.payment.outcome == Payment.Outcome.CONFIRMED:
        _tell(booking, kind=EVENT_CANCELLED)
    else:
        _tell(booking, kind=REFUND_REQUESTED, object_id=refund.pk)


def _tell(booking: Booking, *, kind: str, object_id: UUID | None = None) -> None:
    about = object_id or booking.pk
    queue(key=f"{kind}:{about}", kind=kind, recipient=booking.email, object_id=about, user_id=booking.user_id)
