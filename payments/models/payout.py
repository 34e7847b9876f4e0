"""Money between the platform and an organizer: what came for it through the platform's own accounts, and fees that it owes."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from evently.accounts.models import Organizer
from evently.database import Row


class Payout(Row):
    """Money that has gone to an organizer, or has come from it, written down by people once they have seen it.

    `due_minor` is what was due in that direction just before. One that was wrong or came back is undone by another.
    """

    class Kind(models.TextChoices):
        PAID = "paid", _("paid out")
        RECEIVED = "received", _("received from the organizer")
        UNDONE = "undone", _("undone")

    organizer = models.ForeignKey(Organizer, models.PROTECT, related_name="payouts", verbose_name=_("organizer"), db_index=False)
    kind = models.CharField(_("what"), max_length=10, choices=Kind)
    amount_minor = models.PositiveBigIntegerField(_("amount, in minor units"))
    currency = models.CharField(_("currency"), max_length=3)
    due_minor = models.PositiveBigIntegerField(_("due before, in minor units"))
    paid_on = models.DateField(_("on"))
    reference = models.CharField(_("reference"), max_length=100)
    undoes = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="undone_by", verbose_name=_("undoes")
    )
    recorded_by = models.CharField(_("recorded by"), max_length=60)

    class Meta:
        verbose_name = _("payout")
        verbose_name_plural = _("payouts")
        constraints = [
            models.UniqueConstraint(fields=["organizer", "kind", "reference"], name="payments_payout_written_down_once"),
            models.CheckConstraint(
                condition=Q(kind__in=["paid", "received"], undoes=None) | Q(kind="undone", undoes__isnull=False),
                name="payments_payout_kind_known",
            ),
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0) & (Q(kind="undone") | Q(amount_minor__lte=F("due_minor"))),
                name="payments_payout_not_above_due",
            ),
            models.CheckConstraint(condition=~Q(reference="") & ~Q(recorded_by=""), name="payments_payout_who_and_what"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.reference}"
