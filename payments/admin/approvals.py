"""Refunds that a colleague has to agree to, at the desk."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bookings.models import BookingSeat
from evently.desk.confirm import unless_confirmed
from evently.desk.display import badge, person_name
from evently.desk.scope import MONEY, ReadOnlyAdmin
from evently.errors import DomainError
from evently.templatetags.evently import money_exact, seat_names
from payments import services
from payments.models import RefundApproval

from .links import booking_link


@admin.register(RefundApproval)
class RefundApprovalAdmin(ReadOnlyAdmin):
    organizer_path = "event__organizer"
    viewers = MONEY
    list_display = ("created_at", "for_booking", "amount", "note", "wished_by", "state")
    list_filter = ("status",)
    list_select_related = ("payment__booking",)
    list_display_links = ("created_at",)
    search_fields = ("payment__booking__reference", "payment__booking__email", "note")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    fields = ("for_booking", "amount", "tickets", "note", "wished_by", "created_at", "state", "decider", "decided_at")
    readonly_fields = fields

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<uuid:pk>/agree/", view(self.agree), name="payments_refundapproval_agree"),
            path("<uuid:pk>/decline/", view(self.decline), name="payments_refundapproval_decline"),
            *super().get_urls(),
        ]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        approval = kwargs.get("obj")
        if approval and approval.status == RefundApproval.Status.WAITING:
            context |= {"can_decide": True, "is_mine": approval.requested_by == f"user:{request.user.pk}"}
        return super().render_change_form(request, context, *args, **kwargs)

    def agree(self, request: HttpRequest, pk: Any) -> HttpResponse:
        return self._decide(request, pk, is_approved=True)

    def decline(self, request: HttpRequest, pk: Any) -> HttpResponse:
        return self._decide(request, pk, is_approved=False)

    def _decide(self, request: HttpRequest, pk: Any, *, is_approved: bool) -> HttpResponse:
        approval: RefundApproval = self.get_object(request, str(pk))
        if not self.allows(request, MONEY, approval):
            raise PermissionDenied
        title = gettext("Agree to this refund") if is_approved else gettext("Decline this refund")
        facts = [f"{self.amount(approval)}, {approval.payment.booking}", approval.note, self.wished_by(approval)]
        if approval.lines:
            facts.append(gettext("Void then: %(tickets)s.") % {"tickets": self.tickets(approval)})
        if page := unless_confirmed(request, admin=self, obj=approval, title=title, facts=facts, button=title):
            return page
        try:
            services.decide(approval_id=approval.pk, is_approved=is_approved, actor=f"user:{request.user.pk}")
        except DomainError as refusal:
            messages.error(request, str(refusal))
        else:
            done = gettext("The money goes back.") if is_approved else gettext("Nothing goes back.")
            self.log_change(request, approval, done)
            messages.success(request, done)
        return HttpResponseRedirect(reverse("admin:payments_refundapproval_change", args=[approval.pk]))

    @admin.display(description=_("booking"), ordering="payment__booking__reference")
    def for_booking(self, approval: RefundApproval) -> SafeString:
        return booking_link(approval.payment.booking)

    @admin.display(description=_("amount"), ordering="amount_minor")
    def amount(self, approval: RefundApproval) -> str:
        return money_exact(approval.amount_minor, approval.currency)

    @admin.display(description=_("tickets"))
    def tickets(self, approval: RefundApproval) -> str:
        lines = BookingSeat.objects.filter(pk__in=approval.lines).select_related("seat").order_by("seat__position")
        return seat_names([line.seat for line in lines]) or "-"

    @admin.display(description=_("wished by"))
    def wished_by(self, approval: RefundApproval) -> str:
        return person_name(approval.requested_by)

    @admin.display(description=_("decided by"))
    def decider(self, approval: RefundApproval) -> str:
        return person_name(approval.decided_by) if approval.decided_by else "-"

    @admin.display(description=_("status"), ordering="status")
    def state(self, approval: RefundApproval) -> SafeString:
        return badge(approval.get_status_display(), approval.status)
