"""What people write down of money that no gateway tells of."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from evently.database import EditableRow

from .payment import Payment


class OfflineChargeQuerySet(models.QuerySet["OfflineCharge"]):
    def lock(self) -> Self:
        """Nobody else writes down anything about it meanwhile."""
        return self.select_for_update(of=("self",), no_key=True)


class OfflineCharge(EditableRow):
    """Money that is expected on a bank account or at the door: the book of the offline gateways, kept by people."""

    class Status(models.TextChoices):
        OPEN = "open", _("waiting for the money")
        RECEIVED = "received", _("received")
        CLOSED = "closed", _("not expected any more")

    payment = models.OneToOneField(Payment, models.PROTECT, related_name="offline_charge", verbose_name=_("payment"))
    gateway = models.CharField(_("way to pay"), max_length=20)
    account = models.CharField(max_length=36, blank=True)
    purpose = models.CharField(_("reference"), max_length=20)
    amount_minor = models.PositiveBigIntegerField(_("amount, in minor units"))
    currency = models.CharField(_("currency"), max_length=3)
    due_at = models.DateTimeField(_("expected until"))
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.OPEN)
    received_minor = models.PositiveBigIntegerField(_("received, in minor units"), null=True, blank=True)
    received_at = models.DateTimeField(_("received"), null=True, blank=True)
    recorded_by = models.CharField(_("recorded by"), max_length=60, blank=True)
    note = models.CharField(_("reason"), max_length=200, blank=True)

    objects = OfflineChargeQuerySet.as_manager()

    class Meta:
        verbose_name = _("money expected")
        verbose_name_plural = _("money expected")
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["open", "received", "closed"]), name="payments_offlinecharge_status_known"
            ),
            models.CheckConstraint(
                condition=(
                    Q(status="received", received_minor__gt=0, received_at__isnull=False) & ~Q(recorded_by="") & ~Q(note="")
                )
                | (~Q(status="received") & Q(received_minor=None, received_at=None)),
                name="payments_offlinecharge_who_received",
            ),
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(status="open"), name="payments_offlinecharge_open")]

    def __str__(self) -> str:
        return self.purpose


class OfflineRefund(EditableRow):
    """Money that somebody has to send back by hand."""

    charge = models.ForeignKey(OfflineCharge, models.PROTECT, related_name="refunds", verbose_name=_("money received"))
    idempotency_key = models.CharField(max_length=64, unique=True, editable=False)
    reference = models.CharField(max_length=40, editable=False)
    amount_minor = models.PositiveBigIntegerField(_("amount, in minor units"))
    done_at = models.DateTimeField(_("sent back"), null=True, blank=True)
    recorded_by = models.CharField(_("recorded by"), max_length=60, blank=True)
    note = models.CharField(_("reason"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("money to send back")
        verbose_name_plural = _("money to send back")
        constraints = [
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="payments_offlinerefund_amount_positive"),
            models.CheckConstraint(
                condition=Q(done_at=None) | (~Q(recorded_by="") & ~Q(note="")), name="payments_offlinerefund_who_did_it"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.charge.currency}"
