"""The cancelling of an event with all that follows."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from evently.database import EditableRow
from events.models import Event


class RefundRun(EditableRow):
    """An event was cancelled: its bookings are cancelled one by one, and what was paid for them goes back.

    `bookings` and `due_minor` are what was found at the start, to measure progress by; how far it is, the bookings and refunds
    tell (`payments.runs`). Interrupted, it is gone on with until `finished_at`.
    """

    event = models.OneToOneField(Event, models.PROTECT, related_name="refund_run", verbose_name=_("event"))
    actor = models.CharField(_("by"), max_length=60)
    bookings = models.PositiveIntegerField(_("bookings"))
    due_minor = models.PositiveBigIntegerField(_("to give back, in minor units"))
    currency = models.CharField(_("currency"), max_length=3)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("refund run")
        verbose_name_plural = _("refund runs")

    def __str__(self) -> str:
        return str(self.event)
