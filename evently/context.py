"""What every page knows."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from bookings.buyer import buyer_of
from bookings.models import Booking
from bookings.sale import Buyer
from events.models import Event

SITE_NAME = "Evently"
THEMES = ("auto", "light", "dark")


def site(request: HttpRequest) -> dict[str, Any]:
    """`site_name`, `theme` (auto, light or dark), `here` (where sign-in and the footer's forms come back to) and
    `live_hold`: the visitor's newest hold that has not lapsed, asked for only by the templates that show it."""
    theme = request.COOKIES.get("theme")
    return {
        "site_name": SITE_NAME,
        "theme": theme if theme in THEMES else "auto",
        "here": request.get_full_path(),
        "live_hold": SimpleLazyObject(lambda: live_hold(buyer_of(request))),
    }


def live_hold(buyer: Buyer, event: Event | None = None) -> Booking | None:
    """The buyer's newest hold that has not lapsed, of that event or of any."""
    if not buyer.session and buyer.user_id is None:
        return None
    holds = Booking.objects.live().filter(buyer.bookings, status__in=Booking.HOLDING)
    if event:
        holds = holds.filter(event=event)
    return holds.with_clock().select_related("event__venue").order_by("-created_at").first()
