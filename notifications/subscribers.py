"""Which facts people are told of. Facts may come twice and in any order; the key tells each once."""

from typing import Any
from uuid import UUID

from bookings.models import Booking
from bookings.services import wait_for_sales_in_flight
from events.models import Event
from payments.models import Payment, Refund

from .messages import (
    BOOKING_CONFIRMED,
    EVENT_CANCELLED,
    EVENT_POSTPONED,
    EVENT_RESCHEDULED,
    PAYMENT_DUE,
    REFUND_REQUESTED,
    TICKETS_RETURNED,
)
from .services import queue, queue_many


def tell_confirmed(payload: dict[str, Any]) -> None:
    """The tickets: once for each booking, ever."""
    _tell(Booking.objects.get(pk=payload["booking"]), kind=BOOKING_CONFIRMED)


def tell_cancelled(payload: dict[str, Any]) -> None:
    """Whoever had tickets for an event that was cancelled, or gave the last ticket back. Who gave back a hold knows that."""
    booking = Booking.objects.select_related("event").get(pk=payload["booking"])
    if _returned(booking, version=payload["version"]):
        tell_returned(payload)
    elif booking.event.status == Event.Status.CANCELLED and booking.tickets.exists():
        _tell(booking, kind=EVENT_CANCELLED)


def tell_returned(payload: dict[str, Any]) -> None:
    """Which tickets are void now and what goes back for them, in one message."""
    booking, version = Booking.objects.get(pk=payload["booking"]), payload["version"]
    key = f"{TICKETS_RETURNED}:{booking.pk}:{version}"
    queue(key=key, kind=TICKETS_RETURNED, recipient=booking.email, object_id=booking.pk, user_id=booking.user_id)


def tell_postponed(payload: dict[str, Any]) -> None:
    """Whoever has tickets for an event that was postponed, once for each time that it was."""
    _tell_everybody(payload, kind=EVENT_POSTPONED)


def tell_rescheduled(payload: dict[str, Any]) -> None:
    """Whoever has tickets for an event that got another date, once for each new date."""
    _tell_everybody(payload, kind=EVENT_RESCHEDULED)


def tell_payment_due(payload: dict[str, Any]) -> None:
    """How to pay without a gateway's page, once for each such payment: seats are kept for days, a page is closed in a moment."""
    booking = Booking.objects.get(pk=payload["booking"])
    for payment in Payment.objects.open().filter(booking=booking, gateway__in=Payment.OFFLINE):
        _tell(booking, kind=PAYMENT_DUE, object_id=payment.pk)


def tell_refund(payload: dict[str, Any]) -> None:
    """Money that goes back, with its reason; for a cancelled event or returned tickets that is told with them."""
    refund = Refund.objects.select_related("payment__booking").get(pk=payload["refund"])
    booking = refund.payment.booking
    if booking.history.filter(details__refund=refund.key).exists():
        return
    if refund.reason == Refund.Reason.EVENT_CANCELLED and refund.payment.outcome == Payment.Outcome.CONFIRMED:
        _tell(booking, kind=EVENT_CANCELLED)
    else:
        _tell(booking, kind=REFUND_REQUESTED, object_id=refund.pk)


def _returned(booking: Booking, *, version: int) -> bool:
    return booking.history.filter(version=version, details__has_key="lines").exists()


def _tell_everybody(payload: dict[str, Any], *, kind: str) -> None:
    # A sale that began before the news and ends after it was told would be forgotten.
    wait_for_sales_in_flight(event_id=UUID(payload["event"]))
    confirmed = Booking.objects.filter(event=payload["event"], status=Booking.Status.CONFIRMED).order_by("pk")
    people = confirmed.values_list("pk", "email", "user_id").iterator()
    queue_many(
        {"key": f"{kind}:{pk}:{payload['version']}", "kind": kind, "recipient": email, "object_id": pk, "user_id": user_id}
        for pk, email, user_id in people
    )


def _tell(booking: Booking, *, kind: str, object_id: UUID | None = None) -> None:
    about = object_id or booking.pk
    queue(key=f"{kind}:{about}", kind=kind, recipient=booking.email, object_id=about, user_id=booking.user_id)
