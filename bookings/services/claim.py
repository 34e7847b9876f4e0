"""Give guest bookings to an account."""

from collections.abc import Collection
from uuid import UUID

from bookings.models import Booking
from evently.database import transactional

from .rows import record


@transactional
def claim_bookings(*, user_id: UUID, emails: Collection[str]) -> int:
    """Give this person what was booked without an account by these e-mail addresses, and return how many that were.

    The caller vouches that the addresses are this person's.
    """
    bookings = list(Booking.objects.filter(user=None, email__in=emails).lock()) if emails else []
    for booking in bookings:
        booking.user_id = user_id
        record(booking, "claimed", actor=f"user:{user_id}")
    return len(bookings)
