"""Finding an event and reading about it."""

from typing import NamedTuple

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from bookings.entered import enter_code as keep_code
from bookings.entered import entered_code, opened_types
from evently.errors import DomainError

from . import markdown
from .access import visible_event
from .forms import FindForm
from .models import Event, EventQuerySet
from .offers import SaleState, price_list, sale_state, summary_state
from .reads import places_of, price_history_of
from .refund_terms import terms_of

PAGE = 24
NEAREST = 3
OTHER_DATES = 12


class Card(NamedTuple):
    """An event as lists show it."""

    event: Event
    state: SaleState


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    form = FindForm(request.GET)
    form.is_valid()  # parts that make no sense are left out of the search and say so
    upcoming = Event.objects.upcoming().with_list_fields()
    page = _page_number(request)
    matching = form.apply(upcoming)
    found = _cards(matching[(page - 1) * PAGE : page * PAGE + 1])
    cards, has_more = found[:PAGE], len(found) > PAGE
    featured = None
    if not form.is_filtering and page == 1:
        featured = next((card for card in cards if card.state.is_open), None)
    cities, topics = _offered()
    context = {
        "form": form,
        "cards": cards,
        "total": matching.order_by().count() if form.is_filtering else None,
        "wishes": [(words, _without(request, name)) for name, words in form.wishes],
        "featured": featured,
        "page": page,
        "next_page": page + 1 if has_more else None,
        "nearest": _cards(upcoming.order_by("starts_at", "pk")[:NEAREST]) if not cards and form.is_filtering else [],
        "cities": cities,
        "topics": topics,
    }
    return render(request, "events/home.html", context)


@require_safe
def show_event(request: HttpRequest, slug: str) -> HttpResponse:
    event = visible_event(request, slug)
    opened, places = opened_types(request, event), places_of(event)
    prices = price_list(event, free=places, opened=opened)
    has_history = any(kind.has_history for line in prices for kind in line.ticket_types)
    usual_prices = price_list(event, free=places) if opened else prices  # the history is kept for everybody
    free = sum(line.free for line in prices)
    now = timezone.now()
    state = sale_state(event, at=now, free=free, capacity=sum(line.capacity for line in prices))
    context = {
        "event": event,
        "prices": prices,
        "free": free,
        "state": state,
        "lowest_minor": min((price for line in prices for price in line.prices_at(now)), default=None),
        "has_numbered": any(line.category.numbered for line in prices),
        "has_standing": any(not line.category.numbered for line in prices),
        "code": entered_code(request, event),
        "history": price_history_of(event, usual_prices) if has_history else None,
        "description": markdown.render(event.description),
        "other_dates": _other_dates(event),
        "terms": [term for term in terms_of(event) if term.until > now],
    }
    return render(request, "events/event.html", context)


def _other_dates(event: Event) -> list[Card]:
    """The next dates of the event's series that are still to come."""
    if event.series_id is None:
        return []
    upcoming = Event.objects.upcoming().with_list_fields().filter(series=event.series_id).exclude(pk=event.pk)
    return _cards(upcoming.order_by("starts_at", "pk")[:OTHER_DATES])


@require_POST
def enter_code(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what a code opens, and keep it for the hold; an empty one takes it back."""
    event = visible_event(request, slug)
    typed = request.POST.get("code", "")
    try:
        keep_code(request, event, typed)
    except DomainError as refusal:
        messages.error(request, str(refusal))
    else:
        if typed.strip():
            messages.success(request, _("Your code goes with the tickets that you choose now."))
    return redirect(f"{event.get_absolute_url()}#tickets")


def _page_number(request: HttpRequest) -> int:
    text = request.GET.get("page", "1")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 5 else 1


def _without(request: HttpRequest, name: str) -> str:
    """The address of the same search without one of its wishes."""
    left = request.GET.copy()
    for gone in (name, "page"):
        left.pop(gone, None)
    return f"?{left.urlencode()}" if left else request.path


def _cards(events: EventQuerySet) -> list[Card]:
    now = timezone.now()
    return [Card(event, summary_state(event, at=now)) for event in events]


def _offered() -> tuple[list[str], list[tuple[str, str]]]:
    """The cities and topics of what is coming up: only these are worth filtering by."""
    pairs = Event.objects.upcoming().order_by().values_list("venue__city", "category").distinct()
    cities, topics = {city for city, _topic in pairs}, {topic for _city, topic in pairs}
    return sorted(cities), [(value, str(label)) for value, label in Event.Topic.choices if value in topics]
