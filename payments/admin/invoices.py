"""Invoices and credit notes to read, and to write for a buyer who asks the team."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bookings.models import Booking
from evently.desk.forms import form_page
from evently.desk.scope import MONEY, ReadOnlyAdmin
from evently.errors import DomainError
from evently.templatetags.evently import money_exact
from payments import services
from payments.documents import pdf_response
from payments.forms import InvoiceForm
from payments.models import Invoice

from .links import booking_link


@admin.register(Invoice)
class InvoiceAdmin(ReadOnlyAdmin):
    viewers = MONEY
    list_display = ("label", "kind", "issued_on", "buyer_name", "total", "for_booking", "download")
    list_filter = ("kind", "year", ("organizer", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("booking",)
    search_fields = ("label", "booking__reference", "buyer__name")
    date_hierarchy = "issued_on"
    ordering = ("-year", "-number")
    fields = (
        *("label", "download", "kind", "corrects", "issued_on", "supplied_on", "for_booking", "buyer_name", "buyer_address"),
        *("buyer_vat_id", "total", "rates", "asked_by", "pdf_sha256"),
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invoice]:
        rows: QuerySet[Invoice] = super().get_queryset(request)
        return rows.defer("pdf")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<uuid:pk>/pdf/", view(self.pdf), name="payments_invoice_pdf"),
            path("for/<uuid:booking>/", view(self.write), name="payments_invoice_write"),
            *super().get_urls(),
        ]

    def pdf(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        return pdf_response(self.get_object(request, str(pk)))

    def write(self, request: HttpRequest, booking: UUID) -> HttpResponse:
        """Write the invoice of a booking for its buyer, or show the one that is there."""
        bookings: Any = self.admin_site.get_model_admin(Booking)
        booked: Booking = bookings.get_object(request, str(booking))
        if not bookings.allows(request, MONEY, booked):
            raise PermissionDenied
        if documents := services.documents_of(booked):
            return HttpResponseRedirect(reverse("admin:payments_invoice_change", args=[documents[0].pk]))
        if not services.can_be_invoiced(booked):
            raise Http404
        form = InvoiceForm(request.POST or None, initial={"name": booked.name})
        if form.is_valid():
            actor = f"user:{request.user.pk}"
            try:
                invoice = services.issue_invoice(booking_id=booked.pk, recipient=form.recipient(), actor=actor)
            except DomainError as refusal:
                form.add_error(None, str(refusal))
            else:
                self.log_addition(request, invoice, gettext("Written."))
                messages.success(request, gettext("%(invoice)s is written.") % {"invoice": invoice})
                return HttpResponseRedirect(reverse("admin:payments_invoice_change", args=[invoice.pk]))
        return form_page(
            request,
            admin=bookings,
            obj=booked,
            title=gettext("Write an invoice"),
            form=form,
            button=gettext("Write it"),
            facts=[money_exact(booked.total_minor, booked.currency), gettext("An invoice is not changed later.")],
        )

    @admin.display(description=_("buyer"))
    def buyer_name(self, invoice: Invoice) -> str:
        return str(invoice.buyer["name"])

    @admin.display(description=_("address"))
    def buyer_address(self, invoice: Invoice) -> str:
        return str(invoice.buyer["address"])

    @admin.display(description=_("VAT id"))
    def buyer_vat_id(self, invoice: Invoice) -> str:
        return str(invoice.buyer["vat_id"]) or "-"

    @admin.display(description=_("total"), ordering="total_minor")
    def total(self, invoice: Invoice) -> str:
        sign = "-" if invoice.kind == Invoice.Kind.CREDIT_NOTE else ""
        return sign + money_exact(invoice.total_minor, invoice.currency)

    @admin.display(description=_("tax"))
    def rates(self, invoice: Invoice) -> str:
        return ", ".join(f"{tax['tax_rate']} %: {money_exact(tax['tax_minor'], invoice.currency)}" for tax in invoice.taxes)

    @admin.display(description=_("booking"), ordering="booking__reference")
    def for_booking(self, invoice: Invoice) -> SafeString:
        return booking_link(invoice.booking)

    @admin.display(description=_("document"))
    def download(self, invoice: Invoice) -> SafeString:
        return format_html('<a href="{}">PDF</a>', reverse("admin:payments_invoice_pdf", args=[invoice.pk]))
