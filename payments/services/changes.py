"""What becomes of a captured payment at its gateway, whoever did it: fees told late, refunds made there, disputes."""

import logging
from uuid import UUID

from django.db import IntegrityError, transaction

from bookings.models import Booking
from evently.database import transactional
from payments import ledger
from payments.gateways import DisputeResult, RefundResult, RefundStatus, Result
from payments.models import Dispute, Payment, Refund

from .invoices import credit
from .refunds import note_payment_status, settle_refund
from .rows import lock_payment

logger = logging.getLogger(__name__)


@transactional
def take_note(*, payment_id: UUID, result: Result) -> None:
    """Book what the gateway says of a payment that has had its effect; what is known already stays as it is."""
    booking, payment = lock_payment(payment_id)
    if (result.reference, result.payee) != (str(payment.pk), payment.account):
        logger.error("Gateway %s contradicts payment %s: %s", payment.gateway, payment.pk, result)
        return
    ledger.book_gateway_fee(payment, result.fee_minor)
    for refund in result.refunds:
        _note_refund(booking, payment, refund)
    for dispute in result.disputes:
        _note_dispute(payment, dispute)


def _note_refund(booking: Booking, payment: Payment, result: RefundResult) -> None:
    known = payment.refunds.filter(gateway_id=result.gateway_id).first()
    if known is None and result.reference:
        # Ours, and its answer was lost; after a failure it could be the earlier try, and the next answer will tell.
        known = next(
            (refund for refund in payment.refunds.filter(gateway_id="", tries=0) if str(refund.pk) == result.reference), None
        )
    if known:
        settle_refund(refund_id=known.pk, result=result)
        return
    if result.reference or result.status != RefundStatus.SUCCEEDED:
        return
    try:
        with transaction.atomic():
            made_there = Refund.objects.create(
                event_id=payment.event_id,
                payment=payment,
                key=f"gateway {result.gateway_id}"[:64],
                amount_minor=result.amount_minor,
                currency=result.currency,
                reason=Refund.Reason.AT_GATEWAY,
                status=Refund.Status.SUCCEEDED,
                gateway_id=result.gateway_id,
            )
    except IntegrityError:
        # More than was captured, with what is promised: people must say which of the promises was meant.
        logger.exception("Gateway %s has refunded payment %s beside our promises: %s", payment.gateway, payment.pk, result)
        return
    ledger.book_refund_due(made_there)
    credit(made_there)
    ledger.book_refund_paid(made_there)
    note_payment_status(booking, payment, made_there)


def _note_dispute(payment: Payment, result: DisputeResult) -> None:
    status = {None: Dispute.Status.OPEN, True: Dispute.Status.LOST, False: Dispute.Status.WON}[result.is_lost]
    facts = {"event_id": payment.event_id, "amount_minor": result.amount_minor, "currency": result.currency}
    dispute, is_new = Dispute.objects.get_or_create(payment=payment, gateway_id=result.gateway_id, defaults=facts)
    if is_new:
        ledger.book_dispute_opened(dispute)
        logger.warning("Payment %s is disputed: %s %s", payment.pk, result.amount_minor, result.currency)
    if dispute.status == Dispute.Status.OPEN and status != Dispute.Status.OPEN:
        dispute.status = status
        dispute.save(update_fields=["status"])
        ledger.book_dispute_closed(dispute)
