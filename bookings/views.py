"""The pages of a booking after its details: every state of it, its tickets, and the list of one's bookings."""

from collections import Counter
from contextlib import suppress
from hmac import compare_digest
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from evently.errors import DomainError
from events.models import Event
from payments.models import Payment, Refund
from payments.quotes import NotReturnable, quote_return
from payments.services import can_be_invoiced, documents_of
from payments.services import cancel_booking as give_up

from . import basket, tickets
from .buyer import buyer_of, grant, own_booking, owned
from .forms import TERMS_VERSION
from .models import Booking, BookingQuerySet, Ticket
from .reads import remember_own

PER_PAGE: Final = 20


@never_cache
@require_safe
def show_booking(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show where the booking stands and what can be done next; while it is held that is the details step."""
    booking = own_booking(request, pk)
    status = booking.effective_status
    if booking.event.status == Event.Status.CANCELLED or status == Booking.Status.CANCELLED:
        return render(request, "bookings/cancelled.html", _facts(booking))
    if status == Booking.Status.HELD:
        return redirect("bookings:edit-details", pk=pk)
    if status == Booking.Status.PAYING:
        return _show_paying(request, booking)
    if status == Booking.Status.CONFIRMED:
        return _show_confirmed(request, booking)
    return _show_expired(request, booking)


def _facts(booking: Booking) -> dict[str, Any]:
    refunds = Refund.objects.filter(payment__booking=booking).order_by("created_at")
    types = Counter((line.ticket_type.name, line.seat.section, line.price_minor) for line in booking.live_seats)
    sums = [(quantity, *what, quantity * what[-1]) for what, quantity in types.items()]
    shown = sum(line.price_minor - line.discount_minor for line in booking.live_seats) + booking.services_minor
    returned = booking.total_minor - shown if booking.status == Booking.Status.CONFIRMED else 0
    facts = {"booking": booking, "event": booking.event, "refunds": list(refunds), "sums": sums}
    is_paid = booking.payment_status != Booking.PaymentStatus.UNPAID
    invoices = documents_of(booking) if is_paid else []
    can_ask = is_paid and not invoices and can_be_invoiced(booking)
    return facts | {"returned_minor": returned, "invoices": invoices, "can_be_invoiced": can_ask}


def _show_paying(request: HttpRequest, booking: Booking) -> HttpResponse:
    payment = Payment.objects.open().filter(booking=booking).order_by("created_at").last()
    return render(request, "bookings/paying.html", _facts(booking) | {"payment": payment})


def _show_confirmed(request: HttpRequest, booking: Booking) -> HttpResponse:
    context = _facts(booking) | {
        "tickets": [(ticket, _qr(ticket)) for ticket in _valid_tickets(booking)],
    }
    with suppress(NotReturnable):
        context["quote"] = quote_return(booking)
    return render(request, "bookings/confirmed.html", context)


def _show_expired(request: HttpRequest, booking: Booking) -> HttpResponse:
    facts = _facts(booking)
    lines = list(booking.seats.select_related("seat", "ticket_type").order_by("seat__position"))
    free = [line for line in lines if line.seat.is_free(at=booking.clock)]
    context = facts | {
        "places": [(line, line in free) for line in lines],
        "free": free,
        "total_minor": sum(line.ticket_type.price_minor for line in free),
        "sells_now": basket.sells_now(booking.event, booking),
        "pick_url": basket.pick_url(booking, lines),
    }
    late = any(refund.reason == Refund.Reason.SEATS_LOST for refund in facts["refunds"])
    return render(request, "bookings/late.html" if late else "bookings/expired.html", context)


@never_cache
@require_safe
def open_booking(request: HttpRequest, pk: UUID, secret: str) -> HttpResponse:
    """Let whoever has the link of a booking see it in this browser, and take the secret out of the address bar."""
    booking = get_object_or_404(Booking, pk=pk)
    if not compare_digest(booking.secret.encode(), secret.encode()):
        raise Http404
    grant(request, booking)
    return redirect(booking)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def cancel_booking(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give the seats of a hold back at once. What is booked is given back ticket by ticket."""
    booking = own_booking(request, pk)
    if booking.effective_status == Booking.Status.CONFIRMED:
        return redirect("bookings:return-tickets", pk=pk)
    if request.method != "POST":
        return redirect(booking)
    try:
        give_up(booking_id=pk, actor=str(buyer_of(request)))
    except DomainError as refusal:
        messages.error(request, str(refusal))
        return redirect(booking)
    basket.forget_typed(request)
    messages.success(request, _("Your seats are free for others again. Nothing was charged."))
    return redirect(booking.event)


@never_cache
@require_safe
def list_bookings(request: HttpRequest) -> HttpResponse:
    """The bookings of this person and this browser: what comes, what was, what was called off."""
    owner = owned(request)
    lists = _lists(owner)
    shown, wished = request.GET.get("show", "upcoming"), request.GET.get("page", "1")
    if shown not in lists:
        raise Http404

    def read() -> tuple[list[Booking], int, int, int]:
        bookings = lists[shown].with_clock().with_seats().select_related("event__venue")
        page = Paginator(bookings.defer("event__description", "event__names", "event__words"), PER_PAGE).get_page(wished)
        count = page.paginator.count
        return list(page), page.number, count, count if shown == "upcoming" else lists["upcoming"].count()

    bookings, number, count, upcoming = remember_own(owner, f"page {shown} {wished}", read)
    page = Paginator(range(count), PER_PAGE).get_page(number)
    rows = [(booking, [line.seat for line in booking.live_seats]) for booking in bookings]
    return render(request, "bookings/list.html", {"page": page, "rows": rows, "shown": shown, "upcoming": upcoming})


def _lists(owner: Q) -> dict[str, BookingQuerySet]:
    own = Booking.objects.filter(owner)
    going_on = ~Q(event__status=Event.Status.CANCELLED)
    was_booked = Exists(Ticket.objects.filter(booking=OuterRef("pk"))) | ~Q(payment_status=Booking.PaymentStatus.UNPAID)
    ended = Q(status__in=[Booking.Status.CANCELLED, Booking.Status.EXPIRED]) | ~going_on
    return {
        "upcoming": own.live().filter(going_on, event__ends_at__gt=Now()).order_by("event__starts_at", "created_at"),
        "past": own.filter(going_on, status=Booking.Status.CONFIRMED, event__ends_at__lte=Now()).order_by("-event__starts_at"),
        # What was only held and let go is no booking that anybody looks for.
        "cancelled": own.filter(ended, was_booked).order_by("-updated_at"),
    }


@never_cache
@require_safe
def show_ticket(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One ticket, to be shown at the door."""
    ticket = get_object_or_404(Ticket.objects.select_related("booking_seat__seat", "booking_seat__ticket_type"), pk=pk)
    booking = own_booking(request, ticket.booking_id)
    valid = [] if booking.event.status == Event.Status.CANCELLED else list(_valid_tickets(booking))
    number = valid.index(ticket) if ticket in valid else None
    context = {
        "ticket": ticket,
        "booking": booking,
        "event": booking.event,
        "valid": valid,
        "number": None if number is None else number + 1,
        "following": None if number is None or len(valid) == 1 else valid[(number + 1) % len(valid)],
        "qr": "" if number is None else _qr(ticket),
    }
    return render(request, "bookings/ticket.html", context)


@require_safe
def show_terms(request: HttpRequest) -> HttpResponse:
    """What a buyer accepts."""
    return render(request, "bookings/terms.html", {"version": TERMS_VERSION})


def _valid_tickets(booking: Booking) -> QuerySet[Ticket]:
    valid = booking.tickets.filter(status=Ticket.Status.VALID)
    return valid.select_related("booking_seat__seat", "booking_seat__ticket_type").order_by("booking_seat__seat__position")


def _qr(ticket: Ticket) -> SafeString:
    return mark_safe(tickets.qr_svg(tickets.sign(ticket)))  # noqa: S308 -- drawn by us from our own signature
