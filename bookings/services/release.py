"""Give seats back: a buyer cancels, an event is cancelled, a hold has lapsed."""

from uuid import UUID

from django.db.models import F

from bookings.models import Booking
from evently.database import transactional
from evently.outbox.services import publish
from events.models import Event
from events.reads import forget_event

from .refusals import NotCancellable
from .rows import let_go, record

SWEEP = 100
SYSTEM = "system"


@transactional
def cancel_booking(*, booking_id: UUID, actor: str, paid: bool = False) -> Booking:
    """Give the seats back and void the tickets. Does nothing to a booking that has already ended.

    One that was paid is refused (`NotCancellable`) unless the caller promises a refund in the same transaction (`paid`).
    """
    booking = Booking.objects.lock().get(pk=booking_id)
    if booking.status in (Booking.Status.EXPIRED, Booking.Status.CANCELLED):
        return booking
    if booking.payment_status != Booking.PaymentStatus.UNPAID and not paid:
        raise NotCancellable
    let_go([booking], status=Booking.Status.CANCELLED, actor=actor)
    return booking


def note_refund(*, booking: Booking, payment_status: str, actor: str, refund: UUID) -> Booking:
    """Write down how much of a booking's money has gone back. The caller has it locked."""
    booking.payment_status = payment_status
    return record(booking, "refunded", actor=actor, refund=str(refund))


def stop_sale(*, event_id: UUID) -> None:
    """Cancel an event and return when no sale of it is in flight: from now on its bookings only become fewer.

    First the word, committed, then the wait: new KEY SHARE locks overtake a waiting full lock, so in a rush a transaction
    that locks first would wait until it is over. Must not be called inside a transaction.
    """
    _cancel(event_id)
    wait_for_sales_in_flight(event_id=event_id)


def expire_holds() -> int:
    """Tidy up after lapsed holds and return how many. Their seats were free before; safe to run twice at once."""
    expired = 0
    while batch := _expire_batch():
        expired += batch
    return expired


@transactional
def _expire_batch() -> int:
    bookings = list(Booking.objects.lapsed().lock(skip_locked=True)[:SWEEP])
    if bookings:
        let_go(bookings, status=Booking.Status.EXPIRED, actor=SYSTEM)
    return len(bookings)


@transactional
def _cancel(event_id: UUID) -> None:
    ongoing = Event.objects.filter(pk=event_id).exclude(status=Event.Status.CANCELLED)
    if ongoing.update(status=Event.Status.CANCELLED, version=F("version") + 1):
        publish("event.cancelled", event=str(event_id))
        forget_event(Event.objects.only("slug").get(pk=event_id))


@transactional
def wait_for_sales_in_flight(*, event_id: UUID) -> None:
    """Return when every sale that began before the event's status was changed has ended. Raises `Busy` when one takes long."""
    Event.objects.select_for_update().get(pk=event_id)  # the full lock, which their KEY SHARE keeps waiting
