"""What is read of events again and again, kept for a moment. What a visitor may take is told by the seats themselves."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from evently.caching import Kind, forget, remember

from .models import Event
from .offers import count_places
from .seatmap import read_states
from .sections import Section, count_by_section

EVENT: Final = Kind("event", seconds=300)
# In a rush there are hundreds of commits a second; what is free is counted once a second then.
PLACES: Final = Kind("places", seconds=30, grace=1.0)


def find_event(slug: str) -> Event | None:
    """The event with its venue, organizer and plan (without the layout)."""
    events = Event.objects.select_related("venue", "organizer", "seating_plan")
    bulky = ("seating_plan__layout", "seating_plan__overview", "names", "words")
    return remember(EVENT, slug, lambda: events.defer(*bulky).filter(slug=slug).first())


def places_of(event: Event) -> Mapping[UUID, tuple[int, int]]:
    """Free and all places by category."""
    return remember(PLACES, event.pk, lambda: count_places(event), part="categories")


def places_by_section(event: Event, sections: Sequence[Section]) -> Mapping[int, Mapping[UUID, tuple[int, int]]]:
    """Free and all places by section and category."""
    return remember(PLACES, event.pk, lambda: count_by_section(event.pk, sections), part="sections")


def states_for_anybody(event: Event, *, section: Section | None) -> str:
    """`read_states` for a visitor who holds nothing here."""
    part = f"states {section.zone}" if section else "states"
    return remember(PLACES, event.pk, lambda: read_states(event.pk, hold=None, section=section), part=part)


def forget_event(event: Event) -> None:
    """Once the open transaction has committed. Called by signals for what is saved; by hand for what is updated."""
    forget(EVENT, event.slug)


def forget_places(event_id: UUID) -> None:
    """Once the open transaction has committed."""
    forget(PLACES, event_id)
