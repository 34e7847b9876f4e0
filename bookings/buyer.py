"""Who is behind a request, and which bookings are theirs."""

import secrets
from typing import Final
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from evently.network import hashed_address

from .models import Booking
from .sale import Buyer
from .services import booked_services

TOKEN, GRANTED = "buyer", "bookings"
GRANTED_AT_MOST: Final = 50


def buyer_of(request: HttpRequest, *, create: bool = False) -> Buyer:
    """The person, the browser session, or both, that this request comes from.

    A browser gets its token when it first holds something (`create`), not by looking around; it keeps it when it signs in.
    """
    token = request.session.get(TOKEN, "")
    if create and not token:
        token = request.session[TOKEN] = secrets.token_urlsafe(24)
    return Buyer(user_id=_user_id(request), session=token, address=hashed_address(request))


def own_booking(request: HttpRequest, pk: UUID) -> Booking:
    """The booking with its event, venue, seats and the clock; 404 unless it belongs to this person or browser, or was opened
    here by its secret link."""
    bookings = Booking.objects.with_clock().with_seats().select_related("event__venue", "event__organizer", "promo_code")
    booking = get_object_or_404(bookings, owned(request), pk=pk)
    booking.booked_services = booked_services(booking)
    return booking


def owned(request: HttpRequest) -> Q:
    """Selects the bookings that `own_booking` shows."""
    return buyer_of(request).bookings | Q(pk__in=request.session.get(GRANTED, []))


def grant(request: HttpRequest, booking: Booking) -> None:
    """Let this browser see the booking for as long as its session lives."""
    granted = [pk for pk in request.session.get(GRANTED, []) if pk != str(booking.pk)]
    request.session[GRANTED] = [*granted, str(booking.pk)][-GRANTED_AT_MOST:]


def buyer_for(request: HttpRequest, booking: Booking) -> Buyer:
    """Who changes this booking, which `own_booking` has let through: also one opened by its link acts as its buyer."""
    buyer = buyer_of(request)
    return Buyer(user_id=booking.user_id or buyer.user_id, session=booking.session or buyer.session, address=buyer.address)


def _user_id(request: HttpRequest) -> UUID | None:
    return request.user.pk if request.user.is_authenticated else None
