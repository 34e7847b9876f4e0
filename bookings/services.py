"""The booking transaction: the only code that changes seats and bookings.

Everything runs in READ COMMITTED and locks in one order: idempotency row, buyer, event, booking, seats by primary key,
limited ticket types. The clock is the database's, read with the lock (`clock`); a lock that waited makes it late, which
only makes us careful.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import repeat
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F, Q, Sum
from django.db.models.functions import Now
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from events.live import announce
from events.models import FREE, NOBODY, Event, Seat, TicketType
from evently.database import Busy, transactional, uuid7
from evently.errors import DomainError
from evently.outbox.models import OutboxMessage
from evently.rest.idempotency import Once

from .models import Booking, BookingHistory, BookingSeat, Ticket, guest_secret
from .picking import best_available
from .sale import AlreadyRegistered, Buyer, LimitReached, Offer, Sale, per_customer

HOLD = timedelta(minutes=10)
PAYMENT = timedelta(minutes=15)
LONGEST = timedelta(minutes=60)
TRIES, PATIENT_TRIES = 4, 16
SWEEP = 100
SYSTEM = "system"


class SeatsUnavailable(DomainError):
    code = "seats_unavailable"
    message = _("Some of these seats were taken a moment ago.")

    def __init__(self, missing: Iterable[UUID]) -> None:
        super().__init__()
        self.missing = sorted(missing)

    def extra(self) -> dict[str, Any]:
        return {"missing": self.missing}


class SoldOut(DomainError):
    code = "sold_out"
    message = _("There are not enough free places left.")


class HoldEnded(DomainError):
    code = "hold_ended"
    message = _("The time for these seats has ended.")


class BeingPaid(DomainError):
    code = "being_paid"
    message = _("This booking is being paid. Finish or cancel the payment first.")


class EmptyBooking(DomainError):
    code = "empty_booking"
    message = _(
        "A booking needs at least one seat. Cancel it to give all of them back."
    )


class DetailsMissing(DomainError):
    code = "details_missing"
    message = _("Please tell us your name and e-mail address first.")


class PaymentRequired(DomainError):
    code = "payment_required"
    message = _("This booking has to be paid.")


class NotCancellable(DomainError):
    code = "not_cancellable"
    message = _(
        "A paid booking cannot be cancelled here. Please write to the organizer."
    )


LOCK_FREE = """
SELECT *, statement_timestamp() AS clock FROM events_seat
WHERE id = ANY(%(seats)s::uuid[]) AND event_id = %(event)s
    AND (status = 'available' OR (status = 'held' AND held_until <= statement_timestamp()))
