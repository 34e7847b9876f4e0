"""Hold seats, change a hold, keep it longer."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from django.db import connection
from django.db.models import F, Q, Sum
from django.utils.translation import get_language

from bookings.models import Booking, BookingSeat, guest_secret
from bookings.picking import NO_WISH, Wish, best_available
from bookings.sale import Buyer, Offer, Sale
from evently.database import Busy, transactional, uuid7
from evently.rest.idempotency import Once
from events.live import announce
from events.models import FREE, NOBODY, Seat

from . import codes, extras
from .refusals import EmptyBooking, HoldEnded, NoWheelchairPlace, SoldOut
from .rows import line_of, lock_free, lock_holding, record, refuse_missing, take_over

HOLD = timedelta(minutes=10)
LONGEST = timedelta(minutes=60)
TRIES, PATIENT_TRIES = 4, 16
NO_SERVICES: Mapping[UUID, int] = MappingProxyType({})

# One statement for what belongs together: five round trips less while the seats are locked.
WRITE_HOLD = """
WITH booking AS (
    INSERT INTO bookings_booking (id, event_id, user_id, session, address, secret, language, status, expires_at, quantity,
        total_minor, currency, refund_terms)
    VALUES (%(booking)s, %(event)s, %(user)s, %(session)s, %(address)s, %(secret)s, %(language)s, 'held', %(expires_at)s,
        %(quantity)s, %(total)s, %(currency)s, (
            SELECT coalesce(jsonb_agg(jsonb_build_object('until', e.starts_at - make_interval(days => t.days_before),
                'percent', t.percent, 'fee_minor', t.fee_minor)), '[]')
            FROM events_refundterm t JOIN events_event e ON e.id = t.event_id WHERE t.event_id = %(event)s))
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
    wish: Wish = NO_WISH,
    code: str = "",
    services: Mapping[UUID, int] = NO_SERVICES,
    by_team: bool = False,
    once: Once | None = None,
) -> Booking:
    """Hold the best free places of the given ticket types, adjacent in a row while such are left, or nothing.

    Raises `SoldOut` only when fewer places are free than wished (wheelchair places and the seats beside them are free for
    those alone who wish for them), `NoWheelchairPlace`, `Busy` when others were faster every time, `CodeNotUsable`,
    `ServiceUnavailable`, and what `Sale` refuses. `by_team`: by ticket types that the team gives, for `give_tickets`.
    """
    for attempt in range(TRIES + PATIENT_TRIES):
        # Not found while skipping locked seats may mean busy, not gone: after a few tries wait for the others.
        with suppress(_Outpaced):
            return _hold_best(
                buyer=buyer,
                event_id=event_id,
                quantities=quantities,
                wish=wish,
                code=code,
                services=services,
                by_team=by_team,
                once=once,
                wait=attempt >= TRIES,
            )
    raise Busy


class _Outpaced(Exception):
    """A proposed place was taken between the search and the lock."""


@transactional
def _hold_best(
    *,
    buyer: Buyer,
    event_id: UUID,
    quantities: Mapping[UUID, int],
    wish: Wish,
    code: str,
    services: Mapping[UUID, int],
    by_team: bool,
    once: Once | None,
    wait: bool,
) -> Booking:
    booking_id = uuid7()
    if earlier := _claim(once, buyer=buyer, booking_id=booking_id):
        return earlier
    sale = Sale.open(event_id=event_id, buyer=buyer, by_team=by_team)
    opened = codes.opened_by(code, event_id=event_id, buyer=buyer)
    chosen = {pk: sale.given(pk) if by_team else sale.offer(pk, opened=opened) for pk in quantities}
    wished_offers = [offer for pk, offer in chosen.items() for _ in range(quantities[pk])]
    registered = sale.admit(buyer=buyer, quantity=len(wished_offers))
    sale.check_offers(wished_offers, registered=registered)

    # Adults and children of one category sit together: one block per category, the ticket types dealt out along it.
    wishes: dict[tuple[UUID, bool], list[Offer]] = {}
    for offer in wished_offers:
        wishes.setdefault((offer.category_id, offer.numbered), []).append(offer)
    offers: dict[UUID, Offer] = {}
    for (category_id, numbered), wished in wishes.items():
        places = best_available(event_id=event_id, category_id=category_id, quantity=len(wished), adjacent=numbered, wish=wish)
        if not places:
            raise NoWheelchairPlace if wish.wheelchairs and numbered else SoldOut
        offers |= zip(places, wished, strict=True)

    seats = lock_free(offers, event_id=event_id, skip_locked=not wait)
    if len(seats) < len(offers):
        # Give back what was locked by starting anew: waiting with locks in hand could deadlock.
        raise _Outpaced
    sale.check_type_limits(offers.values())
    return _write_hold(booking_id=booking_id, sale=sale, buyer=buyer, seats=seats, offers=offers, code=code, services=services)


