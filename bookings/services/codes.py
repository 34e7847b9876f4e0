"""Codes on a booking: apply one, take it off, and keep its uses within their limits.

A use is a live booking that has the code. Every step that makes a booking live, or keeps it so, locks a limited code's row after
the seats and then looks at the clock and counts; an unlimited one costs nothing.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from bookings.models import Booking, BookingQuerySet, BookingSeat
from bookings.sale import Buyer
from evently.database import transactional
from evently.errors import DomainError
from evently.money import divide
from events.discounts import discount_of
from events.models import Event, PromoCode, Seat, TicketType

from .refusals import HoldEnded
from .rows import lock_holding, record

NOBODYS: Final = UUID(int=0)  # the key of no code: what is asked for a code that does not exist


class CodeNotUsable(DomainError):
    """One answer to every code that does not work, so that nobody learns which ones there are."""

    code = "code_not_usable"
    message = _("This code cannot be used for this booking.")


class CodeUsedUp(DomainError):
    code = "code_used_up"
    message = _("You have used this code as often as one customer may. Take it off to go on.")


class CodeNeeded(DomainError):
    code = "code_needed"
    message = _("Some of these tickets are sold with this code only. Choose other tickets for these seats first.")


@transactional
def apply_code(*, booking_id: UUID, typed: str, actor: str) -> Booking:
    """Give a hold the code, instead of one that it may have; its tickets get their parts of the discount for good.

    Raises `CodeNotUsable` whatever is wrong with the code, `HoldEnded`, `BeingPaid`, `CodeNeeded`.
    """
    booking = lock_own_seats(booking_id)
    return redeem(booking, typed=typed, actor=actor)


@transactional
def remove_code(*, booking_id: UUID, actor: str) -> Booking:
    """Take the code off a hold again. Raises `CodeNeeded` while it has tickets that are sold with the code only."""
    booking = lock_own_seats(booking_id)
    if booking.promo_code_id is None:
        return booking
    lines = list(booking.seats.filter(released_at=None).select_related("ticket_type"))
    if any(line.ticket_type.sold_to != TicketType.SoldTo.EVERYBODY for line in lines):
        raise CodeNeeded
    booking.promo_code = None
    write_discounts(booking, lines, [0] * len(lines))
    return record(booking, "code_removed", actor=actor)


def lock_own_seats(booking_id: UUID) -> Booking:
    """Lock a hold and the seats that it still has."""
    booking = lock_holding(booking_id, statuses=[Booking.Status.HELD])
    seats = list(Seat.objects.filter(pk__in=booking.seats.values("seat"), holder=booking_id).lock())
    if len(seats) < booking.quantity:  # it lapsed and was taken while we waited
        raise HoldEnded
    return booking


def redeem(booking: Booking, *, typed: str, actor: str) -> Booking:
    """Give the code to a booking that is locked with its seats.

    What is asked of the database is the same for every code that is refused: no clock tells an unknown one from one that is
    used up.
    """
    event = Event.objects.only("organizer", "currency").get(pk=booking.event_id)
    named = PromoCode.objects.named(typed, event=event).first()
    lines = list(booking.seats.filter(released_at=None).select_related("ticket_type").order_by("pk"))
    is_unlimited = named is not None and not named.is_limited and named.is_valid(at=booking.clock, currency=event.currency)
    if is_unlimited:
        code, uses, theirs = named, 0, 0
    else:
        pk = named.pk if named else NOBODYS
        code = PromoCode.objects.filter(pk=pk).lock().first()
        # Statements of their own: counted together with the lock, they would count what was before the wait.
        uses, theirs = _uses(pk, beside=booking.pk).count(), _uses_of_customer(pk, booking).count()
    eligible = _of_types(lines, PromoCode.ticket_types.through.objects.filter(promocode=code.pk if code else NOBODYS))
    opened = unlocked_by(code.pk if code else NOBODYS)
    if (
        code is None
        or not code.is_valid(at=booking.clock if is_unlimited else code.clock, currency=event.currency)
        or (code.limit is not None and uses >= code.limit)
        or (code.per_customer is not None and theirs >= code.per_customer)
        or (code.gives_discount and not eligible and not opened)
    ):
        raise CodeNotUsable
    if any(line.ticket_type.sold_to == TicketType.SoldTo.CODE and line.ticket_type_id not in opened for line in lines):
        raise CodeNeeded
    if booking.promo_code_id == code.pk:
        return booking
    booking.promo_code = code
    discount(booking, lines, eligible)
    return record(booking, "code_applied", actor=actor, code=str(code.pk))


def unlocked_by(code_id: UUID | None) -> set[UUID]:
    """The ticket types that are sold with this code."""
    if code_id is None:
        return set()
    return set(PromoCode.unlocks.through.objects.filter(promocode=code_id).values_list("tickettype", flat=True))


def opened_by(typed: str, *, event_id: UUID, buyer: Buyer) -> set[UUID]:
    """The ticket types that are sold with what was typed, for a look or to begin a hold; `redeem` has the last word.

    Raises `CodeNotUsable`, with the same work for every reason, before anything is locked.
    """
    if not typed:
        return set()
    event = Event.objects.only("organizer", "currency").get(pk=event_id)
    code = PromoCode.objects.named(typed, event=event).with_clock().first()
    pk = code.pk if code else NOBODYS
    uses = Booking.objects.live().filter(promo_code=pk).count()
    theirs = Booking.objects.live().filter(buyer.bookings, promo_code=pk).count()
    opened = unlocked_by(pk)
    if (
        code is None
        or not code.is_valid(at=code.clock, currency=event.currency)
        or (code.limit is not None and uses >= code.limit)
        or (code.per_customer is not None and theirs >= code.per_customer)
    ):
        raise CodeNotUsable
    return opened


def discount_again(booking: Booking) -> None:
    """Deal the discount out anew over a locked hold whose tickets have changed, and sum it up."""
    lines = list(booking.seats.filter(released_at=None).order_by("pk"))
    if booking.promo_code is None:
        booking.total_minor = sum(line.price_minor for line in lines) + booking.services_minor
        return
    discount(booking, lines, _of_types(lines, PromoCode.ticket_types.through.objects.filter(promocode=booking.promo_code)))


def discount(booking: Booking, lines: Sequence[BookingSeat], eligible: Collection[BookingSeat]) -> None:
    """Write the booking's discount down, in parts of those of its lines that are eligible."""
    chosen = [line for line in lines if line in eligible]
    prices = [line.price_minor for line in chosen]
    code = booking.promo_code
    parts = divide(discount_of(code, sum(prices)) if code else 0, prices)
    by_line = dict(zip([line.pk for line in chosen], parts, strict=True))
    write_discounts(booking, lines, [by_line.get(line.pk, 0) for line in lines])


