"""Seats that were sold in the weeks before the demo was made: whole bookings, as the shop would have left them.

Written in bulk, since the shop itself would take minutes and send a thousand mails. The audit holds them to every promise.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Func, Value
from django.utils import timezone
from django.utils.text import slugify

from bookings.models import Booking, BookingHistory, BookingSeat, Ticket
from bookings.sale import Buyer
from evently.accounts.models import User
from evently.database import uuid7
from events import summary
from events.models import Event, Seat, TicketType
from events.refund_terms import terms_of
from notifications.models import Delivery
from payments import ledger
from payments.models import Payment, SandboxCharge

BATCH = 1_000
BEST = 3_000  # places that are looked at: nobody buys the last row of an empty stadium
PARTY_SIZES, HOW_OFTEN = (1, 2, 3, 4, 5, 6), (12, 52, 12, 16, 4, 4)
FIRST_NAMES = (
    *("Ada", "Ben", "Clara", "David", "Elif", "Felix", "Greta", "Hannes", "Ines", "Jonas", "Katharina", "Luca", "Mara"),
    *("Noah", "Olga", "Paul", "Ronja", "Samir", "Thea", "Yusuf", "Zoe", "Anton", "Bettina", "Claire"),
)
LAST_NAMES = (
    *("Albrecht", "Baumann", "Conti", "Dietrich", "Engel", "Fischer", "Graf", "Hoffmann", "Ivanova", "Jansen", "Kaya"),
    *("Lindner", "Marek", "Novak", "Otto", "Peters", "Richter", "Schubert", "Thomsen", "Vogel", "Wagner", "Yilmaz", "Zimmer"),
)
SELL = """
UPDATE events_seat SET status = 'sold', holder = sold.booking, version = version + 2
FROM unnest(%s::uuid[], %s::uuid[]) AS sold (seat, booking) WHERE id = sold.seat
"""


@dataclass
class Sold:
    """One booking with all that belongs to it."""

    booking: Booking
    lines: list[BookingSeat]
    payment: Payment | None = None
    charge: SandboxCharge | None = None


@transaction.atomic
def sell(event: Event, *, share: float, regular: User | None = None) -> int:
    """Sell this share of the places of an event that nobody knows of yet, two of them to `regular`; return how many seats."""
    chance = random.Random(event.title)  # noqa: S311 -- a seed: the same hall every time
    parties = list(_parties(event, share=share, chance=chance))
    # The outbox forgets what was told more than a day ago, and these all were.
    last = min(timezone.now() - timedelta(hours=26), event.sale_ends_at)
    moments = sorted(event.sale_starts_at + (last - event.sale_starts_at) * chance.random() ** 2 for _ in parties)
    theirs = next((index for index, seats in enumerate(parties) if len(seats) == 2), None) if regular else None
    tickets = _Tickets(event, chance)
    terms = [{"until": term.until.isoformat(), "percent": term.percent, "fee_minor": term.fee_minor} for term in terms_of(event)]
    sales = [
        _sale(event, tickets.deal(seats), moment=moment, terms=terms, buyer=_person(regular if n == theirs else None, n, chance))
        for n, (seats, moment) in enumerate(zip(parties, moments, strict=True))
    ]
    _write(sales)
    summary.refresh([event.pk])
    return sum(len(sale.lines) for sale in sales)


def _parties(event: Event, *, share: float, chance: random.Random) -> Iterator[list[Seat]]:
    """Who sits together: mostly two or four, sooner in a good place than in a bad one."""
    wanted = round(share * event.seats.count())
    ranked = list(event.seats.select_related("category").order_by("rank")[: max(BEST, wanted)])
    if share < 1:  # nobody has taken the places of those who need them
        ranked = [seat for seat in ranked if not (seat.accessible or seat.companion)]
    while wanted > 0 and ranked:
        size = min(wanted, *chance.choices(PARTY_SIZES, HOW_OFTEN))
        first = ranked[int(len(ranked) * chance.betavariate(1.1, 1.9))]
        same = [seat for seat in ranked if seat.category_id == first.category_id]
        party = _window(_block(first, same), first, size=size, chance=chance) if first.category.numbered else same[:size]
        taken = {seat.pk for seat in party}
        ranked = [seat for seat in ranked if seat.pk not in taken]
        wanted -= len(party)
        yield party


def _block(first: Seat, free: Sequence[Seat]) -> list[Seat]:
    """The free seats that are in one piece with this one."""
    by_position = {seat.position: seat for seat in free}
    start = end = first.position
    while start - 1 in by_position:
        start -= 1
    while end + 1 in by_position:
        end += 1
    return [by_position[position] for position in range(start, end + 1)]


def _window(block: list[Seat], first: Seat, *, size: int, chance: random.Random) -> list[Seat]:
    """Seats side by side around this one that leave no single seat, if there is such a choice; all of a block that is short."""
    starts = [start for start in range(len(block) - size + 1) if first in block[start : start + size]]
    tidy = [start for start in starts if start != 1 and len(block) - start - size != 1]
    if not starts:
        return block
    start = chance.choice(tidy or starts)
    return block[start : start + size]


class _Tickets:
    """Deals ticket types out along the time: limited ones while they last, children in larger parties."""

    def __init__(self, event: Event, chance: random.Random) -> None:
        self.event, self.chance = event, chance
        self.left: dict[UUID, int] = {}
        self.types: dict[UUID, list[TicketType]] = defaultdict(list)
        for ticket_type in event.ticket_types.order_by("position"):
            self.types[ticket_type.category_id].append(ticket_type)
            if ticket_type.limit is not None:
                self.left[ticket_type.pk] = ticket_type.limit * 9 // 10

    def deal(self, seats: Sequence[Seat]) -> list[BookingSeat]:
        regular, *others = self.types[seats[0].category_id]
        dealt = [regular] * len(seats)
        if others and others[0].pk in self.left:
            if self.left[others[0].pk] >= len(seats):
                dealt = others[:1] * len(seats)
                self.left[others[0].pk] -= len(seats)
        elif others and len(seats) > 2 and self.chance.random() < 0.5:
            dealt[2:] = others[:1] * (len(seats) - 2)
        return [
            BookingSeat(event=self.event, seat=seat, ticket_type=ticket_type, price_minor=ticket_type.price_minor)
            for seat, ticket_type in zip(seats, dealt, strict=True)
        ]


def _person(regular: User | None, number: int, chance: random.Random) -> dict[str, Any]:
    if regular:
        return {"user": regular, "name": regular.get_full_name(), "email": regular.email}
    first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
    email = f"{slugify(first)}.{slugify(last)}.{number}@example.com"
    return {"session": f"demo-{uuid7().hex}", "name": f"{first} {last}", "email": email}


def _sale(event: Event, lines: list[BookingSeat], *, moment: datetime, terms: list[Any], buyer: dict[str, Any]) -> Sold:
    total = sum(line.price_minor for line in lines)
    booking = Booking(
        **buyer,
        event=event,
        reference=Func(Value(f"EVT{moment:%Y%m%d}"), template="%(expressions)s || substr(booking_reference(), 12)"),
        language="en",
        status=Booking.Status.CONFIRMED,
        payment_status=Booking.PaymentStatus.PAID if total else Booking.PaymentStatus.UNPAID,
        expires_at=moment + timedelta(minutes=20),
        quantity=len(lines),
        total_minor=total,
        currency=event.currency,
        refund_terms=terms,
        version=4 if total else 3,
        created_at=moment,
        updated_at=moment + timedelta(minutes=4),
    )
    for line in lines:
        line.booking, line.created_at = booking, moment
    if not total:
        return Sold(booking, lines)
    paid_at = moment + timedelta(minutes=3)
    payment = Payment(
        event=event,
        booking=booking,
        gateway="sandbox",
        amount_minor=total,
        currency=event.currency,
        captured_minor=total,
        captured_currency=event.currency,
        status=Payment.Status.CAPTURED,
        outcome=Payment.Outcome.CONFIRMED,
        created_at=paid_at,
        updated_at=booking.updated_at,
    )
    charge = SandboxCharge(
        idempotency_key=str(payment.pk),
        reference=str(payment.pk),
        description=event.title,
        amount_minor=total,
        currency=event.currency,
        return_url=settings.EVENTLY_SITE_URL,
        status=SandboxCharge.Status.PAID,
        created_at=paid_at,
        updated_at=booking.updated_at,
    )
    payment.idempotency_key, payment.gateway_id = str(payment.pk), str(charge.pk)
    return Sold(booking, lines, payment, charge)


def _history(booking: Booking) -> Iterator[BookingHistory]:
    buyer = str(Buyer(user_id=booking.user_id, session=booking.session))
    paid = [("paying", buyer), ("confirmed", "gateway:sandbox")] if booking.total_minor else [("confirmed", buyer)]
    for minute, (action, actor) in enumerate([("held", buyer), ("contact", buyer), *paid]):
        at = booking.created_at + timedelta(minutes=minute)
        yield BookingHistory(
            event_id=booking.event_id, booking=booking, version=minute + 1, action=action, actor=actor, created_at=at
        )


def _confirmation(booking: Booking) -> Delivery:
    return Delivery(
        key=f"booking_confirmed:{booking.pk}",
        kind="booking_confirmed",
        recipient=booking.email,
        user=booking.user,
        object_id=booking.pk,
        status=Delivery.Status.SENT,
        attempts=1,
        due_at=booking.updated_at,
        sent_at=booking.updated_at,
        created_at=booking.updated_at,
        updated_at=booking.updated_at,
    )


def _write(sales: Sequence[Sold]) -> None:
    bookings, lines = [sale.booking for sale in sales], [line for sale in sales for line in sale.lines]
    Booking.objects.bulk_create(bookings, batch_size=BATCH)
    BookingSeat.objects.bulk_create(lines, batch_size=BATCH)
    BookingHistory.objects.bulk_create((entry for booking in bookings for entry in _history(booking)), batch_size=BATCH)
    Ticket.objects.bulk_create(
        (
            Ticket(
                event_id=line.event_id,
                booking_id=line.booking_id,
                booking_seat=line,
                created_at=line.booking.updated_at,
                updated_at=line.booking.updated_at,
            )
            for line in lines
        ),
        batch_size=BATCH,
    )
    Delivery.objects.bulk_create(map(_confirmation, bookings), batch_size=BATCH)
    payments = [sale.payment for sale in sales if sale.payment]
    Payment.objects.bulk_create(payments, batch_size=BATCH)
    ledger.book_captures(payments)
    SandboxCharge.objects.bulk_create((sale.charge for sale in sales if sale.charge), batch_size=BATCH)
    with connection.cursor() as cursor:
        cursor.execute(SELL, [[line.seat_id for line in lines], [line.booking_id for line in lines]])
