"""The booking transaction: the only code that changes seats and bookings.

Everything runs in READ COMMITTED and locks in one order: idempotency row, buyer, event, booking, e-mail address, seats by
primary key, limited ticket types, limited codes, limited services. The clock is the database's, read with the lock
(`clock`); a lock that waited makes it late, which only makes us careful.
"""

from .claim import claim_bookings
from .codes import CodeNeeded, CodeNotUsable, CodeUsedUp, apply_code, opened_by, remove_code
from .extras import ServiceUnavailable, booked_services, count_left, set_services
from .give import give_tickets
from .hold import change_hold, extend_hold, hold_best, hold_seats
from .refusals import (
    BeingPaid,
    DetailsMissing,
    EmptyBooking,
    HoldEnded,
    NotCancellable,
    NoWheelchairPlace,
    PaymentRequired,
    SeatsUnavailable,
    SoldOut,
)
from .release import cancel_booking, expire_holds, note_refund, stop_sale, wait_for_sales_in_flight
from .returns import NoSuchTickets, take_back
from .sell import Contact, confirm_booking, confirm_free_booking, lock_booking, resume_hold, set_contact, start_payment

__all__ = [
    "BeingPaid",
    "CodeNeeded",
    "CodeNotUsable",
    "CodeUsedUp",
    "Contact",
    "DetailsMissing",
    "EmptyBooking",
    "HoldEnded",
    "NoSuchTickets",
    "NoWheelchairPlace",
    "NotCancellable",
    "PaymentRequired",
    "SeatsUnavailable",
    "ServiceUnavailable",
    "SoldOut",
    "apply_code",
    "booked_services",
    "cancel_booking",
    "change_hold",
    "claim_bookings",
    "confirm_booking",
    "confirm_free_booking",
    "count_left",
    "expire_holds",
    "extend_hold",
    "give_tickets",
    "hold_best",
    "hold_seats",
    "lock_booking",
    "note_refund",
    "opened_by",
    "remove_code",
    "resume_hold",
    "set_contact",
    "set_services",
    "start_payment",
    "stop_sale",
    "take_back",
    "wait_for_sales_in_flight",
]
