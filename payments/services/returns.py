"""Tickets that are given back for money: by their buyer as the terms say, or by the team as it wishes."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from bookings import services as bookings
from bookings.models import Booking
from evently.accounts.models import Organizer
from evently.database import transactional
from evently.errors import DomainError
from evently.money import decimal_string, to_minor
from evently.rest.idempotency import Once
from payments.models import Payment, Refund, RefundApproval
from payments.quotes import Quote, quote_return, value_of
from payments.sales import paid_by_rate

from .refunds import TooMuch, request_refund
from .rows import lock_payment


class QuoteChanged(DomainError):
    """`quote` is the one that holds now; its amount is told in `currency`."""

    code = "quote_changed"
    message = _("What goes back for these tickets has just changed. Please look again before you agree.")

    def __init__(self, quote: Quote, *, currency: str) -> None:
        super().__init__()
        self.quote, self.currency = quote, currency

    def extra(self) -> dict[str, Any]:
        return {"amount": decimal_string(self.quote.back_minor, self.currency)}


class NothingWished(DomainError):
    code = "nothing_wished"
    message = _("Choose tickets, or an amount to give back.")


class NotWaiting(DomainError):
    code = "approval_not_waiting"
    message = _("This was decided already.")


class FourEyes(DomainError):
    code = "four_eyes"
    message = _("Somebody else of the team has to agree to this.")


@transactional
def return_tickets(
    *,
    booking_id: UUID,
    line_ids: Collection[UUID],
    expected_minor: int,
    actor: str,
    owner: str = "",
    once: Once | None = None,
) -> Refund | None:
    """Take tickets back for exactly what the buyer was told; `None` when that is nothing, and the tickets are void.

    Tickets, seats and the promise of the money are one transaction. Raises `QuoteChanged`, `NotReturnable`, `NoSuchTickets`.
    """
    if once and once.claim(owner=owner, object_id=booking_id):
        return Refund.objects.filter(payment__booking=booking_id, key=once.name(owner)).first()
    booking = bookings.lock_booking(booking_id=booking_id)
    payment = Payment.objects.lock().filter(booking=booking, outcome=Payment.Outcome.CONFIRMED).first()
    quote = quote_return(booking, line_ids)
    if quote.back_minor != expected_minor:
        raise QuoteChanged(quote, currency=booking.currency)
    key = once.name(owner) if once else f"returned {booking.version}"
    bookings.take_back(
        booking_id=booking_id, line_ids=line_ids, kept_minor=quote.kept_minor, actor=actor, refund=key if quote.back_minor else ""
    )
    if payment is None or not quote.back_minor:
        return None
    tickets = [(ticket.line.ticket_type_id, ticket.paid_minor) for ticket in quote.tickets]
    of = paid_by_rate(payment, tickets, with_services=quote.is_all)
    return request_refund(payment, amount_minor=quote.back_minor, reason=Refund.Reason.RETURNED, key=key, actor=actor, of=of)


@transactional
def give_back(
    *, payment_id: UUID, amount_minor: int, key: str, note: str, actor: str, line_ids: Collection[UUID] = ()
) -> Refund | RefundApproval | None:
    """Promise some of what was paid for a booking back as the team wishes, and void these of its tickets.

    Above the organizer's limit it is a wish that somebody else must agree to. What one payment's refunds of this kind come to
    counts together, so that small steps do not get past it. `None`: tickets are void, and no money goes back. With a key that was
    used before it is the same wish. Raises `TooMuch`, `NoSuchTickets`, `NothingWished`.
    """
    booking, payment = lock_payment(payment_id)
    if payment.outcome != Payment.Outcome.CONFIRMED:
        raise TooMuch
    if earlier := payment.refunds.filter(key=key).first() or payment.approvals.filter(key=key).first():
        return earlier
    if not amount_minor and not line_ids:
        raise NothingWished
    if _needs_another(payment, amount_minor):
        return RefundApproval.objects.create(
            event_id=payment.event_id,
            payment=payment,
            key=key,
            amount_minor=amount_minor,
            currency=payment.captured_currency,
            lines=[str(pk) for pk in line_ids],
            note=note,
            requested_by=actor,
        )
    return _give_back(booking, payment, amount_minor=amount_minor, line_ids=line_ids, key=key, note=note, actor=actor)


@transactional
def decide(*, approval_id: UUID, is_approved: bool, actor: str) -> RefundApproval:
    """Agree to a refund that a colleague wishes, which promises it, or decline it.

    Who wished it may take it back by declining it, not agree to it. Raises `NotWaiting`, `FourEyes`, and what has come in the way
    since: `TooMuch`, `NoSuchTickets`.
    """
    payment_id = RefundApproval.objects.values_list("payment_id", flat=True).get(pk=approval_id)
    booking, payment = lock_payment(payment_id)
    approval = RefundApproval.objects.select_for_update(no_key=True).get(pk=approval_id)
    if approval.status != RefundApproval.Status.WAITING:
        raise NotWaiting
    approval.status = RefundApproval.Status.APPROVED if is_approved else RefundApproval.Status.DECLINED
    approval.decided_by, approval.decided_at = actor, Now()
    try:
        with transaction.atomic():
            approval.save(update_fields=["status", "decided_by", "decided_at"])
    except IntegrityError as error:
        raise FourEyes from error
    if is_approved:
        wish: dict[str, Any] = {"key": approval.key, "note": approval.note, "actor": approval.requested_by}
        lines = [UUID(pk) for pk in approval.lines]
        _give_back(booking, payment, amount_minor=approval.amount_minor, line_ids=lines, **wish)
    approval.refresh_from_db()
    return approval


def _give_back(
    booking: Booking, payment: Payment, *, amount_minor: int, line_ids: Collection[UUID], key: str, note: str, actor: str
) -> Refund | None:
    of = None
    if line_ids:
        value = value_of(booking, line_ids)
        of = paid_by_rate(payment, value.tickets, with_services=value.is_all)
        kept = max(0, value.paid_minor - amount_minor)
        told = key if amount_minor else ""
        bookings.take_back(booking_id=booking.pk, line_ids=line_ids, kept_minor=kept, actor=actor, refund=told)
    if not amount_minor:
        return None
    return request_refund(
        payment, amount_minor=amount_minor, reason=Refund.Reason.BY_STAFF, key=key, actor=actor, note=note, of=of
    )


def _needs_another(payment: Payment, amount_minor: int) -> bool:
    limit = Organizer.objects.values_list("four_eyes_above", flat=True).get(events=payment.event_id)
    if limit is None or not amount_minor:
        return False
    given = payment.refunds.filter(reason=Refund.Reason.BY_STAFF).aggregate(sum=Sum("amount_minor"))["sum"] or 0
    agreed = payment.approvals.filter(status=RefundApproval.Status.APPROVED).aggregate(sum=Sum("amount_minor"))["sum"] or 0
    return bool(given - agreed + amount_minor > to_minor(limit, payment.captured_currency))
