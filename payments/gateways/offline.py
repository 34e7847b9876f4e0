"""Money that no company tells us of: a bank transfer that somebody finds on the account, or cash and cards at the door.

Its book is ours (`OfflineCharge`, `OfflineRefund`): people write down what has come and what they have sent back.
"""

from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import urljoin
from uuid import UUID

from django.db import transaction
from django.db.models import Sum
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from payments.models import OfflineCharge, OfflineRefund, Payment

from .base import (
    BadSignature,
    ChargeStatus,
    Created,
    Gateway,
    Notice,
    RefundRefused,
    RefundResult,
    RefundStatus,
    Result,
    UnknownCharge,
)

STATUSES = {
    OfflineCharge.Status.OPEN: ChargeStatus.OPEN,
    OfflineCharge.Status.RECEIVED: ChargeStatus.CAPTURED,
    OfflineCharge.Status.CLOSED: ChargeStatus.ABANDONED,
}


class Offline(Gateway):
    def _create(
        self, *, key: str, amount_minor: int, currency: str, reference: str, description: str, return_url: str
    ) -> Created:
        payment = Payment.objects.select_related("booking").get(pk=UUID(reference))
        charge, _made = OfflineCharge.objects.get_or_create(
            payment=payment,
            defaults={
                "gateway": self.name,
                "account": self.account,
                "purpose": payment.booking.reference,
                "amount_minor": amount_minor,
                "currency": currency,
                "due_at": payment.booking.expires_at,
            },
        )
        return Created(gateway_id=str(charge.pk), redirect_url=urljoin(return_url, reverse("payments:offline", args=[reference])))

    def _fetch(self, gateway_id: str) -> Result:
        charge = self._charge(gateway_id)
        return Result(
            status=STATUSES[OfflineCharge.Status(charge.status)],
            amount_minor=charge.received_minor or charge.amount_minor,
            currency=charge.currency,
            reference=str(charge.payment_id),
            payee=charge.account,
            refunds=tuple(_result(refund) for refund in charge.refunds.select_related("charge").order_by("pk")),
        )

    def _cancel(self, gateway_id: str) -> Result:
        charge = OfflineCharge.objects.filter(pk=self._charge(gateway_id).pk, status=OfflineCharge.Status.OPEN)
        charge.update(status=OfflineCharge.Status.CLOSED)
        return self._fetch(gateway_id)

    @transaction.atomic
    def _refund(self, *, gateway_id: str, key: str, amount_minor: int, currency: str, reference: str) -> RefundResult:
        charge = OfflineCharge.objects.lock().get(pk=self._charge(gateway_id).pk)
        if known := charge.refunds.filter(idempotency_key=key).select_related("charge").first():
            return _result(known)
        promised = charge.refunds.aggregate(sum=Sum("amount_minor"))["sum"] or 0
        if currency != charge.currency or promised + amount_minor > (charge.received_minor or 0):
            raise RefundRefused
        return _result(charge.refunds.create(idempotency_key=key, reference=reference, amount_minor=amount_minor))

    def _charge(self, gateway_id: str) -> OfflineCharge:
        try:
            return OfflineCharge.objects.get(pk=UUID(gateway_id), gateway=self.name, account=self.account)
        except (ValueError, OfflineCharge.DoesNotExist):
            raise UnknownCharge from None

    def parse_webhook(self, *, headers: Mapping[str, str], body: bytes) -> Notice:
        raise BadSignature  # nobody speaks for a bank account


class BankTransfer(Offline):
    name: ClassVar[str] = "bank_transfer"
    label: ClassVar[str | Promise] = _("Bank transfer")


class AtTheDoor(Offline):
    name: ClassVar[str] = "at_door"
    label: ClassVar[str | Promise] = _("Pay at the door")


def _result(refund: OfflineRefund) -> RefundResult:
    return RefundResult(
        gateway_id=str(refund.pk),
        status=RefundStatus.SUCCEEDED if refund.done_at else RefundStatus.PENDING,
        amount_minor=refund.amount_minor,
        currency=refund.charge.currency,
        reference=refund.reference,
    )
