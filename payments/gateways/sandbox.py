"""The built-in gateway for trying things out. It behaves like another company: it has its own book (`SandboxCharge`), its own
pay page, and tells the platform what has happened by a signed webhook over HTTP. Refused in production by the settings."""

import hmac
import json
import logging
import time
import urllib.request
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any, ClassVar, Final
from urllib.parse import urljoin
from uuid import UUID

from celery import Task, shared_task
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from kombu.exceptions import OperationalError as BrokerDown

from evently.database import uuid7
from payments.models import SandboxCharge, SandboxRefund

from .base import (
    BadSignature,
    ChargeStatus,
    Created,
    DisputeResult,
    Gateway,
    Notice,
    RefundRefused,
    RefundResult,
    RefundStatus,
    Result,
    UnknownCharge,
)
from .signatures import sign, verify

logger = logging.getLogger(__name__)

OPEN_FOR: Final = timedelta(hours=1)  # as long as a booking can be kept; later the pay page is closed
WEBHOOK_PATH: Final = "/api/v1/payments/webhooks/sandbox/"  # what a merchant types into a gateway's settings
TIMEOUT: Final = 10  # seconds
FEE_PERCENT: Final = 2  # kept of every payment
STATUSES: Final = {
    SandboxCharge.Status.OPEN: ChargeStatus.OPEN,
    SandboxCharge.Status.PAID: ChargeStatus.CAPTURED,
    SandboxCharge.Status.DECLINED: ChargeStatus.DECLINED,
    SandboxCharge.Status.ABANDONED: ChargeStatus.ABANDONED,
}


class Sandbox(Gateway):
    name: ClassVar[str] = "sandbox"
    label: ClassVar[str | Promise] = _("Test payment, no money moves")

    def _create(
        self, *, key: str, amount_minor: int, currency: str, reference: str, description: str, return_url: str
    ) -> Created:
        charge, _made = SandboxCharge.objects.get_or_create(
            idempotency_key=key,
            defaults={
                "amount_minor": amount_minor,
                "currency": currency,
                "reference": reference,
                "description": description[:200],
                "return_url": return_url,
            },
        )
        # Its page is on the shop's own host: the browser posts a form there, and the page's policy forbids to end elsewhere.
        return Created(gateway_id=str(charge.pk), redirect_url=urljoin(return_url, page_of(charge)))

    def _fetch(self, gateway_id: str) -> Result:
        _close_old_charges()
        try:
            charge = SandboxCharge.objects.get(pk=UUID(gateway_id))
        except (ValueError, SandboxCharge.DoesNotExist):
            raise UnknownCharge from None
        return _result(charge)

    def _cancel(self, gateway_id: str) -> Result:
        open_charge = SandboxCharge.objects.filter(pk=gateway_id, status=SandboxCharge.Status.OPEN)
        open_charge.update(status=SandboxCharge.Status.ABANDONED)
        return self._fetch(gateway_id)

    def _refund(self, *, gateway_id: str, key: str, amount_minor: int, currency: str, reference: str) -> RefundResult:
        with transaction.atomic():
            charge = SandboxCharge.objects.select_for_update().filter(pk=gateway_id).first()
            if charge is None:
                raise UnknownCharge
            refund = charge.refunds.filter(idempotency_key=key).first()
            if refund is None:
                left = charge.amount_minor - sum(each.amount_minor for each in charge.refunds.all())
                if charge.status != SandboxCharge.Status.PAID or currency != charge.currency or amount_minor > left:
                    raise RefundRefused(_("There is not so much left of this payment."))
                refund = charge.refunds.create(idempotency_key=key, amount_minor=amount_minor, reference=reference)
        return _refund_result(refund)

    def parse_webhook(self, *, headers: Mapping[str, str], body: bytes) -> Notice:
        event_id = verify(secret=secret(), headers=headers, body=body, at=time.time())
        try:
            content: dict[str, Any] = json.loads(body)
            return Notice(event_id=event_id, kind=content["type"], gateway_id=content["charge"], content=content)
        except (ValueError, KeyError, TypeError):
            raise BadSignature from None


