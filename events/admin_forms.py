"""The forms of the event page at the desk: categories with their price, further ticket types, times by the venue's clock."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.text import format_lazy, slugify
from django.utils.translation import gettext_lazy as _

from evently import money
from evently.desk.stock import StockForm, StockFormSet
from evently.desk.versions import VersionedForm

from .models import POSTERS, Category, Event, EventService, PricingRule, RefundTerm, Service, TicketType
from .services import VenueTaken, check_venue

TIMES = {"starts_at", "ends_at", "doors_at", "sale_starts_at", "sale_ends_at"}
LARGEST_PRICE = 10_000_000  # major units; the column holds far more, a mistyped price does not come near


class EventForm(VersionedForm):
    slug = forms.SlugField(
        label=_("Address"),
        max_length=120,
        required=False,
        help_text=_("The end of the page's address. Empty: made of the title."),
    )
    poster = forms.ChoiceField(
        label=_("Poster"),
        choices=[("", _("by itself")), *((name, name) for name in POSTERS)],
        required=False,
        help_text=_("Built-in picture, used while there is no image."),
    )
    sale_starts_at = forms.SplitDateTimeField(
        label=_("Sale starts"), widget=AdminSplitDateTime, required=False, help_text=_("Empty: at once.")
    )
    sale_ends_at = forms.SplitDateTimeField(
        label=_("Sale ends"), widget=AdminSplitDateTime, required=False, help_text=_("Empty: when the event starts.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = timezone.get_current_timezone() is not timezone.get_default_timezone()
        clock = _("By the venue's clock, %(zone)s.") % {"zone": timezone.get_current_timezone_name()}
        for name in TIMES & self.fields.keys():
            note = clock if known else _("By the venue's clock.")
            self.fields[name].help_text = format_lazy("{} {}", self.fields[name].help_text, note)

    def clean_slug(self) -> str:
        slug = self.cleaned_data["slug"] or slugify(self.cleaned_data.get("title", ""))[:120]
        if not slug:
            raise ValidationError(_("Please give the page an address."))
        return str(slug)

    def clean(self) -> dict[str, Any] | None:
        values = super().clean() or self.cleaned_data
        starts_at, ends_at, doors_at = (values.get(name) for name in ("starts_at", "ends_at", "doors_at"))
        if "sale_starts_at" not in self.errors:
            values["sale_starts_at"] = values.get("sale_starts_at") or timezone.now()
        if "sale_ends_at" not in self.errors and starts_at:
            values["sale_ends_at"] = values.get("sale_ends_at") or starts_at
        if starts_at and ends_at and ends_at <= starts_at:
            self.add_error("ends_at", _("It ends before it starts."))
        if starts_at and doors_at and doors_at > starts_at:
            self.add_error("doors_at", _("The doors open after it starts."))
        sale = [values.get(name) for name in ("sale_starts_at", "sale_ends_at")]
        if sale[0] and sale[1] and sale[1] <= sale[0]:
            self.add_error("sale_ends_at", _("The sale ends before it starts."))
        plan = values.get("seating_plan")
        if plan and "venue" in values and plan.venue_id != values["venue"].pk:
            self.add_error("seating_plan", _("This is a plan of another venue."))
        if self.instance.status == Event.Status.PUBLISHED and "shares_venue" in values:
            event = self.instance
            when = {"starts_at": event.starts_at, "ends_at": event.ends_at, "shares_venue": bool(values["shares_venue"])}
            try:
                check_venue(Event(pk=event.pk, venue_id=event.venue_id, **when))
            except VenueTaken as refusal:
                self.add_error("shares_venue", str(refusal))
        return values


class PriceField(forms.DecimalField):
    """A price as people write it; `minor()` turns it into minor units of the event's currency."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            label=_("Price"),
            min_value=0,
            max_value=LARGEST_PRICE,
            widget=forms.NumberInput(attrs={"step": "any", "min": 0, "inputmode": "decimal", "class": "price"}),
            **options,
        )

    @staticmethod
    def minor(price: Decimal, currency: str) -> int:
        if price != round(price, money.digits(currency)):
            raise ValidationError(
                _("%(currency)s has %(digits)d decimal places."), params={"currency": currency, "digits": money.digits(currency)}
            )
        return money.to_minor(price, currency)


class PricedForm(StockForm):
    """A row with a price, in the currency that the event has on this page."""

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        self.currency = currency
        super().__init__(*args, **kwargs)

    def show_price(self, minor: int) -> None:
        self.initial["price"] = money.decimal_string(minor, self.currency)

    def clean_price(self) -> int | None:
        price = self.cleaned_data["price"]
        return None if price is None else PriceField.minor(price, self.currency)


