"""Money that goes back: promised with the fact that made it due, asked of the gateway outside of any transaction, then noted."""

import logging
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from bookings import services as bookings
from bookings.models import Booking
from evently.database import transactional
from evently.errors import DomainError
from evently.outbox.relay import lease
from evently.outbox.services import publish
from payments import gateways, ledger
from payments.gateways import GatewayUnavailable, RefundRefused, RefundResult, RefundStatus, UnknownCharge
from payments.models import Payment, Refund

from .invoices import credit
from .rows import lock_payment

logger = logging.getLogger(__name__)

# The n-th claim lasts 1 min · 2^(n-1), at most six hours: a lease while the gateway is asked, the wait before it is asked again.
LEASE: Final = timedelta(minutes=1)
LONGEST_LEASE: Final = timedelta(hours=6)
PENDING: Final = timedelta(hours=1)  # between two looks at a refund that the gateway is working on
STATUSES: Final = {
    RefundStatus.PENDING: Refund.Status.SENT,
    RefundStatus.SUCCEEDED: Refund.Status.SUCCEEDED,
    RefundStatus.FAILED: Refund.Status.FAILED,
}


class TooMuch(DomainError):
    code = "refund_too_much"
    message = _("There is not so much left of this payment to give back.")


class NotFailed(DomainError):
    code = "refund_not_failed"
    message = _("Only a refund that has failed is tried again or paid by hand.")


def request_refund(
    payment: Payment,
    *,
    amount_minor: int,
    reason: Refund.Reason,
    key: str,
    actor: str = "",
    note: str = "",
    of: Mapping[Decimal, int] | None = None,
) -> Refund:
    """Promise money of a captured payment back, in the transaction of what made it due, with the payment locked.

    `of`: what was paid for the tickets that it is for, by rate of VAT; without it the refund is taken of all in proportion.
    With a key of this payment that was used before it is the same refund. Raises `TooMuch`.
    """
    if earlier := payment.refunds.filter(key=key).first():
        return earlier
    try:
        with transaction.atomic():
            refund = Refund.objects.create(
                event_id=payment.event_id,
                payment=payment,
                key=key,
                amount_minor=amount_minor,
                currency=payment.captured_currency,
                reason=reason,
                actor=actor,
                note=note,
            )
    except IntegrityError as error:
        if "more than it captured" not in str(error):
            raise
        raise TooMuch from error
    ledger.book_refund_due(refund, of)
    credit(refund)
    publish("refund.requested", refund=str(refund.pk), payment=str(payment.pk), booking=str(payment.booking_id))
    return refund


def execute_refund(*, refund_id: UUID) -> Refund:
    """Ask the gateway to carry a due refund out, and note what it says; one that is not due stays as it is.

    Safe to call many times at once: its key makes it one refund at the gateway. An unknown end is asked for again later.
    """
    refund = _claim(refund_id)
    if refund is None:
        return Refund.objects.get(pk=refund_id)
    payment = refund.payment
    try:
        result = gateways.get(payment.gateway, payment.account).refund(
            gateway_id=payment.gateway_id,
            key=refund.idempotency_key,
            amount_minor=refund.amount_minor,
            currency=refund.currency,
            reference=str(refund.pk),
        )
    except (RefundRefused, UnknownCharge) as refusal:
        logger.error("Refund %s of payment %s failed: %r", refund.pk, payment.pk, refusal)
        return fail_refund(refund_id=refund_id, error=str(refusal) or type(refusal).__name__)
    except GatewayUnavailable as error:
        logger.warning("Refund %s of payment %s: %s", refund.pk, payment.pk, error)
        Refund.objects.filter(pk=refund_id).update(error=str(error)[:300])
        return Refund.objects.get(pk=refund_id)
    return settle_refund(refund_id=refund_id, result=result)


