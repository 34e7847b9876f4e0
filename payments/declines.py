"""Thieves try stolen cards on pay pages, many small payments with many declines: they are slowed, stopped, and reported.

Counted are the tries that gateways refused, as they tell, for one booking and for all bookings of one network address.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db.models import Max, Q, Sum
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from bookings.models import Booking
from evently.errors import DomainError

from .models import Payment

logger = logging.getLogger(__name__)

PATIENT: Final = 3  # declines of an address after which each further one costs twice the wait
FIRST_WAIT: Final = timedelta(seconds=15)
MOST_OF_BOOKING: Final = 8
MOST_OF_ADDRESS: Final = 12
REMEMBERED: Final = timedelta(hours=1)


class TooManyDeclines(DomainError):
    code = "too_many_declines"
    message = _("Too many payments were declined. Please wait a while before you try again, or pay in another way.")
    status = 429
    retry_after = 60


def count_declines(payment: Payment, declines: int) -> None:
    """Remember what a gateway says of declined tries; report whoever passes the limit. The caller has locked the payment."""
    if declines <= payment.declines:
        return
    payment.declines = min(declines, 32_767)
    Payment.objects.filter(pk=payment.pk).update(declines=payment.declines, declined_at=Now())
    if has_too_many_declines(payment):
        logger.error("Card testing? %s declined tries of payment %s, booking %s.", declines, payment.pk, payment.booking_id)


def has_too_many_declines(payment: Payment) -> bool:
    """Whether this payment's booking or its address has used up its tries, and the payment must be stopped."""
    return settings.EVENTLY_RATE_LIMITS and _tries(payment.booking_id).are_used_up


def refuse_too_many_declines(*, booking_id: UUID) -> None:
    """Raise `TooManyDeclines` for a booking or an address that has used up its tries, or has to wait for the next."""
    if settings.EVENTLY_RATE_LIMITS:
        tries = _tries(booking_id)
        if tries.are_used_up or tries.must_wait:
            raise TooManyDeclines


@dataclass(frozen=True, slots=True)
class _Tries:
    """Declined tries of a booking, and those of the last hour of all its address's; how long ago the last one was."""

    of_booking: int
    of_address: int
    last: timedelta

    @property
    def are_used_up(self) -> bool:
        return self.of_booking >= MOST_OF_BOOKING or self.of_address >= MOST_OF_ADDRESS

    @property
    def must_wait(self) -> bool:
        over = self.of_address - PATIENT
        return over >= 0 and self.last < FIRST_WAIT * 2**over


def _tries(booking_id: UUID) -> _Tries:
    address = Booking.objects.values_list("address", flat=True).get(pk=booking_id)
    near = Q(booking=booking_id) | Q(booking__address=address) if address else Q(booking=booking_id)
    lately = Q(declined_at__gt=Now() - REMEMBERED)
    found = Payment.objects.filter(near, declines__gt=0).aggregate(
        of_booking=Sum("declines", filter=Q(booking=booking_id), default=0),
        of_address=Sum("declines", filter=lately, default=0),
        last=Now() - Max("declined_at", filter=lately),
    )
    return _Tries(found["of_booking"], found["of_address"], found["last"] or REMEMBERED)