ORDER BY id FOR NO KEY UPDATE
"""

# One statement for what belongs together: five round trips less while the seats are locked.
WRITE_HOLD = """
WITH booking AS (
    INSERT INTO bookings_booking (id, event_id, user_id, session, address, secret, language, status, expires_at, quantity,
        total_minor, currency)
    VALUES (%(booking)s, %(event)s, %(user)s, %(session)s, %(address)s, %(secret)s, %(language)s, 'held', %(expires_at)s,
        %(quantity)s, %(total)s, %(currency)s)
    RETURNING reference, created_at
), line AS (
    INSERT INTO bookings_bookingseat (id, event_id, booking_id, seat_id, ticket_type_id, price_minor)
    SELECT id, %(event)s, %(booking)s, seat, ticket_type, price
    FROM unnest(%(lines)s::uuid[], %(seats)s::uuid[], %(ticket_types)s::uuid[], %(prices)s::bigint[])
        AS line (id, seat, ticket_type, price)
), history AS (
    INSERT INTO bookings_bookinghistory (id, event_id, booking_id, version, action, actor, details)
    VALUES (%(history)s, %(event)s, %(booking)s, 1, 'held', %(actor)s, '{}')
), message AS (
    INSERT INTO outbox_outboxmessage (id, topic, payload)
    VALUES (%(message)s, 'booking.held',
        jsonb_build_object('booking', %(booking)s::uuid, 'event', %(event)s::uuid, 'version', 1))
)
UPDATE events_seat SET status = 'held', holder = %(booking)s, held_until = %(expires_at)s, version = version + 1
WHERE id = ANY(%(seats)s::uuid[]) RETURNING (SELECT reference FROM booking), (SELECT created_at FROM booking)
"""


def hold_best(
    *,
    buyer: Buyer,
    event_id: UUID,
    quantities: Mapping[UUID, int],
    once: Once | None = None,
) -> Booking:
    """Hold the best free places of the given ticket types, adjacent in a row while such are left, or nothing.

    Raises `SoldOut` only when fewer places are free than wished, `Busy` when others were faster every time, and what
    `Sale` refuses.
    """
    for attempt in range(TRIES + PATIENT_TRIES):
        # Not found while skipping locked seats may mean busy, not gone: after a few tries wait for the others.
        with suppress(_Outpaced):
            return _hold_best(
                buyer=buyer,
                event_id=event_id,
                quantities=quantities,
                once=once,
                wait=attempt >= TRIES,
            )
    raise Busy


class _Outpaced(Exception):  # noqa: N818 -- not an error: the next try
    """A proposed place was taken between the search and the lock."""


@transactional
def _hold_best(
    *,
    buyer: Buyer,
    event_id: UUID,
    quantities: Mapping[UUID, int],
    once: Once | None,
    wait: bool,
) -> Booking:
    booking_id = uuid7()
    if earlier := _claim(once, buyer=buyer, booking_id=booking_id):
        return earlier
    sale = Sale.open(event_id=event_id, buyer=buyer)
    wished_offers = [
        offer
        for pk, quantity in quantities.items()
        for offer in repeat(sale.offer(pk), quantity)
    ]
    registered = sale.admit(buyer=buyer, quantity=len(wished_offers))
    sale.check_offers(wished_offers, registered=registered)

    # Adults and children of one category sit together: one block per category, the ticket types dealt out along it.
    wishes: dict[tuple[UUID, bool], list[Offer]] = {}
    for offer in wished_offers:
        wishes.setdefault((offer.category_id, offer.numbered), []).append(offer)
    offers: dict[UUID, Offer] = {}
    for (category_id, numbered), wished in wishes.items():
        places = best_available(
            event_id=event_id,
            category_id=category_id,
            quantity=len(wished),
            adjacent=numbered,
        )
        if not places:
            raise SoldOut
        offers |= zip(places, wished, strict=True)

    seats = _lock_free(offers, event_id=event_id, skip_locked=not wait)
    if len(seats) < len(offers):
        # Give back what was locked by starting anew: waiting with locks in hand could deadlock.
        raise _Outpaced
    sale.check_type_limits(offers.values())
    return _write_hold(
        booking_id=booking_id, sale=sale, buyer=buyer, seats=seats, offers=offers
    )


@transactional
def hold_seats(
    *,
    buyer: Buyer,
    event_id: UUID,
    seats: Mapping[UUID, UUID | None],
    once: Once | None = None,
) -> Booking:
    """Hold all the given seats (each with its ticket type, `None`: the category's default) or none of them.

    Raises `SeatsUnavailable` naming the seats that are gone, and what `Sale` refuses.
    """
    booking_id = uuid7()
    if earlier := _claim(once, buyer=buyer, booking_id=booking_id):
        return earlier
    sale = Sale.open(event_id=event_id, buyer=buyer)
    registered = sale.admit(buyer=buyer, quantity=len(seats))
    locked = _lock_free(seats, event_id=event_id)
    _refuse_missing(seats, locked)
    offers = {
        seat.pk: sale.offer(seats[seat.pk], category_id=seat.category_id)
        for seat in locked
    }
    sale.check_offers(offers.values(), registered=registered)
    sale.check_type_limits(offers.values())
    return _write_hold(
        booking_id=booking_id, sale=sale, buyer=buyer, seats=locked, offers=offers
    )


@transactional
def change_hold(
    *,
    booking_id: UUID,
    buyer: Buyer,
    add: Mapping[UUID, UUID | None],
    remove: Collection[UUID],
) -> Booking:
    """Exchange seats of a hold, all or nothing, without moving its deadline.

    A seat that is in both keeps its place and takes the ticket type of `add`.
    """
    event_id = Booking.objects.values_list("event_id", flat=True).get(
        buyer.bookings, pk=booking_id
    )
    sale = Sale.open(event_id=event_id, buyer=buyer)
    booking = _lock_holding(booking_id, statuses=[Booking.Status.HELD])
    lines = {line.seat_id: line for line in booking.seats.filter(released_at=None)}
    kept = [line for seat_id, line in lines.items() if seat_id not in remove]
    quantity = len(kept) + len(add)
    if not quantity:
        raise EmptyBooking
    registered = sale.admit(buyer=buyer, quantity=quantity, beside=booking_id)

    # Old and new in one locking query; two would not be in primary-key order.
    wanted = Q(pk__in=remove, holder=booking_id) | Q(
        FREE, pk__in=[pk for pk in add if pk not in remove]
    )
    locked = list(Seat.objects.filter(wanted, event=event_id).lock())
    _refuse_missing({*add, *remove}, locked)
    added = [seat for seat in locked if seat.pk in add]
    offers = {
        seat.pk: sale.offer(add[seat.pk], category_id=seat.category_id)
        for seat in added
    }
    all_offers = [
        *offers.values(),
        *(sale.offers[line.ticket_type_id] for line in kept),
    ]
    sale.check_offers(all_offers, registered=registered)
    sale.check_type_limits(all_offers, beside=booking_id)

    _take_over([seat for seat in added if seat.holder != booking_id])
    booking.seats.filter(
        seat__in=remove
    ).delete()  # never sold, and not to be asked for again by late money
    Seat.objects.filter(pk__in=remove).update(**NOBODY)
    BookingSeat.objects.bulk_create(
        _line(booking, seat, offers[seat.pk]) for seat in added
    )
    Seat.objects.filter(pk__in=add).update(
        status=Seat.Status.HELD,
        holder=booking_id,
        held_until=booking.expires_at,
        version=F("version") + 1,
    )
    booking.quantity = quantity
    booking.total_minor = booking.seats.filter(released_at=None).aggregate(
        total=Sum("price_minor")
    )["total"]
    announce(
        event_id, [pk for pk in remove if pk not in add], status=Seat.Status.AVAILABLE
    )
    announce(event_id, add, status=Seat.Status.HELD)
    return _record(
        booking,
        "changed",
        actor=str(buyer),
        added=[str(pk) for pk in add],
        removed=[str(pk) for pk in remove],
    )


@transactional
def extend_hold(*, booking_id: UUID, actor: str) -> Booking:
    """Give a hold that has not lapsed a new hold time, up to an hour after it was made. Raises `HoldEnded`, `BeingPaid`."""
    return _prolong(
        booking_id,
        period=HOLD,
        statuses=[Booking.Status.HELD],
        status=Booking.Status.HELD,
        action="extended",
        actor=actor,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Who the tickets go to. `attendees` names people by booked seat."""

    name: str
    email: str
    terms_version: str = ""
    marketing_consent: bool = False
    attendees: Mapping[UUID, str] | None = None


@transactional
def set_contact(
    *, booking_id: UUID, contact: Contact, user_id: UUID | None, actor: str
) -> Booking:
    """Write down the buyer of a hold, within the organizer's limit per customer as far as the e-mail address tells."""
    email = contact.email.strip().lower()
    _count_customer(booking_id, email=email)
    booking = _lock_holding(booking_id)
    booking.name, booking.email, booking.user_id = (
        contact.name.strip(),
        email,
        booking.user_id or user_id,
    )
    booking.marketing_consent = contact.marketing_consent
    booking.language = get_language() or ""
    if contact.terms_version:
        booking.terms_version, booking.terms_accepted_at = (
            contact.terms_version,
            booking.clock,
        )
    lines = list(booking.seats.filter(pk__in=contact.attendees or {}))
    for line in lines:
        line.attendee = (contact.attendees or {})[line.pk].strip()
    BookingSeat.objects.bulk_update(lines, ["attendee"])
    return _record(booking, "contact", actor=actor)


@transactional
def start_payment(*, booking_id: UUID, actor: str) -> Booking:
    """Keep the seats for as long as a payment may take: nobody can take them before `expires_at`.

    Raises `HoldEnded`, and `DetailsMissing` before the buyer is known.
    """
    if email := Booking.objects.values_list("email", flat=True).get(pk=booking_id):
        _count_customer(
            booking_id, email=email
        )  # again: seats may have been added since
    booking = _prolong(
        booking_id,
        period=PAYMENT,
        statuses=Booking.HOLDING,
        status=Booking.Status.PAYING,
        action="paying",
        actor=actor,
    )
    if not booking.email:
        raise DetailsMissing
    return booking


@transactional
def resume_hold(*, booking_id: UUID, actor: str) -> Booking:
    """After a decline: the booking may be changed or paid in another way until the same deadline."""
    booking = Booking.objects.lock().get(pk=booking_id)
    if booking.status != Booking.Status.PAYING:
        return booking
    booking.status = Booking.Status.HELD
    return _record(booking, "declined", actor=actor)


@transactional
def confirm_free_booking(*, booking_id: UUID, actor: str) -> Booking:
    """Confirm an unlapsed hold that costs nothing. Raises `HoldEnded`, `DetailsMissing`, `PaymentRequired`."""
    if email := Booking.objects.values_list("email", flat=True).get(pk=booking_id):
        _count_customer(booking_id, email=email)
    lock_booking(booking_id=booking_id)
    booking = _lock_holding(booking_id)
    if booking.total_minor:
        raise PaymentRequired
    if not booking.email:
        raise DetailsMissing
    booking = confirm_booking(booking_id=booking_id, actor=actor)
    if booking.status != Booking.Status.CONFIRMED:
        raise HoldEnded
    return booking


def lock_booking(*, booking_id: UUID) -> Booking:
    """Lock a booking after its event, for a longer transaction that will go on to confirm or cancel it."""
    _lock_event(Booking.objects.values_list("event_id", flat=True).get(pk=booking_id))
    return Booking.objects.lock().get(pk=booking_id)


@transactional
def confirm_booking(
    *, booking_id: UUID, actor: str, payment_status: str = Booking.PaymentStatus.UNPAID
) -> Booking:
    """Sell the booking its seats and issue the tickets, even after its time while nobody else has the seats.

    Returns it `confirmed`; otherwise a seat is lost or it was cancelled, and the whole payment must go back.
    """
    event_id = Booking.objects.values_list("event_id", flat=True).get(pk=booking_id)
    cancelled = _lock_event(event_id) == Event.Status.CANCELLED
    booking = Booking.objects.lock().get(pk=booking_id)
    if booking.status == Booking.Status.CONFIRMED:
        return booking
    if booking.status == Booking.Status.CANCELLED:
        if booking.payment_status == payment_status:
            return booking
        booking.payment_status = payment_status
        return _record(booking, "late_money", actor=actor)
    booking.payment_status = payment_status
    # By the seats it held last, asking the seat itself who owns it. "My live booking seats", joined, would be answered
    # from before the lock was waited for, and two bookings could be confirmed for one seat.
    seats = list(Seat.objects.filter(pk__in=booking.seats.values("seat")).lock())
    foreign = [seat for seat in seats if seat.holder != booking_id]
    if cancelled or not all(seat.is_free(at=seat.clock) for seat in foreign):
        if booking.status == Booking.Status.EXPIRED:
            return _record(booking, "late_money", actor=actor)
        _let_go([booking], status=Booking.Status.EXPIRED, actor=actor)
        return booking
    _take_over(foreign)
    booking.seats.update(released_at=None)
    Seat.objects.filter(pk__in=[seat.pk for seat in seats]).update(
        status=Seat.Status.SOLD,
        holder=booking_id,
        held_until=None,
        version=F("version") + 1,
    )
    Ticket.objects.bulk_create(
        Ticket(event_id=event_id, booking=booking, booking_seat_id=line)
        for line in booking.seats.order_by("pk").values_list("pk", flat=True)
    )
    booking.status = Booking.Status.CONFIRMED
    announce(event_id, [seat.pk for seat in seats], status=Seat.Status.SOLD)
    return _record(booking, "confirmed", actor=actor, retaken=len(foreign))


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
    _let_go([booking], status=Booking.Status.CANCELLED, actor=actor)
    return booking


def stop_sale(*, event_id: UUID) -> None:
    """Cancel an event and return when no sale of it is in flight: from now on its bookings only become fewer.

    First the word, committed, then the wait: new KEY SHARE locks overtake a waiting full lock, so in a rush a transaction
    that locks first would wait until it is over. Must not be called inside a transaction.
    """
    updated = Event.objects.filter(pk=event_id).exclude(status=Event.Status.CANCELLED)
    updated.update(status=Event.Status.CANCELLED, version=F("version") + 1)
    _wait_for_sales_in_flight(event_id)


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
        _let_go(bookings, status=Booking.Status.EXPIRED, actor=SYSTEM)
    return len(bookings)


@transactional
def _wait_for_sales_in_flight(event_id: UUID) -> None:
    Event.objects.select_for_update().get(
        pk=event_id
    )  # the full lock, which their KEY SHARE keeps waiting


def _claim(once: Once | None, *, buyer: Buyer, booking_id: UUID) -> Booking | None:
    if once and (earlier := once.claim(owner=buyer.owner, object_id=booking_id)):
        return Booking.objects.with_clock().with_seats().get(pk=earlier)
    return None


def _lock_free(
    seat_ids: Iterable[UUID], *, event_id: UUID, skip_locked: bool = False
) -> list[Seat]:
    sql = LOCK_FREE + (" SKIP LOCKED" if skip_locked else "")
    return list(Seat.objects.raw(sql, {"seats": list(seat_ids), "event": event_id}))


def _lock_event(event_id: UUID) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT status FROM events_event WHERE id = %s FOR KEY SHARE", [event_id]
        )
        return str(cursor.fetchone()[0])


