"""The ledger to read, and what a team has earned in a period."""

import csv

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from evently.accounts.models import Organizer
from evently.desk.scope import MONEY, ReadOnlyAdmin, ReadOnlyInline, is_superuser
from evently.money import decimal_string
from evently.templatetags.evently import money_exact
from payments.forms import PeriodForm
from payments.models import LedgerEntry, LedgerTransaction
from payments.statements import Line, statement


class EntryInline(ReadOnlyInline):
    model = LedgerEntry
    fields = readonly_fields = ("account", "gateway", "debit", "credit")

    @admin.display(description=_("debit"))
    def debit(self, entry: LedgerEntry) -> str:
        return money_exact(entry.amount_minor, entry.currency) if entry.amount_minor > 0 else ""

    @admin.display(description=_("credit"))
    def credit(self, entry: LedgerEntry) -> str:
        return money_exact(-entry.amount_minor, entry.currency) if entry.amount_minor < 0 else ""


@admin.register(LedgerTransaction)
class LedgerAdmin(ReadOnlyAdmin):
    """The ledger to read, and what an organizer has earned in a period."""

    viewers = MONEY
    change_list_template = "admin/payments/ledgertransaction/change_list.html"
    list_display = ("created_at", "kind", "organizer", "event", "reference")
    list_filter = ("kind", ("organizer", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("organizer", "event")
    search_fields = ("reference", "payment__booking__reference", "event__title")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-pk")
    fields = ("kind", "organizer", "event", "payment", "reference", "created_at")
    readonly_fields = fields
    inlines = (EntryInline,)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.statement)
        return [path("statement/", view, name="payments_ledgertransaction_statement"), *super().get_urls()]

    def statement(self, request: HttpRequest) -> HttpResponse:
        """What a team has earned from one day to another, as a page or, with `csv`, as a file."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        teams = Organizer.objects.filter(pk__in=self.get_queryset(request).values("organizer"))
        form = PeriodForm(request.GET or None, organizers=teams)
        lines: list[Line] = []
        if form.is_valid():
            lines = list(statement(**form.period()))
            if "csv" in request.GET:
                return _csv(form.cleaned_data["organizer"], lines)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Statement"),
            "form": form,
            "media": self.media + form.media,
            "lines": lines,
            "organizer": form.cleaned_data["organizer"] if lines else None,
            "may_settle": is_superuser(request),
            "csv": f"{request.GET.urlencode()}&csv=1" if lines else "",
        }
        page = "admin/payments/ledgertransaction/statement.html"
        return TemplateResponse(request, page, context, status=422 if form.errors else 200)


def _csv(organizer: Organizer, lines: list[Line]) -> HttpResponse:
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="statement-{organizer.slug}.csv"'
    table = csv.writer(response)
    table.writerow(Line._fields)
    for line in lines:
        table.writerow([line.currency, *(decimal_string(amount, line.currency) for amount in line[1:])])
    return response
