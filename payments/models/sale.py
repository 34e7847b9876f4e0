"""Whose a sale's money is: what an organizer has set, and what of it held when the sale was made, frozen."""

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from evently.accounts.models import Organizer
from evently.database import EditableRow, Row
from evently.money import CURRENCIES
from events.models import Event

from .payment import Payment
from .refund import Refund


class Seller(EditableRow):
    """What an organizer sells as: how much VAT is in its prices unless an event says otherwise, and what its invoices say of it.

    Buyers can ask for invoices as soon as name, address and prefix are there. Invoices keep what they were written with.
    """

    organizer = models.OneToOneField(Organizer, models.PROTECT, related_name="seller", verbose_name=_("organizer"))
    tax_rate = models.DecimalField(
        _("VAT in the price, %"),
        max_digits=5,
        decimal_places=2,
        default=0,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text=_("Holds wherever an event, a ticket type or a service has no rate of its own."),
    )
    name = models.CharField(_("name on invoices"), max_length=200, blank=True, db_default="")
    address = models.TextField(_("address"), max_length=500, blank=True, db_default="", help_text=_("With the country."))
    vat_id = models.CharField(_("VAT id or tax number"), max_length=30, blank=True, db_default="")
    invoice_prefix = models.CharField(
        _("prefix of invoice numbers"),
        max_length=12,
        blank=True,
        db_default="",
        validators=[RegexValidator(r"^[A-Z0-9](-?[A-Z0-9])*$", _("Capital letters and digits, with hyphens between them."))],
        help_text=_("CITY makes CITY-2026-00001."),
    )
    invoice_note = models.CharField(
        _("note on invoices"),
        max_length=300,
        blank=True,
        db_default="",
        help_text=_("Like the ground on which no tax is due, or the company register."),
    )

    class Meta:
        verbose_name = _("seller")
        verbose_name_plural = _("tax and invoices")
        constraints = [
            models.CheckConstraint(condition=Q(tax_rate__range=(0, 100)), name="payments_seller_tax_rate_sane"),
        ]

    def __str__(self) -> str:
        return str(self.organizer)

    @property
    def writes_invoices(self) -> bool:
        return bool(self.name and self.address and self.invoice_prefix)


class PlatformFee(EditableRow):
    """What the platform takes of an organizer's sales in one currency, or in all that have none of their own.

    An amount is one of a currency, so that what holds for all is a percentage alone. Without a row nothing is taken.
    """

    organizer = models.ForeignKey(
        Organizer, models.PROTECT, related_name="platform_fees", verbose_name=_("organizer"), db_index=False
    )
    currency = models.CharField(
        _("currency"),
        max_length=3,
        blank=True,
        choices=[(code, code) for code in CURRENCIES],
        help_text=_("Empty: for all that have no row of their own."),
    )
    percent = models.DecimalField(
        _("of what was paid, %"),
        max_digits=5,
        decimal_places=2,
        default=0,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    fixed_minor = models.PositiveBigIntegerField(_("and per paid ticket, in minor units"), default=0)

    class Meta:
        verbose_name = _("platform fee")
        verbose_name_plural = _("platform fees")
        constraints = [
            models.UniqueConstraint(fields=["organizer", "currency"], name="payments_platformfee_one_per_currency"),
            models.CheckConstraint(condition=Q(percent__range=(0, 100)), name="payments_platformfee_percent_sane"),
            models.CheckConstraint(condition=Q(fixed_minor=0) | ~Q(currency=""), name="payments_platformfee_amount_has_currency"),
        ]

    def __str__(self) -> str:
        return f"{self.organizer}, {self.currency or _('all currencies')}"


class Sale(Row):
    """What a payment bought, and the fee that held when it did; with its `TaxLine` rows, for good.

    `lines`: `name`, `quantity`, `gross_minor` (for all of them, what a code took off taken off), `tax_rate`, and of what:
    `ticket_type` or `service` (of the event).
    """

    event = models.ForeignKey(Event, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    payment = models.OneToOneField(Payment, models.PROTECT, related_name="sale", verbose_name=_("payment"))
    lines = models.JSONField(_("what was sold"))
    fee_percent = models.DecimalField(_("platform fee, %"), max_digits=5, decimal_places=2)
    fee_fixed_minor = models.PositiveBigIntegerField(_("platform fee per paid ticket, in minor units"))
    fee_minor = models.PositiveBigIntegerField(_("platform fee, in minor units"))

    class Meta:
        verbose_name = _("sale")
        verbose_name_plural = _("sales")

    def __str__(self) -> str:
        return str(self.payment_id)


class TaxLine(Row):
    """What was paid at one rate of VAT, and the tax in it; negative for what a refund gives back of it. Minor units.

    The tax of all lines of a payment and rate is always that of their gross amount, rounded once.
    """

    event = models.ForeignKey(Event, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="tax_lines", verbose_name=_("payment"), db_index=False)
    refund = models.ForeignKey(
        Refund, models.PROTECT, null=True, related_name="tax_lines", verbose_name=_("refund"), db_index=False
    )
    tax_rate = models.DecimalField(_("VAT, %"), max_digits=5, decimal_places=2)
    gross_minor = models.BigIntegerField(_("with tax, in minor units"))
    tax_minor = models.BigIntegerField(_("tax, in minor units"))

    class Meta:
        verbose_name = _("tax line")
        verbose_name_plural = _("tax lines")
        constraints = [
            models.UniqueConstraint(
                fields=["payment", "refund", "tax_rate"], name="payments_taxline_one_per_rate", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=Q(refund=None, gross_minor__gt=0, tax_minor__gte=0, tax_minor__lte=F("gross_minor"))
                | Q(refund__isnull=False, gross_minor__lt=0, tax_minor__lte=0, tax_minor__gte=F("gross_minor")),
                name="payments_taxline_within_gross",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tax_rate} %: {self.tax_minor}"