def _lock_holding(
    booking_id: UUID, *, statuses: Collection[str] = Booking.HOLDING
) -> Booking:
    booking = Booking.objects.lock().get(pk=booking_id)
    if booking.status not in Booking.HOLDING or booking.expires_at <= booking.clock:
        raise HoldEnded
    if booking.status not in statuses:
        raise BeingPaid
    return booking


def _count_customer(booking_id: UUID, *, email: str) -> None:
    """Refuse a customer, known by e-mail address, who would get more of the event than one customer may."""
    booking = Booking.objects.select_related("event").get(pk=booking_id)
    event = booking.event
    if event.max_per_customer is None and booking.total_minor:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"{event.pk} email:{email}"],
        )
    others = (
        Booking.objects.live().filter(event=event, email=email).exclude(pk=booking_id)
    )
    taken = others.aggregate(quantity=Sum("quantity"))["quantity"] or 0
    if (
        event.max_per_customer is not None
        and taken + booking.quantity > event.max_per_customer
    ):
        raise LimitReached(per_customer(event.max_per_customer))
    if (
        not booking.total_minor
        and others.filter(total_minor=0, status=Booking.Status.CONFIRMED).exists()
    ):
        raise AlreadyRegistered


def _refuse_missing(wanted: Collection[UUID], locked: Iterable[Seat]) -> None:
    if missing := set(wanted) - {seat.pk for seat in locked}:
        raise SeatsUnavailable(missing)


