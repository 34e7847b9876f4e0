"""Bookings at the desk: to be found and read. What changes them goes through the services."""

from datetime import datetime, tzinfo
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evently.desk.clock import VenueClockAdmin
from evently.desk.confirm import unless_confirmed
from evently.desk.display import badge
from evently.desk.scope import MANAGERS, MONEY, SALES, ReadOnlyAdmin, ReadOnlyInline, Role, Roles
from evently.errors import DomainError
from evently.templatetags.evently import money_exact
from events.models import Event
from payments.models import Payment
from payments.services import can_be_invoiced, cancel_booking, documents_of

from . import admin_codes  # noqa: F401 -- registers what it has
from .models import Booking, BookingHistory, BookingSeat, BookingService

CANCELLERS: Roles = MANAGERS | {Role.BOX_OFFICE}
NEWEST_EVENTS = 30


class EventFilter(admin.SimpleListFilter):
    """The newest events of the person's teams, and the one that a link has chosen."""

    title = gettext_lazy("event")
    parameter_name = "event"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        events = model_admin.admin_site.get_model_admin(Event).get_queryset(request).order_by("-starts_at")
        return [(str(pk), title) for pk, title in events.values_list("pk", "title")[:NEWEST_EVENTS]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Booking]) -> QuerySet[Booking]:
        if not (value := self.value()):
            return queryset
        try:
            return queryset.filter(event=UUID(value))
        except ValueError:
            return queryset.none()


class SeatInline(ReadOnlyInline):
    model = BookingSeat
    fields = readonly_fields = ("place", "ticket_type", "price", "attendee", "ticket")
    verbose_name_plural = gettext_lazy("Seats and tickets")

    def get_queryset(self, request: HttpRequest) -> QuerySet[BookingSeat]:
        rows: QuerySet[BookingSeat] = super().get_queryset(request)
        return rows.select_related("seat", "ticket_type").prefetch_related("tickets").order_by("seat__position")

    @admin.display(description=gettext_lazy("place"))
    def place(self, line: BookingSeat) -> str:
        return str(line.seat)

    @admin.display(description=gettext_lazy("price"))
    def price(self, line: BookingSeat) -> str:
        price = money_exact(line.price_minor, line.booking.currency)
        if not line.discount_minor:
            return price
        return f"{price} - {money_exact(line.discount_minor, line.booking.currency)}"

    @admin.display(description=gettext_lazy("ticket"))
    def ticket(self, line: BookingSeat) -> SafeString | str:
        tickets = [badge(ticket.get_status_display(), ticket.status) for ticket in line.tickets.all()]
        if line.released_at:
            tickets.append(badge(_("given back"), "released"))
        return format_html("{} " * len(tickets), *tickets) if tickets else "-"


class ServiceInline(ReadOnlyInline):
    model = BookingService
    fields = readonly_fields = ("event_service", "quantity", "price")
    verbose_name_plural = gettext_lazy("Services")

    def get_queryset(self, request: HttpRequest) -> QuerySet[BookingService]:
        rows: QuerySet[BookingService] = super().get_queryset(request)
        return rows.select_related("event_service__service", "booking").order_by("event_service__position")

    @admin.display(description=gettext_lazy("price of one"))
    def price(self, line: BookingService) -> str:
        return money_exact(line.price_minor, line.booking.currency)


class PaymentInline(ReadOnlyInline):
    model = Payment
    fields = readonly_fields = ("created_at", "link", "amount", "state", "outcome")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.owner.allows(request, MONEY, obj)

    @admin.display(description=gettext_lazy("gateway"))
    def link(self, payment: Payment) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("admin:payments_payment_change", args=[payment.pk]), payment.gateway)

    @admin.display(description=gettext_lazy("amount"))
    def amount(self, payment: Payment) -> str:
        return money_exact(payment.amount_minor, payment.currency)

    @admin.display(description=gettext_lazy("status"))
    def state(self, payment: Payment) -> SafeString:
        return badge(payment.get_status_display(), payment.status)


class HistoryInline(ReadOnlyInline):
    model = BookingHistory
    fields = readonly_fields = ("created_at", "action", "actor", "details")
    ordering = ("version",)
    verbose_name_plural = gettext_lazy("What happened")


