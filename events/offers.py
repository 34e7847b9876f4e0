"""What a visitor reads about tickets: whether there are any now, what they cost, how many places are free."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Self
from uuid import UUID

from django.db.models import Count, Q, TextChoices
from django.utils.translation import gettext_lazy as _

from .models import Category, Event, Seat, TicketType

LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
COLOURS: Final = "abcdef"
FEW: Final = 10  # a tenth of the places


class SaleState(TextChoices):
    """What can be done about an event now; the label is its badge."""

    DRAFT = "draft", _("Draft")
    CANCELLED = "cancelled", _("Cancelled")
    POSTPONED = "postponed", _("Postponed")
    ENDED = "ended", _("Over")
    NOT_YET = "not_yet", _("Not yet on sale")
    CLOSED = "closed", _("Sale ended")
    SOLD_OUT = "sold_out", _("Sold out")
    FEW_LEFT = "few_left", _("Few left")
    ON_SALE = "on_sale", _("On sale")

    @property
    def is_open(self) -> bool:
        return self in (SaleState.ON_SALE, SaleState.FEW_LEFT)


def sale_state(event: Event, *, at: datetime, free: int, capacity: int) -> SaleState:
    """The first that is true of the event, its `free` places and the time: later ones do not matter to a buyer then."""
    told = (
        (event.status == Event.Status.DRAFT, SaleState.DRAFT),
        (event.status == Event.Status.CANCELLED, SaleState.CANCELLED),
        (event.status == Event.Status.COMPLETED or event.ends_at <= at, SaleState.ENDED),
        (event.status == Event.Status.POSTPONED, SaleState.POSTPONED),
        (at < event.sale_starts_at, SaleState.NOT_YET),
        (at >= event.sale_ends_at, SaleState.CLOSED),
        (free == 0, SaleState.SOLD_OUT),
        (free * FEW <= capacity, SaleState.FEW_LEFT),
    )
    return next((state for is_so, state in told if is_so), SaleState.ON_SALE)


def summary_state(event: Event, *, at: datetime) -> SaleState:
    """The same for lists, by the event's summary; while it has none, places are assumed."""
    summary = getattr(event, "summary", None)
    return sale_state(event, at=at, free=summary.free if summary else 1, capacity=summary.capacity if summary else 1)


@dataclass(frozen=True, slots=True)
class PriceLine:
    """A category of places, how many of them are free, and its ticket types; `letter` and `colour` say which it is on the map."""

    category: Category
    ticket_types: tuple[TicketType, ...]
    letter: str
    colour: str
    free: int
    capacity: int

    def with_places(self, counts: Mapping[UUID, tuple[int, int]]) -> Self:
        """The same with free and all places by category."""
        free, capacity = counts.get(self.category.pk, (0, 0))
        return replace(self, free=free, capacity=capacity)

    @property
    def price_minor(self) -> int:
        """What a seat costs unless the buyer says otherwise."""
        return self.usual.price_minor

    @property
    def usual(self) -> TicketType:
        """The default ticket type, or else the first."""
        return next((ticket_type for ticket_type in self.ticket_types if ticket_type.is_default), self.ticket_types[0])

    def prices_at(self, at: datetime) -> list[int]:
        """Of the ticket types that can be had at that time."""
        return [kind.price_minor for kind in self.ticket_types if not begins_later(kind, at) and not has_ended(kind, at)]


def begins_later(ticket_type: TicketType, at: datetime) -> bool:
    return ticket_type.sale_starts_at is not None and at < ticket_type.sale_starts_at


def has_ended(ticket_type: TicketType, at: datetime) -> bool:
    return ticket_type.sale_ends_at is not None and at >= ticket_type.sale_ends_at


def price_list(
    event: Event, *, free: Mapping[UUID, tuple[int, int]] | None = None, opened: Collection[UUID] = ()
) -> list[PriceLine]:
    """The event's categories that everybody may buy, dearest first, with the ticket types that a code has `opened`.

    `free`: (free, all) places by category, else they are counted.
    """
    counts = count_places(event) if free is None else free
    by_category: dict[Category, list[TicketType]] = {}
    shown = TicketType.objects.shown(opened).filter(event=event).select_related("category").with_history()
    for ticket_type in shown.order_by("position", "-price_minor", "pk"):
        by_category.setdefault(ticket_type.category, []).append(ticket_type)
    lines = sorted(
        by_category.items(), key=lambda item: (-max(kind.price_minor for kind in item[1]), item[0].position, item[0].name)
    )
    return [
        PriceLine(
            category,
            tuple(ticket_types),
            letter=LETTERS[index % len(LETTERS)],
            colour=COLOURS[min(index, len(COLOURS) - 1)],
            free=counts.get(category.pk, (0, 0))[0],
            capacity=counts.get(category.pk, (0, 0))[1],
        )
        for index, (category, ticket_types) in enumerate(lines)
    ]


def count_places(event: Event) -> dict[UUID, tuple[int, int]]:
    """Free and all places by category, blocked ones not counted."""
    rows = (
        Seat.objects.filter(event=event)
        .with_effective_status()
        .exclude(status=Seat.Status.BLOCKED)
        .values("category_id")
        .annotate(free=Count("pk", filter=Q(effective=Seat.Status.AVAILABLE)), places=Count("pk"))
    )
    return {row["category_id"]: (row["free"], row["places"]) for row in rows}
