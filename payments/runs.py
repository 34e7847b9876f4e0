"""The cancelling of an event, counted: what it would mean, and how far it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Count, F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce, Least

from bookings.models import Booking, BookingQuerySet, BookingSeat

from .models import Payment, Refund, RefundRun


class Share(NamedTuple):
    """What goes back through one gateway, minor units."""

    gateway: str
    payments: int
    due_minor: int

    @property
    def is_by_hand(self) -> bool:
        """Whether people have to send it back, no gateway does."""
        return self.gateway in Payment.OFFLINE


@dataclass(frozen=True, slots=True)
class Plan:
    """What cancelling an event would do now."""

    holds: int
    confirmed: int
    tickets: int
    shares: Sequence[Share]

    @property
    def bookings(self) -> int:
        return self.holds + self.confirmed

    @property
    def due_minor(self) -> int:
        return sum(share.due_minor for share in self.shares)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: bookings, and money that was promised, is paid back, or could not be; minor units."""

    bookings: int
    left: int
    refunds: int
    promised_minor: int
    paid_minor: int
    failed: int
    failed_minor: int

    @property
    def done(self) -> int:
        return max(0, self.bookings - self.left)


def ongoing(event_id: UUID) -> BookingQuerySet:
    """The bookings of the event that are to be cancelled with it."""
    return Booking.objects.filter(event=event_id, status__in=[*Booking.HOLDING, Booking.Status.CONFIRMED])


def plan_cancelling(event_id: UUID) -> Plan:
    """A dry run: changes nothing. What goes back of a booking is what is left of its payment, up to what its tickets cost."""
    counts: Any = ongoing(event_id).aggregate(
        holds=Count("pk", filter=Q(status__in=Booking.HOLDING)),
        confirmed=Count("pk", filter=Q(status=Booking.Status.CONFIRMED)),
        tickets=Coalesce(Sum("quantity", filter=Q(status=Booking.Status.CONFIRMED)), 0),
    )
    lines = BookingSeat.objects.filter(booking=OuterRef("booking"), released_at=None).order_by().values("booking")
    refunds = Refund.objects.filter(payment=OuterRef("pk")).order_by().values("payment")
    paid = Payment.objects.filter(event=event_id, outcome=Payment.Outcome.CONFIRMED, booking__status=Booking.Status.CONFIRMED)
    due = Least(
        Coalesce(Subquery(lines.annotate(sum=Sum(F("price_minor") - F("discount_minor"))).values("sum")), 0)
        + F("booking__services_minor"),
        F("captured_minor") - Coalesce(Subquery(refunds.annotate(sum=Sum("amount_minor")).values("sum")), 0),
    )
    by_gateway = paid.annotate(due=due).order_by("gateway").values_list("gateway").annotate(Count("pk"), Sum("due"))
    return Plan(**counts, shares=[Share(*row) for row in by_gateway])


def progress_of(run: RefundRun) -> Progress:
    """How far it is now. Two queries."""
    succeeded, failed = Q(status=Refund.Status.SUCCEEDED), Q(status=Refund.Status.FAILED)
    money: Any = Refund.objects.filter(event=run.event_id, reason=Refund.Reason.EVENT_CANCELLED).aggregate(
        refunds=Count("pk"),
        promised_minor=Coalesce(Sum("amount_minor"), 0),
        paid_minor=Coalesce(Sum("amount_minor", filter=succeeded), 0),
        failed=Count("pk", filter=failed),
        failed_minor=Coalesce(Sum("amount_minor", filter=failed), 0),
    )
    return Progress(bookings=run.bookings, left=ongoing(run.event_id).count(), **money)