def _take_over(seats: Iterable[Seat]) -> None:
    """End what lapsed holds had of these locked seats. Their bookings are neither read nor locked: that would deadlock."""
    if lapsed := [seat.pk for seat in seats if seat.status == Seat.Status.HELD]:
        BookingSeat.objects.filter(seat__in=lapsed, released_at=None).update(
            released_at=Now()
        )


def _write_hold(
    *,
    booking_id: UUID,
    sale: Sale,
    buyer: Buyer,
    seats: Sequence[Seat],
    offers: Mapping[UUID, Offer],
) -> Booking:
    _take_over(seats)
    booking = Booking(
        id=booking_id,
        event_id=sale.event_id,
        user_id=buyer.user_id,
        session=buyer.session,
        address=buyer.address,
        secret=guest_secret(),
        language=get_language() or "",
        expires_at=seats[0].clock + HOLD,
        quantity=len(seats),
        total_minor=sum(offers[seat.pk].price_minor for seat in seats),
        currency=sale.currency,
    )
    booking.clock = seats[0].clock
    booking.live_seats = sorted(
        (_line(booking, seat, offers[seat.pk]) for seat in seats),
        key=lambda line: line.seat.position,
    )
    wish = {
        "booking": booking.pk,
        "event": booking.event_id,
        "user": booking.user_id,
        "session": booking.session,
        "address": booking.address,
        "secret": booking.secret,
        "language": booking.language,
        "expires_at": booking.expires_at,
        "quantity": booking.quantity,
        "total": booking.total_minor,
        "currency": booking.currency,
        "lines": [line.pk for line in booking.live_seats],
        "seats": [line.seat_id for line in booking.live_seats],
        "ticket_types": [line.ticket_type_id for line in booking.live_seats],
        "prices": [line.price_minor for line in booking.live_seats],
        "history": uuid7(),
        "message": uuid7(),
        "actor": str(buyer),
    }
    with connection.cursor() as cursor:
        cursor.execute(WRITE_HOLD, wish)
        if cursor.rowcount != len(seats):
            raise RuntimeError("A locked seat was not updated.")
        booking.reference, booking.created_at = cursor.fetchone()
    announce(sale.event_id, [seat.pk for seat in seats], status=Seat.Status.HELD)
    return booking


