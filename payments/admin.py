"""Money at the desk: to be read, never to be edited; what came or went without a gateway is written down by people."""

import re
from contextvars import ContextVar
from typing import Any, ClassVar
from urllib.parse import urljoin
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.module_loading import import_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bookings.models import Booking
from evently.desk.display import badge
from evently.desk.scope import MONEY, SALES, PlatformAdmin, ReadOnlyAdmin, ReadOnlyInline, Role, ScopedAdmin
from evently.desk.stock import StockForm
from evently.errors import DomainError
from evently.money import decimal_string, to_minor
from evently.templatetags.evently import money_exact

from .accounts import is_iban, seal, unseal
from .models import GatewayAccount, OfflineCharge, OfflineRefund, Payment, Refund, WebhookEvent
from .offline import record_received, record_sent_back


def booking_link(booking: Booking) -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse("admin:bookings_booking_change", args=[booking.pk]), booking)


class RefundInline(ReadOnlyInline):
    model = Refund
    fields = readonly_fields = ("created_at", "amount", "reason", "state")

    @admin.display(description=_("amount"))
    def amount(self, refund: Refund) -> str:
        return money_exact(refund.amount_minor, refund.currency)

    @admin.display(description=_("status"))
    def state(self, refund: Refund) -> SafeString:
        return badge(refund.get_status_display(), refund.status)


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    organizer_path = "event__organizer"
    viewers = MONEY
    list_display = ("created_at", "for_booking", "for_event", "amount", "state", "outcome", "gateway")
    list_filter = ("status", "outcome", "gateway")
    list_select_related = ("booking", "event")
    list_display_links = ("created_at",)
    search_fields = ("booking__reference", "booking__email", "gateway_id")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    fields = (
        "for_booking",
        "for_event",
        "amount",
        "captured",
        "state",
        "outcome",
        "gateway",
        "gateway_id",
        "created_at",
        "updated_at",
    )
    readonly_fields = fields
    inlines = (RefundInline,)

    @admin.display(description=_("booking"), ordering="booking__reference")
    def for_booking(self, payment: Payment) -> SafeString:
        return booking_link(payment.booking)

    @admin.display(description=_("event"), ordering="event__title")
    def for_event(self, payment: Payment) -> str:
        return payment.event.title

    @admin.display(description=_("amount"), ordering="amount_minor")
    def amount(self, payment: Payment) -> str:
        return money_exact(payment.amount_minor, payment.currency)

    @admin.display(description=_("captured"))
    def captured(self, payment: Payment) -> str:
        return "-" if payment.captured_minor is None else money_exact(payment.captured_minor, payment.captured_currency)

    @admin.display(description=_("status"), ordering="status")
    def state(self, payment: Payment) -> SafeString:
        return badge(payment.get_status_display(), payment.status)


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    organizer_path = "event__organizer"
    viewers = MONEY
    list_display = ("created_at", "for_booking", "for_event", "amount", "reason", "state")
    list_filter = ("status", "reason")
    list_select_related = ("payment__booking", "event")
    list_display_links = ("created_at",)
    search_fields = ("payment__booking__reference", "payment__booking__email", "payment__gateway_id")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    fields = ("for_booking", "for_event", "payment", "amount", "reason", "state", "created_at", "updated_at")
    readonly_fields = fields

    @admin.display(description=_("booking"), ordering="payment__booking__reference")
    def for_booking(self, refund: Refund) -> SafeString:
        return booking_link(refund.payment.booking)

    @admin.display(description=_("event"), ordering="event__title")
    def for_event(self, refund: Refund) -> str:
        return refund.event.title

    @admin.display(description=_("amount"), ordering="amount_minor")
    def amount(self, refund: Refund) -> str:
        return money_exact(refund.amount_minor, refund.currency)

    @admin.display(description=_("status"), ordering="status")
    def state(self, refund: Refund) -> SafeString:
        return badge(refund.get_status_display(), refund.status)


