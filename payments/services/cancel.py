"""Cancel bookings and events that money was paid for."""

import logging
from collections.abc import Callable
from uuid import UUID

from django.db.models.functions import Now

from bookings import services as bookings
from bookings.models import Booking
from evently.database import transactional
from evently.errors import DomainError
from events.models import Event
from payments.models import Payment, Refund, RefundRun
from payments.quotes import left_of, value_of
from payments.runs import ongoing, plan_cancelling

from .refunds import request_refund

logger = logging.getLogger(__name__)


@transactional
def cancel_booking(*, booking_id: UUID, actor: str) -> Booking:
    """Give the seats back. What was paid goes back if the event is cancelled; otherwise a paid booking is refused.

    A payment still under way may end as it likes: its money goes back then. Raises `NotCancellable`.
    """
    booking = bookings.lock_booking(booking_id=booking_id)
    is_over = Event.objects.filter(pk=booking.event_id, status=Event.Status.CANCELLED).exists()
    paid = Payment.objects.lock().filter(booking=booking, outcome=Payment.Outcome.CONFIRMED).first()
    # What was kept of tickets given back before stays kept.
    due = min(value_of(booking).paid_minor, left_of(paid)) if paid and is_over else 0
    booking = bookings.cancel_booking(booking_id=booking_id, actor=actor, paid=is_over)
    if paid and due:
        reason = Refund.Reason.EVENT_CANCELLED
        request_refund(paid, amount_minor=due, reason=reason, key=reason, actor=actor)
    return booking


def cancel_event(*, event_id: UUID, actor: str, progress: Callable[[int, int], None] | None = None) -> int:
    """Cancel an event with all its bookings and promise everybody the money back; return how many bookings it was.

    Each booking is a transaction of its own, so it may be stopped at any moment and called again to go on; one that cannot be
    cancelled does not hold up the others and is tried again then. `progress` hears how many are done and how many there are.
    Must not be called inside a transaction.
    """
    bookings.stop_sale(event_id=event_id)
    run = _start_run(event_id=event_id, actor=actor)
    ids = list(ongoing(event_id).order_by("pk").values_list("pk", flat=True))
    failed = 0
    for done, booking_id in enumerate(ids, start=1):
        try:
            cancel_booking(booking_id=booking_id, actor=actor)
        except DomainError as refusal:
            logger.warning("Booking %s of cancelled event %s: %s", booking_id, event_id, refusal)
            failed += 1
        except Exception:  # of this booking; the money of the others must not wait for it
            logger.exception("Booking %s of cancelled event %s is not cancelled.", booking_id, event_id)
            failed += 1
        if progress:
            progress(done, len(ids))
    if not failed:
        RefundRun.objects.filter(pk=run.pk, finished_at=None).update(finished_at=Now())
    return len(ids) - failed


@transactional
def _start_run(*, event_id: UUID, actor: str) -> RefundRun:
    """The event's run, with what there is to do counted when no sale is in flight any more."""
    event = Event.objects.only("currency").select_for_update(no_key=True).get(pk=event_id)
    if earlier := RefundRun.objects.filter(event=event).first():
        return earlier
    plan = plan_cancelling(event_id)
    return RefundRun.objects.create(
        event=event, actor=actor, bookings=plan.bookings, due_minor=plan.due_minor, currency=event.currency
    )
