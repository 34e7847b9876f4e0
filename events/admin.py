"""Events at the desk: one page from the first word to the sale."""

from contextlib import suppress
from datetime import tzinfo
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from bookings.services import Contact, give_tickets
from evently.accounts.models import Organizer, User
from evently.desk.clock import VenueClockAdmin
from evently.desk.confirm import unless_confirmed
from evently.desk.display import badge, fill_bar
from evently.desk.forms import form_page
from evently.desk.lists import ListImportAdmin
from evently.desk.scope import EVERYBODY, MANAGERS, MONEY, ScopedInline
from evently.desk.versions import VersionedAdmin
from evently.errors import DomainError
from evently.lists import ListReport
from evently.templatetags.evently import money_exact
from payments.models import RefundRun
from payments.runs import ongoing, plan_cancelling
from payments.services import cancel_event
from payments.tasks import cancel_event as cancel_in_background
from venues.models import Venue

from .admin_cancelling import cancelling_facts
from .admin_checklist import checklist, seats_by_status
from .admin_dates import EventDatesAdmin
from .admin_forms import (
    CategoryForm,
    CategoryFormSet,
    EventForm,
    EventServiceForm,
    EventServiceFormSet,
    GiveForm,
    PricingRuleForm,
    PricingRuleFormSet,
    RefundTermForm,
    RefundTermFormSet,
    TicketTypeForm,
    TicketTypeFormSet,
)
from .admin_pricing import pricing_facts
from .importing import import_events
from .models import Category, Event, EventService, PricingRule, RefundTerm, Service, TicketType
from .publishing import QUICK, is_large, progress_of
from .repricing import prices_of, reprice
from .services import SeveralReasons, VenueTaken, make_categories_from_plan, publish_event, taking_the_venue
from .tasks import publish_later

STRUCTURE = ("organizer", "venue", "seating_plan", "currency")
DATE = ("starts_at", "ends_at", "doors_at")


def is_draft(event: Event | None) -> bool:
    return event is None or event.status == Event.Status.DRAFT


class CategoryInline(ScopedInline):
    """Categories, each with its standard ticket. Once published their seats exist: only names, order and prices change."""

    model = Category
    form = CategoryForm
    formset = CategoryFormSet
    fields = ("name", "plan_category", "numbered", "capacity", "ticket", "price", "tax_rate", "position")
    verbose_name_plural = gettext_lazy("Categories and prices")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Category]:
        standard = TicketType.objects.filter(is_default=True)
        rows: QuerySet[Category] = super().get_queryset(request)
        return rows.prefetch_related(Prefetch("ticket_types", standard, to_attr="standard_types")).order_by("position", "name")

    def get_extra(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        return 0 if obj else 1

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if is_draft(obj) else ("plan_category", "numbered", "capacity")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_draft(obj) and super().has_add_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_draft(obj) and super().has_delete_permission(request, obj)

    @admin.display(description=gettext_lazy("standard ticket"))
    def ticket(self, category: Any) -> str:
        return ", ".join(ticket_type.name for ticket_type in category.standard_types)

    @admin.display(description=gettext_lazy("price"))
    def price(self, category: Any) -> str:
        return ", ".join(money_exact(kind.price_minor, category.event.currency) for kind in category.standard_types)

    @admin.display(description=gettext_lazy("VAT, %"))
    def tax_rate(self, category: Any) -> str:
        return ", ".join(str(kind.tax_rate) for kind in category.standard_types if kind.tax_rate is not None) or "-"


class TicketTypeInline(ScopedInline):
    """What a category sells beside its standard ticket. A new price is asked of new holds only."""

    model = TicketType
    form = TicketTypeForm
    formset = TicketTypeFormSet
    fields = (
        *("category", "name", "price", "tax_rate", "sold_to", "min_per_booking", "max_per_booking", "limit", "sale_starts_at"),
        "sale_ends_at",
    )
    verbose_name = gettext_lazy("further ticket type")
    verbose_name_plural = gettext_lazy("Further ticket types: children, students, early birds, guests")

    def get_queryset(self, request: HttpRequest) -> QuerySet[TicketType]:
        rows: QuerySet[TicketType] = super().get_queryset(request).filter(is_default=False)
        return rows.select_related("category", "event").order_by("category__position", "position", "created_at")

    @admin.display(description=gettext_lazy("price"))
    def price(self, ticket_type: TicketType) -> str:
        return money_exact(ticket_type.price_minor, ticket_type.event.currency)


class PricingRuleInline(ScopedInline):
    """Rules that set prices by demand. Who only looks sees them in words, above."""

    model = PricingRule
    form = PricingRuleForm
    formset = PricingRuleFormSet
    fields = (
        *("concerns", "sold_percent", "hours_before", "change_percent", "change", "floor", "ceiling", "round_to"),
        *("slack_percent", "is_active"),
    )
    verbose_name_plural = gettext_lazy("Dynamic prices: what happens to a price while so much is sold or so little time is left")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PricingRule]:
        rows: QuerySet[PricingRule] = super().get_queryset(request)
        return rows.order_by("sold_percent", "hours_before", "pk")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)


