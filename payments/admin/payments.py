"""Money at the desk: to be read, never to be edited."""

from typing import Any
from uuid import uuid4

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bookings.models import Booking
from evently.desk.confirm import unless_confirmed
from evently.desk.display import badge
from evently.desk.forms import form_page
from evently.desk.scope import MONEY, PlatformAdmin, ReadOnlyAdmin, ReadOnlyInline
from evently.errors import DomainError
from evently.money import to_minor
from evently.templatetags.evently import money_exact
from payments import services
from payments.forms import GiveBackForm, NoteForm
from payments.models import Dispute, Payment, Refund, RefundApproval, WebhookEvent
from payments.quotes import left_of

from .links import booking_link


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

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.give_back)
        return [path("<uuid:pk>/give-back/", view, name="payments_payment_give_back"), *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        payment = kwargs.get("obj")
        can = payment is not None and payment.outcome == Payment.Outcome.CONFIRMED
        return super().render_change_form(request, context | {"can_give_back": can}, *args, **kwargs)

    def give_back(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Give some of the money back, and void tickets. The key travels with the page: a second click is the same refund."""
        payment: Payment = self.get_object(request, str(pk))
        if not self.allows(request, MONEY, payment) or payment.outcome != Payment.Outcome.CONFIRMED:
            raise PermissionDenied
        key = f"staff {uuid4().hex[:24]}"
        booking = Booking.objects.with_clock().select_related("event").get(pk=payment.booking_id)
        form = GiveBackForm(request.POST or None, booking=booking, initial={"key": key})
        if form.is_valid():
            wish = form.cleaned_data
            try:
                given = services.give_back(
                    payment_id=payment.pk,
                    amount_minor=wish["amount"],
                    line_ids=wish["tickets"],
                    key=wish["key"],
                    note=wish["note"],
                    actor=f"user:{request.user.pk}",
                )
            except DomainError as refusal:
                form.add_error("amount", str(refusal))
            else:
                if isinstance(given, RefundApproval):
                    messages.warning(request, gettext("This is above your limit: somebody else of the team has to agree."))
                    return HttpResponseRedirect(reverse("admin:payments_refundapproval_change", args=[given.pk]))
                amount = money_exact(wish["amount"], payment.captured_currency)
                done = gettext("%(amount)s goes back to the buyer.") % {"amount": amount}
                self.log_change(request, payment, done)
                messages.success(request, done)
                return HttpResponseRedirect(reverse("admin:payments_payment_change", args=[payment.pk]))
        left = money_exact(left_of(payment), payment.captured_currency)
        facts = [
            gettext("%(amount)s of %(reference)s can be given back.") % {"amount": left, "reference": booking.reference},
            gettext("Tickets that you tick are void at once and their places free; the others stay valid."),
            gettext("The buyer gets an e-mail."),
        ]
        limit = booking.event.organizer.four_eyes_above
        if limit is not None:
            amount = money_exact(to_minor(limit, payment.captured_currency), payment.captured_currency)
            facts.append(gettext("Above %(amount)s somebody else of the team has to agree.") % {"amount": amount})
        title, button = gettext("Give tickets or money back"), gettext("Give it back")
        return form_page(request, admin=self, obj=payment, title=title, form=form, button=button, facts=facts)

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
    fields = (
        *("for_booking", "for_event", "payment", "amount", "reason", "note", "actor", "state", "error", "attempts"),
        *("gateway_id", "created_at", "updated_at"),
    )
    readonly_fields = fields

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<uuid:pk>/retry/", view(self.retry), name="payments_refund_retry"),
            path("<uuid:pk>/paid/", view(self.paid), name="payments_refund_paid"),
            *super().get_urls(),
        ]

    def retry(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Ask the gateway again."""
        refund = self._own(request, pk)
        title, facts = gettext("Try this refund again"), [refund.error]
        if page := unless_confirmed(request, admin=self, obj=refund, title=title, facts=facts, button=gettext("Try again")):
            return page
        actor = f"user:{request.user.pk}"
        return self._do(
            request, refund, lambda: services.retry_refund(refund_id=refund.pk, actor=actor), gettext("It is tried again.")
        )

    def paid(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Note that the buyer got the money in another way."""
        refund = self._own(request, pk)
        form = NoteForm(request.POST or None)
        if form.is_valid():
            wish = {"refund_id": refund.pk, "actor": f"user:{request.user.pk}", "note": form.cleaned_data["note"]}
            return self._do(request, refund, lambda: services.pay_by_hand(**wish), gettext("It is noted as paid."))
        title, button = gettext("This was paid in another way"), gettext("Note it as paid")
        facts = [money_exact(refund.amount_minor, refund.currency), refund.error]
        return form_page(request, admin=self, obj=refund, title=title, form=form, button=button, facts=facts)

    def _own(self, request: HttpRequest, pk: Any) -> Refund:
        refund: Refund = self.get_object(request, str(pk))
        if not self.allows(request, MONEY, refund):
            raise PermissionDenied
        return refund

    def _do(self, request: HttpRequest, refund: Refund, work: Any, done: str) -> HttpResponse:
        try:
            work()
        except DomainError as refusal:
            messages.error(request, str(refusal))
        else:
            self.log_change(request, refund, done)
            messages.success(request, done)
        return HttpResponseRedirect(reverse("admin:payments_refund_change", args=[refund.pk]))

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


@admin.register(Dispute)
class DisputeAdmin(ReadOnlyAdmin):
    organizer_path = "event__organizer"
    viewers = MONEY
    list_display = ("created_at", "payment", "amount", "state")
    list_filter = ("status",)
    list_select_related = ("payment",)
    search_fields = ("payment__booking__reference", "payment__booking__email", "gateway_id")
    ordering = ("-created_at",)
    fields = ("payment", "amount", "state", "gateway_id", "created_at", "updated_at")
    readonly_fields = fields

    @admin.display(description=_("amount"), ordering="amount_minor")
    def amount(self, dispute: Dispute) -> str:
        return money_exact(dispute.amount_minor, dispute.currency)

    @admin.display(description=_("status"), ordering="status")
    def state(self, dispute: Dispute) -> SafeString:
        return badge(dispute.get_status_display(), dispute.status)


@admin.register(WebhookEvent)
class WebhookEventAdmin(ReadOnlyAdmin, PlatformAdmin):
    list_display = ("created_at", "gateway", "kind", "gateway_event_id", "processed_at", "error")
    list_filter = ("gateway", ("processed_at", admin.EmptyFieldListFilter), ("error", admin.EmptyFieldListFilter))
    search_fields = ("gateway_event_id", "kind")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    fields = ("gateway", "gateway_event_id", "kind", "body", "created_at", "processed_at", "error")
    readonly_fields = fields
