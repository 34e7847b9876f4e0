"""What was asked of a gateway, and what it said."""

from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from bookings.models import Booking
from evently.database import EditableRow, Row
from events.models import Event


class PaymentQuerySet(models.QuerySet["Payment"]):
    def open(self) -> Self:
        """Not decided yet: the buyer may still pay."""
        return self.filter(status__in=Payment.OPEN)

    def lock(self) -> Self:
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class Payment(EditableRow):
    """One attempt to pay one booking through one gateway. Committed before the gateway is called.

    `amount_minor` is what was asked for; `captured_minor` what the gateway says has come, which is what goes back if it must.
    """

    class Status(models.TextChoices):
        CREATED = "created", _("created")  # the gateway may or may not know of it
        PENDING = "pending", _("waiting for the buyer")
        CAPTURED = "captured", _("captured")
        DECLINED = "declined", _("declined")
        ABANDONED = "abandoned", _("abandoned")

    OPEN = (Status.CREATED, Status.PENDING)

    class Outcome(models.TextChoices):
        CONFIRMED = "confirmed", _("booking confirmed")
        REFUND = "refund", _("goes back")

    event = models.ForeignKey(Event, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    booking = models.ForeignKey(Booking, models.PROTECT, related_name="payments", verbose_name=_("booking"))
    gateway = models.CharField(_("gateway"), max_length=20)
    gateway_id = models.CharField(_("id at the gateway"), max_length=255, blank=True)
    amount_minor = models.PositiveBigIntegerField(_("amount, in minor units"))
    currency = models.CharField(_("currency"), max_length=3)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.CREATED)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome, blank=True)
    captured_minor = models.PositiveBigIntegerField(_("captured, in minor units"), null=True, blank=True)
    captured_currency = models.CharField(_("captured in"), max_length=3, blank=True)
    account = models.CharField(
        _("account"), max_length=64, blank=True, db_default="", help_text=_("The organizer's own at the gateway; empty: ours.")
    )
    idempotency_key = models.CharField(_("idempotency key"), max_length=64, unique=True)

    objects = PaymentQuerySet.as_manager()

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        constraints = [
            models.UniqueConstraint(
                fields=["gateway", "gateway_id"], condition=~Q(gateway_id=""), name="payments_payment_one_per_charge"
            ),
            models.UniqueConstraint(fields=["booking"], condition=Q(outcome="confirmed"), name="payments_payment_one_confirms"),
            models.CheckConstraint(
                condition=Q(status__in=["created", "pending", "captured", "declined", "abandoned"]),
                name="payments_payment_status_known",
            ),
            models.CheckConstraint(
                condition=(Q(status="captured") & Q(outcome__in=["confirmed", "refund"]))
                | (~Q(status="captured") & Q(outcome="")),
                name="payments_payment_captured_has_outcome",
            ),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="payments_payment_amount_positive"),
            models.CheckConstraint(
                condition=Q(status="captured", captured_minor__isnull=False, captured_minor__gt=0)
                | (~Q(status="captured") & Q(captured_minor=None)),
                name="payments_payment_captured_something",
            ),
            models.CheckConstraint(
                condition=~Q(outcome="confirmed") | Q(captured_minor=F("amount_minor"), captured_currency=F("currency")),
                name="payments_payment_confirms_by_exact_amount",
            ),
        ]
        indexes = [
            models.Index(fields=["created_at"], condition=Q(status__in=["created", "pending"]), name="payments_payment_open")
        ]

    def __str__(self) -> str:
        return f"{self.gateway} {self.gateway_id}"


class WebhookEvent(Row):
    """What a gateway told us, stored once, whatever the order and however often it says so."""

    gateway = models.CharField(_("gateway"), max_length=20)
    gateway_event_id = models.CharField(_("id at the gateway"), max_length=255)
    kind = models.CharField(_("kind"), max_length=60)
    gateway_id = models.CharField(_("id of the charge"), max_length=255, db_default="")
    body = models.JSONField(_("body"))
    processed_at = models.DateTimeField(_("processed"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name = _("webhook event")
        verbose_name_plural = _("webhook events")
        constraints = [models.UniqueConstraint(fields=["gateway", "gateway_event_id"], name="payments_webhookevent_stored_once")]

    def __str__(self) -> str:
        return f"{self.gateway} {self.kind}"
