"""The pay step, the way back from the gateway, and the pay page of the sandbox."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bookings import basket
from bookings import services as bookings
from bookings.buyer import buyer_of, own_booking, owned
from bookings.models import Booking
from evently.errors import DomainError
from evently.rest.throttling import count_free_booking
from events.models import Event

from . import gateways, services
from .accounts import bank_account, ways_to_pay
from .documents import pdf_response
from .forms import InvoiceForm, PayForm, SandboxForm
from .gateways import Gateway, UnknownCharge, UnknownGateway
from .gateways import sandbox as sandbox_gateway
from .models import Invoice, Payment, SandboxCharge

# Where a refusal sends the buyer; any other is told on the page itself.
ELSEWHERE: Final = {bookings.HoldEnded: "bookings:show-booking", bookings.DetailsMissing: "bookings:edit-details"}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def pay(request: HttpRequest, booking: UUID) -> HttpResponse:
    """Show once more what is bought, then send the buyer to the gateway; what costs nothing is confirmed here."""
    held = own_booking(request, booking)
    if held.effective_status not in Booking.HOLDING or held.event.status == Event.Status.CANCELLED:
        return redirect(held)
    if not held.email:
        return redirect("bookings:edit-details", pk=held.pk)
    ways = [gateways.get(*way) for way in ways_to_pay(held.event).items()]
    form = PayForm(request.POST if request.method == "POST" else None, ways=ways)
    status = 200
    if request.method == "POST":
        try:
            if held.is_free_of_charge:
                count_free_booking(email=held.email)
                bookings.confirm_free_booking(booking_id=held.pk, actor=str(buyer_of(request)))
                return redirect(held)
            if form.is_valid():
                return _may_lead_to(redirect(_start(request, held, gateway=form.cleaned_data["gateway"])), ways)
            status = 422
        except tuple(ELSEWHERE) as refusal:
            return redirect(ELSEWHERE[type(refusal)], pk=held.pk)
        except DomainError as refusal:
            form.add_error(None, str(refusal))
            status = refusal.status
    context = {
        "booking": own_booking(request, booking) if request.method == "POST" else held,
        "event": held.event,
        "form": form,
        "ways": ways,
        "last": held.payments.order_by("created_at").last(),
        "pick_url": basket.pick_url(held, held.live_seats),
    }
    return _may_lead_to(render(request, "payments/pay.html", context, status=status), ways)


def _may_lead_to(response: HttpResponse, ways: Sequence[Gateway]) -> HttpResponse:
    """Let this page's form end at the gateways' own pages, which the policy of all other pages forbids."""
    response._csp_update = {"form-action": [page for gateway in ways for page in gateway.pages]}  # type: ignore[attr-defined]
    return response


def _start(request: HttpRequest, booking: Booking, *, gateway: str) -> str:
    checkout = services.start_checkout(
        booking_id=booking.pk, gateway=gateway, actor=str(buyer_of(request)), site_url=request.build_absolute_uri("/")
    )
    return checkout.redirect_url


@never_cache
@require_safe
def return_from_gateway(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The browser is back: ask the gateway how it ended, whatever the address says, and show what follows from it."""
    payment = get_object_or_404(Payment, pk=pk)
    booking = own_booking(request, payment.booking_id)
    with suppress(DomainError, UnknownCharge):  # not known yet: that is what the waiting page is for
        payment = services.settle_from_gateway(payment_id=pk)
    has_left = payment.status in Payment.OPEN and "left" in request.GET  # by the gateway's link back
    if has_left or payment.status in (Payment.Status.DECLINED, Payment.Status.ABANDONED):
        return redirect("payments:pay", booking=booking.pk)  # which says so, or goes on to what became of the hold
    if payment.outcome or booking.event.status == Event.Status.CANCELLED:
        return redirect(booking)
    if payment.is_offline:
        return redirect("payments:offline", pk=pk)
    return render(request, "payments/waiting.html", {"booking": booking, "event": booking.event, "payment": payment})


@never_cache
@require_safe
def offline(request: HttpRequest, pk: UUID) -> HttpResponse:
    """How to pay without a gateway: where the money goes, with which reference, until when."""
    payment = get_object_or_404(Payment.objects.filter(gateway__in=Payment.OFFLINE), pk=pk)
    booking = own_booking(request, payment.booking_id)
    if payment.status not in Payment.OPEN or booking.effective_status not in Booking.HOLDING:
        return redirect(booking)
    is_transfer = payment.gateway == "bank_transfer"
    context = {"booking": booking, "event": booking.event, "payment": payment}
    return render(request, "payments/offline.html", context | {"bank": bank_account(payment.account) if is_transfer else None})


@never_cache
@require_POST
def leave(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Stop a payment under way, so that the booking can be changed or paid in another way."""
    payment = get_object_or_404(Payment, pk=pk)
    booking = own_booking(request, payment.booking_id)
    with suppress(DomainError, UnknownCharge):  # then it goes on, and the page says so
        services.leave_payment(payment_id=pk)
    return redirect("payments:pay", booking=booking.pk)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invoice(request: HttpRequest, booking: UUID) -> HttpResponse:
    """Ask for the invoice of what was paid, once; from then on, it and its credit notes."""
    booked = own_booking(request, booking)
    documents = services.documents_of(booked)
    if not documents and not services.can_be_invoiced(booked):
        raise Http404
    form = InvoiceForm(request.POST if request.method == "POST" else None, initial={"name": booked.name})
    if request.method == "POST" and not documents and form.is_valid():
        services.issue_invoice(booking_id=booked.pk, recipient=form.recipient(), actor=str(buyer_of(request)))
    if request.method == "POST" and (documents or form.is_valid()):
        return redirect("payments:invoice", booking=booked.pk)
    context = {"booking": booked, "event": booked.event, "documents": documents, "form": form}
    return render(request, "payments/invoice.html", context, status=422 if form.errors else 200)


@never_cache
@require_safe
def invoice_pdf(request: HttpRequest, pk: UUID) -> HttpResponse:
    """An invoice or credit note of one's own booking, as it was written."""
    document = get_object_or_404(Invoice.objects.filter(booking__in=Booking.objects.filter(owned(request))), pk=pk)
    return pdf_response(document)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sandbox(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The pay page of the test gateway, as if it were another company's. Not there unless the sandbox is offered."""
    try:
        gateways.get(sandbox_gateway.Sandbox.name)
    except UnknownGateway:
        raise Http404 from None
    charge = get_object_or_404(SandboxCharge, pk=pk)
    form = SandboxForm(request.POST or None)
    if form.is_valid():
        charge = sandbox_gateway.decide(charge_id=pk, status=SandboxCharge.Status(form.cleaned_data["decision"]))
    if charge.status != SandboxCharge.Status.OPEN:
        return redirect(charge.return_url)
    return render(request, "payments/sandbox.html", {"charge": charge}, status=422 if form.is_bound else 200)