@transactional
def hold_seats(
    *,
    buyer: Buyer,
    event_id: UUID,
    seats: Mapping[UUID, UUID | None],
    code: str = "",
    services: Mapping[UUID, int] = NO_SERVICES,
    once: Once | None = None,
) -> Booking:
    """Hold all the given seats (each with its ticket type, `None`: the category's default) or none of them.

    Raises `SeatsUnavailable` naming the seats that are gone, `CodeNotUsable`, `ServiceUnavailable`, and what `Sale` refuses.
    """
    booking_id = uuid7()
    if earlier := _claim(once, buyer=buyer, booking_id=booking_id):
        return earlier
    sale = Sale.open(event_id=event_id, buyer=buyer)
    registered = sale.admit(buyer=buyer, quantity=len(seats))
    opened = codes.opened_by(code, event_id=event_id, buyer=buyer)
    locked = lock_free(seats, event_id=event_id)
    refuse_missing(seats, locked)
    offers = {seat.pk: sale.offer(seats[seat.pk], category_id=seat.category_id, opened=opened) for seat in locked}
    sale.check_offers(offers.values(), registered=registered)
    sale.check_type_limits(offers.values())
    return _write_hold(booking_id=booking_id, sale=sale, buyer=buyer, seats=locked, offers=offers, code=code, services=services)


@transactional
def change_hold(*, booking_id: UUID, buyer: Buyer, add: Mapping[UUID, UUID | None], remove: Collection[UUID]) -> Booking:
    """Exchange seats of a hold, all or nothing, without moving its deadline.

    A seat that is in both keeps its place and takes the ticket type of `add`.
    """
    event_id = Booking.objects.values_list("event_id", flat=True).get(buyer.bookings, pk=booking_id)
    sale = Sale.open(event_id=event_id, buyer=buyer)
    booking = lock_holding(booking_id, statuses=[Booking.Status.HELD])
    lines = {line.seat_id: line for line in booking.seats.filter(released_at=None)}
    kept = [line for seat_id, line in lines.items() if seat_id not in remove]
    quantity = len(kept) + len(add)
    if not quantity:
        raise EmptyBooking
    registered = sale.admit(buyer=buyer, quantity=quantity, beside=booking_id)

    # Old and new in one locking query; two would not be in primary-key order.
    wanted = Q(pk__in=lines, holder=booking_id) | Q(FREE, pk__in=[pk for pk in add if pk not in {*lines, *remove}])
    locked = list(Seat.objects.filter(wanted, event=event_id).lock())
    if sum(seat.holder == booking_id for seat in locked) < booking.quantity:  # it lapsed and was taken while we waited
        raise HoldEnded
    refuse_missing({*add, *remove}, [seat for seat in locked if seat.pk in remove or seat.pk not in lines])
    added = [seat for seat in locked if seat.pk in add]
    opened = codes.unlocked_by(booking.promo_code_id)
    offers = {seat.pk: sale.offer(add[seat.pk], category_id=seat.category_id, opened=opened) for seat in added}
    all_offers = [*offers.values(), *(sale.offers[line.ticket_type_id] for line in kept)]
    sale.check_offers(all_offers, registered=registered)
    sale.check_type_limits(all_offers, beside=booking_id)

    take_over([seat for seat in added if seat.holder != booking_id])
    booking.seats.filter(seat__in=remove).delete()  # never sold, and not to be asked for again by late money
    Seat.objects.filter(pk__in=remove).update(**NOBODY)
    BookingSeat.objects.bulk_create(line_of(booking, seat, offers[seat.pk]) for seat in added)
    Seat.objects.filter(pk__in=add).update(
        status=Seat.Status.HELD, holder=booking_id, held_until=booking.expires_at, version=F("version") + 1
    )
    booking.quantity = quantity
    if booking.promo_code_id is None:
        booking.total_minor = booking.seats.filter(released_at=None).aggregate(total=Sum("price_minor"))["total"]
        booking.total_minor += booking.services_minor
    else:
        codes.discount_again(booking)
    announce(event_id, [pk for pk in remove if pk not in add], status=Seat.Status.AVAILABLE)
    announce(event_id, add, status=Seat.Status.HELD)
    return record(booking, "changed", actor=str(buyer), added=[str(pk) for pk in add], removed=[str(pk) for pk in remove])


