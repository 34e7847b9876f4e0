"""Invoices and credit notes: written once, numbered without a gap."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bookings.models import Booking
from evently.accounts.models import Organizer
from evently.database import Row
from events.models import Event

from .payment import Payment
from .refund import Refund


class InvoiceCounter(Row):
    """The last number that an organizer has given in a year. Its row is locked until what has the number is committed."""

    organizer = models.ForeignKey(Organizer, models.PROTECT, related_name="+", db_index=False)
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organizer", "year"], name="payments_invoicecounter_one_per_year")]

    def __str__(self) -> str:
        return f"{self.year}: {self.last}"


class Invoice(Row):
    """What a buyer has paid, as a document, or with `corrects` what went back of it. Nothing of it is ever changed.

    `seller`: `name`, `address`, `vat_id`, `note`; `buyer`: `name`, `address`, `vat_id`; `lines`: `name`, `quantity`,
    `gross_minor`, `tax_rate`; `taxes`, by rate: `tax_rate`, `net_minor`, `tax_minor`, `gross_minor`. Amounts are positive, of a
    credit note too.
    """

    class Kind(models.TextChoices):
        INVOICE = "invoice", _("invoice")
        CREDIT_NOTE = "credit_note", _("credit note")

    organizer = models.ForeignKey(Organizer, models.PROTECT, related_name="invoices", verbose_name=_("organizer"), db_index=False)
    event = models.ForeignKey(
        Event, models.PROTECT, related_name="+", verbose_name=_("event"), db_index=False, db_constraint=False
    )
    booking = models.ForeignKey(Booking, models.PROTECT, related_name="invoices", verbose_name=_("booking"))
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="invoices", verbose_name=_("payment"), db_index=False)
    kind = models.CharField(_("what"), max_length=20, choices=Kind)
    corrects = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="credit_notes", verbose_name=_("credit note for"), db_index=False
    )
    refund = models.OneToOneField(Refund, models.PROTECT, null=True, related_name="credit_note", verbose_name=_("refund"))
    year = models.PositiveSmallIntegerField(_("year"))
    number = models.PositiveIntegerField(_("number"))
    label = models.CharField(_("number"), max_length=40)
    issued_on = models.DateField(_("date"))
    supplied_on = models.DateField(_("date of the event"))
    seller = models.JSONField(_("seller"))
    buyer = models.JSONField(_("buyer"))
    lines = models.JSONField(_("lines"))
    taxes = models.JSONField(_("tax"))
    total_minor = models.PositiveBigIntegerField(_("total, in minor units"))
    currency = models.CharField(_("currency"), max_length=3)
    language = models.CharField(_("language"), max_length=10)
    asked_by = models.CharField(_("asked for by"), max_length=80)
    pdf = models.BinaryField()
    pdf_sha256 = models.CharField(_("SHA-256 of the PDF"), max_length=64)

    class Meta:
        verbose_name = _("invoice")
        verbose_name_plural = _("invoices")
        constraints = [
            models.UniqueConstraint(fields=["organizer", "year", "number"], name="payments_invoice_number_once"),
            models.UniqueConstraint(fields=["organizer", "label"], name="payments_invoice_label_once"),
            models.UniqueConstraint(fields=["payment"], condition=Q(kind="invoice"), name="payments_invoice_one_per_payment"),
            models.CheckConstraint(
                condition=Q(kind="invoice", corrects=None, refund=None)
                | Q(kind="credit_note", corrects__isnull=False, refund__isnull=False),
                name="payments_invoice_kind_known",
            ),
            models.CheckConstraint(condition=Q(number__gte=1, total_minor__gt=0), name="payments_invoice_of_something"),
        ]

    def __str__(self) -> str:
        return self.label
