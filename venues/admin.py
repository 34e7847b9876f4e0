"""Venues and their seating plans at the desk."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from django.contrib import admin, messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from evently.accounts.models import Organizer, User
from evently.desk.forms import form_page, import_page
from evently.desk.lists import ListImportAdmin
from evently.desk.scope import MANAGERS, SALES, ReadOnlyAdmin, ReadOnlyInline, ScopedAdmin
from evently.desk.versions import VersionedAdmin
from evently.lists import ListReport

from .admin_forms import PlanFileForm, RowPlanForm, RowsFormSet, VenueForm
from .checking import MOST_WARNINGS, Problem
from .geometry import Plan, SeatPlace, read_layout
from .importing import Report, import_seating_plan, keep_layout
from .listing import import_venues
from .models import SeatingPlan, Venue

DRAWN_SEATS = 10_000
MOST_PLANNED = 150_000  # seats; the largest stadiums have less
HALF_AN_HOUR = 1800


class SeatingPlanInline(ReadOnlyInline):
    model = SeatingPlan
    fields = readonly_fields = ("version", "seat_count", "created_at")
    ordering = ("-number",)
    verbose_name_plural = _("Seating plans")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("layout")

    @admin.display(description=_("plan"))
    def version(self, plan: SeatingPlan) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("admin:venues_seatingplan_change", args=[plan.pk]), plan)


@admin.register(Venue)
class VenueAdmin(ListImportAdmin, VersionedAdmin):
    viewers = SALES
    editors = MANAGERS
    form = VenueForm
    list_display = ("name", "city", "country", "time_zone", "organizer")
    list_filter = ("country", ("organizer", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("organizer",)
    search_fields = ("name", "city", "slug")
    ordering = ("name",)
    autocomplete_fields = ("organizer",)
    prepopulated_fields = {"slug": ("name",)}
    inlines = (SeatingPlanInline,)
    list_help = _(
        "A CSV file whose first line names the columns: name, city, country, and if known address, capacity, latitude …"
    )
    fieldsets = (
        (None, {"fields": ("name", "slug", "organizer")}),
        (_("Where"), {"fields": ("address", ("city", "country"), "time_zone", ("latitude", "longitude"), "capacity")}),
    )

    def read_list(self, *, organizer: Organizer, content: bytes, name: str, actor: User, dry_run: bool) -> ListReport:
        return import_venues(organizer=organizer, content=content, dry_run=dry_run)

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return self.only_team(request) | super().get_changeform_initial_data(request)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<uuid:pk>/import-plan/", view(self.import_plan), name="venues_venue_import_plan"),
            path("<uuid:pk>/make-plan/", view(self.make_plan), name="venues_venue_make_plan"),
            *super().get_urls(),
        ]

    def make_plan(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Make a seating plan of a few numbers: look at it first, then keep it."""
        venue = self.get_object(request, str(pk))
        if not self.has_change_permission(request, venue):
            raise PermissionDenied
        form = RowPlanForm(request.POST or None)
        too_few = {"too_few_forms": str(_("Please fill in at least one line of rows."))}
        rows = RowsFormSet(request.POST or None, prefix="rows", error_messages=too_few)
        preview, seats = None, 0
        if request.method == "POST" and form.is_valid() & rows.is_valid():
            filled = [row for row in rows.cleaned_data if row]
            names = [row["name"] for row in filled]
            seats = sum(row["blocks"] * row["rows"] * row["seats"] for row in filled)
            too_many = _("That makes %(count)d seats; at most %(most)d are possible.") % {"count": seats, "most": MOST_PLANNED}
            if len(set(names)) < len(names):
                form.add_error(None, _("Two rows of this form have the same name."))
            elif seats > MOST_PLANNED:
                form.add_error(None, too_many)
            elif "keep" in request.POST:
                plan = keep_layout(venue=venue, layout=form.layout(filled), actor=cast(User, request.user))
                self.log_change(request, venue, f"Made {plan}.")
                done = _("%(plan)s is there: %(count)d seats.") % {"plan": plan, "count": plan.seat_count}
                messages.success(request, done)
                return HttpResponseRedirect(reverse("admin:venues_seatingplan_change", args=[plan.pk]))
            else:
                preview = draw(read_layout(form.layout(filled))) if seats <= DRAWN_SEATS else _("Too large to draw here.")
        response = form_page(
            request,
            admin=self,
            obj=venue,
            title=_("Make a seating plan of rows"),
            form=form,
            button=_("Show the plan"),
            template="admin/venues/venue/make_plan.html",
            rows=rows,
            planned=preview,
            count=seats,
        )
        response.status_code = 422 if request.method == "POST" and not rows.is_valid() else response.status_code
        return response

    def import_plan(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Upload a plan, see what it holds and what is wrong with it, then import it.

        Between the steps the file travels with the page, signed for this venue and person: nothing is stored that nobody
        confirms, and what is confirmed is what was shown.
        """
        venue = self.get_object(request, str(pk))
        if not self.has_change_permission(request, venue):
            raise PermissionDenied
        signer = signing.TimestampSigner(salt=f"import plan {venue.pk} {request.user.pk}")
        if "confirmed" in request.POST:
            return self._import_confirmed(request, venue, signer)
        form = PlanFileForm(request.POST or None, request.FILES or None)
        report, token = None, ""
        if form.is_valid():
            content, name = form.cleaned_data["file"].read(), form.cleaned_data["name"]
            report = import_seating_plan(venue=venue, content=content, name=name, dry_run=True)
            if not report.errors:
                token = signer.sign_object([content.decode("utf-8-sig"), name], compress=True)
        return self._import_page(request, venue, form=form, report=report, token=token)

    def _import_confirmed(self, request: HttpRequest, venue: Venue, signer: signing.TimestampSigner) -> HttpResponse:
        try:
            content, name = signer.unsign_object(request.POST["confirmed"], max_age=HALF_AN_HOUR)
        except signing.BadSignature:
            messages.error(request, _("This took longer than half an hour. Please choose the file again."))
            return HttpResponseRedirect(request.path)
        report = import_seating_plan(venue=venue, content=content, name=name, actor=cast(User, request.user))
        if report.plan is None:
            return self._import_page(request, venue, form=PlanFileForm(), report=report, token="")
        if report.is_known:
            messages.info(request, _("The venue already has this layout: %(plan)s.") % {"plan": report.plan})
        else:
            self.log_change(request, venue, f"Imported {report.plan}.")
            done = _("%(plan)s is imported: %(count)d seats.") % {"plan": report.plan, "count": report.seat_count}
            messages.success(request, done)
        return HttpResponseRedirect(reverse("admin:venues_seatingplan_change", args=[report.plan.pk]))

    def _import_page(
        self, request: HttpRequest, venue: Venue, *, form: PlanFileForm, report: Report | None, token: str
    ) -> HttpResponse:
        response = import_page(
            request,
            admin=self,
            original=venue,
            title=_("Import a seating plan"),
            form=form,
            report=report,
            refused=_pairs(report.errors) if report else (),
            warnings=_pairs(report.warnings) if report else (),
            shown=MOST_WARNINGS + 1,  # they are cut short already
            token="" if report and report.is_known else token,
            back=reverse("admin:venues_venue_change", args=[venue.pk]),
            template="admin/venues/venue/import_plan.html",
        )
        response.status_code = 422 if report and report.errors else response.status_code
        return response


def _pairs(problems: Sequence[Problem]) -> list[tuple[str, str]]:
    return [(problem.where, problem.message) for problem in problems]


@admin.register(SeatingPlan)
class SeatingPlanAdmin(ReadOnlyAdmin):
    organizer_path = "venue__organizer"
    viewers = SALES
    editors = MANAGERS
    list_display = ("name", "number", "venue", "seat_count", "created_at")
    list_filter = (("venue", admin.RelatedOnlyFieldListFilter),)
    list_select_related = ("venue",)
    search_fields = ("name", "venue__name")
    ordering = ("-created_at",)
    fields = readonly_fields = ("venue", "name", "number", "seat_count", "categories", "preview", "created_at")

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        return rows if request.resolver_match and request.resolver_match.kwargs else rows.defer("layout")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return ScopedAdmin.has_delete_permission(self, request, obj)

    @admin.display(description=_("seats by category"))
    def categories(self, plan: SeatingPlan) -> SafeString:
        counts = ((name, len(seats)) for name, seats in _by_category(read_layout(plan.layout)).items())
        return format_html('<ul class="facts">{}</ul>', format_html_join("", "<li>{} <b>{}</b></li>", counts))

    @admin.display(description=_("preview"))
    def preview(self, plan: SeatingPlan) -> SafeString:
        if plan.seat_count > DRAWN_SEATS:
            return format_html("<p>{}</p>", _("Too large to draw here."))
        return draw(read_layout(plan.layout))


def draw(plan: Plan) -> SafeString:
    """A small picture of the seats by category: one path of dots for each, which stays small for a thousand seats."""
    colors = {category.name: category.color for category in plan.categories}
    paths = (
        (
            " ".join(f"M{seat.x:.0f} {seat.y:.0f}h.01" for seat in seats),
            colors.get(name) or "currentColor",
            round(2 * seats[0].radius) if seats else 0,
            name,
        )
        for name, seats in _by_category(plan).items()
    )
    return format_html(
        '<svg class="plan-preview" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>',
        round(plan.width),
        round(plan.height),
        _("The seats of %(plan)s") % {"plan": plan.name},
        format_html_join(
            "", '<path d="{}" stroke="{}" stroke-width="{}" stroke-linecap="round" fill="none"><title>{}</title></path>', paths
        ),
    )


def _by_category(plan: Plan) -> Mapping[str, list[SeatPlace]]:
    seats: dict[str, list[SeatPlace]] = {category.name: [] for category in plan.categories}
    for seat in plan.seats:
        seats.setdefault(seat.category, []).append(seat)
    return seats
