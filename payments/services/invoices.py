"""Invoices and credit notes: each with the next number of its organizer and year, none left out, none twice.

A number is taken from a counter whose row stays locked until the invoice with it is committed: what is rolled back gives its
number back, and nobody takes the next one before it is known whether the one before is used. The counter is the last lock of all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from bookings import services as bookings
from bookings.models import Booking
from evently.database import transactional, uuid7
from evently.errors import DomainError
from events.models import Event
from payments.invoice_pdf import render
from payments.models import Invoice, Payment, Refund, Seller, TaxLine

TODAY: Final = "(statement_timestamp() AT TIME ZONE 'UTC')::date"
TAKE_NUMBER: Final = f"""
INSERT INTO payments_invoicecounter (id, organizer_id, year, last) VALUES (%s, %s, date_part('year', {TODAY}), 1)
ON CONFLICT (organizer_id, year) DO UPDATE SET last = payments_invoicecounter.last + 1 RETURNING {TODAY}, last
"""  # noqa: S608 -- put together from our own words


class NoInvoices(DomainError):
    code = "no_invoices"
    message = gettext_lazy("This organizer does not write invoices here. Please write to it.")


class NothingToInvoice(DomainError):
    code = "nothing_to_invoice"
    message = gettext_lazy("Nothing was paid for this booking.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Whom an invoice is for."""

    name: str
    address: str
    vat_id: str = ""


@transactional
def issue_invoice(*, booking_id: UUID, recipient: Recipient, actor: str) -> Invoice:
    """Write the invoice for what was paid for a booking, once, with credit notes for what has gone back of it already.

    Asked again, it is the same invoice, whoever it is for. Raises `NothingToInvoice`, `NoInvoices`.
    """
    booking = bookings.lock_booking(booking_id=booking_id)
    payment = Payment.objects.lock().select_related("sale").filter(booking=booking, outcome=Payment.Outcome.CONFIRMED).first()
    if payment is None:
        raise NothingToInvoice
    if earlier := invoice_of(payment):
        return earlier
    seller = Seller.objects.filter(organizer__events=booking.event_id).first()
    if seller is None or not seller.writes_invoices:
        raise NoInvoices
    invoice = Invoice(
        kind=Invoice.Kind.INVOICE,
        seller={"name": seller.name, "address": seller.address, "vat_id": seller.vat_id, "note": seller.invoice_note},
        buyer=asdict(recipient),
        lines=[{name: line[name] for name in ("name", "quantity", "gross_minor", "tax_rate")} for line in payment.sale.lines],
        currency=payment.captured_currency,
        language=booking.language or settings.LANGUAGE_CODE,
        asked_by=actor,
    )
    _write(invoice, booking=booking, payment=payment, prefix=seller.invoice_prefix)
    for refund in payment.refunds.order_by("created_at", "pk"):
        _credit(invoice, booking=booking, refund=refund)
    return invoice


def credit(refund: Refund) -> Invoice | None:
    """Write the credit note for a refund that was just promised, if its payment was invoiced. The payment is locked."""
    invoice = invoice_of(refund.payment)
    return _credit(invoice, booking=invoice.booking, refund=refund) if invoice else None


def documents_of(booking: Booking) -> list[Invoice]:
    """The invoice of a booking and its credit notes, oldest first, without their PDFs."""
    return list(Invoice.objects.defer("pdf").filter(booking=booking).order_by("year", "number"))


def can_be_invoiced(booking: Booking) -> bool:
    """Whether something was paid for it to an organizer that writes invoices."""
    seller = Seller.objects.filter(organizer__events=booking.event_id).first()
    paid = booking.payments.filter(outcome=Payment.Outcome.CONFIRMED)
    return seller is not None and seller.writes_invoices and paid.exists()


def invoice_of(payment: Payment) -> Invoice | None:
    return Invoice.objects.defer("pdf").filter(payment=payment, kind=Invoice.Kind.INVOICE).first()


def _credit(invoice: Invoice, *, booking: Booking, refund: Refund) -> Invoice:
    taxes = _taxes(refund.payment, refund)
    with override(invoice.language):
        lines = [
            {"name": _("Given back of what was paid"), "quantity": 1} | {name: tax[name] for name in ("gross_minor", "tax_rate")}
            for tax in taxes
        ]
    credit_note = Invoice(
        kind=Invoice.Kind.CREDIT_NOTE,
        corrects=invoice,
        refund=refund,
        seller=invoice.seller,
        buyer=invoice.buyer,
        lines=lines,
        currency=invoice.currency,
        language=invoice.language,
        asked_by=refund.actor,
    )
    prefix = Seller.objects.values_list("invoice_prefix", flat=True).get(organizer=invoice.organizer_id)
    return _write(credit_note, booking=booking, payment=refund.payment, prefix=prefix or invoice.label.rsplit("-", 2)[0])


def _write(invoice: Invoice, *, booking: Booking, payment: Payment, prefix: str) -> Invoice:
    """Give it its number, its amounts and its PDF, and keep it for good."""
    event = Event.objects.select_related("venue").get(pk=booking.event_id)
    invoice.organizer_id, invoice.event, invoice.booking, invoice.payment = event.organizer_id, event, booking, payment
    invoice.taxes = _taxes(payment, invoice.refund)
    invoice.total_minor = sum(tax["gross_minor"] for tax in invoice.taxes)
    invoice.supplied_on = event.starts_at.astimezone(event.venue.zone).date()
    invoice.issued_on, invoice.number = take_number(invoice.organizer_id)
    invoice.year = invoice.issued_on.year
    invoice.label = f"{prefix}-{invoice.year}-{invoice.number:05}"
    invoice.pdf = render(invoice)
    invoice.pdf_sha256 = sha256(invoice.pdf).hexdigest()
    invoice.save(force_insert=True)
    return invoice


def take_number(organizer_id: UUID) -> tuple[date, int]:
    """The day by the database's clock (UTC) and the next number of its year, which is given back if the transaction fails."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE_NUMBER, [uuid7(), organizer_id])
        day, number = cursor.fetchone()
        return day, number


def _taxes(payment: Payment, refund: Refund | None) -> Sequence[Mapping[str, Any]]:
    """What was sold or given back by rate, positive."""
    sign = 1 if refund is None else -1
    return [
        {
            "tax_rate": _rate(line.tax_rate),
            "net_minor": sign * (line.gross_minor - line.tax_minor),
            "tax_minor": sign * line.tax_minor,
            "gross_minor": sign * line.gross_minor,
        }
        for line in TaxLine.objects.filter(payment=payment, refund=refund).order_by("tax_rate")
    ]


def _rate(rate: Decimal) -> str:
    return f"{rate:.2f}"
