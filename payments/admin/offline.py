"""What came or went without a gateway is written down by people."""

from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from evently.desk.display import badge
from evently.desk.scope import MONEY, SALES, ReadOnlyAdmin
from evently.errors import DomainError
from evently.money import decimal_string, to_minor
from evently.templatetags.evently import money_exact
from payments.models import GatewayAccount, OfflineCharge, OfflineRefund, Payment
from payments.offline import record_received, record_sent_back

from .links import booking_link


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
