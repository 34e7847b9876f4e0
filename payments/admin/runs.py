"""How far the cancelling of an event is, at the desk."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from evently.desk.display import badge, person_name
from evently.desk.scope import MONEY, ReadOnlyAdmin
from evently.templatetags.evently import money_exact
from payments.models import RefundRun
from payments.runs import progress_of
from payments.tasks import cancel_event


@admin.register(RefundRun)
class RefundRunAdmin(ReadOnlyAdmin):
    organizer_path = "event__organizer"
    viewers = MONEY
    list_display = ("created_at", "event", "bookings", "due", "state")
    list_filter = (("finished_at", admin.EmptyFieldListFilter),)
    list_select_related = ("event",)
    list_display_links = ("created_at",)
    search_fields = ("event__title",)
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    fields = ("for_event", "started_by", "created_at", "finished_at")
    readonly_fields = fields

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.go_on)
        return [path("<uuid:pk>/go-on/", view, name="payments_refundrun_go_on"), *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if run := kwargs.get("obj"):
            progress = progress_of(run)
            paid = progress.paid_minor + progress.failed_minor >= progress.promised_minor
            context |= {"progress": progress, "currency": run.currency, "is_over": bool(run.finished_at and paid)}
            refunds = reverse("admin:payments_refund_changelist")
            context["failed_url"] = f"{refunds}?event__id__exact={run.event_id}&status__exact=failed"
        return super().render_change_form(request, context, *args, **kwargs)

    def go_on(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Have the worker go on at once, where it would within minutes."""
        run: RefundRun = self.get_object(request, str(pk))
        if not self.allows(request, MONEY, run):
            raise PermissionDenied
        if request.method == "POST":
            cancel_event.delay(str(run.event_id), f"user:{request.user.pk}")
            messages.success(request, gettext("The worker goes on."))
        return HttpResponseRedirect(reverse("admin:payments_refundrun_change", args=[run.pk]))

    @admin.display(description=_("event"), ordering="event__title")
    def for_event(self, run: RefundRun) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("admin:events_event_change", args=[run.event_id]), run.event)

    @admin.display(description=_("to give back"), ordering="due_minor")
    def due(self, run: RefundRun) -> str:
        return money_exact(run.due_minor, run.currency)

    @admin.display(description=_("started by"))
    def started_by(self, run: RefundRun) -> str:
        return person_name(run.actor)

    @admin.display(description=_("status"), ordering="finished_at")
    def state(self, run: RefundRun) -> SafeString:
        return badge(gettext("all cancelled"), "paid") if run.finished_at else badge(gettext("under way"), "pending")
