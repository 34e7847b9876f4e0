"""Messages to people at the desk: what was sent to whom, and what did not arrive."""

from typing import cast
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Model, Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from bookings.models import Booking
from evently.desk.display import badge
from evently.desk.scope import MANAGERS, SALES, ReadOnlyAdmin, Role, Roles, is_superuser, teams
from evently.desk.stock import StockAdmin
from payments.models import Refund

from .models import Delivery

ABOUT = (Booking, Refund)
SENDERS: Roles = MANAGERS | {Role.BOX_OFFICE}


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """A delivery belongs to the team whose booking or refund it is about; those about neither are for superusers."""

    viewers = SALES
    list_display = ("recipient", "kind", "channel", "state", "attempts", "created_at", "sent_at", "error")
    list_filter = ("status", "kind", "channel")
    search_fields = ("recipient", "kind")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    actions = ("resend",)
    fields = ("recipient", "kind", "channel", "state", "attempts", "error", "created_at", "due_at", "sent_at")
    readonly_fields = fields

    def owned(self, request: HttpRequest, roles: Roles) -> QuerySet[Delivery]:
        rows: QuerySet[Delivery] = StockAdmin.get_queryset(self, request)
        if is_superuser(request):
            return rows
        own = {"event__organizer__in": teams(request, roles)}
        bookings, refunds = (model._default_manager.filter(**own).values("pk") for model in ABOUT)
        return rows.filter(Q(object_id__in=bookings) | Q(object_id__in=refunds))

    def organizer_id(self, obj: Model) -> UUID | None:
        own = {"pk": cast(Delivery, obj).object_id}
        found = (model._default_manager.filter(**own).values_list("event__organizer", flat=True).first() for model in ABOUT)
        return next(filter(None, found), None)

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def state(self, delivery: Delivery) -> SafeString:
        return badge(delivery.get_status_display(), delivery.status)

    def has_send_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, SENDERS, None)

    @admin.action(description=gettext_lazy("Send again what failed"), permissions=["send"])
    def resend(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        chosen = queryset.count()
        own = self.owned(request, SENDERS).filter(pk__in=queryset.values("pk"), status=Delivery.Status.FAILED)
        queued = own.update(status=Delivery.Status.QUEUED, attempts=0, due_at=Now())
        messages.success(request, ngettext("%(count)d mail queued.", "%(count)d mails queued.", queued) % {"count": queued})
        if skipped := chosen - queued:
            messages.info(request, _("%(count)d skipped: not failed.") % {"count": skipped})