def _result(charge: SandboxCharge) -> Result:
    is_paid = charge.status == SandboxCharge.Status.PAID
    disputes = charge.disputes.order_by("pk") if is_paid else ()
    return Result(
        status=STATUSES[SandboxCharge.Status(charge.status)],
        amount_minor=charge.amount_minor,
        currency=charge.currency,
        reference=charge.reference,
        declines=int(charge.status == SandboxCharge.Status.DECLINED),
        fee_minor=charge.amount_minor * FEE_PERCENT // 100 if is_paid else 0,
        refunds=tuple(map(_refund_result, charge.refunds.select_related("charge").order_by("pk"))) if is_paid else (),
        disputes=tuple(
            DisputeResult(
                gateway_id=str(dispute.pk),
                amount_minor=dispute.amount_minor,
                currency=charge.currency,
                is_lost=dispute.is_lost,
            )
            for dispute in disputes
        ),
    )


def _refund_result(refund: SandboxRefund) -> RefundResult:
    return RefundResult(
        gateway_id=str(refund.pk),
        status=RefundStatus(refund.status),
        amount_minor=refund.amount_minor,
        currency=refund.charge.currency,
        reference=refund.reference,
    )


def page_of(charge: SandboxCharge) -> str:
    return reverse("payments:sandbox", kwargs={"pk": charge.pk})


def secret() -> bytes:
    """What the sandbox signs with: its setting, or a key of its own derived from the platform's."""
    if settings.EVENTLY_SANDBOX_SECRET:
        return settings.EVENTLY_SANDBOX_SECRET.encode()
    return hmac.new(settings.SECRET_KEY.encode(), b"sandbox webhooks", sha256).digest()


@transaction.atomic
def decide(*, charge_id: UUID, status: SandboxCharge.Status) -> SandboxCharge:
    """What the person at the pay page has chosen. The first decision stands; the platform is told of it."""
    _close_old_charges()
    charge = SandboxCharge.objects.select_for_update().get(pk=charge_id)
    if charge.status == SandboxCharge.Status.OPEN:
        charge.status = status
        charge.save(update_fields=["status"])
        message_id = str(uuid7())
        transaction.on_commit(lambda: _tell(str(charge.pk), message_id), robust=True)
    return charge


def _close_old_charges() -> None:
    old = Q(status=SandboxCharge.Status.OPEN, created_at__lte=Now() - OPEN_FOR)
    SandboxCharge.objects.filter(old).update(status=SandboxCharge.Status.ABANDONED)


def _tell(charge_id: str, message_id: str) -> None:
    try:
        deliver_webhook.delay(charge_id, message_id)
    except BrokerDown as error:  # the browser's return and the reconciliation will tell it, too
        logger.warning("Sandbox webhook not queued: %s", error)


@shared_task(bind=True, max_retries=8)  # type: ignore[untyped-decorator]  # Celery has no types
def deliver_webhook(self: Task, charge_id: str, message_id: str) -> None:
    """Tell the platform that something has happened to a charge, again and again until it answers with success."""
    charge = SandboxCharge.objects.get(pk=charge_id)
    body = json.dumps({"type": f"charge.{charge.status}", "charge": charge_id}).encode()
    headers = sign(secret=secret(), message_id=message_id, timestamp=int(time.time()), body=body)
    request = urllib.request.Request(  # noqa: S310 -- the site's own address, from the settings
        urljoin(settings.EVENTLY_SITE_URL, WEBHOOK_PATH), data=body, headers=headers | {"Content-Type": "application/json"}
    )
    try:
        urllib.request.urlopen(request, timeout=TIMEOUT).close()  # noqa: S310 -- as above
    except OSError as error:  # refused, timed out, or answered with an error status
        raise self.retry(exc=error, countdown=2**self.request.retries) from error