def write_discounts(booking: Booking, lines: Sequence[BookingSeat], parts: Sequence[int]) -> None:
    for line, part in zip(lines, parts, strict=True):
        line.discount_minor = part
    BookingSeat.objects.bulk_update(lines, ["discount_minor"])
    booking.total_minor = sum(line.price_minor - line.discount_minor for line in lines) + booking.services_minor


def check_customer(booking: Booking) -> None:
    """Refuse a customer, known by now, who would use the code of a locked hold more often than one may: `CodeUsedUp`."""
    if code := _lock_limited(booking):
        _check_customer(code, booking)


def keep_use(booking: Booking) -> None:
    """Keep the use of a hold that is locked with its seats and goes on. Raises `HoldEnded` if it lapsed while we waited."""
    if code := _lock_limited(booking):
        if booking.expires_at <= code.clock:
            raise HoldEnded
        _check_customer(code, booking)


def has_use(booking: Booking) -> bool:
    """Whether a booking that is locked with its seats may be sold with its code: one that lapsed has given its use back."""
    code = _lock_limited(booking)
    if code is None or (booking.status in Booking.HOLDING and booking.expires_at > code.clock):
        return True
    return (code.limit is None or _uses(code.pk, beside=booking.pk).count() < code.limit) and (
        code.per_customer is None or _uses_of_customer(code.pk, booking).count() < code.per_customer
    )


def _lock_limited(booking: Booking) -> PromoCode | None:
    """The booking's code, locked, if its uses are counted."""
    if booking.promo_code_id is None:
        return None
    limited = Q(limit__isnull=False) | Q(per_customer__isnull=False)
    return PromoCode.objects.filter(limited, pk=booking.promo_code_id).lock().first()


def _check_customer(code: PromoCode, booking: Booking) -> None:
    if code.per_customer is not None and _uses_of_customer(code.pk, booking).count() >= code.per_customer:
        raise CodeUsedUp


def _uses(code_id: UUID, *, beside: UUID) -> BookingQuerySet:
    return Booking.objects.live().filter(promo_code=code_id).exclude(pk=beside)


def _uses_of_customer(code_id: UUID, booking: Booking) -> BookingQuerySet:
    """Uses by the same account, browser or e-mail address, as far as they are known."""
    same = Q(pk=None)
    for name in ("user_id", "session", "email"):
        if value := getattr(booking, name):
            same |= Q(**{name: value})
    return _uses(code_id, beside=booking.pk).filter(same)


def _of_types(lines: Sequence[BookingSeat], limited_to: QuerySet[Any]) -> list[BookingSeat]:
    """Those of the lines that are of these ticket types; all of them if there are none."""
    types = set(limited_to.values_list("tickettype", flat=True))
    return [line for line in lines if not types or line.ticket_type_id in types]
