"""What the booking transaction says no to. Raised inside it, so nothing has changed."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from evently.errors import DomainError


class SeatsUnavailable(DomainError):
    code = "seats_unavailable"
    message = _("Some of these seats were taken a moment ago.")

    def __init__(self, missing: Iterable[UUID]) -> None:
        super().__init__()
        self.missing = sorted(missing)

    def extra(self) -> dict[str, Any]:
        return {"missing": self.missing}


class SoldOut(DomainError):
    code = "sold_out"
    message = _("There are not enough free places left.")


class NoWheelchairPlace(SoldOut):
    code = "no_wheelchair_place"
    message = _("No wheelchair place with that many free seats beside it is left here. Please try fewer seats or another price.")


class HoldEnded(DomainError):
    code = "hold_ended"
    message = _("The time for these seats has ended.")


class BeingPaid(DomainError):
    code = "being_paid"
    message = _("This booking is being paid. Finish or cancel the payment first.")


class EmptyBooking(DomainError):
    code = "empty_booking"
    message = _("A booking needs at least one seat. Cancel it to give all of them back.")


class DetailsMissing(DomainError):
    code = "details_missing"
    message = _("Please tell us your name and e-mail address first.")


class PaymentRequired(DomainError):
    code = "payment_required"
    message = _("This booking has to be paid.")


class NotCancellable(DomainError):
    code = "not_cancellable"
    message = _("This booking is paid. Give its tickets back instead, or write to the organizer.")
