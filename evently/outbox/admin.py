"""The outbox at the desk: what could not be told to others, for superusers."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from evently.desk.display import badge
from evently.desk.scope import PlatformAdmin, ReadOnlyAdmin, is_superuser

from .models import OutboxMessage


class StateFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"
    conditions = {
        "waiting": (gettext_lazy("waiting"), Q(sent_at=None, dead_at=None)),
        "sent": (gettext_lazy("sent"), Q(sent_at__isnull=False)),
        "dead": (gettext_lazy("given up"), Q(dead_at__isnull=False)),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(state, label) for state, (label, _condition) in self.conditions.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[OutboxMessage]) -> QuerySet[OutboxMessage]:
        chosen = self.conditions.get(self.value() or "")
        return queryset.filter(chosen[1]) if chosen else queryset


@admin.register(OutboxMessage)
class OutboxMessageAdmin(ReadOnlyAdmin, PlatformAdmin):
    list_display = ("topic", "state", "attempts", "created_at", "error")
    list_filter = (StateFilter, "topic")
    search_fields = ("topic", "error")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    actions = ("send_again",)
    fields = ("topic", "state", "payload", "attempts", "handled", "error", "created_at", "due_at", "sent_at", "dead_at")
    readonly_fields = fields

    @admin.display(description=gettext_lazy("state"))
    def state(self, message: OutboxMessage) -> SafeString:
        if message.dead_at:
            return badge(_("given up"), "dead")
        return badge(_("sent"), "sent") if message.sent_at else badge(_("waiting"), "queued")

    def has_send_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    @admin.action(description=gettext_lazy("Send again what was given up"), permissions=["send"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[OutboxMessage]) -> None:
        """Only to the subscribers that have not heard of it yet."""
        chosen = queryset.count()
        sent = queryset.exclude(dead_at=None).update(dead_at=None, attempts=0, due_at=Now())
        messages.success(
            request, ngettext("%(count)d message goes out again.", "%(count)d messages go out again.", sent) % {"count": sent}
        )
        if skipped := chosen - sent:
            messages.info(request, _("%(count)d skipped: not given up.") % {"count": skipped})
