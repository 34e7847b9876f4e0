"""What lists show of an event."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from .event import Event


class EventSummary(models.Model):
    """What lists and search show of an event: a hint, refreshed by the worker, never used to sell. Prices in minor units.

    `places` has free and all places by category, like `{"0190…": [12, 60]}`.
    """

    event = models.OneToOneField(Event, models.CASCADE, primary_key=True, related_name="summary", verbose_name=_("event"))
    free = models.PositiveIntegerField(_("free places"))
    capacity = models.PositiveIntegerField(_("places"))
    places = models.JSONField(
        _("places by category"), default=dict, db_default=models.Value({}, models.JSONField()), editable=False
    )
    price_from_minor = models.PositiveBigIntegerField(_("lowest price"), null=True)
    refreshed_at = models.DateTimeField(_("refreshed"), db_default=Now())

    class Meta:
        verbose_name = _("event summary")
        verbose_name_plural = _("event summaries")
        constraints = [models.CheckConstraint(condition=Q(free__lte=F("capacity")), name="events_summary_free_within_capacity")]

    def __str__(self) -> str:
        return f"{self.free}/{self.capacity}"

    @property
    def is_sold_out(self) -> bool:
        return self.free == 0

    @property
    def has_few_left(self) -> bool:
        """A tenth or less."""
        return 0 < self.free * 10 <= self.capacity
