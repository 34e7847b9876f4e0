"""Thieves try stolen cards on pay pages, many small payments with many declines: they are slowed, stopped, and reported.

Counted are the tries that gateways refused, as they tell, for one booking and for all bookings of one network address.
"""

import logging
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db.models import Max, Q, QuerySet, Sum
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
    return _is_stopped(Booking.objects.get(pk=payment.booking_id))


def refuse_too_many_declines(*, booking_id: UUID) -> None:
    """Raise `TooManyDeclines` for a booking or an address that has used up its tries, or has to wait for the next."""
    if not settings.EVENTLY_RATE_LIMITS:
        return
    booking = Booking.objects.get(pk=booking_id)
    if _is_stopped(booking):
        raise TooManyDeclines
    last = _recent(booking).aggregate(tries=Sum("declines"), at=Max("declined_at"))
    over = (last["tries"] or 0) - PATIENT
    if over >= 0 and _recent(booking).filter(declined_at__gt=Now() - FIRST_WAIT * 2**over).exists():
        raise TooManyDeclines


def _is_stopped(booking: Booking) -> bool:
    if not settings.EVENTLY_RATE_LIMITS:
        return False
    own = booking.payments.aggregate(tries=Sum("declines"))["tries"] or 0
    return own >= MOST_OF_BOOKING or (_recent(booking).aggregate(tries=Sum("declines"))["tries"] or 0) >= MOST_OF_ADDRESS


def _recent(booking: Booking) -> QuerySet[Payment]:
    """What was declined lately for the booking, and for all of its network address."""
    near = Q(booking=booking) | Q(booking__address=booking.address) if booking.address else Q(booking=booking)
    return Payment.objects.filter(near, declines__gt=0, declined_at__gt=Now() - REMEMBERED)
