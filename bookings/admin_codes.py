"""Codes at the desk: what they do, how often they were used, many at once, and as a list."""

import csv
from datetime import tzinfo
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from evently import money
from evently.desk.clock import VenueClockAdmin
from evently.desk.forms import form_page
from evently.desk.scope import MANAGERS, SALES
from evently.desk.stock import StockForm
from evently.templatetags.evently import money_exact
from events.admin_forms import AmountField, PriceField
from events.codes import MOST, make_codes, random_code
from events.models import LONGEST_CODE, PromoCode, TicketType, canonical_code

from .models import Booking

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run


class PromoCodeForm(StockForm):
    code = forms.CharField(
        label=_("Code"),
        max_length=LONGEST_CODE,
        required=False,
        help_text=_("Empty: a random one."),
    )
    amount = AmountField(label=_("Discount, amount"), min_value=0, help_text=_("Off the whole booking."))

    class Meta:
        model = PromoCode
        fields = (
            *("organizer", "event", "code", "percent", "currency", "starts_at", "ends_at", "limit", "per_customer"),
            *("is_active", "note", "ticket_types", "unlocks"),
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        code = self.instance
        if code.amount_minor is not None:
            self.initial["amount"] = money.decimal_string(code.amount_minor, code.currency)
        own = TicketType.objects.filter(event=code.event_id).select_related("category") if code.event_id else None
        if own is not None and "ticket_types" in self.fields:
            for name, types in (("ticket_types", own), ("unlocks", own.filter(sold_to=TicketType.SoldTo.CODE))):
                field: Any = self.fields[name]
                field.widget = forms.CheckboxSelectMultiple()
                column: Any = PromoCode._meta.get_field(name)
                field.help_text = column.help_text
                field.queryset = types.order_by("category__position", "position", "name")
                field.label_from_instance = lambda each: f"{each.category.name}, {each.name}"

    def clean(self) -> dict[str, Any] | None:
        values = super().clean() or self.cleaned_data
        code = self.instance
        organizer, event = (
            values.get(name, getattr(code, f"{name}_id") and getattr(code, name)) for name in ("organizer", "event")
        )
        if event and organizer and event.organizer_id != organizer.pk:
            self.add_error("event", _("This is an event of another team."))
        values["code"] = values.get("code") or code.code or random_code()
        code.canonical = canonical_code(values["code"])
        if not code.canonical or len(code.canonical) > 4 * LONGEST_CODE:
            self.add_error("code", _("This cannot be typed."))
        same = PromoCode.objects.filter(organizer=organizer, event=event, canonical=code.canonical).exclude(pk=code.pk)
        if organizer and same.exists():
            self.add_error("code", _("There is this code already, perhaps written in another way."))
        self._clean_discount(values, currency=event.currency if event else values.get("currency", ""))
        starts_at, ends_at = values.get("starts_at"), values.get("ends_at")
        if starts_at and ends_at and ends_at <= starts_at:
            self.add_error("ends_at", _("It ends before it starts."))
        limit = values.get("limit")
        if limit is not None and not code._state.adding and Booking.objects.live().filter(promo_code=code).count() > limit:
            self.add_error("limit", _("It is used more often already. Switch it off instead."))
        return values

    def _clean_discount(self, values: dict[str, Any], *, currency: str) -> None:
        code, amount = self.instance, values.get("amount")
        code.amount_minor, values["currency"] = None, ""
        if values.get("percent") is not None and not values["percent"]:
            self.add_error("percent", _("A discount is more than nothing."))
        if amount is None:
            return
        if values.get("percent") is not None:
            self.add_error("amount", _("Say either per cent or an amount."))
        elif not currency:
            self.add_error("currency", _("In which currency?"))
        elif not amount:
            self.add_error("amount", _("A discount is more than nothing."))
        else:
            try:
                code.amount_minor, values["currency"] = PriceField.minor(amount, currency), currency
            except ValidationError as error:
                self.add_error("amount", error)


class ManyForm(forms.Form):
    """How many codes to make like one that is there."""

    count = forms.IntegerField(label=_("How many"), min_value=1, max_value=MOST, initial=100)
    beginning = forms.CharField(
        label=_("Beginning with"), max_length=20, required=False, help_text=_("Like SUMMER; may stay empty.")
    )


@admin.register(PromoCode)
class PromoCodeAdmin(VenueClockAdmin):
    viewers = SALES
    editors = MANAGERS
    form = PromoCodeForm
    list_display = ("code", "for_event", "discount", "uses", "window", "is_active", "note")
    list_filter = ("is_active", ("organizer", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("event__venue", "organizer")
    search_fields = ("code", "canonical", "note", "event__title")
    ordering = ("-created_at",)
    autocomplete_fields = ("organizer", "event")
    actions = ("download",)
    change_form_template = "admin/events/promocode/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[PromoCode]:
        rows: QuerySet[PromoCode] = super().get_queryset(request)
        return rows.prefetch_related(Prefetch("unlocks", TicketType.objects.only("name")))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        tickets = [(gettext_lazy("Tickets"), {"fields": ("ticket_types", "unlocks")})] if obj and obj.event_id else []
        return [
            (None, {"fields": ("organizer", "event", "code", "is_active", "note")}),
            (gettext_lazy("Discount"), {"fields": ("percent", ("amount", "currency"))}),
            (gettext_lazy("Limits"), {"fields": ("starts_at", "ends_at", "limit", "per_customer")}),
            *tickets,
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("organizer", "event") if obj else ()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return self.only_team(request) | super().get_changeform_initial_data(request)

    def zone(self, request: HttpRequest, object_id: str | None) -> tzinfo | None:
        code: PromoCode | None = self.get_object(request, object_id) if object_id else None
        return code.event.venue.zone if code and code.event else None

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Uses of the page's codes are counted at once."""
        found = super().get_changelist_instance(request)
        self._count_uses(found.result_list)
        return found

    @staticmethod
    def _count_uses(codes: Any) -> None:
        live = Booking.objects.live().filter(promo_code__in=[code.pk for code in codes])
        uses = dict(live.order_by().values_list("promo_code").annotate(uses=Count("pk")))
        for code in codes:
            code.live_uses = uses.get(code.pk, 0)

    @admin.display(description=gettext_lazy("event"), ordering="event__title")
    def for_event(self, code: PromoCode) -> str:
        return str(code.event) if code.event else _("all of %(organizer)s") % {"organizer": code.organizer}

    @admin.display(description=gettext_lazy("discount"))
    def discount(self, code: PromoCode) -> str:
        opens = [_("opens %(tickets)s") % {"tickets": ", ".join(each.name for each in code.unlocks.all())}]
        told = opens if code.unlocks.all() else []
        if code.percent is not None:
            told.insert(0, f"{code.percent.normalize():f} %")
        if code.amount_minor is not None:
            told.insert(0, money_exact(code.amount_minor, code.currency))
        return ", ".join(told) or "-"

    @admin.display(description=gettext_lazy("used"))
    def uses(self, code: Any) -> str:
        return f"{code.live_uses} / {code.limit}" if code.limit is not None else str(code.live_uses)

    @admin.display(description=gettext_lazy("valid"))
    def window(self, code: PromoCode) -> str:
        days = [day.date().isoformat() if day else "…" for day in (code.starts_at, code.ends_at)]
        return " - ".join(days) if code.starts_at or code.ends_at else _("always")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A code that somebody has used is switched off instead."""
        return super().has_delete_permission(request, obj) and (obj is None or not obj.bookings.exists())

    @admin.action(description=gettext_lazy("Download as a list (CSV)"), permissions=["view"])
    def download(self, request: HttpRequest, queryset: QuerySet[PromoCode]) -> HttpResponse:
        codes: list[Any] = list(queryset.select_related("event", "organizer"))
        self._count_uses(codes)
        response = HttpResponse(
            content_type="text/csv; charset=utf-8", headers={"Content-Disposition": 'attachment; filename="codes.csv"'}
        )
        writer = csv.writer(response)
        writer.writerow(
            ["code", "event", "discount", "used", "limit", "per customer", "valid from", "valid until", "active", "note"]
        )
        for code in codes:
            event = self.for_event(code)
            times = [time.isoformat() if time else "" for time in (code.starts_at, code.ends_at)]
            limits = [code.live_uses, code.limit or "", code.per_customer or ""]
            row = [code.code, event, self.discount(code), *limits, *times, code.is_active, code.note]
            writer.writerow([_harmless(cell) for cell in row])
        return response

    # Many at once

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.make_many)
        return [path("<uuid:pk>/many/", view, name="events_promocode_many"), *super().get_urls()]

    def make_many(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Ask how many codes to make that do the same as this one, and make them."""
        code = self.get_object(request, str(pk))
        if not self.has_change_permission(request, code):
            raise PermissionDenied
        form = ManyForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            made = make_codes(like=code, count=form.cleaned_data["count"], prefix=form.cleaned_data["beginning"])
            done = ngettext("%(count)d code was made.", "%(count)d codes were made.", len(made)) % {"count": len(made)}
            self.log_change(request, code, done)
            messages.success(request, done)
            return HttpResponseRedirect(reverse("admin:events_promocode_changelist"))
        title, button = _("Make many codes like this one"), _("Make them")
        facts = [_("They do the same as this one, each with its own limits, in letters that nobody mixes up.")]
        return form_page(request, admin=self, obj=code, title=title, form=form, button=button, facts=facts)


def _harmless(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
