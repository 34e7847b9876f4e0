"""Refunds that a second person must agree to."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from evently.database import EditableRow
from events.models import Event

from .payment import Payment


class RefundApproval(EditableRow):
    """A refund that somebody of the team wishes and another one must agree to; nothing is promised before.

    `lines`: ids of the booked seats whose tickets would be void. `key`: that of the refund.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        APPROVED = "approved", _("agreed to")
        DECLINED = "declined", _("declined")

    event = models.ForeignKey(Event, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="approvals", verbose_name=_("payment"), db_index=False)
    key = models.CharField(max_length=64, editable=False)
    amount_minor = models.PositiveBigIntegerField(_("amount, in minor units"))
    currency = models.CharField(_("currency"), max_length=3)
    lines = models.JSONField(_("tickets"), default=list, blank=True)
    note = models.CharField(_("why"), max_length=300)
    requested_by = models.CharField(_("wished by"), max_length=60)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.WAITING)
    decided_by = models.CharField(_("decided by"), max_length=60, blank=True, db_default="")
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)

    class Meta:
        verbose_name = _("refund to agree to")
        verbose_name_plural = _("refunds to agree to")
        constraints = [
            models.UniqueConstraint(fields=["payment", "key"], name="payments_refundapproval_wished_once"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="payments_refundapproval_amount_positive"),
            models.CheckConstraint(
                condition=Q(status="waiting", decided_by="", decided_at=None)
                | (Q(status__in=["approved", "declined"], decided_at__isnull=False) & ~Q(decided_by="")),
                name="payments_refundapproval_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(status="approved", decided_by=F("requested_by")), name="payments_refundapproval_four_eyes"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency}"
