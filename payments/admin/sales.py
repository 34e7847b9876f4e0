"""What of a team's sales is tax, what its invoices say, and what the platform takes."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from evently import money
from evently.desk.scope import MONEY, NOBODY, Role, ScopedAdmin
from evently.desk.stock import StockForm
from evently.templatetags.evently import money_exact
from payments.models import PlatformFee, Seller
from payments.vat_ids import FORMATS, canonical_vat_id, is_vat_id


class SellerForm(StockForm):
    """A VAT id has the form of its country's; any other number is left as it is."""

    class Meta:
        model = Seller
        fields = ("organizer", "tax_rate", "name", "address", "vat_id", "invoice_prefix", "invoice_note")
        widgets = {"address": forms.Textarea(attrs={"rows": 4, "cols": 40})}

    def clean_vat_id(self) -> str:
        typed = str(self.cleaned_data["vat_id"])
        vat_id = canonical_vat_id(typed)
        if vat_id[:2] not in FORMATS:
            return typed
        if not is_vat_id(vat_id):
            raise forms.ValidationError(_("This is not how a VAT id of that country is written."))
        return vat_id

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if values.get("tax_rate") and values.get("invoice_prefix") and not values.get("vat_id") and "vat_id" not in self.errors:
            self.add_error("vat_id", _("Invoices with tax need it."))
        return values


@admin.register(Seller)
class SellerAdmin(ScopedAdmin):
    """What a team has set for its own sales. Another rate or address holds for new sales and invoices only."""

    viewers = MONEY
    editors = frozenset({Role.OWNER})
    form = SellerForm
    list_display = ("organizer", "tax_rate", "name", "invoice_prefix")
    list_select_related = ("organizer",)
    ordering = ("organizer__name",)
    fieldsets = (
        (None, {"fields": ("organizer", "tax_rate")}),
        (
            _("Invoices"),
            {
                "fields": ("name", "address", "vat_id", "invoice_prefix", "invoice_note"),
                "description": _("With name, address and prefix, buyers can ask for an invoice on the page of their booking."),
            },
        ),
    )

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return super().get_changeform_initial_data(request) | self.only_team(request)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("organizer",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class PlatformFeeForm(StockForm):
    """The amount is typed as people write it."""

    fixed = forms.DecimalField(
        label=_("And per paid ticket"), min_value=0, max_digits=12, initial=0, help_text=_("An amount of this currency.")
    )

    class Meta:
        model = PlatformFee
        fields = ("organizer", "currency", "percent")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.fixed_minor:
            self.initial["fixed"] = money.decimal_string(self.instance.fixed_minor, self.instance.currency)

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        fixed, currency = values.get("fixed") or Decimal(0), values.get("currency", self.instance.currency)
        if fixed and not currency:
            self.add_error("fixed", _("An amount needs a currency."))
        elif fixed != round(fixed, money.digits(currency)):
            self.add_error("fixed", _("There is no such amount of %(currency)s.") % {"currency": currency})
        else:
            self.instance.fixed_minor = money.to_minor(fixed, currency) if fixed else 0
        return values


@admin.register(PlatformFee)
class PlatformFeeAdmin(ScopedAdmin):
    """Set by superusers, for new sales only; the team may see it."""

    viewers = MONEY
    editors = NOBODY
    form = PlatformFeeForm
    list_display = ("organizer", "for_currency", "percent", "per_ticket")
    list_select_related = ("organizer",)
    ordering = ("organizer__name", "currency")
    fields = ("organizer", "currency", "percent", "fixed")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if self.has_change_permission(request, obj) else ("organizer", "for_currency", "percent", "per_ticket")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("organizer", "currency", "for_currency", "per_ticket") if obj else ()

    @admin.display(description=_("currency"), ordering="currency")
    def for_currency(self, fee: PlatformFee) -> str:
        return fee.currency or str(_("all that have no row of their own"))

    @admin.display(description=_("per paid ticket"))
    def per_ticket(self, fee: PlatformFee) -> str:
        return money_exact(fee.fixed_minor, fee.currency) if fee.fixed_minor else "-"
