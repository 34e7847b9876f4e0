"""Rows of money, locked in their order: the booking after its event, then the payment, then a refund of it."""

from uuid import UUID

from bookings import services as bookings
from bookings.models import Booking
from payments.models import Payment


def lock_payment(payment_id: UUID) -> tuple[Booking, Payment]:
    """Lock a payment after its booking."""
    booking_id = Payment.objects.values_list("booking_id", flat=True).get(pk=payment_id)
    return bookings.lock_booking(booking_id=booking_id), Payment.objects.lock().get(pk=payment_id)
