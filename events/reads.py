"""What is read of events again and again, kept for a moment. What a visitor may take is told by the seats themselves."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from evently.caching import Kind, forget, remember

from .choice import Choice
from .drawing import Drawing
from .models import Event, EventSummary
from .offers import PriceLine, count_places
from .price_history import PriceHistory, read_history
from .seatmap import read_seats, read_states
from .sections import LARGE, Section, count_by_section

EVENT: Final = Kind("event", seconds=300)
# In a rush there are hundreds of commits a second; what is free is counted once a second then.
PLACES: Final = Kind("places", seconds=30, grace=1.0)
PRICES: Final = Kind("prices", seconds=300)


def find_event(slug: str) -> Event | None:
    """The event with its venue, organizer, refund terms and plan (without the layout)."""
    events = Event.objects.select_related("venue", "organizer", "seating_plan").prefetch_related("refund_terms")
    bulky = ("seating_plan__layout", "seating_plan__overview", "names", "words")
    return remember(EVENT, slug, lambda: events.defer(*bulky).filter(slug=slug).first())


def places_of(event: Event) -> Mapping[UUID, tuple[int, int]]:
    """Free and all places by category; of a large hall as of a few seconds ago, since counting it takes long."""

    def count() -> Mapping[UUID, tuple[int, int]]:
        counted = EventSummary.objects.filter(pk=event.pk, capacity__gt=LARGE).values_list("places", flat=True).first()
        if counted:
            return {UUID(category): (free, places) for category, (free, places) in counted.items()}
        return count_places(event)

    return remember(PLACES, event.pk, count, part="categories")


def places_by_section(
    event: Event, sections: Sequence[Section], *, wheelchairs: bool = False
) -> Mapping[int, Mapping[UUID, tuple[int, int]]]:
    """Free and all places by section and category; `wheelchairs`: those for one alone."""
    part = "wheelchairs by section" if wheelchairs else "sections"
    return remember(PLACES, event.pk, lambda: count_by_section(event.pk, sections, wheelchairs=wheelchairs), part=part)


def states_for_anybody(event: Event, *, section: Section | None) -> str:
    """`read_states` for a visitor who holds nothing here."""
    part = f"states {section.zone}" if section else "states"
    return remember(PLACES, event.pk, lambda: read_states(event.pk, hold=None, section=section), part=part)


def choice_for_anybody(
    event: Event, colours: Mapping[UUID, str], *, drawing: Drawing | None, section: Section | None, language: str
) -> Choice:
    """What a page says of the seats to a visitor who holds none here, in this language and these colours."""
    look = hashlib.blake2b(repr((language, sorted(colours.items()))).encode(), digest_size=12).hexdigest()
    part = f"choice {section.zone if section else ''} {look}"

    def write() -> Choice:
        return Choice.of(read_seats(event.pk, hold=None, section=section), colours, drawing=drawing)

    return remember(PLACES, event.pk, write, part=part)


def price_history_of(event: Event, prices: Sequence[PriceLine]) -> PriceHistory | None:
    """How the event's prices have changed; `None` if they never have."""
    return remember(PRICES, event.pk, lambda: read_history(event, prices))


def forget_event(event: Event) -> None:
    """Once the open transaction has committed. Called by signals for what is saved; by hand for what is updated."""
    forget(EVENT, event.slug)


def forget_places(event_id: UUID) -> None:
    """Once the open transaction has committed."""
    forget(PLACES, event_id)


def forget_prices(event_id: UUID) -> None:
    """Once the open transaction has committed."""
    forget(PRICES, event_id)
