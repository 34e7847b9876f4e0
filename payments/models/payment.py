"""What was asked of a gateway, and what it said."""

from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from bookings.models import Booking
from evently.accounts.models import Organizer
from evently.database import EditableRow, Row
from events.models import Event


class GatewayAccount(EditableRow):
    """An organizer's own account at a gateway, which receives the money of its events. Without one, the platform's does.

    It stays for as long as there are payments to it: money goes back where it came from. `secrets` are sealed (`accounts.seal`).
    """

    class Gateway(models.TextChoices):
        STRIPE = "stripe", _("Stripe (cards)")
        BANK_TRANSFER = "bank_transfer", _("Bank transfer")
        AT_DOOR = "at_door", _("Paid at the door")

    organizer = models.ForeignKey(
        Organizer, models.PROTECT, related_name="gateway_accounts", verbose_name=_("organizer"), db_index=False
    )
    gateway = models.CharField(_("way to pay"), max_length=20, choices=Gateway)
    is_active = models.BooleanField(_("offered to buyers"), default=True)
    payee = models.CharField(_("account"), max_length=64, blank=True, help_text=_("The id at Stripe, or the IBAN."))
    holder = models.CharField(_("account holder"), max_length=100, blank=True)
    bic = models.CharField(_("BIC"), max_length=11, blank=True)
    days = models.PositiveSmallIntegerField(_("days to pay"), default=7)
    secrets = models.TextField(blank=True, editable=False)

    class Meta:
        verbose_name = _("way to get paid")
        verbose_name_plural = _("ways to get paid")
        constraints = [
            models.UniqueConstraint(
                fields=["organizer", "gateway"], condition=Q(is_active=True), name="payments_gatewayaccount_one_is_active"
            ),
            models.CheckConstraint(
                condition=Q(gateway__in=["stripe", "bank_transfer", "at_door"]), name="payments_gatewayaccount_gateway_known"
            ),
            models.CheckConstraint(condition=Q(days__gte=1, days__lte=60), name="payments_gatewayaccount_days_to_pay"),
            models.CheckConstraint(
                condition=(Q(gateway="at_door") & Q(secrets=""))
                | (Q(gateway="bank_transfer") & Q(secrets="") & ~Q(payee="") & ~Q(holder=""))
                | (Q(gateway="stripe") & ~Q(secrets="") & ~Q(payee="")),
                name="payments_gatewayaccount_complete",
            ),
        ]

    def __str__(self) -> str:
        return " ".join(filter(None, (str(self.get_gateway_display()), self.payee)))


class PaymentQuerySet(models.QuerySet["Payment"]):
    def open(self) -> Self:
        """Not decided yet: the buyer may still pay."""
        return self.filter(status__in=Payment.OPEN)

    def lock(self) -> Self:
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class Payment(EditableRow):
    """One attempt to pay one booking through one gateway. Committed before the gateway is called.

    `account` is the id of the `GatewayAccount` that receives it, or empty for the platform's.
    `amount_minor` is what was asked for; `captured_minor` what the gateway says has come, which is what goes back if it must.
    """

    class Status(models.TextChoices):
        CREATED = "created", _("created")  # the gateway may or may not know of it
        PENDING = "pending", _("waiting for the buyer")
        CAPTURED = "captured", _("captured")
        DECLINED = "declined", _("declined")
        ABANDONED = "abandoned", _("abandoned")

    OPEN = (Status.CREATED, Status.PENDING)
    OFFLINE = ("bank_transfer", "at_door")

    class Outcome(models.TextChoices):
        CONFIRMED = "confirmed", _("booking confirmed")
        REFUND = "refund", _("goes back")

    event = models.ForeignKey(Event, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    booking = models.ForeignKey(Booking, models.PROTECT, related_name="payments", verbose_name=_("booking"))
    gateway = models.CharField(_("gateway"), max_length=20)
    account = models.CharField(_("account that receives it"), max_length=36, blank=True, db_default="")
    gateway_id = models.CharField(_("id at the gateway"), max_length=255, blank=True)
    # What the charge was asked for with: asked again, a gateway compares every word.
    description = models.CharField(max_length=200, blank=True, db_default="", editable=False)
    return_url = models.CharField(max_length=500, blank=True, db_default="", editable=False)
    declines = models.PositiveSmallIntegerField(_("declined tries"), default=0, db_default=0)
    declined_at = models.DateTimeField(_("declined"), null=True, blank=True)
    amount_minor = models.PositiveBigIntegerField(_("amount, in minor units"))
    currency = models.CharField(_("currency"), max_length=3)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.CREATED)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome, blank=True)
    captured_minor = models.PositiveBigIntegerField(_("captured, in minor units"), null=True, blank=True)
    captured_currency = models.CharField(_("captured in"), max_length=3, blank=True)
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
            models.Index(fields=["created_at"], condition=Q(status__in=["created", "pending"]), name="payments_payment_open"),
            models.Index(fields=["declined_at"], condition=Q(declines__gt=0), name="payments_payment_declined"),
        ]

    def __str__(self) -> str:
        return f"{self.gateway} {self.gateway_id}"

    @property
    def is_offline(self) -> bool:
        """Whether the buyer pays without a gateway's page: they have to be told how."""
        return self.gateway in self.OFFLINE


class WebhookEvent(Row):
    """What a gateway told us, stored once, whatever the order and however often it says so."""

    gateway = models.CharField(_("gateway"), max_length=20)
    account = models.CharField(_("account"), max_length=36, blank=True, db_default="")
    gateway_event_id = models.CharField(_("id at the gateway"), max_length=255)
    kind = models.CharField(_("kind"), max_length=60)
    gateway_id = models.CharField(_("id of the charge"), max_length=255, db_default="")
    body = models.JSONField(_("body"))
    processed_at = models.DateTimeField(_("processed"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name = _("webhook event")
        verbose_name_plural = _("webhook events")
        constraints = [
            # Of one account: an organizer signs what it likes with its own secret, and must not silence the others.
            models.UniqueConstraint(fields=["gateway", "account", "gateway_event_id"], name="payments_webhookevent_stored_once")
        ]

    def __str__(self) -> str:
        return f"{self.gateway} {self.kind}"