class CategoryForm(PricedForm):
    """A category and, in the same row, its standard ticket: the type that is chosen unless the buyer says otherwise."""

    ticket = forms.CharField(label=_("Standard ticket"), max_length=100, initial=_("Standard"))
    price = PriceField(required=False)
    tax_rate = forms.DecimalField(
        label=_("VAT, %"),
        required=False,
        min_value=0,
        max_value=100,
        decimal_places=2,
        widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal", "class": "price"}),
        help_text=_("Empty: the rate of the event."),
    )

    class Meta:
        model = Category
        fields = ("name", "plan_category", "numbered", "capacity", "position")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.standard: TicketType | None = next(iter(getattr(self.instance, "standard_types", ())), None)
        if self.standard:
            self.initial["ticket"] = self.standard.name
            self.show_price(self.standard.base_minor)
            self.initial["tax_rate"] = self.standard.tax_rate
            self.fields["price"].required = True

    def clean(self) -> dict[str, Any] | None:
        values = super().clean()
        if "ticket" in self.changed_data and not self.instance._state.adding:
            others = TicketType.objects.filter(category=self.instance, is_default=False)
            if others.filter(name=self.cleaned_data.get("ticket", "")).exists():
                self.add_error("ticket", _("This category has another ticket type of that name."))
        return values

    def save(self, commit: bool = True) -> Any:
        category = super().save(commit)
        price = self.cleaned_data.get("price")
        if price is not None and {"ticket", "price", "tax_rate"} & {*self.changed_data}:
            facts = {"event": category.event, "name": self.cleaned_data["ticket"], "tax_rate": self.cleaned_data["tax_rate"]}
            if self.standard is None or {"ticket", "price"} & {*self.changed_data}:
                facts |= {"price_minor": price, "base_price_minor": None}
            TicketType.objects.update_or_create(category=category, is_default=True, defaults=facts)
        return category


class CategoryFormSet(StockFormSet):
    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        return {**super().get_form_kwargs(index), "currency": self.instance.currency}


class TicketTypeForm(PricedForm):
    price = PriceField()

    class Meta:
        model = TicketType
        fields = (
            *("category", "name", "min_per_booking", "max_per_booking", "limit", "sale_starts_at", "sale_ends_at", "sold_to"),
            "tax_rate",
        )
        labels = {"tax_rate": _("VAT, %")}

    def __init__(self, *args: Any, categories: dict[Any, Category], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)

        def own(pk: str) -> Category:
            try:
                return categories[pk]
            except KeyError:
                raise ValueError(pk) from None

        # Only the event's own, and asked for once instead of in every row.
        self.fields["category"] = forms.TypedChoiceField(
            label=_("Category"), choices=[("", "—"), *((pk, category.name) for pk, category in categories.items())], coerce=own
        )
        if not self.instance._state.adding:
            self.initial["category"] = str(self.instance.category_id)
            self.show_price(self.instance.base_minor)

    def clean(self) -> dict[str, Any] | None:
        values = super().clean()
        if self.cleaned_data.get("sold_to") == TicketType.SoldTo.STAFF and self.cleaned_data.get("price"):
            self.add_error("price", _("What the team gives costs nothing."))
        return values

    def save(self, commit: bool = True) -> Any:
        self.instance.price_minor, self.instance.base_price_minor = self.cleaned_data["price"], None
        return super().save(commit)


class TicketTypeFormSet(StockFormSet):
    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        if not hasattr(self, "categories"):
            own = Category.objects.filter(event=self.instance).order_by("position", "name")
            self.categories = {str(category.pk): category for category in own}
        return {**super().get_form_kwargs(index), "currency": self.instance.currency, "categories": self.categories}


class AmountField(forms.DecimalField):
    """An amount in major units of the event's currency; empty is allowed."""

    def __init__(self, **options: Any) -> None:
        widget = forms.NumberInput(attrs={"step": "any", "inputmode": "decimal", "class": "price"})
        super().__init__(required=False, max_value=LARGEST_PRICE, widget=widget, **options)


