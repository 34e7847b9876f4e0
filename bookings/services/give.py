"""Tickets that the team gives away."""

from uuid import UUID

from bookings.models import Booking
from bookings.sale import Buyer
from evently.database import transactional, uuid7

from .hold import hold_best
from .refusals import HoldEnded
from .rows import lock_holding, record
from .sell import Contact, confirm_booking, lock_booking


def give_tickets(*, event_id: UUID, ticket_type_id: UUID, quantity: int, contact: Contact, actor: str) -> Booking:
    """Book the best free places for somebody by a ticket type that the team gives, also before and after the sale.

    Raises `SoldOut`, `Busy`, and what `Sale` refuses. Must not be called inside a transaction, like `hold_best`.
    """
    buyer = Buyer(session=f"given-{uuid7().hex}")  # nobody's: whoever gives ten tickets away has not bought ten
    booking = hold_best(buyer=buyer, event_id=event_id, quantities={ticket_type_id: quantity}, by_team=True)
    return _confirm(booking.pk, contact=contact, actor=actor)


@transactional
def _confirm(booking_id: UUID, *, contact: Contact, actor: str) -> Booking:
    lock_booking(booking_id=booking_id)
    booking = lock_holding(booking_id)
    booking.name, booking.email = contact.name.strip(), contact.email.strip().lower()
    record(booking, "contact", actor=actor)
    booking = confirm_booking(booking_id=booking_id, actor=actor)
    if booking.status != Booking.Status.CONFIRMED:
        raise HoldEnded
    return booking
