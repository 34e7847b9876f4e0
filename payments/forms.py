"""How to pay, and what to do at the sandbox's pay page."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib.admin.widgets import AdminDateWidget
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from bookings.models import Booking, BookingSeat
from evently import money
from evently.accounts.models import Organizer
from evently.errors import DomainError
from evently.templatetags.evently import money_exact, seat_name

from .gateways import Gateway
from .models import SandboxCharge
from .quotes import quote_return
from .services import Recipient
from .vat_ids import canonical_vat_id, is_vat_id


class PayForm(forms.Form):
    """The way to pay: a choice where there are several."""

    gateway = forms.ChoiceField(label=_("How do you want to pay?"), widget=forms.RadioSelect)

    def __init__(self, *args: Any, ways: Sequence[Gateway], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast(forms.ChoiceField, self.fields["gateway"])
        field.choices = [(gateway.name, gateway.label) for gateway in ways]
        self.initial.setdefault("gateway", ways[0].name if ways else "")


class NoteForm(forms.Form):
    """How money found its way, in words that are kept."""

    note = forms.CharField(label=_("How was it paid?"), max_length=300, help_text=_("Like: by bank transfer on 3 May."))


class GiveBackForm(forms.Form):
    """Tickets that are void then, and an amount as people write it. The cleaned amount is in minor units, the tickets are ids."""

    tickets = forms.TypedMultipleChoiceField(
        label=_("Tickets to void"), required=False, coerce=UUID, widget=forms.CheckboxSelectMultiple
    )
    amount = forms.DecimalField(
        label=_("Amount"),
        min_value=0,
        max_value=10_000_000,
        required=False,
        help_text=_("Empty: what the terms of the booking say for these tickets."),
    )
    note = forms.CharField(label=_("Why?"), max_length=300, help_text=_("For your books; the buyer does not see it."))
    key = forms.CharField(widget=forms.HiddenInput, max_length=40)

    def __init__(self, *args: Any, booking: Booking, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.booking, self.currency = booking, booking.currency
        lines = booking.seats.filter(released_at=None).select_related("seat", "ticket_type").order_by("seat__position")
        field = cast(forms.TypedMultipleChoiceField, self.fields["tickets"])
        field.choices = [(line.pk, self._words(line)) for line in lines]

    def _words(self, line: BookingSeat) -> str:
        paid = money_exact(line.price_minor - line.discount_minor, self.currency)
        return f"{seat_name(line.seat)}, {line.ticket_type}, {paid}"

    def clean_amount(self) -> int | None:
        amount = self.cleaned_data["amount"]
        if amount is None:
            return None
        if amount != round(amount, money.digits(self.currency)):
            raise forms.ValidationError(_("Please give an amount in %(currency)s."), params={"currency": self.currency})
        return money.to_minor(amount, self.currency)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if self.errors or values["amount"] is not None:
            return values
        if not values["tickets"]:
            self.add_error("amount", _("Choose tickets, or an amount to give back."))
            return values
        try:
            values["amount"] = quote_return(self.booking, values["tickets"]).back_minor
        except DomainError:
            self.add_error("amount", _("By the terms of the booking nothing goes back for them. Please type an amount."))
        return values


class PeriodForm(forms.Form):
    """From a day to another, both of them included, in UTC."""

    organizer = forms.ModelChoiceField(Organizer.objects.none(), label=_("For"), empty_label=None)
    since = forms.DateField(label=_("From"), widget=AdminDateWidget)
    until = forms.DateField(label=_("To"), widget=AdminDateWidget)

    def __init__(self, *args: Any, organizers: QuerySet[Organizer], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast("forms.ModelChoiceField[Organizer]", self.fields["organizer"]).queryset = organizers

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if not self.errors and values["until"] < values["since"]:
            self.add_error("until", _("This is before the first day."))
        return values

    def period(self) -> dict[str, Any]:
        first, last = (datetime.combine(self.cleaned_data[name], time(), tzinfo=UTC) for name in ("since", "until"))
        return {"organizer_id": self.cleaned_data["organizer"].pk, "since": first, "until": last + timedelta(days=1)}


class InvoiceForm(forms.Form):
    """Whom an invoice is for."""

    name = forms.CharField(
        label=_("Company or name"),
        max_length=200,
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "organization"}),
    )
    address = forms.CharField(
        label=_("Address"),
        max_length=500,
        help_text=_("Street, postal code, city and country, as they should stand on the invoice."),
        widget=forms.Textarea(attrs={"class": "input", "rows": 4, "autocomplete": "street-address"}),
    )
    vat_id = forms.CharField(
        label=_("VAT id"),
        max_length=30,
        required=False,
        help_text=_("With the letters of its country, like DE123456789."),
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_vat_id(self) -> str:
        vat_id = canonical_vat_id(self.cleaned_data["vat_id"])
        if vat_id and not is_vat_id(vat_id):
            raise forms.ValidationError(_("This is not how a VAT id of that country is written."))
        return vat_id

    def recipient(self) -> Recipient:
        return Recipient(**self.cleaned_data)


class PayoutForm(forms.Form):
    """A transfer that was made or seen. The cleaned amount is in minor units."""

    amount = forms.DecimalField(label=_("Amount"), min_value=0, max_digits=14)
    paid_on = forms.DateField(label=_("On"), widget=AdminDateWidget)
    reference = forms.CharField(label=_("Reference"), max_length=100, help_text=_("As it is on the bank statement."))

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = currency

    def clean_amount(self) -> int:
        amount = self.cleaned_data["amount"]
        if not amount or amount != round(amount, money.digits(self.currency)):
            raise forms.ValidationError(_("Please give an amount in %(currency)s."), params={"currency": self.currency})
        return money.to_minor(amount, self.currency)


class UndoForm(forms.Form):
    """That a transfer was wrong, or came back."""

    paid_on = forms.DateField(label=_("On"), widget=AdminDateWidget)
    reference = forms.CharField(label=_("Reference"), max_length=100, help_text=_("Why, or as it is on the bank statement."))


class SandboxForm(forms.Form):
    """What happens to the test payment."""

    decision = forms.ChoiceField(
        choices=[status for status in SandboxCharge.Status.choices if status[0] != SandboxCharge.Status.OPEN]
    )