class PricingRuleForm(StockForm):
    """A rule: for what, when, by how much, within which bounds. Amounts are typed like prices."""

    AMOUNTS = ("change", "floor", "ceiling", "round_to")

    concerns = forms.ChoiceField(label=_("For"), required=False)
    change = AmountField(label=_("Change, amount"), min_value=-LARGEST_PRICE)
    floor = AmountField(label=_("Never below"), min_value=0)
    ceiling = AmountField(label=_("Never above"), min_value=0)
    round_to = AmountField(label=_("Rounded to"), min_value=0)

    class Meta:
        model = PricingRule
        fields = ("sold_percent", "hours_before", "change_percent", "slack_percent", "is_active")

    def __init__(self, *args: Any, currency: str, targets: dict[str, str], **kwargs: Any) -> None:
        self.currency = currency
        super().__init__(*args, **kwargs)
        self.fields["concerns"] = forms.ChoiceField(
            label=_("For"), required=False, choices=[("", _("the whole event")), *targets.items()]
        )
        self.initial["concerns"] = str(self.instance.ticket_type_id or self.instance.category_id or "")
        for name in self.AMOUNTS:
            minor = getattr(self.instance, f"{name}_minor")
            if minor is not None and not self.instance._state.adding:
                self.initial[name] = money.decimal_string(minor, currency)

    def clean(self) -> dict[str, Any] | None:
        values = super().clean() or self.cleaned_data
        for name in self.AMOUNTS:
            try:
                amount = values.get(name)
                minor = None if amount is None else PriceField.minor(amount, self.currency)
            except ValidationError as error:
                self.add_error(name, error)
            else:
                setattr(self.instance, f"{name}_minor", minor)
        self.instance.round_to_minor = self.instance.round_to_minor or 1
        if values.get("sold_percent") is None and values.get("hours_before") is None:
            self.add_error("sold_percent", _("Say from how much sold, or from how many hours before the start."))
        if (values.get("change_percent") is None) == (values.get("change") is None):
            self.add_error("change_percent", _("Say by how much: either per cent or an amount."))
        if values.get("sold_percent") is not None and (values.get("slack_percent") or 0) >= values["sold_percent"]:
            self.add_error("slack_percent", _("With that much slack the rule would never end."))
        floor, ceiling = self.instance.floor_minor, self.instance.ceiling_minor
        if floor is not None and ceiling is not None and floor > ceiling:
            self.add_error("ceiling", _("This is below the lowest price."))
        return values

    def save(self, commit: bool = True) -> Any:
        chosen = self.cleaned_data["concerns"]
        category = Category.objects.filter(event=self.instance.event, pk=chosen).first() if chosen else None
        self.instance.category = category
        self.instance.ticket_type_id = None if category or not chosen else chosen
        return super().save(commit)


class EventServiceForm(PricedForm):
    """A service at this event; only the team's own are offered."""

    price = PriceField()

    class Meta:
        model = EventService
        fields = ("service", "stock", "max_per_booking", "position", "is_active", "tax_rate")
        labels = {"tax_rate": _("VAT, %")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.show_price(self.instance.price_minor)

    def save(self, commit: bool = True) -> Any:
        self.instance.price_minor = self.cleaned_data["price"]
        return super().save(commit)


class EventServiceFormSet(StockFormSet):
    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        return {**super().get_form_kwargs(index), "currency": self.instance.currency}

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        form.fields["service"].queryset = Service.objects.filter(organizer=self.instance.organizer_id).order_by("name")


class RefundTermForm(StockForm):
    """Until when a ticket may be given back, and for how much."""

    fee = AmountField(label=_("Fee per ticket"), min_value=0)

    class Meta:
        model = RefundTerm
        fields = ("days_before", "percent")

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        self.currency = currency
        super().__init__(*args, **kwargs)
        if self.instance.fee_minor:
            self.initial["fee"] = money.decimal_string(self.instance.fee_minor, currency)

    def clean_fee(self) -> int:
        return PriceField.minor(self.cleaned_data["fee"] or Decimal(0), self.currency)

    def save(self, commit: bool = True) -> Any:
        self.instance.fee_minor = self.cleaned_data["fee"]
        return super().save(commit)


class RefundTermFormSet(StockFormSet):
    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        return {**super().get_form_kwargs(index), "currency": self.instance.currency}

    def clean(self) -> None:
        """The nearer the start, the less goes back: otherwise waiting would be rewarded."""
        super().clean()
        kept = [form for form in self.forms if form.cleaned_data and not form.cleaned_data.get("DELETE") and not form.errors]
        kept.sort(key=lambda form: -form.cleaned_data["days_before"])
        for earlier, later in pairwise(kept):
            told = [(form.cleaned_data["percent"], -form.cleaned_data["fee"]) for form in (earlier, later)]
            if told[1][0] > told[0][0] or told[1][1] > told[0][1]:
                later.add_error("percent", _("Nearer to the start not more may go back than before."))


class GiveForm(forms.Form):
    """Who gets tickets that cost nothing."""

    ticket_type = forms.ModelChoiceField(
        TicketType.objects.none(), label=_("Ticket"), empty_label=None, help_text=_("A ticket type that is “given by the team”.")
    )
    quantity = forms.IntegerField(label=_("How many"), min_value=1, max_value=100, initial=2)
    name = forms.CharField(label=_("Name"), max_length=200)
    email = forms.EmailField(label=_("E-mail"), max_length=254)

    def __init__(self, *args: Any, event: Event, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["ticket_type"]
        field.queryset = TicketType.objects.filter(event=event, sold_to=TicketType.SoldTo.STAFF).select_related("category")
        field.label_from_instance = lambda each: f"{each.category.name}, {each.name}"


class PricingRuleFormSet(StockFormSet):
    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        if not hasattr(self, "targets"):
            own = TicketType.objects.filter(event=self.instance).select_related("category")
            types = list(own.order_by("category__position", "position", "name"))
            categories = {str(each.category_id): each.category.name for each in types}
            self.targets = categories | {str(each.pk): f"{each.category.name}, {each.name}" for each in types}
        return {**super().get_form_kwargs(index), "currency": self.instance.currency, "targets": self.targets}
