"""Plans as SVG: what lies under the seats, and where each place is."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median
from typing import Final
from uuid import UUID

from django.db.models.fields.json import KT
from django.utils.html import escape
from django.utils.translation import gettext, override

from venues.geometry import Area, Plan, Row, Zone, read_layout
from venues.models import SeatingPlan
from venues.overview import facing_up

RADIUS: Final = 10.0  # every plan is scaled to seats of this size, which the style sheet relies on
MARGIN: Final = 34.0
PLANS_AT_HAND: Final = 32
SECTIONS_AT_HAND: Final = 512


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


@lru_cache(maxsize=SECTIONS_AT_HAND)
def drawing_of_section(plan_id: UUID, zone: int, language: str) -> Drawing:
    """The same for one section of a large plan, turned so that what everybody looks at lies above it."""
    where = SeatingPlan.objects.filter(pk=plan_id)
    layout_zone, focus = where.values_list(KT(f"layout__zones__{zone}"), "overview__focus").get()
    with override(language):
        return _draw_section(facing_up(json.loads(layout_zone), zone, focus))


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
    ground += [draw_area(area, scale) for area in areas]
    ground += [name for zone in plan.zones for row in zone.rows for name in _row_names(row, places)]
    return Drawing(f"{left:g} {top:g} {width:g} {height:g}", places, "\n".join(filter(None, ground)))


def _draw_section(zone: Zone) -> Drawing:
    seats = [seat for row in zone.rows for seat in row.seats]
    scale = RADIUS / median(seat.radius for seat in seats)
    places = {seat.place: (round(seat.x * scale, 1), round(seat.y * scale, 1)) for seat in seats}
    left, top = min(x for x, _ in places.values()) - 2 * MARGIN, min(y for _, y in places.values()) - 3 * MARGIN
    width = max(x for x, _ in places.values()) + 2 * MARGIN - left
    height = max(y for _, y in places.values()) + MARGIN - top
    ground = [_floor(zone, places, scale), _label(gettext("▲ to the front"), left + width / 2, top + 30, "map-label")]
    ground += [name for row in zone.rows for name in _row_names(row, places)]
    return Drawing(f"{left:g} {top:g} {width:g} {height:g}", places, "\n".join(ground))


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


def draw_area(area: Area, scale: float) -> str:
    """A stage, a bar, a wall and its name as SVG, `scale` times as large."""
    kind = "pitch" if area.is_pitch else "stage" if area.is_stage else "area"
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
    label = f"map-label {kind}-label" if area.is_stage else "map-label"
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
