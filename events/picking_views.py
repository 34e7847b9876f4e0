"""Choosing seats or tickets of an event."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from bookings import services
from bookings.buyer import buyer_of
from bookings.entered import entered_code, opened_types
from bookings.models import Booking
from bookings.picking import Wish
from evently.context import live_hold
from evently.errors import DomainError
from evently.templatetags.evently import moment

from .access import visible_event
from .choice import Choice
from .drawing import drawing_of, drawing_of_section
from .models import Event, Seat, TicketType
from .offers import PriceLine, SaleState, begins_later, has_ended, price_list, sale_state
from .reads import choice_for_anybody, places_by_section, places_of, states_for_anybody
from .seatmap import MapSeat, nearest_block, read_seats, read_states
from .section_filter import SectionFilter, add_up
from .sections import LARGE, Section, draw_sections, find_section, section_lines, sections_of

PARTY = 5  # the most that the row of numbers offers
USUAL_PARTY = 2  # four of five bookings are for two
MOST = 1000  # a number above it is refused like it


class NothingChosen(DomainError):
    code = "nothing_chosen"
    message = _("Please choose at least one place first.")
    status = 422


@require_http_methods(["GET", "HEAD", "POST"])
def pick_seats(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the hall as a map and as a list, a large one section by section; a POST holds the chosen seats, or exchanges those
    that the visitor holds.
    """
    event = visible_event(request, slug)
    section = _section(request, event)
    refusal = None
    if request.method == "POST":
        try:
            booking = _hold_chosen(request, event, section)
        except DomainError as error:
            refusal = error
        else:
            return redirect("bookings:edit-details", booking.pk)
    return _seat_page(request, event, section, refusal=refusal)


