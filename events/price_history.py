"""How an event's prices have changed: a drawing, and the same as a table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils import timezone

from .models import Event, PriceChange, TicketType
from .offers import PriceLine

MOST: Final = 60  # changes in the table, newest first
WIDTH, HEIGHT = 320, 120  # of the drawing, without its margins
MARGIN: Final = 8
EVERYBODY: Final = TicketType.SoldTo.EVERYBODY


@dataclass(frozen=True, slots=True)
class Step:
    """A change of a ticket type's price."""

    at: datetime
    name: str
    old_minor: int
    new_minor: int
    reason: str


@dataclass(frozen=True, slots=True)
class Line:
    """The price of a category's usual ticket along the time, as points of the drawing, with its mark at the end."""

    name: str
    letter: str
    colour: str
    points: str
    end_x: int
    end_y: int


@dataclass(frozen=True, slots=True)
class PriceHistory:
    """What the event page draws and lists; amounts in minor units."""

    lines: Sequence[Line]
    steps: Sequence[Step]
    lowest_minor: int
    highest_minor: int
    since: datetime


def read_history(event: Event, prices: Sequence[PriceLine]) -> PriceHistory | None:
    """The changes of all ticket types and the lines of those that a category is usually sold by; `None`: no changes."""
    changes = list(
        PriceChange.objects.filter(event=event, ticket_type__sold_to=EVERYBODY)
        .select_related("ticket_type__category")
        .order_by("created_at", "pk")
    )
    if not changes:
        return None
    steps = [
        Step(
            change.created_at,
            f"{change.ticket_type.category.name}, {change.ticket_type.name}",
            change.old_minor,
            change.new_minor,
            change.reason,
        )
        for change in reversed(changes[-MOST:])
    ]
    amounts = [amount for change in changes for amount in (change.old_minor, change.new_minor)]
    lowest, highest, since = min(amounts), max(amounts), changes[0].created_at
    usual = [(line, [change for change in changes if change.ticket_type_id == line.usual.pk]) for line in prices]
    frame = _Frame(since, timezone.now(), lowest, highest)
    lines = [_line(line, own, frame) for line, own in usual if own]
    return PriceHistory(lines, steps, lowest, highest, since)


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where a price at a time is in the drawing. What was before the first change has a tenth of the width."""

    start: datetime
    end: datetime
    lowest: int
    highest: int

    def x(self, at: datetime) -> int:
        span = (self.end - self.start).total_seconds() or 1.0
        return MARGIN + round(WIDTH * (0.1 + 0.9 * min(1.0, (at - self.start).total_seconds() / span)))

    def y(self, minor: int) -> int:
        return MARGIN + HEIGHT - round(HEIGHT * (minor - self.lowest) / (self.highest - self.lowest))


def _line(line: PriceLine, changes: Sequence[PriceChange], frame: _Frame) -> Line:
    def corners() -> Iterator[tuple[int, int]]:
        yield MARGIN, frame.y(changes[0].old_minor)
        for change in changes:
            x = frame.x(change.created_at)
            yield x, frame.y(change.old_minor)
            yield x, frame.y(change.new_minor)
        yield frame.x(frame.end), frame.y(changes[-1].new_minor)

    points = list(corners())
    end_x, end_y = points[-1]
    return Line(
        line.category.name, line.letter.upper(), line.colour, " ".join(f"{x},{y}" for x, y in points), end_x=end_x, end_y=end_y
    )
