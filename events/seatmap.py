"""The numbered seats of an event as they are picked: their states in one line of letters, their drawing, what is free nearby."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, NamedTuple
from uuid import UUID

from django.contrib.postgres.aggregates import StringAgg
from django.db.models import Case, CharField, QuerySet, Value, When
from django.db.models.functions import Now
from django.utils.safestring import SafeString, mark_safe

from .drawing import Drawing
from .models import Seat
from .sections import Section

STATES: Final = {"f": "free", "h": "held", "s": "sold", "m": "mine", "x": "blocked"}


class MapSeat(NamedTuple):
    """A seat to be picked. `state` is a letter of `STATES`; `nth` counts along the positions, as `read_states` does."""

    nth: int
    pk: UUID
    place: str
    position: int
    section: str
    row: str
    number: str
    category_id: UUID
    accessible: bool
    state: str

    @property
    def is_mine(self) -> bool:
        return self.state == "m"

    @property
    def can_be_picked(self) -> bool:
        return self.state in "fm"


def read_seats(event_id: UUID, *, hold: UUID | None, section: Section | None = None) -> list[MapSeat]:
    """The numbered seats of the event or of one section in the order of their positions; `hold` is the visitor's booking."""
    fields = ("pk", "place", "position", "section", "row", "number", "category_id", "accessible", "state")
    rows = _with_state(event_id, hold, section).order_by("position").values_list(*fields)
    return [MapSeat(nth, *row) for nth, row in enumerate(rows)]


def read_states(event_id: UUID, *, hold: UUID | None, section: Section | None = None) -> str:
    """A letter of `STATES` for each of `read_seats`."""
    letters = StringAgg("state", delimiter="", order_by="position", default=Value(""))
    states: str = _with_state(event_id, hold, section).aggregate(states=letters)["states"]
    return states


def count_free(seats: Iterable[MapSeat]) -> dict[UUID, tuple[int, int]]:
    """Free places, the visitor's own among them, and all places by category."""
    offered = [seat for seat in seats if seat.state != "x"]
    places = Counter(seat.category_id for seat in offered)
    free = Counter(seat.category_id for seat in offered if seat.can_be_picked)
    return {category: (free[category], number) for category, number in places.items()}


def _with_state(event_id: UUID, hold: UUID | None, section: Section | None) -> QuerySet[Seat]:
    state = Case(
        When(status=Seat.Status.AVAILABLE, then=Value("f")),
        When(status=Seat.Status.SOLD, then=Value("s")),
        When(status=Seat.Status.BLOCKED, then=Value("x")),
        When(held_until__lte=Now(), then=Value("f")),
        When(holder=hold, then=Value("m")),
        default=Value("h"),
        output_field=CharField(),
    )
    seats = Seat.objects.filter(event=event_id, category__numbered=True)
    if section:
        seats = seats.filter(position__range=section.positions)
    return seats.annotate(state=state)


def nearest_block(seats: Sequence[MapSeat], wanted: Collection[UUID], *, drawing: Drawing | None) -> list[MapSeat]:
    """As many free seats side by side as were wanted, in a category that was wanted, as near as there are; or nothing."""
    asked = [seat for seat in seats if seat.pk in wanted]
    if not asked:
        return []
    where = drawing.places if drawing else {}

    def middle(group: Sequence[MapSeat]) -> tuple[float, float]:
        points = [where.get(seat.place, (float(seat.position), 0.0)) for seat in group]
        return math.fsum(x for x, _ in points) / len(points), math.fsum(y for _, y in points) / len(points)

    target, categories = middle(asked), {seat.category_id for seat in asked}
    blocks = (block for block in _blocks(seats, len(asked)) if block[0].category_id in categories)
    return min(blocks, key=lambda block: math.dist(middle(block), target), default=[])


def _blocks(seats: Sequence[MapSeat], size: int) -> Iterator[list[MapSeat]]:
    for first in range(len(seats) - size + 1):
        block = list(seats[first : first + size])
        one, last = block[0], block[-1]
        together = last.position - one.position == size - 1
        if together and all(seat.can_be_picked and seat.category_id == one.category_id for seat in block):
            yield block


def draw_seats(drawing: Drawing, seats: Iterable[MapSeat], colours: Mapping[UUID, str]) -> SafeString:
    """The seats as SVG. Built by hand: the template engine would take twenty times as long for a thousand seats."""
    parts = []
    drawn = (seat for seat in seats if seat.place in drawing.places and seat.state != "x" and seat.category_id in colours)
    for _row, row in groupby(drawn, key=lambda seat: (seat.section, seat.row, seat.category_id)):
        parts.append("<g>")
        for seat in row:
            x, y = drawing.places[seat.place]
            marks = f'id="m{seat.nth}" class="seat cat-{colours[seat.category_id]}" data-s="{STATES[seat.state]}"'
            if seat.accessible:
                parts.append(f'<rect {marks} x="{x - 11:g}" y="{y - 11:g}" width="22" height="22" rx="5"/>')
            else:
                parts.append(f'<circle {marks} cx="{x:g}" cy="{y:g}" r="10.5"/>')
        parts.append("</g>")
    return mark_safe("\n".join(parts))  # noqa: S308 -- numbers and fixed words only
