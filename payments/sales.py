"""What payments bought, at which rates: read at the moment of the sale, and frozen with it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db.models import Count, F, Sum

from bookings.models import BookingSeat, BookingService
from evently.money import divide, portion
from events.models import Event

from .models import Payment, PlatformFee, Sale, TaxLine

NOTHING: Final = Decimal(0)
BATCH: Final = 1000


def included_tax(gross_minor: int, rate: Decimal) -> int:
    """The VAT in an amount that includes it, rounded half up, once.

    What is rounded is the sum of a booking at one rate: EN 16931-1 takes the tax of each rate (BG-23, BT-117) from the sum of its
    lines, not from the lines.
    """
    return portion(gross_minor, rate, 100 + rate)


@dataclass(frozen=True, slots=True)
class Terms:
    """What the platform takes: a percentage of what was paid, and an amount for each ticket that costs something."""

    percent: Decimal = NOTHING
    fixed_minor: int = 0

    def fee(self, *, gross_minor: int, paid_tickets: int, at_most: int) -> int:
        """The fee in minor units, rounded half up, and never more than `at_most`."""
        return min(at_most, portion(gross_minor, self.percent, Decimal(100)) + self.fixed_minor * paid_tickets)


@dataclass(frozen=True, slots=True)
class Sold:
    """What a payment bought. `gross`: what was paid by rate of VAT, minor units, none of them zero."""

    payment: Payment
    lines: Sequence[Mapping[str, Any]]
    gross: Mapping[Decimal, int]
    paid_tickets: int
    terms: Terms


def read(payments: Collection[Payment]) -> dict[UUID, Sold]:
    """What captured payments have bought at the rates that hold now, by payment. Four queries, however many they are."""
    if not payments:
        return {}
    events = {pk: facts for pk, *facts in _events({payment.event_id for payment in payments})}
    fees = {
        (organizer, currency): Terms(percent, fixed)
        for organizer, currency, percent, fixed in PlatformFee.objects.filter(
            organizer__in={organizer for organizer, _own, _default in events.values()}
        ).values_list("organizer", "currency", "percent", "fixed_minor")
    }
    bought = _bought([payment.booking_id for payment in payments])
    sold = {}
    for payment in payments:
        organizer, own_rate, default_rate = events[payment.event_id]
        rate_of_event = next((rate for rate in (own_rate, default_rate) if rate is not None), NOTHING)
        bought_lines = [(line, rate_of_event if line.rate is None else line.rate) for line in bought[payment.booking_id]]
        terms = fees.get((organizer, payment.captured_currency)) or fees.get((organizer, "")) or Terms()
        sold[payment.pk] = Sold(
            payment,
            [
                {"name": line.name, "quantity": line.quantity, "gross_minor": line.gross_minor, "tax_rate": str(rate), **line.of}
                for line, rate in bought_lines
            ],
            _by_rate(payment.captured_minor or 0, [(rate, line.gross_minor) for line, rate in bought_lines], rate_of_event),
            sum(line.paid_tickets for line, _rate in bought_lines),
            terms,
        )
    return sold


def freeze(sales: Iterable[tuple[Sold, int]]) -> None:
    """Write down what was sold at which rates, and the fee in minor units that was taken of each."""
    sales = list(sales)
    Sale.objects.bulk_create(
        [
            Sale(
                event_id=sold.payment.event_id,
                payment=sold.payment,
                lines=sold.lines,
                fee_percent=sold.terms.percent,
                fee_fixed_minor=sold.terms.fixed_minor,
                fee_minor=fee_minor,
            )
            for sold, fee_minor in sales
        ],
        batch_size=BATCH,
    )
    TaxLine.objects.bulk_create(
        [
            TaxLine(
                event_id=sold.payment.event_id,
                payment=sold.payment,
                tax_rate=rate,
                gross_minor=gross,
                tax_minor=included_tax(gross, rate),
            )
            for sold, _fee_minor in sales
            for rate, gross in sold.gross.items()
        ],
        batch_size=BATCH,
    )


def left_by_rate(payment: Payment) -> dict[Decimal, int]:
    """What was paid and is not promised back, by rate of VAT in ascending order, minor units."""
    rows = TaxLine.objects.filter(payment=payment).values_list("tax_rate").annotate(left=Sum("gross_minor"))
    return dict(rows.order_by("tax_rate"))


def paid_by_rate(payment: Payment, tickets: Iterable[tuple[UUID, int]], *, with_services: bool) -> dict[Decimal, int]:
    """What was paid for tickets (each its ticket type and price) by the rate that they were sold at, minor units.

    `with_services`: and for all services of the booking. Empty when nothing of the sale is written down.
    """
    lines = Sale.objects.filter(payment=payment).values_list("lines", flat=True).first() or []
    rates = {line["ticket_type"]: Decimal(line["tax_rate"]) for line in lines if "ticket_type" in line}
    paid: dict[Decimal, int] = defaultdict(int)
    for ticket_type, price_minor in tickets:
        if (rate := rates.get(str(ticket_type))) is not None:
            paid[rate] += price_minor
    for line in lines if with_services else ():
        if "service" in line:
            paid[Decimal(line["tax_rate"])] += line["gross_minor"]
    return dict(paid)


def given_back(
    amount_minor: int, left: Mapping[Decimal, int], of: Mapping[Decimal, int] | None = None
) -> dict[Decimal, tuple[int, int]]:
    """What a refund takes of what is `left` at each rate, and the tax in it, minor units: exactly its amount.

    `of`: what was paid by rate for the tickets that it is for; in proportion to that it is taken, as far as so much is left.
    Else, and for money without tickets, it is taken in proportion to what is left.

    The tax of what stays is that of its own sum, rounded once: so the tax of a refund is what that leaves over, and all refunds
    together give back all of the tax.
    """
    if not any(left.values()):  # nothing is written down, which the audit tells; the buyer gets the money all the same
        return {}
    weights = [min((of or {}).get(rate, 0), kept) for rate, kept in left.items()]
    if sum(weights) < amount_minor:
        weights = list(left.values())
    shares = dict(zip(left, divide(amount_minor, weights), strict=True))
    return {
        rate: (share, included_tax(left[rate], rate) - included_tax(left[rate] - share, rate))
        for rate, share in shares.items()
        if share
    }


def _events(ids: Collection[UUID]) -> Iterable[tuple[Any, ...]]:
    return Event.objects.filter(pk__in=ids).values_list("pk", "organizer", "tax_rate", "organizer__seller__tax_rate")


class _Line(NamedTuple):
    """So many of one thing, what they cost together, and their own rate. `of`: what they are."""

    name: str
    quantity: int
    gross_minor: int
    rate: Decimal | None
    of: Mapping[str, str]

    @property
    def paid_tickets(self) -> int:
        return self.quantity if self.gross_minor and "ticket_type" in self.of else 0


def _bought(bookings: Collection[UUID]) -> Mapping[UUID, list[_Line]]:
    """What was sold, by booking: tickets in the order of the event, then services."""
    bought = defaultdict(list)
    seats = (
        BookingSeat.objects.filter(booking__in=bookings)
        .annotate(paid_minor=F("price_minor") - F("discount_minor"))
        .values_list(
            *("booking", "ticket_type", "ticket_type__name", "ticket_type__category__name", "paid_minor", "ticket_type__tax_rate")
        )
        .annotate(quantity=Count("pk"))
        .order_by("booking", "ticket_type__category__position", "ticket_type__position", "ticket_type__name", "-paid_minor")
    )
    for booking, kind, name, category, each, rate, quantity in seats:
        line = _Line(f"{name}, {category}", quantity, quantity * each, rate, {"ticket_type": str(kind)})
        bought[booking].append(line)
    services = (
        BookingService.objects.filter(booking__in=bookings)
        .values_list(
            *("booking", "event_service", "event_service__service__name", "quantity", "price_minor", "event_service__tax_rate")
        )
        .order_by("booking", "event_service__position", "pk")
    )
    for booking, service, name, quantity, each, rate in services:
        bought[booking].append(_Line(name, quantity, quantity * each, rate, {"service": str(service)}))
    return bought


def _by_rate(captured_minor: int, lines: Iterable[tuple[Decimal, int]], rate_of_event: Decimal) -> dict[Decimal, int]:
    """What was captured, by rate: what the lines say, whose sum it is."""
    gross: dict[Decimal, int] = defaultdict(int)
    for rate, gross_minor in lines:
        gross[rate] += gross_minor
    if not any(gross.values()):
        gross = {rate_of_event: captured_minor}
    rates = sorted(gross)
    # Should the lines ever say something else than what has come, that is what is divided: no cent is without an owner.
    shares = divide(captured_minor, [gross[rate] for rate in rates])
    return {rate: share for rate, share in zip(rates, shares, strict=True) if share}