class EventServiceInline(ScopedInline):
    """What goes with the tickets. A new price is asked of new bookings only."""

    model = EventService
    form = EventServiceForm
    formset = EventServiceFormSet
    fields = ("service", "price", "tax_rate", "stock", "max_per_booking", "position", "is_active")
    verbose_name_plural = gettext_lazy("Services: parking, catering, a programme")

    @admin.display(description=gettext_lazy("price"))
    def price(self, service: EventService) -> str:
        return money_exact(service.price_minor, service.event.currency)


class RefundTermInline(ScopedInline):
    """Until when buyers may give tickets back. New terms hold for new bookings only."""

    model = RefundTerm
    form = RefundTermForm
    formset = RefundTermFormSet
    fields = ("days_before", "percent", "fee")
    verbose_name_plural = gettext_lazy("Giving tickets back: until when, and how much of the price (none: not at all)")

    @admin.display(description=gettext_lazy("fee per ticket"))
    def fee(self, term: RefundTerm) -> str:
        return money_exact(term.fee_minor, term.event.currency)


@admin.register(Service)
class ServiceAdmin(VersionedAdmin):
    viewers = EVERYBODY
    editors = MANAGERS
    list_display = ("name", "organizer", "description")
    list_select_related = ("organizer",)
    search_fields = ("name",)
    ordering = ("name",)
    fieldsets = ((None, {"fields": ("organizer", "name", "description")}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("organizer",) if obj else ()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return self.only_team(request) | super().get_changeform_initial_data(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only what no event has."""
        return super().has_delete_permission(request, obj) and (obj is None or not obj.events.exists())


@admin.register(Event)
class EventAdmin(EventDatesAdmin, ListImportAdmin, VersionedAdmin, VenueClockAdmin):
    viewers = EVERYBODY
    editors = MANAGERS
    form = EventForm
    list_display = ("title", "when", "venue", "state", "taken")
    list_filter = ("status", "category", ("organizer", admin.RelatedOnlyFieldListFilter), "starts_at")
    list_select_related = ("venue", "summary")
    search_fields = ("title", "slug", "venue__name", "venue__city")
    date_hierarchy = "starts_at"
    ordering = ("-starts_at",)
    autocomplete_fields = ("organizer", "venue", "seating_plan")
    prepopulated_fields = {"slug": ("title",)}
    inlines = (CategoryInline, TicketTypeInline, RefundTermInline, PricingRuleInline, EventServiceInline)
    fieldsets = (
        (gettext_lazy("What"), {"fields": ("title", "slug", "category", "description", ("image", "poster"), "organizer")}),
        (gettext_lazy("When and where"), {"fields": ("venue", "starts_at", "ends_at", "doors_at", "shares_venue")}),
        (
            gettext_lazy("Sale"),
            {"fields": ("sale_starts_at", "sale_ends_at", ("max_per_booking", "max_per_customer"), "tax_rate")},
        ),
        (
            gettext_lazy("Places"),
            {
                "fields": ("seating_plan", "currency"),
                "description": gettext_lazy(
                    "Numbered seats come from a plan, standing places from a category's number of places."
                ),
            },
        ),
    )

    # The list

    list_help = gettext_lazy(
        "A calendar (.ics), or a CSV file whose first line names the columns: title, start, end, venue. They become drafts."
    )

    def read_list(self, *, organizer: Organizer, content: bytes, name: str, actor: User, dry_run: bool) -> ListReport:
        return import_events(organizer=organizer, content=content, name=name, actor=actor, dry_run=dry_run)

    @admin.display(description=gettext_lazy("when"), ordering="starts_at")
    def when(self, event: Event) -> str:
        return date_format(event.starts_at.astimezone(event.venue.zone), "D j M Y, H:i T")

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def state(self, event: Event) -> SafeString:
        return badge(event.get_status_display(), event.status)

    @admin.display(description=gettext_lazy("taken"))
    def taken(self, event: Event) -> SafeString | str:
        summary = getattr(event, "summary", None)
        return fill_bar(summary.capacity - summary.free, summary.capacity) if summary and summary.capacity else "-"

    # The page

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else (CategoryInline,)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Once published, seats are sold by these: they stay, and another date is told to everybody who has tickets."""
        return () if is_draft(obj) else STRUCTURE + DATE

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, Any]:
        return {} if obj else self.prepopulated_fields

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return self.only_team(request) | super().get_changeform_initial_data(request)

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        return obj.get_absolute_url() if obj and not is_draft(obj) else None

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only drafts: what was published has bookings and is cancelled instead."""
        return is_draft(obj) and super().has_delete_permission(request, obj)

    def zone(self, request: HttpRequest, object_id: str | None) -> tzinfo | None:
        event: Event | None = self.get_object(request, object_id) if object_id else None
        posted = request.POST.get("venue")
        if posted and is_draft(event):
            with suppress(ValidationError):
                if venue := Venue.objects.of(request.user).filter(pk=posted).first():
                    return venue.zone
        return event.venue.zone if event else None

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if event := kwargs.get("obj"):
            seats = seats_by_status(event)
            steps = checklist(event, places=seats.get("all", 0))
            is_cancelled = event.status == Event.Status.CANCELLED
            left = ongoing(event.pk).count() if is_cancelled else 0
            run = RefundRun.objects.filter(event=event).first() if is_cancelled and self.allows(request, MONEY, event) else None
            publishing = progress_of(event.pk) if is_draft(event) else None
            context |= {"checklist": steps, "seats": seats, "unfinished": left, "publishing": publishing, "run": run}
            if event.series_id:
                dates = Event.objects.filter(series=event.series_id)
                context |= {"dates": dates.count(), "draft_dates": dates.filter(status=Event.Status.DRAFT).count()}
            context |= {"pricing": pricing_facts(event)}
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = request.user
        with taking_the_venue(obj):
            super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """With the prices that the rules make of what was typed; the form has locked the event."""
        before = prices_of(form.instance.pk) if change else {}
        super().save_related(request, form, formsets, change)
        if change:
            reprice(event_id=form.instance.pk, before=before, actor=f"user:{request.user.pk}")

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Another event that took the venue in the very moment of saving is there now: the form, asked again, names it."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except VenueTaken:
            for _name, files in request.FILES.lists():
                for file in files:
                    file.seek(0)  # it was read
            return super().changeform_view(request, *args, **kwargs)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        return self._to_publishing(request, obj) or super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return self._to_publishing(request, obj) or super().response_change(request, obj)

    @staticmethod
    def _to_publishing(request: HttpRequest, event: Event) -> HttpResponse | None:
        if "_publish" not in request.POST:
            return None
        return HttpResponseRedirect(reverse("admin:events_event_publish", args=[event.pk]))

    # What is done with an event

    def get_urls(self) -> list[URLPattern]:
        steps = {
            "publish": self.publish,
            "cancel": self.cancel,
            "make-categories": self.make_categories,
            "give": self.give,
        }
        return [
            *(
                path(f"<uuid:pk>/{name}/", self.admin_site.admin_view(view), name=f"events_event_{name.replace('-', '_')}")
                for name, view in steps.items()
            ),
            *super().get_urls(),
        ]

    def make_categories(self, request: HttpRequest, pk: Any) -> HttpResponse:
        event = self._own(request, pk)
        if request.method == "POST":
            self._do(
                request,
                event,
                lambda: make_categories_from_plan(event=event),
                _("The plan's categories are here. Give them prices."),
            )
        return self._back(event)

    def publish(self, request: HttpRequest, pk: Any) -> HttpResponse:
        event = self._own(request, pk)
        title, steps = _("Publish this event"), checklist(event, places=0)
        facts = [f"{'✓' if step.is_done else '○'} {step.name}: {step.hint}" for step in steps[:-1]]
        if page := unless_confirmed(request, admin=self, obj=event, title=title, facts=facts, button=_("Publish")):
            return page
        actor = f"user:{request.user.pk}"
        if is_large(event) and is_draft(event):
            begun = _("The places are being made. This takes some seconds.")
            self._do(request, event, lambda: publish_later(event, actor=actor), begun)
            return self._back(event)
        self._do(
            request,
            event,
            lambda: publish_event(event_id=event.pk, actor=actor),
            _("“%(event)s” is published.") % {"event": event},
        )
        return self._back(event)

    def cancel(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Cancel the event and all its bookings; called again, go on where it stopped."""
        event = self._own(request, pk)
        plan = plan_cancelling(event.pk)
        title, button, word = _("Cancel this event"), _("Cancel the event"), _("cancel")
        facts = cancelling_facts(plan, event.currency)
        if page := unless_confirmed(request, admin=self, obj=event, title=title, button=button, word=word, facts=facts):
            return page
        actor = f"user:{request.user.pk}"
        if plan.bookings > QUICK:
            done = _("The event is being cancelled; all its bookings follow within minutes.")
            self._do(request, event, lambda: cancel_in_background.delay(str(event.pk), actor), done)
        else:
            self._do(request, event, lambda: cancel_event(event_id=event.pk, actor=actor), _("The event is cancelled."))
        return self._back(event)

    def give(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Give tickets to somebody: whom, of which type, how many."""
        event = self._own(request, pk)
        form = GiveForm(request.POST or None, event=event)
        if request.method == "POST" and form.is_valid():
            wish = form.cleaned_data
            contact = Contact(name=wish["name"], email=wish["email"])
            self._do(
                request,
                event,
                lambda: give_tickets(
                    event_id=event.pk,
                    ticket_type_id=wish["ticket_type"].pk,
                    quantity=wish["quantity"],
                    contact=contact,
                    actor=f"user:{request.user.pk}",
                ),
                ngettext("%(count)d ticket is given to %(name)s.", "%(count)d tickets are given to %(name)s.", wish["quantity"])
                % {"count": wish["quantity"], "name": wish["name"]},
            )
            return self._back(event)
        title, button, facts = (
            _("Give tickets away"),
            _("Give them"),
            [_("The best free places; the tickets are mailed at once.")],
        )
        return form_page(request, admin=self, obj=event, title=title, form=form, button=button, facts=facts)

    def _own(self, request: HttpRequest, pk: Any) -> Event:
        event: Event = self.get_object(request, str(pk))
        if not self.has_change_permission(request, event):
            raise PermissionDenied
        return event

    def _do(self, request: HttpRequest, event: Event, work: Any, done: str) -> None:
        """Do it, write it into the event's history and say so; or say why not."""
        try:
            work()
        except SeveralReasons as refusal:
            for reason in refusal.reasons:
                messages.error(request, reason)
        except DomainError as refusal:
            messages.error(request, str(refusal))
        else:
            self.log_change(request, event, done)
            messages.success(request, done)

    @staticmethod
    def _back(event: Event) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:events_event_change", args=[event.pk]))
