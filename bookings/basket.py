"""What the pages know of seats that are held and not yet paid: what may be changed, and what was typed meanwhile."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db.models import F, Q
from django.http import HttpRequest
from django.urls import reverse

from events.models import LONGEST_CODE, Event, EventService, TicketType, canonical_code

from . import services
from .forms import DetailsForm
from .models import Booking, BookingSeat
from .services.hold import LONGEST

TYPED: Final = "details"
TYPED_CODE: Final = "code"
SERVICE: Final = "service-"
MOST_SERVICES: Final = 100


@dataclass(frozen=True)
class BasketLine:
    """A held seat and the ticket types that it could be sold by."""

    line: BookingSeat
    ticket_types: list[TicketType]


@dataclass(frozen=True)
class ServiceLine:
    """A service of the event, what it costs in this booking, how many of it this has, and how many it may have."""

    offer: EventService
    price_minor: int
    quantity: int
    choices: range


def basket_lines(booking: Booking) -> list[BasketLine]:
    """The held seats in the order of the hall, each with what is on sale now for its category, and what it has."""
    open_now = Q(sale_starts_at=None) | Q(sale_starts_at__lte=booking.clock)
    open_now &= Q(sale_ends_at=None) | Q(sale_ends_at__gt=booking.clock)
    chosen = [line.ticket_type_id for line in booking.live_seats]
    sold = Q(sold_to=TicketType.SoldTo.EVERYBODY)
    if booking.promo_code_id:
        sold |= Q(sold_to=TicketType.SoldTo.CODE, unlocked_by=booking.promo_code_id)
    on_sale = TicketType.objects.filter((sold & open_now) | Q(pk__in=chosen), event=booking.event_id).distinct()
    types = list(on_sale.order_by("position", F("price_minor").desc(), "name"))
    return [
        BasketLine(line, [each for each in types if each.category_id == line.ticket_type.category_id])
        for line in booking.live_seats
    ]


def changed_types(booking: Booking, posted: Mapping[str, str]) -> dict[UUID, UUID]:
    """The seats for which another ticket type than they have was posted, as `type-<seat id>`."""
    changed = {}
    for line in booking.live_seats:
        with suppress(ValueError):  # what no page of ours sends
            wished = UUID(posted.get(f"type-{line.seat_id}", str(line.ticket_type_id)))
            if wished != line.ticket_type_id:
                changed[line.seat_id] = wished
    return changed


def wished_services(booking: Booking, posted: Mapping[str, str]) -> dict[UUID, int] | None:
    """The services that were posted as `service-<id>`, if they are others than it has."""
    wished, booked = {}, {line.event_service_id: line.quantity for line in booking.booked_services}
    for name, value in posted.items():
        if name.startswith(SERVICE):
            with suppress(ValueError):  # what no page of ours sends
                wished[UUID(name.removeprefix(SERVICE))] = min(max(0, int(value)), MOST_SERVICES)
    has_changed = bool(wished) and {pk: quantity for pk, quantity in wished.items() if quantity} != booked
    return wished if has_changed else None


def service_lines(booking: Booking) -> list[ServiceLine]:
    """What the event offers beside its places, with how many of it there may be in this booking, and are."""
    booked = {line.event_service_id: line for line in booking.booked_services}
    lines = []
    for offer, left in services.count_left(booking.event_id, beside=booking):
        most = min(offer.max_per_booking, MOST_SERVICES if left is None else left)
        line = booked.get(offer.pk)
        quantity = line.quantity if line else 0
        price_minor = line.price_minor if line else offer.price_minor
        lines.append(ServiceLine(offer, price_minor, quantity, range(max(most, quantity) + 1)))
    return lines


def can_be_extended(booking: Booking) -> bool:
    """Whether more time could move the deadline: it is bounded for all extensions together."""
    return booking.expires_at < booking.created_at + LONGEST


def pick_url(booking: Booking, lines: list[BookingSeat]) -> str:
    """Where places of this event are chosen: on the map, or by number of tickets when these have no seat numbers."""
    name = "events:pick-seats" if any(line.seat.number for line in lines) else "events:pick-tickets"
    return reverse(name, kwargs={"slug": booking.event.slug})


def sells_now(event: Event, booking: Booking) -> bool:
    """Whether the event is on sale by the database's clock."""
    return event.status == Event.Status.PUBLISHED and event.sale_starts_at <= booking.clock < event.sale_ends_at


def remember_typed(request: HttpRequest, booking: Booking) -> None:
    """Keep what stands in the form while another button of the page is pressed, so that nothing is typed twice."""
    typed = {"name": request.POST.get("name", ""), "email": request.POST.get("email", "")}
    attendees = {str(line.seat_id): request.POST.get(DetailsForm.attendee_field(line), "") for line in booking.live_seats}
    _write(request, typed, attendees)


def remember_booked(request: HttpRequest, booking: Booking, lines: list[BookingSeat]) -> None:
    """Keep the details of a hold that has ended for the next one."""
    if booking.email:
        _write(request, {"name": booking.name, "email": booking.email}, {str(line.seat_id): line.attendee for line in lines})


def typed_code(request: HttpRequest, booking: Booking) -> str:
    """The code that stands in the page's field, unless the booking has it."""
    typed = request.POST.get("code", "")[:LONGEST_CODE].strip()
    has_it = booking.promo_code is not None and booking.promo_code.canonical == canonical_code(typed)
    return "" if has_it else typed


def remember_code(request: HttpRequest, typed: str) -> None:
    """Keep a code that was refused for the next page, so that a letter of it can be put right."""
    request.session[TYPED_CODE] = typed


def code_to_show(request: HttpRequest) -> str:
    """What stands in the code's field: what was just sent, or what was refused on the page before."""
    refused = request.session.pop(TYPED_CODE, "") if TYPED_CODE in request.session else ""
    return request.POST.get("code", "")[:LONGEST_CODE] or str(refused)


def forget_typed(request: HttpRequest) -> None:
    request.session.pop(TYPED, None)


def first_values(request: HttpRequest, booking: Booking) -> dict[str, Any]:
    """What the form starts with: what was typed last, else what the booking has, else what the account knows."""
    typed = request.session.get(TYPED, {})
    user = request.user
    known = {"name": user.get_full_name(), "email": user.email} if user.is_authenticated else {"name": "", "email": ""}
    values: dict[str, Any] = {name: typed.get(name) or getattr(booking, name) or known[name] for name in ("name", "email")}
    for line in booking.live_seats:
        values[DetailsForm.attendee_field(line)] = typed.get("attendees", {}).get(str(line.seat_id)) or line.attendee
    values["marketing_consent"] = booking.marketing_consent
    return values


def _write(request: HttpRequest, typed: dict[str, str], attendees: dict[str, str]) -> None:
    request.session[TYPED] = {name: value[:254] for name, value in typed.items()} | {
        "attendees": {seat: name[:200] for seat, name in attendees.items() if name}
    }
