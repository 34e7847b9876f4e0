"""Money at the desk: to be read, never to be edited."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from bookings.models import Booking
from evently.desk.display import badge
from evently.desk.scope import MONEY, PlatformAdmin, ReadOnlyAdmin, ReadOnlyInline
from evently.templatetags.evently import money_exact

from .models import Payment, Refund, WebhookEvent


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


@admin.register(WebhookEvent)
class WebhookEventAdmin(ReadOnlyAdmin, PlatformAdmin):
    list_display = ("created_at", "gateway", "kind", "gateway_event_id", "processed_at", "error")
    list_filter = ("gateway", ("processed_at", admin.EmptyFieldListFilter), ("error", admin.EmptyFieldListFilter))
    search_fields = ("gateway_event_id", "kind")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    fields = ("gateway", "gateway_event_id", "kind", "body", "created_at", "processed_at", "error")
    readonly_fields = fields
