"""What is settled between the platform and its organizers: written down by superusers, read by teams."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from evently.accounts.models import Organizer
from evently.desk.forms import form_page
from evently.desk.scope import MONEY, ReadOnlyAdmin, is_superuser
from evently.errors import DomainError
from evently.money import decimal_string
from evently.templatetags.evently import money_exact
from payments.forms import PayoutForm, UndoForm
from payments.models import Payout
from payments.services import record_payout, undo_payout
from payments.statements import due


@admin.register(Payout)
class PayoutAdmin(ReadOnlyAdmin):
    viewers = MONEY
    change_form_template = "admin/payments/payout/change_form.html"
    list_display = ("paid_on", "kind", "organizer", "amount", "reference")
    list_filter = ("kind", "currency", ("organizer", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("organizer",)
    search_fields = ("reference", "organizer__name")
    date_hierarchy = "paid_on"
    ordering = ("-created_at",)
    fields = ("kind", "organizer", "amount", "was_due", "paid_on", "reference", "undoes", "recorded_by", "created_at")
    readonly_fields = fields

    @admin.display(description=_("amount"), ordering="amount_minor")
    def amount(self, payout: Payout) -> str:
        return money_exact(payout.amount_minor, payout.currency)

    @admin.display(description=_("due before"))
    def was_due(self, payout: Payout) -> str:
        return money_exact(payout.due_minor, payout.currency) if payout.kind != Payout.Kind.UNDONE else "-"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("record/<uuid:organizer>/<str:currency>/", view(self.record), name="payments_payout_record"),
            path("<uuid:pk>/undo/", view(self.undo), name="payments_payout_undo"),
            *super().get_urls(),
        ]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        may_undo = self._may_undo(request, kwargs.get("obj"))
        return super().render_change_form(request, context | {"may_undo": may_undo}, *args, **kwargs)

    def record(self, request: HttpRequest, organizer: UUID, currency: str) -> HttpResponse:
        """Write down a payout to an organizer or, if it owes fees, that they were paid."""
        if not is_superuser(request):
            raise PermissionDenied
        team = Organizer.objects.filter(pk=organizer).first()
        balance = due(organizer).get(currency, 0)
        if team is None or not balance:
            raise Http404
        kind = Payout.Kind.PAID if balance > 0 else Payout.Kind.RECEIVED
        whole = {"amount": decimal_string(abs(balance), currency), "paid_on": timezone.now().date()}
        form = PayoutForm(request.POST or None, currency=currency, initial=whole)
        if form.is_valid():
            facts = {"amount_minor": form.cleaned_data["amount"], "currency": currency, "actor": f"user:{request.user.pk}"}
            facts |= {name: form.cleaned_data[name] for name in ("paid_on", "reference")}
            try:
                payout = record_payout(organizer_id=organizer, kind=kind, **facts)
            except DomainError as refusal:
                form.add_error(None, str(refusal))
            else:
                self.log_addition(request, payout, gettext("Written down."))
                messages.success(request, gettext("It is written down."))
                return HttpResponseRedirect(reverse("admin:payments_payout_change", args=[payout.pk]))
        owed = money_exact(abs(balance), currency)
        if balance > 0:
            title, fact = gettext("Write down a payout"), gettext("%(owed)s are due to %(team)s.")
        else:
            title, fact = gettext("Write down what was received"), gettext("%(team)s owes %(owed)s of platform fees.")
        facts_shown = [fact % {"owed": owed, "team": team.name}]
        return form_page(
            request,
            admin=self,
            obj=team,
            title=title,
            form=form,
            button=gettext("Write it down"),
            facts=facts_shown,
            template="admin/payments/payout/record.html",
            back_url=reverse("admin:payments_payout_changelist"),
        )

    def undo(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Write down that a payout was wrong, or came back."""
        payout: Payout = self.get_object(request, str(pk))
        if not self._may_undo(request, payout):
            raise PermissionDenied
        form = UndoForm(request.POST or None, initial={"paid_on": timezone.now().date()})
        if form.is_valid():
            try:
                undone = undo_payout(payout_id=payout.pk, actor=f"user:{request.user.pk}", **form.cleaned_data)
            except DomainError as refusal:
                form.add_error(None, str(refusal))
            else:
                self.log_addition(request, undone, gettext("Undone."))
                messages.success(request, gettext("It is due as before."))
                return HttpResponseRedirect(reverse("admin:payments_payout_change", args=[undone.pk]))
        facts = [money_exact(payout.amount_minor, payout.currency), str(payout)]
        title, button = gettext("Undo this payout"), gettext("Undo it")
        return form_page(request, admin=self, obj=payout, title=title, form=form, button=button, facts=facts)

    @staticmethod
    def _may_undo(request: HttpRequest, payout: Payout | None) -> bool:
        return (
            payout is not None
            and is_superuser(request)
            and payout.kind != Payout.Kind.UNDONE
            and not Payout.objects.filter(undoes=payout).exists()
        )