@transactional
def extend_hold(*, booking_id: UUID, actor: str) -> Booking:
    """Give a hold that has not lapsed a new hold time, up to an hour after it was made. Raises `HoldEnded`, `BeingPaid`."""
    return prolong(
        booking_id, period=HOLD, statuses=[Booking.Status.HELD], status=Booking.Status.HELD, action="extended", actor=actor
    )


def prolong(
    booking_id: UUID,
    *,
    period: timedelta,
    statuses: Collection[str],
    status: str,
    action: str,
    actor: str,
    until: datetime | None = None,
) -> Booking:
    """Give a hold a new deadline: a period from now, within an hour of when it was made, or a deadline of its own."""
    booking = lock_holding(booking_id, statuses=statuses)
    seats = list(Seat.objects.filter(pk__in=booking.seats.values("seat"), holder=booking_id).lock())
    if len(seats) < booking.quantity:  # it lapsed and was taken while we waited
        raise HoldEnded
    codes.keep_use(booking)
    extras.keep_services(booking)
    booking.status = status
    booking.expires_at = max(booking.expires_at, until or min(booking.clock + period, booking.created_at + LONGEST))
    Seat.objects.filter(holder=booking_id, pk__in=[seat.pk for seat in seats]).update(held_until=booking.expires_at)
    return record(booking, action, actor=actor, **({"until": until.isoformat()} if until else {}))


def _claim(once: Once | None, *, buyer: Buyer, booking_id: UUID) -> Booking | None:
    if once and (earlier := once.claim(owner=buyer.owner, object_id=booking_id)):
        return Booking.objects.with_clock().with_seats().select_related("promo_code").get(pk=earlier)
    return None


def _write_hold(
    *,
    booking_id: UUID,
    sale: Sale,
    buyer: Buyer,
    seats: Sequence[Seat],
    offers: Mapping[UUID, Offer],
    code: str,
    services: Mapping[UUID, int],
) -> Booking:
    take_over(seats)
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
    booking.live_seats = sorted((line_of(booking, seat, offers[seat.pk]) for seat in seats), key=lambda line: line.seat.position)
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
    return _complete(booking, code=code, services=services, actor=str(buyer)) if code or services else booking


def _complete(booking: Booking, *, code: str, services: Mapping[UUID, int], actor: str) -> Booking:
    """Add to a hold that was just written what comes with it beside the seats."""
    booking._state.adding = False
    if code:
        codes.redeem(booking, typed=code, actor=actor)
    if services:
        extras.book_services(booking, services, actor=actor)
    return Booking.objects.with_clock().with_seats().select_related("promo_code").get(pk=booking.pk)
