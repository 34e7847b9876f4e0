"""Large events are published and cancelled by the worker, and whoever waits for it sees how far it is."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.core.cache import cache
from django.db.models import Sum

from venues.models import SeatingPlan

from .models import Event
from .seating import MANY

KEPT: Final = 3600  # seconds
QUICK: Final = 100  # bookings that are cancelled while the organizer waits; more are left to the worker


@dataclass(frozen=True, slots=True)
class Progress:
    """How many of the places are made, or why none will be."""

    made: int
    places: int
    refusals: tuple[str, ...] = ()


def count_places_to_make(event: Event) -> int:
    """What publishing the event will make, without reading its plan."""
    standing = event.categories.filter(numbered=False).aggregate(places=Sum("capacity"))["places"] or 0
    seats = SeatingPlan.objects.filter(events=event).values_list("seat_count", flat=True).first()
    return standing + (seats or 0)


def is_large(event: Event) -> bool:
    """Whether its places take longer to make than one waits for a page."""
    return count_places_to_make(event) > MANY


def tell_progress(event_id: UUID, progress: Progress | None) -> None:
    """Write down how far it is, outside of the transaction that makes the seats; `None`: it is done."""
    if progress:
        cache.set(_key(event_id), progress, timeout=KEPT)
    else:
        cache.delete(_key(event_id))


def progress_of(event_id: UUID) -> Progress | None:
    progress: Progress | None = cache.get(_key(event_id))
    return progress


def _key(event_id: UUID) -> str:
    return f"publishing:{event_id}"