class GatewayAccountForm(StockForm):
    """Keys are typed in and never shown again."""

    key = forms.CharField(label=_("Stripe secret key"), required=False, strip=True, widget=forms.PasswordInput)
    webhook_secrets = forms.CharField(
        label=_("Signing secrets of the webhook"),
        required=False,
        widget=forms.PasswordInput,
        help_text=_("As Stripe shows them for the endpoint below; two, with a space, while one replaces the other."),
    )

    def clean(self) -> dict[str, Any]:
        facts: dict[str, Any] = super().clean() or self.cleaned_data
        gateway = facts.get("gateway") or self.instance.gateway
        if gateway == GatewayAccount.Gateway.STRIPE:
            self._clean_stripe(facts)
        elif gateway == GatewayAccount.Gateway.BANK_TRANSFER:
            self._clean_bank(facts)
        return facts

    def _clean_stripe(self, facts: dict[str, Any]) -> None:
        known = unseal(self.instance.secrets)
        secrets = {name: facts.get(name) or known.get(name, "") for name in ("key", "webhook_secrets")}
        for name, value in secrets.items():
            if not value:
                self.add_error(name, _("Stripe cannot be used without it."))
        if isinstance(found := self.found, DomainError):
            self.add_error("key", str(found))
        elif found and self.instance.payee not in ("", found):
            self.add_error("key", _("This key belongs to another account at Stripe. Add that one as a new way to get paid."))
        elif found:
            facts["payee"] = found
        else:
            facts["payee"] = self.instance.payee
        self.instance.secrets = seal(secrets)

    def _clean_bank(self, facts: dict[str, Any]) -> None:
        facts["payee"] = re.sub(r"\s", "", facts.get("payee", "")).upper()
        if not is_iban(facts["payee"]):
            self.add_error("payee", _("This is not an IBAN."))
        if not facts.get("holder"):
            self.add_error("holder", _("Buyers have to know whose account it is."))

    found: str | DomainError = ""  # whose key was typed in, as Stripe says

    class Meta:
        model = GatewayAccount
        fields = ("organizer", "gateway", "is_active", "key", "webhook_secrets", "payee", "holder", "bic", "days")


@admin.register(GatewayAccount)
class GatewayAccountAdmin(ScopedAdmin):
    """How a team gets its money. Accounts stay, switched off, for as long as money may have to go back from them."""

    viewers = MONEY
    editors = frozenset({Role.OWNER})
    form = GatewayAccountForm
    list_display = ("gateway", "organizer", "payee", "holder", "is_active")
    list_filter = ("gateway", "is_active")
    list_select_related = ("organizer",)
    ordering = ("organizer", "gateway", "-created_at")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return super().get_changeform_initial_data(request) | self.only_team(request)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("organizer", "gateway", "webhook_address") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        # Here, since the page itself is one transaction, in which no other company is asked anything.
        key = request.POST.get("key", "").strip() if request.method == "POST" else ""
        self._found.set(_owner_of(key) if key and "stripe" in settings.EVENTLY_GATEWAYS else "")
        return super().changeform_view(request, *args, **kwargs)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"found": self._found.get("")})

    _found: ContextVar[str | DomainError] = ContextVar("found")

    @admin.display(description=_("webhook address"))
    def webhook_address(self, account: GatewayAccount) -> str:
        if account.gateway != GatewayAccount.Gateway.STRIPE:
            return "-"
        path = reverse("api:account-webhook", kwargs={"gateway": account.gateway, "account": account.pk})
        return urljoin(settings.EVENTLY_SITE_URL, path)


def _owner_of(key: str) -> str | DomainError:
    try:
        owner: str = import_string("payments.gateways.stripe.identify")(key)
    except DomainError as refusal:
        return refusal
    return owner


class ReceivedForm(forms.Form):
    amount = forms.DecimalField(label=_("Amount received"), min_value=0, max_digits=14)
    note = forms.CharField(label=_("Reason"), max_length=200, help_text=_("Where the money was seen: the statement, the till."))


class SentBackForm(forms.Form):
    note = forms.CharField(label=_("Reason"), max_length=200, help_text=_("How the money went back."))


