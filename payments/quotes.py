"""What a buyer gets back for tickets: said before anybody agrees to it, by the clock of the database."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from bookings.models import Booking, BookingSeat
from bookings.services import NoSuchTickets
from evently.errors import DomainError
from events.models import Event
from events.refund_terms import Term, term_at

from .models import Dispute, Payment

# How long somebody who booked for another date may choose the money instead.
CHOICE: Final = timedelta(days=14)


class NotReturnable(DomainError):
    code = "not_returnable"
    message = _("Tickets for this event are not taken back. Please write to the organizer.")


class Basis(StrEnum):
    """Why tickets are taken back."""

    FREE = "free"  # they cost nothing
    MOVED = "moved"  # the event is not when it was to be: everything goes back
    TERMS = "terms"  # those that the booking was made with


@dataclass(frozen=True, slots=True)
class QuotedTicket:
    """A booked seat, what was paid for it and what of that goes back, minor units."""

    line: BookingSeat
    paid_minor: int
    back_minor: int


@dataclass(frozen=True, slots=True)
class Quote:
    """What goes back for these tickets, and, with the booking's last one, for its services: minor units of its currency.

    `back_minor` is the promise: never more than is left of the payment. `until`: when it ends or becomes another one.
    """

    basis: Basis
    until: datetime
    tickets: Sequence[QuotedTicket]
    services_minor: int
    services_back_minor: int
    back_minor: int
    is_all: bool

    @property
    def paid_minor(self) -> int:
        return sum(ticket.paid_minor for ticket in self.tickets) + self.services_minor

    @property
    def withheld_minor(self) -> int:
        """What has gone back already, beside any ticket, and so is not there to go back again."""
        return self.paid_minor - self.kept_minor - self.back_minor

    @property
    def kept_minor(self) -> int:
        """What the terms leave with the organizer."""
        return self.paid_minor - sum(ticket.back_minor for ticket in self.tickets) - self.services_back_minor


def quote_return(booking: Booking, line_ids: Collection[UUID] | None = None) -> Quote:
    """What the buyer gets for these booked seats, or for all that are left. Needs `clock`.

    Raises `NotReturnable`, saying why, and `NoSuchTickets`.
    """
    lines = list(booking.seats.filter(released_at=None).select_related("seat", "ticket_type").order_by("seat__position"))
    chosen = lines if line_ids is None else [line for line in lines if line.pk in set(line_ids)]
    if booking.status != Booking.Status.CONFIRMED or not chosen or (line_ids is not None and len(chosen) < len(set(line_ids))):
        raise NoSuchTickets
    is_all = len(chosen) == len(lines)
    services = booking.services_minor if is_all else 0
    paid = sum(map(_paid, chosen)) + services
    basis, term = _basis(booking, is_free=not paid)
    tickets = [QuotedTicket(line, _paid(line), term.ticket_back(_paid(line))) for line in chosen]
    services_back = term.share(services)
    by_terms = sum(ticket.back_minor for ticket in tickets) + services_back
    left = left_of(booking.payments.filter(outcome=Payment.Outcome.CONFIRMED).first()) if by_terms else 0
    return Quote(basis, term.until, tickets, services, services_back, min(by_terms, left), is_all)


def left_of(payment: Payment | None) -> int:
    """What was captured and is not promised back, minor units."""
    if payment is None:
        return 0
    return (payment.captured_minor or 0) - sum(payment.refunds.values_list("amount_minor", flat=True))


@dataclass(frozen=True, slots=True)
class Value:
    """What was paid for booked seats, each with its ticket type, and with the last ones for the services too: minor units."""

    tickets: Sequence[tuple[UUID, int]]
    services_minor: int
    is_all: bool

    @property
    def paid_minor(self) -> int:
        return sum(paid for _kind, paid in self.tickets) + self.services_minor


def value_of(booking: Booking, line_ids: Collection[UUID] | None = None) -> Value:
    """What was paid for these booked seats, or for all that are left."""
    lines = list(booking.seats.filter(released_at=None))
    chosen = lines if line_ids is None else [line for line in lines if line.pk in set(line_ids)]
    is_all = len(chosen) == len(lines)
    return Value([(line.ticket_type_id, _paid(line)) for line in chosen], booking.services_minor if is_all else 0, is_all)


def _paid(line: BookingSeat) -> int:
    return line.price_minor - line.discount_minor


def _basis(booking: Booking, *, is_free: bool) -> tuple[Basis, Term]:
    event: Event = booking.event
    if event.status == Event.Status.CANCELLED:
        raise NotReturnable(_("This event was cancelled. Everything goes back to you by itself."))
    is_postponed = event.status == Event.Status.POSTPONED
    if event.starts_at <= booking.clock and not is_postponed:
        raise NotReturnable(_("This event has begun: its tickets are no longer taken back."))
    contested = Dispute.objects.filter(payment__booking=booking).exclude(status=Dispute.Status.WON)
    if contested.exists():
        raise NotReturnable(_("Your bank has asked this payment back, so it cannot go back here too."))
    if is_free:
        return Basis.FREE, Term(event.starts_at, 100, 0)
    if is_postponed:
        return Basis.MOVED, Term(booking.clock + CHOICE, 100, 0)
    if event.moved_at and booking.created_at < event.moved_at:
        until = min(event.moved_at + CHOICE, event.starts_at)
        if booking.clock < until:
            return Basis.MOVED, Term(until, 100, 0)
    if not booking.refund_terms:
        raise NotReturnable
    if (term := term_at(booking.kept_terms, booking.clock)) is None:
        raise NotReturnable(_("The time in which tickets are taken back is over. Please write to the organizer."))
    return Basis.TERMS, term