@admin.register(Booking)
class BookingAdmin(ReadOnlyAdmin, VenueClockAdmin):
    organizer_path = "event__organizer"
    viewers = SALES
    list_display = ("reference", "buyer", "for_event", "quantity", "total", "state", "payment", "created_at")
    list_filter = ("status", "payment_status", EventFilter)
    list_select_related = ("event",)
    search_fields = ("reference", "email", "name")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    inlines = (SeatInline, ServiceInline, PaymentInline, HistoryInline)
    readonly_fields = (
        "reference",
        "state",
        "payment",
        "buyer",
        "account",
        "for_event",
        "quantity",
        "total",
        "until",
        "terms",
        "created_at",
    )
    fieldsets = (
        (None, {"fields": ("reference", ("state", "payment"), ("quantity", "total"), "until", "for_event")}),
        (gettext_lazy("Buyer"), {"fields": ("buyer", "account", "terms", "created_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Booking]:
        rows: Any = super().get_queryset(request)
        with_clock: QuerySet[Booking] = rows.with_clock()
        return with_clock

    @admin.display(description=gettext_lazy("buyer"), ordering="email")
    def buyer(self, booking: Booking) -> str:
        return ", ".join(filter(None, (booking.name, booking.email))) or _("(not yet known)")

    @admin.display(description=gettext_lazy("account"))
    def account(self, booking: Booking) -> str:
        return str(booking.user) if booking.user else _("guest")

    @admin.display(description=gettext_lazy("event"), ordering="event__title")
    def for_event(self, booking: Booking) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("admin:events_event_change", args=[booking.event_id]), booking.event)

    @admin.display(description=gettext_lazy("total"), ordering="total_minor")
    def total(self, booking: Booking) -> str:
        return money_exact(booking.total_minor, booking.currency)

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def state(self, booking: Booking) -> SafeString:
        status = Booking.Status(booking.effective_status)
        return badge(str(status.label), status)

    @admin.display(description=gettext_lazy("payment"), ordering="payment_status")
    def payment(self, booking: Booking) -> SafeString:
        return badge(booking.get_payment_status_display(), booking.payment_status)

    @admin.display(description=gettext_lazy("held until"))
    def until(self, booking: Booking) -> str:
        return self._when(booking, booking.expires_at) if booking.effective_status in Booking.HOLDING else "-"

    @admin.display(description=gettext_lazy("terms accepted"))
    def terms(self, booking: Booking) -> str:
        accepted_at = booking.terms_accepted_at
        return f"{booking.terms_version}, {self._when(booking, accepted_at)}" if accepted_at else "-"

    @staticmethod
    def _when(booking: Booking, moment: datetime) -> str:
        return date_format(moment.astimezone(booking.event.venue.zone), "D j M Y, H:i T")

    def zone(self, request: HttpRequest, object_id: str | None) -> tzinfo | None:
        booking = self.get_object(request, object_id) if object_id else None
        return booking.event.venue.zone if booking else None

    # Cancelling

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.cancel)
        return [path("<uuid:pk>/cancel/", view, name="bookings_booking_cancel"), *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        booking = kwargs.get("obj")
        context |= {"can_cancel": self._may_cancel(request, booking), "give_back_url": self._give_back_url(request, booking)}
        context["can_be_invoiced"] = (
            booking is not None and self.allows(request, MONEY, booking) and (can_be_invoiced(booking) or documents_of(booking))
        )
        return super().render_change_form(request, context, *args, **kwargs)

    def _give_back_url(self, request: HttpRequest, booking: Booking | None) -> str:
        """Where those who look after money give it back; empty when nothing was paid."""
        if booking is None or not self.allows(request, MONEY, booking):
            return ""
        paid = booking.payments.filter(outcome=Payment.Outcome.CONFIRMED).first()
        return reverse("admin:payments_payment_give_back", args=[paid.pk]) if paid else ""

    def _may_cancel(self, request: HttpRequest, booking: Booking | None) -> bool:
        """What is paid goes back with its event, or by the gateway: not from here."""
        return (
            booking is not None
            and booking.effective_status in (Booking.Status.HELD, Booking.Status.CONFIRMED)
            and booking.payment_status == Booking.PaymentStatus.UNPAID
            and self.allows(request, CANCELLERS, booking)
        )

    def cancel(self, request: HttpRequest, pk: Any) -> HttpResponse:
        booking = self.get_object(request, str(pk))
        if not self._may_cancel(request, booking):
            raise PermissionDenied
        title, button = _("Cancel this booking"), _("Cancel the booking")
        facts = [_("Its seats are free again at once and its tickets void.")]
        if page := unless_confirmed(request, admin=self, obj=booking, title=title, button=button, facts=facts):
            return page
        try:
            cancel_booking(booking_id=booking.pk, actor=f"user:{request.user.pk}")
        except DomainError as refusal:
            messages.error(request, str(refusal))
        else:
            self.log_change(request, booking, _("Cancelled."))
            messages.success(request, _("%(booking)s is cancelled.") % {"booking": booking})
        return HttpResponseRedirect(reverse("admin:bookings_booking_change", args=[booking.pk]))