class ByHandAdmin(ReadOnlyAdmin):
    """What people write down about money, each once, with a reason."""

    viewers = SALES

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.record)
        return [path("<uuid:pk>/record/", view, name=f"payments_{self.opts.model_name}_record"), *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        obj: Any = kwargs.get("obj")
        link = reverse(f"admin:payments_{self.opts.model_name}_record", args=[obj.pk]) if self.may_record(request, obj) else ""
        return super().render_change_form(request, context | {"record_url": link, "record_text": self.button}, *args, **kwargs)

    def record(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        obj = self.get_object(request, str(pk))
        if not self.may_record(request, obj):
            raise PermissionDenied
        form = self.form_for(request, obj)
        if form.is_valid():
            try:
                told = self.write(request, obj, form)
            except DomainError as refusal:
                messages.error(request, str(refusal))
            else:
                self.log_change(request, obj, form.cleaned_data["note"])
                messages.success(request, told)
            return HttpResponseRedirect(reverse(f"admin:payments_{self.opts.model_name}_change", args=[pk]))
        context = self.admin_site.each_context(request) | {
            "opts": self.opts,
            "original": obj,
            "title": self.button,
            "button": self.button,
            "form": form,
        }
        return TemplateResponse(request, "admin/payments/record.html", context, status=422 if form.is_bound else 200)

    button: ClassVar[str | Promise]
    change_form_template = "admin/payments/by_hand.html"

    def may_record(self, request: HttpRequest, obj: Any) -> bool:
        raise NotImplementedError

    def form_for(self, request: HttpRequest, obj: Any) -> forms.Form:
        raise NotImplementedError

    def write(self, request: HttpRequest, obj: Any, form: forms.Form) -> str:
        raise NotImplementedError


@admin.register(OfflineCharge)
class OfflineChargeAdmin(ByHandAdmin):
    organizer_path = "payment__event__organizer"
    button = _("Mark as received")
    list_display = ("purpose", "for_event", "amount", "gateway_name", "due_at", "state")
    list_filter = ("status", "gateway")
    list_select_related = ("payment__booking", "payment__event")
    search_fields = ("purpose", "payment__booking__email", "payment__booking__name")
    date_hierarchy = "due_at"
    ordering = ("-created_at",)
    fields = ("for_booking", "for_event", "amount", "gateway_name", "due_at", "state", "received", "received_at", "note")
    readonly_fields = fields

    def may_record(self, request: HttpRequest, obj: OfflineCharge | None) -> bool:
        is_open = obj is not None and obj.status != OfflineCharge.Status.RECEIVED
        return is_open and self.allows(request, SALES if obj and obj.gateway == "at_door" else MONEY, obj)

    def form_for(self, request: HttpRequest, obj: OfflineCharge) -> forms.Form:
        due = decimal_string(obj.amount_minor, obj.currency)
        return ReceivedForm(request.POST or None, initial={"amount": due})

    def write(self, request: HttpRequest, obj: OfflineCharge, form: forms.Form) -> str:
        amount = to_minor(form.cleaned_data["amount"], obj.currency)
        payment = record_received(
            charge_id=obj.pk, amount_minor=amount, note=form.cleaned_data["note"], actor=f"user:{request.user.pk}"
        )
        if payment.outcome == Payment.Outcome.CONFIRMED:
            return gettext("%(booking)s is paid and confirmed.") % {"booking": obj.purpose}
        return gettext("The money for %(booking)s goes back.") % {"booking": obj.purpose}

    @admin.display(description=_("booking"))
    def for_booking(self, charge: OfflineCharge) -> SafeString:
        return booking_link(charge.payment.booking)

    @admin.display(description=_("event"), ordering="payment__event__title")
    def for_event(self, charge: OfflineCharge) -> str:
        return charge.payment.event.title

    @admin.display(description=_("amount"), ordering="amount_minor")
    def amount(self, charge: OfflineCharge) -> str:
        return money_exact(charge.amount_minor, charge.currency)

    @admin.display(description=_("received"))
    def received(self, charge: OfflineCharge) -> str:
        return "-" if charge.received_minor is None else money_exact(charge.received_minor, charge.currency)

    @admin.display(description=_("way to pay"), ordering="gateway")
    def gateway_name(self, charge: OfflineCharge) -> str:
        return str(GatewayAccount.Gateway(charge.gateway).label)

    @admin.display(description=_("status"), ordering="status")
    def state(self, charge: OfflineCharge) -> SafeString:
        return badge(charge.get_status_display(), charge.status)


@admin.register(OfflineRefund)
class OfflineRefundAdmin(ByHandAdmin):
    organizer_path = "charge__payment__event__organizer"
    viewers = MONEY
    button = _("Mark as sent back")
    list_display = ("created_at", "for_booking", "amount", "done_at")
    list_filter = (("done_at", admin.EmptyFieldListFilter),)
    list_select_related = ("charge__payment__booking", "charge__payment__event")
    list_display_links = ("created_at",)
    search_fields = ("charge__purpose", "charge__payment__booking__email")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    fields = ("for_booking", "amount", "created_at", "done_at", "note")
    readonly_fields = fields

    def may_record(self, request: HttpRequest, obj: OfflineRefund | None) -> bool:
        return obj is not None and obj.done_at is None and self.allows(request, MONEY, obj)

    def form_for(self, request: HttpRequest, obj: OfflineRefund) -> forms.Form:
        return SentBackForm(request.POST or None)

    def write(self, request: HttpRequest, obj: OfflineRefund, form: forms.Form) -> str:
        record_sent_back(refund_id=obj.pk, note=form.cleaned_data["note"], actor=f"user:{request.user.pk}")
        return gettext("Recorded as sent back.")

    @admin.display(description=_("booking"))
    def for_booking(self, refund: OfflineRefund) -> SafeString:
        return booking_link(refund.charge.payment.booking)

    @admin.display(description=_("amount"), ordering="amount_minor")
    def amount(self, refund: OfflineRefund) -> str:
        return money_exact(refund.amount_minor, refund.charge.currency)


@admin.register(WebhookEvent)
class WebhookEventAdmin(ReadOnlyAdmin, PlatformAdmin):
    list_display = ("created_at", "gateway", "kind", "gateway_event_id", "processed_at", "error")
    list_filter = ("gateway", ("processed_at", admin.EmptyFieldListFilter), ("error", admin.EmptyFieldListFilter))
    search_fields = ("gateway_event_id", "kind")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    fields = ("gateway", "gateway_event_id", "kind", "body", "created_at", "processed_at", "error")
    readonly_fields = fields
