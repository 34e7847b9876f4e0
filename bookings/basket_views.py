"""The details step, and what can be done with held seats."""

from collections import Counter
from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from evently.errors import DomainError
from evently.rest.throttling import count_code
from evently.templatetags.evently import clock_time
from events.models import Event

from . import basket, services
from .buyer import buyer_for, buyer_of, own_booking, owned
from .forms import DetailsForm
from .models import Booking


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def edit_details(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask who the tickets are for; then on to payment."""
    booking = own_booking(request, pk)
    if booking.effective_status != Booking.Status.HELD or booking.event.status == Event.Status.CANCELLED:
        return redirect(booking)
    first_values = basket.first_values(request, booking)
    form = DetailsForm(request.POST or None, booking=booking, initial=first_values)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                _save_details(request, booking, form)
            except (services.HoldEnded, services.BeingPaid):
                basket.remember_typed(request, booking)
                return redirect(booking)
            except DomainError as refusal:
                form.add_error(None, str(refusal))
                status = refusal.status
                booking = own_booking(request, pk)  # another ticket type may have been accepted before the refusal
            else:
                basket.forget_typed(request)
                return redirect("payments:pay", booking=booking.pk)
    lines = basket.basket_lines(booking)
    context = {
        "booking": booking,
        "event": booking.event,
        "code": basket.code_to_show(request),
        "services": basket.service_lines(booking),
        "form": form,
        "lines": lines,
        "has_choice": any(len(line.ticket_types) > 1 for line in lines),
        "can_be_extended": basket.can_be_extended(booking),
        "pick_url": basket.pick_url(booking, booking.live_seats),
    }
    return render(request, "bookings/details.html", context, status=status)


def _save_details(request: HttpRequest, booking: Booking, form: DetailsForm) -> None:
    if types := basket.changed_types(booking, request.POST):
        services.change_hold(booking_id=booking.pk, buyer=buyer_for(request, booking), add=types, remove=types)
        booking = own_booking(request, booking.pk)
    buyer = buyer_of(request)
    if (wished := basket.wished_services(booking, request.POST)) is not None:
        services.set_services(booking_id=booking.pk, quantities=wished, actor=str(buyer))
    if typed := basket.typed_code(request, booking):  # and Enter, or the wrong button, was pressed
        _apply_code(request, booking.pk, typed)
    contact = form.contact(booking)
    services.set_contact(booking_id=booking.pk, contact=contact, user_id=buyer.user_id, actor=str(buyer))


@require_POST
def change_types(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give seats the ticket types that were chosen for them."""
    return _change(request, pk)


@require_POST
def remove_seat(request: HttpRequest, pk: UUID, seat: UUID) -> HttpResponse:
    """Give one seat back."""
    return _change(request, pk, drop=[seat])


def _change(request: HttpRequest, pk: UUID, *, drop: Collection[UUID] = ()) -> HttpResponse:
    booking = own_booking(request, pk)
    basket.remember_typed(request, booking)
    given_back = [line.seat_id for line in booking.live_seats if line.seat_id in drop]  # a second click finds it gone
    types = {seat: wished for seat, wished in basket.changed_types(booking, request.POST).items() if seat not in drop}
    if given_back or types:
        _try(
            request,
            lambda: services.change_hold(
                booking_id=pk, buyer=buyer_for(request, booking), add=types, remove=[*types, *given_back]
            ),
        )
    return redirect(booking)


@require_POST
def change_services(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take the services that were chosen to go with the tickets."""
    booking = own_booking(request, pk)
    basket.remember_typed(request, booking)
    if (wished := basket.wished_services(booking, request.POST)) is not None:
        actor = str(buyer_of(request))
        _try(request, lambda: services.set_services(booking_id=pk, quantities=wished, actor=actor))
    return redirect(booking)


@require_POST
def apply_code(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give the hold the code that was typed."""
    booking = own_booking(request, pk)
    basket.remember_typed(request, booking)
    if typed := basket.typed_code(request, booking):
        if _try(request, lambda: _apply_code(request, pk, typed)):
            messages.success(request, _("Your code is applied."))
        else:
            basket.remember_code(request, typed)
    return redirect(booking)


@require_POST
def remove_code(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take the code off the hold."""
    booking = own_booking(request, pk)
    basket.remember_typed(request, booking)
    _try(request, lambda: services.remove_code(booking_id=pk, actor=str(buyer_of(request))))
    return redirect(booking)


def _apply_code(request: HttpRequest, pk: UUID, typed: str) -> Booking:
    buyer = buyer_of(request)
    count_code(person=buyer.owner, address=buyer.address)
    return services.apply_code(booking_id=pk, typed=typed, actor=str(buyer))


@require_POST
def extend_hold(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Keep the seats ten minutes from now."""
    booking = own_booking(request, pk)
    basket.remember_typed(request, booking)
    extended = _try(request, lambda: services.extend_hold(booking_id=pk, actor=str(buyer_of(request))))
    if extended:
        told = {"time": clock_time(extended.expires_at, booking.event)}
        messages.success(request, _("Your seats are held until %(time)s.") % told)
    return redirect(booking)


@require_POST
def retake_seats(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Hold what is still free of an ended booking's seats again, or the best places instead of them."""
    booking = own_booking(request, pk)
    if booking.effective_status != Booking.Status.EXPIRED:
        return redirect(booking)
    newer = Booking.objects.live().filter(
        owned(request), event=booking.event, status__in=Booking.HOLDING, created_at__gt=booking.created_at
    )
    if taken := newer.first():  # a second click, or other places chosen meanwhile
        return redirect(taken)
    lines = list(booking.seats.select_related("seat"))
    wanted = {line.seat_id: line.ticket_type_id for line in lines if line.seat.is_free(at=booking.clock)}
    buyer = buyer_of(request, create=True)
    common: dict[str, Any] = {"buyer": buyer, "event_id": booking.event_id}
    code = booking.promo_code.code if booking.promo_code else ""
    if "best" in request.POST:
        types = Counter(line.ticket_type_id for line in lines)
        taken = _try(request, lambda: _with_or_without(code, services.hold_best, quantities=types, **common))
    elif wanted:
        taken = _try(request, lambda: _with_or_without(code, services.hold_seats, seats=wanted, **common))
    if taken:
        basket.remember_booked(request, booking, lines)
    return redirect(taken or booking)


def _with_or_without(code: str, hold: Callable[..., Booking], **wish: Any) -> Booking:
    """The hold with the code that the booking had, or, if that cannot be used any more, without it."""
    try:
        return hold(code=code, **wish)
    except services.CodeNotUsable:
        return hold(**wish)


def _try(request: HttpRequest, work: Callable[[], Booking]) -> Booking | None:
    """Do it, or leave the reason of the refusal for the next page; that the time is over, that page says itself."""
    try:
        return work()
    except services.HoldEnded:
        return None
    except DomainError as refusal:
        messages.error(request, str(refusal))
        return None
