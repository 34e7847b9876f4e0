"""The numbered seats of an event as they are picked: their states in one line of letters, their drawing, what is free nearby."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from statistics import median
from typing import Final, NamedTuple
from uuid import UUID

from django.contrib.postgres.aggregates import StringAgg
from django.db.models import Case, CharField, QuerySet, Value, When
from django.db.models.functions import Now
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, override

from venues.geometry import Area, Plan, Row, Zone, read_layout
from venues.models import SeatingPlan

from .models import Seat

STATES: Final = {"f": "free", "h": "held", "s": "sold", "m": "mine", "x": "blocked"}
RADIUS: Final = 10.0  # every plan is scaled to seats of this size, which the style sheet relies on
MARGIN: Final = 34.0
PLANS_AT_HAND: Final = 32


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


def read_seats(event_id: UUID, *, hold: UUID | None) -> list[MapSeat]:
    """The event's numbered seats in the order of their positions; `hold` is the visitor's own booking."""
    fields = ("pk", "place", "position", "section", "row", "number", "category_id", "accessible", "state")
    rows = _with_state(event_id, hold).order_by("position").values_list(*fields)
    return [MapSeat(nth, *row) for nth, row in enumerate(rows)]


def read_states(event_id: UUID, *, hold: UUID | None) -> str:
    """A letter of `STATES` for each of `read_seats`."""
    letters = StringAgg("state", delimiter="", order_by="position", default=Value(""))
    states: str = _with_state(event_id, hold).aggregate(states=letters)["states"]
    return states


def count_free(seats: Iterable[MapSeat]) -> dict[UUID, tuple[int, int]]:
    """Free places, the visitor's own among them, and all places by category."""
    offered = [seat for seat in seats if seat.state != "x"]
    places = Counter(seat.category_id for seat in offered)
    free = Counter(seat.category_id for seat in offered if seat.can_be_picked)
    return {category: (free[category], number) for category, number in places.items()}


def _with_state(event_id: UUID, hold: UUID | None) -> QuerySet[Seat]:
    state = Case(
        When(status=Seat.Status.AVAILABLE, then=Value("f")),
        When(status=Seat.Status.SOLD, then=Value("s")),
        When(status=Seat.Status.BLOCKED, then=Value("x")),
        When(held_until__lte=Now(), then=Value("f")),
        When(holder=hold, then=Value("m")),
        default=Value("h"),
        output_field=CharField(),
    )
    return Seat.objects.filter(event=event_id, category__numbered=True).annotate(state=state)


def nearest_block(seats: Sequence[MapSeat], wanted: Collection[UUID], *, drawing: "Drawing | None") -> list[MapSeat]:
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


@dataclass(frozen=True, slots=True)
class Drawing:
    """A plan made ready: where each place is drawn, and as SVG what lies under the seats."""

    view_box: str
    places: Mapping[str, tuple[float, float]]
    ground: str


@lru_cache(maxsize=PLANS_AT_HAND)
def drawing_of(plan_id: UUID, language: str) -> Drawing:
    """Read and draw a plan once in each process and language: a version that an event uses never changes."""
    with override(language):
        return _draw(read_layout(SeatingPlan.objects.values_list("layout", flat=True).get(pk=plan_id)))


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


def _draw(plan: Plan) -> Drawing:
    seats = list(plan.seats)
    scale = RADIUS / median(seat.radius for seat in seats) if seats else 1.0
    places = {seat.place: (round(seat.x * scale, 1), round(seat.y * scale, 1)) for seat in seats}
    areas = [area for zone in plan.zones for area in zone.areas]
    xs = [x for x, _ in places.values()] + [x * scale for area in areas for x, _ in _corners(area)]
    ys = [y for _, y in places.values()] + [y * scale for area in areas for _, y in _corners(area)]
    left, top = min(xs, default=0) - MARGIN - 18, min(ys, default=0) - MARGIN
    width, height = max(xs, default=0) + MARGIN + 18 - left, max(ys, default=0) + MARGIN - top
    ground = [_floor(zone, places, scale) for zone in plan.zones]
    if not any(area.is_stage for area in areas) and places:
        # Where no stage is drawn, the best seats are those nearest to the middle of the upper edge.
        top -= 70
        height += 70
        middle = left + width / 2
        ground.append(f'<rect class="stage" x="{middle - 190:g}" y="{top + 14:g}" width="380" height="54" rx="14"/>')
        ground.append(_label(gettext("Stage"), middle, top + 47, "map-label stage-label"))
    ground += [_area(area, scale) for area in areas]
    ground += [name for zone in plan.zones for row in zone.rows for name in _row_names(row, places)]
    return Drawing(f"{left:g} {top:g} {width:g} {height:g}", places, "\n".join(filter(None, ground)))


def _corners(area: Area) -> Sequence[tuple[float, float]]:
    if area.points:
        return area.points
    x, y = area.center
    return (x - area.width / 2, y - area.height / 2), (x + area.width / 2, y + area.height / 2)


def _floor(zone: Zone, places: Mapping[str, tuple[float, float]], scale: float) -> str:
    """A soft sheet under the seats of a zone and its name."""
    points = [places[seat.place] for row in zone.rows for seat in row.seats]
    if not points:
        return ""
    (left, right), (top, bottom) = ((min(axis), max(axis)) for axis in zip(*points, strict=True))
    names = [area.text.y * scale - 30 for area in zone.areas if area.text and not area.is_stage]
    top = min([top - MARGIN, *(y for y in names if top - 120 < y < bottom)])
    return (
        f'<rect class="floor" x="{left - MARGIN - 12:g}" y="{top:g}" '
        f'width="{right - left + 2 * MARGIN + 24:g}" height="{bottom + MARGIN - top:g}" rx="28"/>'
    )


def _area(area: Area, scale: float) -> str:
    kind = "stage" if area.is_stage else "area"
    turn = f' transform="rotate({area.rotation:g} {area.x * scale:g} {area.y * scale:g})"' if area.rotation else ""
    x, y, width, height = (value * scale for value in (area.x, area.y, area.width, area.height))
    shape = ""
    if area.color != "transparent":
        if area.shape == "rectangle":
            rx = min(16, height / 4)
            shape = f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{rx:g}"{turn}/>'
        elif area.shape in ("circle", "ellipse"):
            shape = f'<ellipse class="{kind}" cx="{x:g}" cy="{y:g}" rx="{width / 2:g}" ry="{height / 2:g}"{turn}/>'
        elif area.points:
            points = " ".join(f"{px * scale:g},{py * scale:g}" for px, py in area.points)
            shape = f'<polygon class="{kind}" points="{points}"{turn}/>'
    if area.text is None:
        return shape
    label = "map-label stage-label" if area.is_stage else "map-label"
    at_x, at_y = (area.center[0] * scale, y + height / 2 + 6) if area.is_stage else (area.text.x * scale, area.text.y * scale)
    return shape + _label(area.text.text, at_x, at_y, label)


def _label(text: str, x: float, y: float, kind: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(text)}</text>'


def _row_names(row: Row, places: Mapping[str, tuple[float, float]]) -> Iterator[str]:
    """The row's name beside both of its ends, where it runs from left to right."""
    points = [places[seat.place] for seat in row.seats]
    if len(points) < 2 or not row.name:
        return
    (left, left_y), (right, right_y) = min(points), max(points)
    if right - left > abs(right_y - left_y):
        yield _label(row.name, left - 24, left_y + 4, "row-no")
        yield _label(row.name, right + 24, right_y + 4, "row-no")
