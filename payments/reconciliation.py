"""Ask gateways about what they have not told, or what was not understood when they did."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db.models import Q
from django.db.models.functions import Now

from bookings.models import Booking
from evently.errors import DomainError
from events.models import Event

from . import services
from .gateways import UnknownCharge
from .models import OfflineCharge, Payment, Refund, WebhookEvent

logger = logging.getLogger(__name__)

PATIENCE: Final = timedelta(minutes=2)  # the return and the webhook come first


@dataclass(slots=True)
class Report:
    """What was looked at: payments settled, still open, and not answered for; webhooks worked off late; refunds asked for."""

    settled: int = 0
    open: int = 0
    failed: int = 0
    webhooks: int = 0
    refunds: int = 0


def reconcile() -> Report:
    """Settle every payment that has been open for two minutes, whatever became of its booking, every webhook left over and every
    refund that is due. What nobody has paid when the seats are kept no longer, can be paid no longer.
    """
    report = Report()
    received = Q(offline_charge__status=OfflineCharge.Status.RECEIVED, outcome="")  # and then somebody's browser or server died
    undecided = Payment.objects.filter(Q(status__in=Payment.OPEN) | received)
    old = undecided.filter(created_at__lte=Now() - PATIENCE).order_by("pk")
    for payment_id in list(old.values_list("pk", flat=True)):
        try:
            payment = services.settle_from_gateway(payment_id=payment_id)
            if payment.status in Payment.OPEN and _is_over(payment):
                payment = services.leave_payment(payment_id=payment_id)
        except (DomainError, UnknownCharge) as error:  # of this payment; the next one may do
            logger.warning("Payment %s not reconciled: %r", payment_id, error)
            report.failed += 1
            continue
        except Exception:  # a gateway may answer anything; the money of the others must not wait for it
            logger.exception("Payment %s not reconciled.", payment_id)
            report.failed += 1
            continue
        if payment.status in Payment.OPEN:
            report.open += 1
        else:
            report.settled += 1
    for event in WebhookEvent.objects.filter(processed_at=None, created_at__lte=Now() - PATIENCE).order_by("pk"):
        try:
            services.process_webhook(event)
        except Exception:  # as above
            logger.exception("Webhook %s not worked off.", event.pk)
        else:
            report.webhooks += 1
    for refund_id in list(Refund.objects.due().order_by("due_at").values_list("pk", flat=True)):
        try:
            services.execute_refund(refund_id=refund_id)
        except Exception:  # as above
            logger.exception("Refund %s not carried out.", refund_id)
        else:
            report.refunds += 1
    return report


def _is_over(payment: Payment) -> bool:
    return Booking.objects.with_clock().get(pk=payment.booking_id).effective_status not in Booking.HOLDING


def finish_cancelling() -> int:
    """Go on where the cancelling of an event was interrupted; return how many bookings that still were."""
    left = Booking.objects.filter(event__status=Event.Status.CANCELLED, status__in=[*Booking.HOLDING, Booking.Status.CONFIRMED])
    finished = 0
    for event_id in list(left.order_by("event").values_list("event", flat=True).distinct()):
        try:
            finished += services.cancel_event(event_id=event_id, actor="system")
        except Exception:  # of this event; the next one may do
            logger.exception("Event %s is not cancelled wholly.", event_id)
    return finished