@require_safe
def seat_states(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The state of every numbered seat, or of those of a section, one letter each in the order of positions; 304 while nothing
    has changed.
    """
    event = visible_event(request, slug)
    hold = live_hold(buyer_of(request), event)
    section = _section(request, event)
    states = read_states(event.pk, hold=hold.pk, section=section) if hold else states_for_anybody(event, section=section)
    etag = f'"{hashlib.blake2b(states.encode(), digest_size=12).hexdigest()}"'
    response = HttpResponse(states, content_type="text/plain; charset=utf-8")
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    return get_conditional_response(request, etag=etag, response=response) or response


@require_http_methods(["GET", "HEAD", "POST"])
def pick_tickets(request: HttpRequest, slug: str) -> HttpResponse:
    """Show ticket types and quantities; a POST holds the best places for them, in exchange for what the visitor held before."""
    event = visible_event(request, slug)
    refusal = None
    if request.method == "POST":
        try:
            booking = _hold_best(request, event)
        except DomainError as error:
            refusal = error
        else:
            return redirect("bookings:edit-details", booking.pk)
        if "seats" in request.POST:  # asked for on the page of seats, answered there
            return _seat_page(request, event, _section(request, event), refusal=refusal)
    return _ticket_page(request, event, refusal=refusal)


def _section(request: HttpRequest, event: Event) -> Section | None:
    """The section that is asked for, in a hall that is large enough for it."""
    wished = request.GET.get("section", "")
    if not wished or not event.seating_plan or event.seating_plan.seat_count <= LARGE:
        return None
    return find_section(event.seating_plan, wished)


def _hold_chosen(request: HttpRequest, event: Event, section: Section | None) -> Booking:
    chosen = _uuids(request.POST.getlist("seat"))
    if not chosen:
        raise NothingChosen
    buyer = buyer_of(request, create=True)
    hold = live_hold(buyer, event)
    if hold is None:
        code = entered_code(request, event)
        return services.hold_seats(buyer=buyer, event_id=event.pk, seats=dict.fromkeys(chosen), code=code)
    lines = hold.seats.filter(released_at=None, seat__category__numbered=True)  # standing places are not chosen here, and stay
    if section:  # so does what is held elsewhere
        lines = lines.filter(seat__position__range=section.positions)
    held = set(lines.values_list("seat", flat=True))
    if held == chosen:
        return hold
    return services.change_hold(booking_id=hold.pk, buyer=buyer, add=dict.fromkeys(chosen - held), remove=held - chosen)


def _hold_best(request: HttpRequest, event: Event) -> Booking:
    quantities = _quantities(request)
    if not quantities:
        raise NothingChosen
    buyer = buyer_of(request, create=True)
    before = live_hold(buyer, event)
    wish = Wish(wheelchairs=int("wheelchair" in request.POST), aisle="aisle" in request.POST)
    code = entered_code(request, event)
    booking = services.hold_best(buyer=buyer, event_id=event.pk, quantities=quantities, wish=wish, code=code)
    if before and before.status == Booking.Status.HELD:
        services.cancel_booking(booking_id=before.pk, actor=str(buyer))
    return booking


def _seat_page(request: HttpRequest, event: Event, section: Section | None, *, refusal: DomainError | None) -> HttpResponse:
    plan = event.seating_plan
    if plan and plan.seat_count > LARGE and section is None:
        return _overview_page(request, event, refusal=refusal)
    hold = live_hold(buyer_of(request), event)
    language = get_language() or ""
    drawing = None
    if plan:
        drawing = drawing_of_section(plan.pk, section.zone, language) if section else drawing_of(plan.pk, language)
    prices = price_list(event, free={}, opened=opened_types(request, event))
    lines = [line for line in prices if line.category.numbered]
    colours = {line.category.pk: line.colour for line in lines}
    seats: Sequence[MapSeat] = ()
    chosen: set[UUID] = set()
    if hold or refusal:
        seats = read_seats(event.pk, hold=hold.pk if hold else None, section=section)
        chosen = _uuids(request.POST.getlist("seat")) if refusal else {seat.pk for seat in seats if seat.is_mine}
        choice = Choice.of(seats, colours, drawing=drawing, chosen=chosen)
    else:
        choice = choice_for_anybody(event, colours, drawing=drawing, section=section, language=language)
    numbered = [line.with_places(choice.free) for line in lines if section is None or line.category.pk in choice.free]
    state = _state(event, numbered)
    if not numbered or not (refusal or hold or state.is_open or state in (SaleState.SOLD_OUT, SaleState.DRAFT)):
        return redirect(event)
    gone = [seat for seat in seats if seat.pk in chosen and not seat.can_be_picked]
    picked = [seat for seat in seats if seat.pk in chosen and seat.can_be_picked]
    now = timezone.now()
    cost = {line.category.pk: line.price_minor for line in numbered}
    instead = nearest_block(seats, chosen, drawing=drawing) if gone else []
    context = {
        "event": event,
        "section": section,
        "state": state,
        "hold": hold,
        "refusal": refusal,
        "prices": numbered,
        "ticket_types": [kind for line in numbered for kind in line.ticket_types if not begins_later(kind, now)],
        "has_standing": section is None and len(numbered) < len(prices),
        "kept": _standing_of(hold) if hold and len(lines) < len(prices) else (),
        "sections": [(line, choice.rows[line.category.pk]) for line in numbered],
        "states": choice.states,
        "drawing": drawing,
        "map_seats": choice.map_seats,
        "picked": picked,
        "total_minor": sum(cost.get(seat.category_id, 0) for seat in picked),
        "has_accessible": choice.has_accessible,
        "gone": gone,
        "instead": instead,
        "instead_minor": sum(cost.get(seat.category_id, 0) for seat in instead),
        "party": _party(request, hold),
        "parties": range(1, PARTY + 1),
    }
    return _answer(request, "events/pick_seats.html", context, refusal)


def _standing_of(hold: Booking) -> list[Seat]:
    """The places without a number that the visitor holds: the map does not show them."""
    lines = hold.seats.filter(released_at=None, seat__category__numbered=False).select_related("seat")
    return [line.seat for line in lines.order_by("seat__position")]


def _overview_page(request: HttpRequest, event: Event, *, refusal: DomainError | None) -> HttpResponse:
    """The sections of a large hall, with what is free in them."""
    hold = live_hold(buyer_of(request), event)
    plan = event.seating_plan
    assert plan  # noqa: S101 -- for the type checker: only plans are large
    sections = sections_of(plan)
    counts = places_by_section(event, sections)
    totals = add_up(counts)
    prices = price_list(event, free=totals, opened=opened_types(request, event))
    numbered = [line for line in prices if line.category.pk in totals]
    state = _state(event, numbered)
    if not numbered or not (refusal or hold or state.is_open or state in (SaleState.SOLD_OUT, SaleState.DRAFT)):
        return redirect(event)
    now = timezone.now()
    lines = section_lines(sections, counts, numbered)
    wished = SectionFilter.read(request.GET, numbered, currency=event.currency)
    found, shown = lines, numbered
    if wished:
        if wished.wheelchair:
            counts = places_by_section(event, sections, wheelchairs=True)
            totals = add_up(counts)
        shown = [line.with_places(totals) for line in wished.apply(numbered)]
        found = section_lines(sections, counts, shown)
    matching = {line.section.zone for line in found}
    faded = [line for line in lines if line.section.zone not in matching]
    whole_hall = reverse("events:pick-seats", args=[event.slug])
    address = f"{whole_hall}?{wished.address}&" if wished else f"{whole_hall}?"
    view_box, drawing = draw_sections(plan, found, address=address, faded=faded)
    by_price = [(price, [line for line in found if line.prices[0] is price]) for price in shown]
    context = {
        "event": event,
        "state": state,
        "hold": hold,
        "refusal": refusal,
        "prices": numbered,
        "ticket_types": [kind for line in numbered for kind in line.ticket_types if not begins_later(kind, now)],
        "has_standing": len(numbered) < len(prices),
        "by_price": [(price, lines) for price, lines in by_price if lines or not wished],
        "found": len(found),
        "sections": len(lines),
        "wished": wished,
        "price_steps": wished.steps(numbered),
        "section_address": address,
        "view_box": view_box,
        "drawing": drawing,
        "has_accessible": event.seats.filter(accessible=True).exists(),
        "party": _party(request, hold),
        "parties": range(1, PARTY + 1),
    }
    return _answer(request, "events/pick_section.html", context, refusal)


def _ticket_page(request: HttpRequest, event: Event, *, refusal: DomainError | None) -> HttpResponse:
    hold = live_hold(buyer_of(request), event)
    prices = price_list(event, free=places_of(event), opened=opened_types(request, event))
    state = _state(event, prices)
    if not prices or not (refusal or hold or state.is_open or state in (SaleState.SOLD_OUT, SaleState.DRAFT)):
        return redirect(event)
    wished = _quantities(request) if refusal else {}
    now = timezone.now()
    lines = [
        TicketLine.of(line, ticket_type, event=event, wished=wished.get(ticket_type.pk, 0), at=now)
        for line in prices
        for ticket_type in line.ticket_types
    ]
    context = {
        "event": event,
        "state": state,
        "hold": hold,
        "refusal": refusal,
        "lines": lines,
        "has_numbered": any(line.category.numbered for line in prices),
        "has_categories": len(prices) > 1,
        "has_accessible": event.seats.filter(accessible=True).exists(),
        "wishes": request.POST,
    }
    return _answer(request, "events/pick_tickets.html", context, refusal)


class TicketLine(NamedTuple):
    """A ticket type as it can be chosen: how many of it, or `closed`, why not."""

    price_line: PriceLine
    ticket_type: TicketType
    choices: list[int]
    wished: int
    closed: str

    @classmethod
    def of(cls, line: PriceLine, ticket_type: TicketType, *, event: Event, wished: int, at: datetime) -> Self:
        most = min(event.max_per_booking, ticket_type.max_per_booking or event.max_per_booking, line.free)
        choices = list(range(ticket_type.min_per_booking, most + 1))
        closed = ""
        if ticket_type.sale_starts_at and begins_later(ticket_type, at):
            closed = gettext("On sale from %(day)s") % {"day": moment(ticket_type.sale_starts_at, event)}
        elif has_ended(ticket_type, at):
            closed = gettext("Sale ended")
        elif not choices:
            closed = gettext("Sold out")
        return cls(line, ticket_type, choices, wished, closed)


def _state(event: Event, prices: Sequence[PriceLine]) -> SaleState:
    free, capacity = sum(line.free for line in prices), sum(line.capacity for line in prices)
    return sale_state(event, at=timezone.now(), free=free, capacity=capacity)


def _party(request: HttpRequest, hold: Booking | None) -> int:
    wished = request.GET.get("party") or request.POST.get("quantity") or ""
    if wished in map(str, range(1, PARTY + 1)):
        return int(wished)
    return min(hold.quantity, PARTY) if hold else USUAL_PARTY


def _uuids(texts: Iterable[str]) -> set[UUID]:
    """What can be read of them: a made-up value is no seat."""
    found = set()
    for text in texts:
        with suppress(ValueError):
            found.add(UUID(text))
    return found


def _quantities(request: HttpRequest) -> dict[UUID, int]:
    """Pairs of `ticket_type` and `quantity`, in the order of the form."""
    quantities: Counter[UUID] = Counter()
    for ticket_type, quantity in zip(request.POST.getlist("ticket_type"), request.POST.getlist("quantity"), strict=False):
        with suppress(ValueError):
            quantities[UUID(ticket_type)] += min(int(quantity), MOST)
    return {pk: quantity for pk, quantity in quantities.items() if quantity > 0}


def _answer(request: HttpRequest, template: str, context: dict[str, Any], refusal: DomainError | None) -> HttpResponse:
    response = render(request, template, context, status=refusal.status if refusal else 200)
    if refusal and refusal.retry_after:
        response["Retry-After"] = str(refusal.retry_after)
    return response
