"""From the pay page to the tickets: open a charge, hear of it, let it have its effect."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urljoin
from uuid import UUID

from django.conf import settings
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from bookings import services as bookings
from bookings.models import Booking
from evently.database import transactional
from evently.errors import DomainError
from evently.outbox.services import publish
from events.models import Event
from payments import gateways, ledger
from payments.accounts import keep_until, ways_to_pay
from payments.declines import count_declines, has_too_many_declines, refuse_too_many_declines
from payments.gateways import ChargeRefused, ChargeStatus, Created, GatewayUnavailable, Result, UnknownCharge, UnknownGateway
from payments.models import Payment, Refund, WebhookEvent

from .changes import take_note
from .refunds import request_refund
from .rows import lock_payment

logger = logging.getLogger(__name__)


class NothingToPay(DomainError):
    code = "nothing_to_pay"
    message = _("This booking costs nothing. It only has to be confirmed.")


@dataclass(frozen=True, slots=True)
class Checkout:
    """A payment under way, and where the buyer finishes it."""

    payment: Payment
    redirect_url: str


def start_checkout(*, booking_id: UUID, gateway: str, actor: str, site_url: str | None = None) -> Checkout:
    """Keep the seats for the payment and open a charge at the gateway. Asked twice, it is the same payment.

    The buyer comes back to `site_url` (scheme and host; the configured address if not given). Raises `GatewayUnavailable`,
    after which the booking is held as before, `UnknownGateway`, `NothingToPay`, and what `start_payment` refuses.
    """
    event = Event.objects.get(bookings=booking_id)
    account = ways_to_pay(event).get(gateway)
    if account is None:
        raise UnknownGateway
    refuse_too_many_declines(booking_id=booking_id)
    _leave_others(booking_id=booking_id, gateway=gateway, account=account)
    payment = _open_payment(
        booking_id=booking_id, gateway=gateway, account=account, actor=actor, site_url=site_url or settings.EVENTLY_SITE_URL
    )
    try:
        charge = _create_charge(payment)
    except GatewayUnavailable:
        # The payment stays open: should its charge exist and be paid after all, the money is recognised.
        _resume_hold(booking_id=booking_id, actor=actor)
        raise
    except ChargeRefused:
        give_up(payment_id=payment.pk)
        raise
    return Checkout(payment, charge.redirect_url)


def leave_payment(*, payment_id: UUID) -> Payment:
    """See that a payment that its buyer left cannot be made any more, and settle it: it may have been made after all.

    Raises `GatewayUnavailable`, `UnknownCharge`.
    """
    payment = Payment.objects.get(pk=payment_id)
    if payment.outcome or not payment.gateway_id:
        return payment
    return settle(payment_id=payment_id, result=gateways.get(payment.gateway, payment.account).cancel(payment.gateway_id))


@transactional
def give_up(*, payment_id: UUID) -> Payment:
    """Close a payment whose charge nobody can pay, because the gateway has refused to open it."""
    _booking, payment = lock_payment(payment_id)
    return _not_paid(payment, status=Payment.Status.ABANDONED)


def settle_from_gateway(*, payment_id: UUID) -> Payment:
    """Ask the gateway what has become of a payment, and settle it. Raises `GatewayUnavailable`, `UnknownCharge`."""
    payment = Payment.objects.get(pk=payment_id)
    if payment.outcome:
        return payment
    if not payment.gateway_id:  # its answer was lost; by its key the gateway finds it again
        try:
            _create_charge(payment)
        except ChargeRefused:
            return give_up(payment_id=payment_id)
    gateway = gateways.get(payment.gateway, payment.account)
    payment = settle(payment_id=payment_id, result=gateway.fetch(payment.gateway_id))
    if payment.status in Payment.OPEN and has_too_many_declines(payment):
        payment = settle(payment_id=payment_id, result=gateway.cancel(payment.gateway_id))
    return payment


def refresh_from_gateway(*, payment_id: UUID) -> Payment:
    """Settle a payment, or take note of what has become of one since: refunds and disputes. Raises as `settle_from_gateway`."""
    payment = Payment.objects.get(pk=payment_id)
    if not payment.outcome:
        return settle_from_gateway(payment_id=payment_id)
    result = gateways.get(payment.gateway, payment.account).fetch(payment.gateway_id)
    take_note(payment_id=payment_id, result=result)
    return payment


@transactional
def settle(*, payment_id: UUID, result: Result) -> Payment:
    """Let what the gateway says have its effect, once: captured money either confirms its booking or goes back.

    It goes back when a seat is lost, the booking was cancelled or is paid already, or it is not the money that was due.
    """
    booking, payment = lock_payment(payment_id)
    count_declines(payment, result.declines)
    if payment.outcome or result.status == ChargeStatus.OPEN:
        return payment
    is_ours = (result.reference, result.payee) == (str(payment.pk), payment.account)
    if not is_ours or (result.status == ChargeStatus.CAPTURED and result.amount_minor <= 0):
        # Somebody else's money, or none: neither to be kept nor to be sent back. For people to look at.
        logger.error("Gateway %s contradicts payment %s: %s", payment.gateway, payment.pk, result)
        return payment
    if result.status != ChargeStatus.CAPTURED:
        return _not_paid(payment, status=Payment.Status(result.status.value))

    payment.status = Payment.Status.CAPTURED
    payment.captured_minor, payment.captured_currency = result.amount_minor, result.currency
    reason = _refuse(payment, booking)
    if reason is None:
        booking = bookings.confirm_booking(
            booking_id=booking.pk, actor=_gateway(payment), payment_status=Booking.PaymentStatus.PAID
        )
        if booking.status != Booking.Status.CONFIRMED:
            reason = _why_not_confirmed(booking)
    payment.outcome = Payment.Outcome.REFUND if reason else Payment.Outcome.CONFIRMED
    payment.save(update_fields=["status", "captured_minor", "captured_currency", "outcome"])
    ledger.book_capture(payment)
    ledger.book_gateway_fee(payment, result.fee_minor)
    publish("payment.captured", payment=str(payment.pk), booking=str(booking.pk), event=str(booking.event_id))
    if reason:
        request_refund(payment, amount_minor=result.amount_minor, reason=reason, key=reason, actor=_gateway(payment))
        _resume_hold(booking_id=booking.pk, actor=_gateway(payment))
    return payment


def receive_webhook(*, gateway: str, headers: Mapping[str, str], body: bytes, account: str = "") -> WebhookEvent:
    """Store what a gateway tells, once, and act on it: in any order, any number of times.

    Nothing in it is believed but the charge's id: what the charge is now, the gateway is asked. What could not be worked off
    stays unprocessed, with the error, for the reconciliation. Raises `BadSignature` and `UnknownGateway`, storing nothing.
    """
    notice = gateways.get(gateway, account).parse_webhook(headers=headers, body=body)
    event, _made = WebhookEvent.objects.get_or_create(
        gateway=gateway,
        account=account,
        gateway_event_id=notice.event_id,
        defaults={"kind": notice.kind, "gateway_id": notice.gateway_id, "body": notice.content},
    )
    if event.processed_at is None:
        process_webhook(event)
    return event


def process_webhook(event: WebhookEvent) -> None:
    """Settle the payment that a webhook is about. One about nothing of ours is put aside with its error."""
    told = WebhookEvent.objects.filter(pk=event.pk)
    try:
        payment = _find_payment(gateway=event.gateway, account=event.account, gateway_id=event.gateway_id)
        refresh_from_gateway(payment_id=payment.pk)
    except (UnknownCharge, Payment.DoesNotExist):
        logger.error("No payment for charge %s of %s, webhook %s.", event.gateway_id, event.gateway, event.pk)
        told.update(processed_at=Now(), error="There is no payment for this charge.")
    except DomainError as refusal:
        told.update(error=f"{refusal.code}: {refusal}")
    else:
        told.update(processed_at=Now(), error="")
    event.refresh_from_db()


def _leave_others(*, booking_id: UUID, gateway: str, account: str) -> None:
    """Close what the buyer began in another way, and hear how it went with what they began in this one.

    Otherwise both could be paid, or the buyer be sent to a page that is over. Without an answer the payment stays as it is: paid
    after all, its money goes back.
    """
    for payment in Payment.objects.open().exclude(gateway_id="").filter(booking=booking_id).order_by("pk"):
        with suppress(GatewayUnavailable, UnknownCharge, UnknownGateway):
            if (payment.gateway, payment.account) == (gateway, account):
                settle_from_gateway(payment_id=payment.pk)
            else:
                leave_payment(payment_id=payment.pk)


@transactional
def _open_payment(*, booking_id: UUID, gateway: str, account: str, actor: str, site_url: str) -> Payment:
    event = Event.objects.get(bookings=booking_id)
    until = keep_until(event, gateway=gateway, account=account)
    booking = bookings.start_payment(booking_id=booking_id, actor=actor, until=until)
    if booking.is_free_of_charge:
        raise NothingToPay
    payment = Payment(
        event_id=booking.event_id,
        booking=booking,
        gateway=gateway,
        account=account,
        amount_minor=booking.total_minor,
        currency=booking.currency,
        description=f"{booking.event.title} · {booking.reference}"[:200],
    )
    payment.return_url = urljoin(site_url, reverse("payments:return", kwargs={"pk": payment.pk}))
    same = Payment.objects.open().filter(
        booking=booking, gateway=gateway, account=account, amount_minor=payment.amount_minor, currency=payment.currency
    )
    if under_way := same.order_by("-pk").first():
        return under_way
    payment.idempotency_key = str(payment.pk)
    payment.save(force_insert=True)
    return payment


def _create_charge(payment: Payment) -> Created:
    """Make the charge known to both sides. Repeated, it finds the same charge by the payment's key."""
    created = gateways.get(payment.gateway, payment.account).create(
        key=payment.idempotency_key,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        reference=str(payment.pk),
        description=payment.description,
        return_url=payment.return_url,
    )
    # The webhook may have been faster than this answer, and the payment be settled already.
    Payment.objects.filter(pk=payment.pk, gateway_id="").update(gateway_id=created.gateway_id)
    Payment.objects.filter(pk=payment.pk, status=Payment.Status.CREATED).update(status=Payment.Status.PENDING)
    payment.refresh_from_db()
    return created


