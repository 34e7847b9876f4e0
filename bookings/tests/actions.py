"""What tests let buyers do, in few words."""

from typing import Any

from bookings.models import Booking
from bookings.sale import Buyer
from bookings.services import (
    Contact,
    hold_best,
    hold_seats,
    set_contact,
)
from events.models import TicketType
from events.tests.factories import Hall

ANN, BOB = Buyer(session="ann"), Buyer(session="bob")


def hold(hall: Hall, *numbers: int, buyer: Buyer = ANN, **more: Any) -> Booking:
    return hold_seats(buyer=buyer, event_id=hall.event.pk, seats=dict.fromkeys(hall.seat_ids(*numbers)), **more)


def best(hall: Hall, quantity: int, *, buyer: Buyer = ANN, ticket_type: TicketType | None = None) -> list[int]:
    wish = {(ticket_type or hall.adult).pk: quantity}
    booking = hold_best(buyer=buyer, event_id=hall.event.pk, quantities=wish)
    return sorted(line.seat.rank for line in booking.live_seats)


def contact(booking: Booking, email: str = "ann@example.com", **more: Any) -> Booking:
    return set_contact(booking_id=booking.pk, contact=Contact(name="Ann", email=email, **more), user_id=None, actor="ann")


def statuses(hall: Hall) -> dict[str, int]:
    seats = hall.seats.values_list("status", flat=True)
    return {status: list(seats).count(status) for status in set(seats)}
