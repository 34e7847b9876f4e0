"""Money that goes back: refunds, which we owe, and disputes, which a bank has taken."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from evently.database import EditableRow
from events.models import Event

from .payment import Payment


class RefundQuerySet(models.QuerySet["Refund"]):
    def open(self) -> Self:
        """Owed, and not on the buyer's account yet; those that failed are for people."""
        return self.filter(status__in=Refund.OPEN)

    def due(self) -> Self:
        """To be asked of the gateway now: for the first time, or again since nobody knows what became of it."""
        return self.open().filter(due_at__lte=Now())

    def lock(self) -> Self:
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class Refund(EditableRow):
    """Money that is owed back: the promise, committed with the fact that made it due, then carried out by the gateway.

    `key` names the fact within its payment, so that it is promised once. The refunds of a payment that have not failed never
    exceed what it captured: a trigger counts them under the payment's lock.
    """

    class Status(models.TextChoices):
        REQUESTED = "requested", _("requested")
        SENT = "sent", _("on its way")  # asked of the gateway, which may or may not know of it
        SUCCEEDED = "succeeded", _("paid back")
        FAILED = "failed", _("failed")

    OPEN = (Status.REQUESTED, Status.SENT)

    class Reason(models.TextChoices):
        SEATS_LOST = "seats_lost", _("paid too late, the seats were gone")
        PAID_TWICE = "paid_twice", _("paid twice")
        RETURNED = "returned", _("tickets given back")
        BOOKING_CANCELLED = "booking_cancelled", _("booking cancelled")
        EVENT_CANCELLED = "event_cancelled", _("event cancelled")
        WRONG_AMOUNT = "wrong_amount", _("not the amount that was due")
        BY_STAFF = "by_staff", _("given back by the organizer")
        AT_GATEWAY = "at_gateway", _("made at the gateway itself")

    event = models.ForeignKey(Event, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="refunds", verbose_name=_("payment"), db_index=False)
    key = models.CharField(max_length=64, editable=False)
    amount_minor = models.PositiveBigIntegerField(_("amount, in minor units"))
    currency = models.CharField(_("currency"), max_length=3)
    reason = models.CharField(_("reason"), max_length=20, choices=Reason)
    note = models.CharField(_("note"), max_length=300, blank=True, db_default="")
    actor = models.CharField(_("by"), max_length=60, blank=True, db_default="")
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.REQUESTED)
    gateway_id = models.CharField(_("id at the gateway"), max_length=255, blank=True, db_default="")
    tries = models.PositiveSmallIntegerField(_("tries after failures"), default=0, db_default=0, editable=False)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0, db_default=0)
    due_at = models.DateTimeField(_("due"), db_default=Now())
    error = models.CharField(_("last error"), max_length=300, blank=True, db_default="")

    objects = RefundQuerySet.as_manager()

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        constraints = [
            models.UniqueConstraint(fields=["payment", "key"], name="payments_refund_promised_once"),
            models.UniqueConstraint(
                fields=["payment", "gateway_id"], condition=~Q(gateway_id=""), name="payments_refund_one_per_gateway_refund"
            ),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="payments_refund_amount_positive"),
            models.CheckConstraint(
                condition=Q(status__in=["requested", "sent", "succeeded", "failed"]), name="payments_refund_status_known"
            ),
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(status__in=["requested", "sent"]), name="payments_refund_due")]

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency}"

    @property
    def idempotency_key(self) -> str:
        """What the gateway knows this wish by; a try after a failure is another wish."""
        return f"{self.pk}" if self.tries == 0 else f"{self.pk}:{self.tries}"


class Dispute(EditableRow):
    """A payment that the buyer contests at their bank, which has taken the money back for the time being, or for good."""

    class Status(models.TextChoices):
        OPEN = "open", _("open")
        WON = "won", _("won")
        LOST = "lost", _("lost")

    event = models.ForeignKey(Event, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="disputes", verbose_name=_("payment"))
    gateway_id = models.CharField(_("id at the gateway"), max_length=255)
    amount_minor = models.PositiveBigIntegerField(_("amount, in minor units"))
    currency = models.CharField(_("currency"), max_length=3)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.OPEN)

    class Meta:
        verbose_name = _("dispute")
        verbose_name_plural = _("disputes")
        constraints = [
            models.UniqueConstraint(fields=["payment", "gateway_id"], name="payments_dispute_known_once"),
            models.CheckConstraint(condition=Q(status__in=["open", "won", "lost"]), name="payments_dispute_status_known"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="payments_dispute_amount_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency}"
