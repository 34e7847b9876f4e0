"""The ledger: what happened to money, in double entry. Written once; the database refuses changes, and what does not balance."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from evently.accounts.models import Organizer
from evently.database import Row
from events.models import Event

from .payment import Payment


class Account(models.TextChoices):
    """The accounts, each for every organizer, gateway and currency. What they are for: docs/money.md."""

    CLEARING = "clearing", _("at the gateway")
    GATEWAY_FEES = "gateway_fees", _("gateway fees")
    BUYERS = "buyers", _("owed to buyers")
    ORGANIZER = "organizer", _("owed to the organizer")
    PLATFORM_FEES = "platform_fees", _("platform fees")
    TAX = "tax", _("tax owed")
    DISPUTED = "disputed", _("disputed")
    BY_HAND = "by_hand", _("paid by hand")
    SETTLED = "settled", _("settled with the organizer")
    BANK = "bank", _("bank account of the platform")


class LedgerTransaction(Row):
    """One fact about money. `reference` names the fact, so that it is booked once.

    What is settled with an organizer is of no single event or payment.
    """

    class Kind(models.TextChoices):
        CAPTURE = "capture", _("payment")
        GATEWAY_FEE = "gateway_fee", _("gateway fee")
        REFUND_DUE = "refund_due", _("refund promised")
        REFUND_PAID = "refund_paid", _("refund paid")
        REFUND_RETURNED = "refund_returned", _("refund returned")
        DISPUTE_OPENED = "dispute_opened", _("dispute opened")
        DISPUTE_CLOSED = "dispute_closed", _("dispute closed")
        PAYOUT = "payout", _("payout")

    event = models.ForeignKey(Event, models.PROTECT, null=True, related_name="+", db_constraint=False, verbose_name=_("event"))
    organizer = models.ForeignKey(Organizer, models.PROTECT, related_name="+", verbose_name=_("organizer"))
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, related_name="ledger_transactions", verbose_name=_("payment"))
    kind = models.CharField(_("what"), max_length=20, choices=Kind)
    reference = models.CharField(_("reference"), max_length=80, unique=True)

    class Meta:
        verbose_name = _("ledger transaction")
        verbose_name_plural = _("ledger")
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    kind__in=[
                        *("capture", "gateway_fee", "refund_due", "refund_paid", "refund_returned"),
                        *("dispute_opened", "dispute_closed", "payout"),
                    ]
                ),
                name="payments_ledgertransaction_kind_known",
            ),
            models.CheckConstraint(
                condition=Q(kind="payout", event=None, payment=None)
                | (~Q(kind="payout") & Q(event__isnull=False, payment__isnull=False)),
                name="payments_ledgertransaction_of_a_payment",
            ),
        ]
        indexes = [models.Index(fields=["organizer", "created_at"], name="payments_ledger_statement")]

    def __str__(self) -> str:
        return self.reference


class LedgerEntry(Row):
    """A line of a transaction: minor units of a currency, positive in debit, negative in credit."""

    transaction = models.ForeignKey(LedgerTransaction, models.PROTECT, related_name="entries", verbose_name=_("transaction"))
    event = models.ForeignKey(Event, models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False)
    account = models.CharField(_("account"), max_length=20, choices=Account)
    gateway = models.CharField(_("gateway"), max_length=20)
    gateway_account = models.CharField(_("account at the gateway"), max_length=64, blank=True, db_default="")
    amount_minor = models.BigIntegerField(_("amount, in minor units"))
    currency = models.CharField(_("currency"), max_length=3)

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger entries")
        constraints = [
            models.CheckConstraint(condition=~Q(amount_minor=0), name="payments_ledgerentry_moves_something"),
            models.CheckConstraint(
                condition=Q(
                    account__in=[
                        *("clearing", "gateway_fees", "buyers", "organizer", "platform_fees", "tax", "disputed", "by_hand"),
                        *("settled", "bank"),
                    ]
                ),
                name="payments_ledgerentry_account_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.amount_minor} {self.currency}"
