"""Services on a booking: take them with the tickets, and keep what is taken within what there is.

What is taken of a service is the quantity in live bookings. As with codes, every step that makes a booking live, or keeps it so,
locks the rows of those with a stock, in primary-key order after the codes', and then looks at the clock and counts.
"""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from django.db.models import Sum
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from bookings.models import Booking, BookingService
from bookings.sale import LimitReached
from evently.database import transactional
from evently.errors import DomainError
from events.models import EventService

from .codes import lock_own_seats
from .refusals import HoldEnded
from .rows import record


class ServiceUnavailable(DomainError):
    """`left` says how much there is, by service of the event; nothing of those that are not offered."""

    code = "service_unavailable"
    message = _("There is not as much left as you wish.")

    def __init__(self, left: Mapping[UUID, int]) -> None:
        super().__init__()
        self.left = left

    def extra(self) -> dict[str, Any]:
        return {"left": {str(pk): left for pk, left in self.left.items()}}


@transactional
def set_services(*, booking_id: UUID, quantities: Mapping[UUID, int], actor: str) -> Booking:
    """Have exactly these services of the event with a hold, or leave everything as it is.

    What it has already keeps its price. Raises `ServiceUnavailable`, `LimitReached`, `HoldEnded`, `BeingPaid`.
    """
    return book_services(lock_own_seats(booking_id), quantities, actor=actor)


def book_services(booking: Booking, quantities: Mapping[UUID, int], *, actor: str) -> Booking:
    """Write these services into a booking that is locked with its seats."""
    wished = {pk: quantity for pk, quantity in quantities.items() if quantity > 0}
    booked = {line.event_service_id: line for line in BookingService.objects.filter(booking=booking)}
    if wished == {pk: line.quantity for pk, line in booked.items()}:
        return booking
    offers = {offer.pk: offer for offer in EventService.objects.filter(pk__in=wished, event=booking.event_id)}
    gone = {pk: 0 for pk in wished if pk not in offers or not (offers[pk].is_active or pk in booked)}
    if gone:
        raise ServiceUnavailable(gone)
    for pk, quantity in wished.items():
        if quantity > offers[pk].max_per_booking:
            raise LimitReached(
                _("At most %(most)d of “%(name)s” per booking.") % {"most": offers[pk].max_per_booking, "name": offers[pk]}
            )
    _check_stock(wished, beside=booking)
    lines = [
        BookingService(
            event_id=booking.event_id,
            booking=booking,
            event_service=offers[pk],
            quantity=quantity,
            price_minor=booked[pk].price_minor if pk in booked else offers[pk].price_minor,
        )
        for pk, quantity in wished.items()
    ]
    BookingService.objects.filter(booking=booking).delete()  # never sold, as long as it is a hold
    BookingService.objects.bulk_create(lines)
    tickets = booking.total_minor - booking.services_minor
    booking.services_minor = sum(line.quantity * line.price_minor for line in lines)
    booking.service_quantity = sum(line.quantity for line in lines)
    booking.total_minor = tickets + booking.services_minor
    return record(booking, "services", actor=actor, services={str(pk): quantity for pk, quantity in wished.items()})


def keep_services(booking: Booking) -> None:
    """Keep what a hold that goes on has. It is locked with its seats. Raises `HoldEnded` if it lapsed while we waited."""
    if booking.service_quantity and (limited := _lock_limited(_ids(booking))) and booking.expires_at <= limited[0].clock:
        raise HoldEnded


def has_services(booking: Booking) -> bool:
    """Whether a booking that is locked with its seats may be sold with its services: one that lapsed has given them back."""
    if not booking.service_quantity:
        return True
    lines = dict(booking.services.values_list("event_service", "quantity"))
    limited = _lock_limited(lines)
    if not limited or (booking.status in Booking.HOLDING and booking.expires_at > limited[0].clock):
        return True
    taken = _taken([offer.pk for offer in limited], beside=booking)
    return all(taken.get(offer.pk, 0) + lines[offer.pk] <= offer.stock for offer in limited)


def booked_services(booking: Booking) -> list[BookingService]:
    """The services that go with the booking; asked for only if it has some."""
    if not booking.service_quantity:
        return []
    return list(booking.services.select_related("event_service__service").order_by("event_service__position", "pk"))


def count_left(event_id: UUID, *, beside: Booking | None = None) -> list[tuple[EventService, int | None]]:
    """The services of the event that are on sale, in order, each with what is left of it; `None`: as much as wished."""
    offers = list(
        EventService.objects.filter(event=event_id, is_active=True)
        .select_related("service")
        .order_by("position", "service__name")
    )
    limited = [offer.pk for offer in offers if offer.stock is not None]
    taken = _taken(limited, beside=beside) if limited else {}
    return [(offer, None if offer.stock is None else max(0, offer.stock - taken.get(offer.pk, 0))) for offer in offers]


def _check_stock(wished: Mapping[UUID, int], *, beside: Booking) -> None:
    limited = _lock_limited(wished)
    if not limited:
        return
    # A statement of its own: counted together with the lock, it would count what was before the wait.
    taken = _taken([offer.pk for offer in limited], beside=beside)
    left = {offer.pk: offer.stock - taken.get(offer.pk, 0) for offer in limited}
    if short := {pk: max(0, left[pk]) for pk in left if wished[pk] > left[pk]}:
        raise ServiceUnavailable(short)


def _lock_limited(ids: Collection[UUID]) -> list[Any]:
    """The services with a stock among these, locked, each with the `clock` of after the wait."""
    rows = EventService.objects.filter(pk__in=ids, stock__isnull=False).annotate(clock=Now()).order_by("pk")
    return list(rows.select_for_update(of=("self",), no_key=True)) if ids else []


def _ids(booking: Booking) -> list[UUID]:
    return list(booking.services.values_list("event_service", flat=True))


def _taken(ids: Collection[UUID], *, beside: Booking | None) -> dict[UUID, int]:
    lines = BookingService.objects.filter(event_service__in=ids, booking__in=Booking.objects.live())
    if beside is not None:
        lines = lines.exclude(booking=beside)
    return dict(lines.order_by().values_list("event_service").annotate(taken=Sum("quantity")))
