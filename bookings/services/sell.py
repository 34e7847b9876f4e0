"""From a hold to tickets: who buys, the time of the payment, and the sale itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import F, Sum
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from bookings.models import Booking, BookingSeat, Ticket
from bookings.sale import AlreadyRegistered, LimitReached, NotOnSale, per_customer
from evently.database import transactional
from events.live import announce
from events.models import Event, Seat

from . import codes, extras
from .hold import prolong
from .refusals import DetailsMissing, HoldEnded, PaymentRequired
from .rows import let_go, lock_event, lock_holding, record, take_over

PAYMENT = timedelta(minutes=15)

LOCK_PERSON = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Who the tickets go to. `attendees` names people by booked seat."""

    name: str
    email: str
    terms_version: str = ""
    marketing_consent: bool = False
    attendees: Mapping[UUID, str] | None = None


@transactional
def set_contact(*, booking_id: UUID, contact: Contact, user_id: UUID | None, actor: str) -> Booking:
    """Write down the buyer of a hold, within the organizer's limit per customer as far as the e-mail address tells."""
    booking = lock_holding(booking_id)
    booking.name, booking.email = contact.name.strip(), contact.email.strip().lower()
    booking.user_id = booking.user_id or user_id
    _check_customer(booking)
    codes.check_customer(booking)
    booking.marketing_consent = contact.marketing_consent
    booking.language = get_language() or ""
    if contact.terms_version:
        booking.terms_version, booking.terms_accepted_at = (contact.terms_version, booking.clock)
    lines = list(booking.seats.filter(pk__in=contact.attendees or {}))
    for line in lines:
        line.attendee = (contact.attendees or {})[line.pk].strip()
    BookingSeat.objects.bulk_update(lines, ["attendee"])
    return record(booking, "contact", actor=actor)


@transactional
def start_payment(*, booking_id: UUID, actor: str, until: datetime | None = None) -> Booking:
    """Keep the seats for as long as a payment may take, or `until` then: nobody can take them before `expires_at`.

    Raises `HoldEnded`, `DetailsMissing` before the buyer is known, and `NotOnSale` when the event was cancelled or postponed.
    """
    _check_takes_place(lock_event(_event_of(booking_id)))
    booking = lock_holding(booking_id)
    if not booking.email:
        raise DetailsMissing
    _check_customer(booking)  # again: seats may have been added since
    return prolong(
        booking_id,
        period=PAYMENT,
        until=until,
        statuses=Booking.HOLDING,
        status=Booking.Status.PAYING,
        action="paying",
        actor=actor,
    )


@transactional
def resume_hold(*, booking_id: UUID, actor: str) -> Booking:
    """After a decline: the booking may be changed or paid in another way until the same deadline."""
    booking = Booking.objects.lock().get(pk=booking_id)
    if booking.status != Booking.Status.PAYING:
        return booking
    booking.status = Booking.Status.HELD
    return record(booking, "declined", actor=actor)


@transactional
def confirm_free_booking(*, booking_id: UUID, actor: str) -> Booking:
    """Confirm an unlapsed hold that costs nothing.

    Raises `HoldEnded`, `DetailsMissing`, `PaymentRequired`, and `NotOnSale` when the event was cancelled or postponed.
    """
    _check_takes_place(lock_event(_event_of(booking_id)))
    booking = lock_holding(booking_id)
    if booking.total_minor:
        raise PaymentRequired
    if not booking.email:
        raise DetailsMissing
    _check_customer(booking)
    booking = confirm_booking(booking_id=booking_id, actor=actor)
    if booking.status != Booking.Status.CONFIRMED:
        raise HoldEnded
    return booking


def lock_booking(*, booking_id: UUID) -> Booking:
    """Lock a booking after its event, for a longer transaction that will go on to confirm or cancel it."""
    lock_event(_event_of(booking_id))
    return Booking.objects.lock().get(pk=booking_id)


@transactional
def confirm_booking(*, booking_id: UUID, actor: str, payment_status: str = Booking.PaymentStatus.UNPAID) -> Booking:
    """Sell the booking its seats and issue the tickets, even after its time while nobody else has the seats.

    Returns it `confirmed`; otherwise a seat is lost or it was cancelled, and the whole payment must go back.
    """
    event_id = _event_of(booking_id)
    cancelled = lock_event(event_id) == Event.Status.CANCELLED
    booking = Booking.objects.lock().get(pk=booking_id)
    if booking.status == Booking.Status.CONFIRMED:
        return booking
    if booking.status == Booking.Status.CANCELLED:
        if booking.payment_status == payment_status:
            return booking
        booking.payment_status = payment_status
        return record(booking, "late_money", actor=actor)
    booking.payment_status = payment_status
    # By the seats it held last, asking the seat itself who owns it. "My live booking seats", joined, would be answered
    # from before the lock was waited for, and two bookings could be confirmed for one seat.
    seats = list(Seat.objects.filter(pk__in=booking.seats.values("seat")).lock())
    foreign = [seat for seat in seats if seat.holder != booking_id]
    if cancelled or not all(seat.is_free(at=seat.clock) for seat in foreign) or not _has_all(booking):
        if booking.status == Booking.Status.EXPIRED:
            return record(booking, "late_money", actor=actor)
        let_go([booking], status=Booking.Status.EXPIRED, actor=actor)
        return booking
    take_over(foreign)
    booking.seats.update(released_at=None)
    Seat.objects.filter(pk__in=[seat.pk for seat in seats]).update(
        status=Seat.Status.SOLD, holder=booking_id, held_until=None, version=F("version") + 1
    )
    Ticket.objects.bulk_create(
        Ticket(event_id=event_id, booking=booking, booking_seat_id=line)
        for line in booking.seats.order_by("pk").values_list("pk", flat=True)
    )
    booking.status = Booking.Status.CONFIRMED
    announce(event_id, [seat.pk for seat in seats], status=Seat.Status.SOLD)
    return record(booking, "confirmed", actor=actor, retaken=len(foreign))


def _has_all(booking: Booking) -> bool:
    """Whether what the booking has beside its seats is still its own."""
    return codes.has_use(booking) and extras.has_services(booking)


def _event_of(booking_id: UUID) -> UUID:
    return Booking.objects.values_list("event_id", flat=True).get(pk=booking_id)


def _check_takes_place(status: str) -> None:
    if status == Event.Status.CANCELLED:
        raise NotOnSale(_("This event was cancelled."))
    if status == Event.Status.POSTPONED:
        raise NotOnSale(_("This event was postponed. It can be booked again as soon as there is a new date."))


def _check_customer(booking: Booking) -> None:
    """Refuse a customer, known by e-mail address, who would get more of the event than one customer may.

    The booking is locked: otherwise it could get more seats, or another address, between being counted and being sold.
    """
    most = Event.objects.values_list("max_per_customer", flat=True).get(pk=booking.event_id)
    if most is None and booking.total_minor:
        return
    with connection.cursor() as cursor:
        cursor.execute(LOCK_PERSON, [f"{booking.event_id} email:{booking.email}"])
    others = Booking.objects.live().filter(event=booking.event_id, email=booking.email).exclude(pk=booking.pk)
    taken = others.aggregate(quantity=Sum("quantity"))["quantity"] or 0
    if most is not None and taken + booking.quantity > most:
        raise LimitReached(per_customer(most))
    free_again = others.filter(total_minor=0, status=Booking.Status.CONFIRMED, promo_code=None)
    if not booking.total_minor and booking.promo_code_id is None and free_again.exists():
        raise AlreadyRegistered