def _line(booking: Booking, seat: Seat, offer: Offer) -> BookingSeat:
    ticket_type = TicketType(
        id=offer.id,
        category_id=offer.category_id,
        name=offer.name,
        price_minor=offer.price_minor,
    )
    return BookingSeat(
        event_id=booking.event_id,
        booking=booking,
        seat=seat,
        ticket_type=ticket_type,
        price_minor=offer.price_minor,
    )


def _prolong(
    booking_id: UUID,
    *,
    period: timedelta,
    statuses: Collection[str],
    status: str,
    action: str,
    actor: str,
) -> Booking:
    booking = _lock_holding(booking_id, statuses=statuses)
    seats = list(
        Seat.objects.filter(
            pk__in=booking.seats.values("seat"), holder=booking_id
        ).lock()
    )
    if len(seats) < booking.quantity:  # it lapsed and was taken while we waited
        raise HoldEnded
    booking.status = status
    booking.expires_at = max(
        booking.expires_at, min(booking.clock + period, booking.created_at + LONGEST)
    )
    Seat.objects.filter(holder=booking_id, pk__in=[seat.pk for seat in seats]).update(
        held_until=booking.expires_at
    )
    return _record(booking, action, actor=actor)


def _let_go(bookings: Sequence[Booking], *, status: str, actor: str) -> None:
    """End these locked bookings and free the seats that are still theirs."""
    seats = BookingSeat.objects.filter(booking__in=bookings).values("seat")
    own = list(
        Seat.objects.filter(
            pk__in=seats, holder__in=[booking.pk for booking in bookings]
        ).lock()
    )
    Seat.objects.filter(pk__in=[seat.pk for seat in own]).update(**NOBODY)
    BookingSeat.objects.filter(booking__in=bookings, released_at=None).update(
        released_at=Now()
    )
    Ticket.objects.filter(booking__in=bookings, status=Ticket.Status.VALID).update(
        status=Ticket.Status.VOID
    )
    for booking in bookings:
        booking.status = status
        booking.version += 1
    Booking.objects.bulk_update(bookings, ["status", "payment_status", "version"])
    BookingHistory.objects.bulk_create(
        _history(booking, status, actor=actor) for booking in bookings
    )
    OutboxMessage.objects.bulk_create(_message(booking, status) for booking in bookings)
    for event_id in {seat.event_id for seat in own}:
        announce(
            event_id,
            [seat.pk for seat in own if seat.event_id == event_id],
            status=Seat.Status.AVAILABLE,
        )


CHANGEABLE = [
    *(
        "status",
        "payment_status",
        "expires_at",
        "quantity",
        "total_minor",
        "version",
        "user",
        "name",
        "email",
        "language",
    ),
    *("terms_version", "terms_accepted_at", "marketing_consent"),
]


def _record(booking: Booking, action: str, *, actor: str, **details: Any) -> Booking:
    booking.version += 1
    booking.save(update_fields=CHANGEABLE)
    _history(booking, action, actor=actor, **details).save(force_insert=True)
    _message(booking, action).save(force_insert=True)
    return booking


def _history(
    booking: Booking, action: str, *, actor: str, **details: Any
) -> BookingHistory:
    return BookingHistory(
        event_id=booking.event_id,
        booking=booking,
        version=booking.version,
        action=action,
        actor=actor,
        details=details,
    )


def _message(booking: Booking, action: str) -> OutboxMessage:
    payload = {
        "booking": str(booking.pk),
        "event": str(booking.event_id),
        "version": booking.version,
    }
    return OutboxMessage(topic=f"booking.{action}", payload=payload)