@transactional
def settle_refund(*, refund_id: UUID, result: RefundResult) -> Refund:
    """Let what the gateway says of a refund have its effect, once."""
    booking, payment, refund = _lock(refund_id)
    is_returned = refund.status == Refund.Status.SUCCEEDED and result.status == RefundStatus.FAILED
    if refund.status not in Refund.OPEN and not (is_returned and refund.gateway_id == result.gateway_id):
        return refund
    if (result.amount_minor, result.currency) != (refund.amount_minor, refund.currency):
        logger.error("Gateway %s contradicts refund %s: %s", payment.gateway, refund.pk, result)
        return refund
    refund.gateway_id = result.gateway_id
    refund.status = STATUSES[result.status]
    refund.error = ""
    refund.due_at = Now() + PENDING
    refund.save(update_fields=["gateway_id", "status", "error", "due_at"])
    if refund.status == Refund.Status.SUCCEEDED:
        ledger.book_refund_paid(refund)
        note_payment_status(booking, payment, refund)
    elif refund.status == Refund.Status.FAILED:
        if is_returned:
            ledger.book_refund_returned(refund)
            note_payment_status(booking, payment, refund)
        publish("refund.failed", refund=str(refund.pk), payment=str(payment.pk))
    return refund


@transactional
def fail_refund(*, refund_id: UUID, error: str) -> Refund:
    """The gateway will not carry it out: the money is still owed, and people must see to it."""
    _booking, _payment, refund = _lock(refund_id)
    if refund.status in Refund.OPEN:
        refund.status = Refund.Status.FAILED
        refund.error = error[:300]
        refund.save(update_fields=["status", "error"])
        publish("refund.failed", refund=str(refund.pk), payment=str(refund.payment_id))
    return refund


@transactional
def retry_refund(*, refund_id: UUID, actor: str) -> Refund:
    """Ask the gateway anew for a refund that has failed. Raises `NotFailed`."""
    _booking, _payment, refund = _lock(refund_id)
    if refund.status != Refund.Status.FAILED:
        raise NotFailed
    refund.status = Refund.Status.REQUESTED
    refund.tries += 1
    refund.attempts = 0
    refund.gateway_id = ""
    refund.due_at = Now()
    refund.save(update_fields=["status", "tries", "attempts", "gateway_id", "due_at"])
    publish("refund.retried", refund=str(refund.pk), actor=actor)
    return refund


@transactional
def pay_by_hand(*, refund_id: UUID, actor: str, note: str) -> Refund:
    """Note that a refund that has failed was paid in another way, and how. Raises `NotFailed`."""
    booking, payment, refund = _lock(refund_id)
    if refund.status != Refund.Status.FAILED:
        raise NotFailed
    refund.status = Refund.Status.SUCCEEDED
    refund.actor, refund.note = actor, note
    refund.save(update_fields=["status", "actor", "note"])
    ledger.book_refund_paid(refund, by_hand=True)
    note_payment_status(booking, payment, refund)
    return refund


def note_payment_status(booking: Booking, payment: Payment, refund: Refund) -> None:
    """What a refund that was paid, or came back, means for its booking, which is locked."""
    captured = Payment.objects.filter(booking=booking, status=Payment.Status.CAPTURED)
    confirming = captured.filter(outcome=Payment.Outcome.CONFIRMED)
    meant = confirming if confirming.exists() else captured  # money that came a second time says nothing of the booking
    if meant.filter(pk=payment.pk).exists():
        whole = meant.aggregate(sum=Sum("captured_minor"))["sum"]
        paid_back = Refund.objects.filter(payment__in=meant, status=Refund.Status.SUCCEEDED)
        back = paid_back.aggregate(sum=Sum("amount_minor"))["sum"] or 0
        status = (
            Booking.PaymentStatus.REFUNDED
            if back >= whole
            else Booking.PaymentStatus.PARTLY_REFUNDED
            if back
            else Booking.PaymentStatus.PAID
        )
        bookings.note_refund(booking=booking, payment_status=status, actor=f"gateway:{payment.gateway}", refund=refund.pk)
    if refund.status == Refund.Status.SUCCEEDED:
        publish("refund.paid", refund=str(refund.pk), payment=str(payment.pk), booking=str(booking.pk))


@transactional
def _claim(refund_id: UUID) -> Refund | None:
    refund = Refund.objects.due().lock().select_related("payment").filter(pk=refund_id).first()
    if refund is None:
        return None
    refund.attempts += 1
    refund.status = Refund.Status.SENT
    refund.due_at = Now() + lease(refund.attempts, first=LEASE, longest=LONGEST_LEASE)
    refund.save(update_fields=["attempts", "status", "due_at"])
    return refund


def _lock(refund_id: UUID) -> tuple[Booking, Payment, Refund]:
    payment_id = Refund.objects.values_list("payment_id", flat=True).get(pk=refund_id)
    booking, payment = lock_payment(payment_id)
    return booking, payment, Refund.objects.lock().get(pk=refund_id)
