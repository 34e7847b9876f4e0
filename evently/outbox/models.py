"""Facts that are told to others after they were committed."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from evently.database import Row


class OutboxQuerySet(models.QuerySet["OutboxMessage"]):
    def due(self) -> Self:
        """Neither sent nor dead, and its time has come."""
        return self.filter(sent_at=None, dead_at=None, due_at__lte=Now())

    def dead(self) -> Self:
        return self.exclude(dead_at=None)


class OutboxMessage(Row):
    """A fact, written in the transaction that made it true. Ids only, no personal data.

    `handled` names the subscribers that are done with it, so that a retry does not tell them again.
    """

    topic = models.CharField(_("topic"), max_length=50)
    payload = models.JSONField(_("payload"), default=dict)
    due_at = models.DateTimeField(_("due"), db_default=Now())
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    dead_at = models.DateTimeField(_("given up"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), db_default=0)
    handled = models.JSONField(_("handled by"), db_default=[])
    error = models.TextField(_("last error"), blank=True, db_default="")

    objects = OutboxQuerySet.as_manager()

    class Meta:
        verbose_name = _("outbox message")
        verbose_name_plural = _("outbox messages")
        indexes = [models.Index(fields=["due_at"], condition=Q(sent_at=None, dead_at=None), name="outbox_message_due")]

    def __str__(self) -> str:
        return self.topic