def _find_payment(*, gateway: str, account: str, gateway_id: str) -> Payment:
    """The payment of a charge, even of one whose id was lost on its way to us: the charge knows its payment's."""
    payments = Payment.objects.filter(gateway=gateway, account=account)
    if not payments.filter(gateway_id=gateway_id).exists():
        try:
            lost = payments.filter(pk=UUID(gateways.get(gateway, account).fetch(gateway_id).reference), gateway_id="")
        except ValueError:
            raise Payment.DoesNotExist from None
        lost.update(gateway_id=gateway_id)
    return payments.get(gateway_id=gateway_id)


def _not_paid(payment: Payment, *, status: Payment.Status) -> Payment:
    # Only at first: told again, it must not disturb the payment that the buyer has begun since.
    if payment.status in Payment.OPEN:
        payment.status = status
        payment.save(update_fields=["status"])
        _resume_hold(booking_id=payment.booking_id, actor=_gateway(payment))
    return payment


@transactional
def _resume_hold(*, booking_id: UUID, actor: str) -> None:
    """Let the buyer change the booking or pay in another way, unless another payment of it is under way."""
    bookings.lock_booking(booking_id=booking_id)
    if not Payment.objects.filter(booking=booking_id, status=Payment.Status.PENDING).exists():
        bookings.resume_hold(booking_id=booking_id, actor=actor)


def _refuse(payment: Payment, booking: Booking) -> Refund.Reason | None:
    """Why this money must go back whatever seats are free."""
    captured = payment.captured_minor, payment.captured_currency
    # The booking may have changed since this payment was asked for, while its charge was thought lost.
    if captured != (payment.amount_minor, payment.currency) or captured != (booking.total_minor, booking.currency):
        logger.error("Payment %s captured %s %s, which is not what was due.", payment.pk, *captured)
        return Refund.Reason.WRONG_AMOUNT
    is_sold = booking.status == Booking.Status.CONFIRMED
    if is_sold or booking.payments.filter(outcome=Payment.Outcome.CONFIRMED).exists():  # and given back since
        return Refund.Reason.PAID_TWICE
    return None


def _why_not_confirmed(booking: Booking) -> Refund.Reason:
    if Event.objects.filter(pk=booking.event_id, status=Event.Status.CANCELLED).exists():
        return Refund.Reason.EVENT_CANCELLED
    if booking.status == Booking.Status.CANCELLED:
        return Refund.Reason.BOOKING_CANCELLED
    return Refund.Reason.SEATS_LOST


def _gateway(payment: Payment) -> str:
    """Who did it, in the booking's history."""
    return f"gateway:{payment.gateway}"
