"""What buyers get back for tickets that they give back."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from evently.database import EditableRow

from .event import Event


class RefundTerm(EditableRow):
    """Until so many days before the start a ticket may be given back for so much of its price, less a fee.

    An event without any takes nothing back. Whoever books has the terms of that moment for good (`Booking.refund_terms`).
    """

    event = models.ForeignKey(Event, models.CASCADE, related_name="refund_terms", verbose_name=_("event"), db_index=False)
    days_before = models.PositiveSmallIntegerField(
        _("until, days before the start"), validators=[MaxValueValidator(730)], help_text=_("Days of 24 hours.")
    )
    percent = models.PositiveSmallIntegerField(
        _("of the price, %"), default=100, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    fee_minor = models.PositiveBigIntegerField(_("fee per ticket, in minor units"), default=0, db_default=0)

    class Meta:
        verbose_name = _("refund term")
        verbose_name_plural = _("refund terms")
        ordering = ("-days_before",)
        constraints = [
            models.UniqueConstraint(fields=["event", "days_before"], name="events_refundterm_one_per_deadline"),
            models.CheckConstraint(condition=Q(percent__range=(1, 100)), name="events_refundterm_percent_sane"),
        ]

    def __str__(self) -> str:
        return f"{self.days_before} d: {self.percent} %"
