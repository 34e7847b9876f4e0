"""The outlines of a plan's sections: what a large hall shows before one of its seats is chosen."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from .geometry import Area, AreaText, Plan, Point, SeatPlace, Zone, read_zone

PAD = 14.0  # from the middle of an outer seat to the outline


def make_overview(plan: Plan) -> dict[str, Any]:
    """What is kept beside the layout, as JSON: `focus`, the areas, and each section with its name, seats, category and outline.

    Its `positions` are those of its first and last seat: between them there are no other section's seats.
    """
    return {
        "focus": _round(plan.focus),
        "areas": [asdict(area) for zone in plan.zones for area in zone.areas],
        "sections": [_section(index, zone) for index, zone in enumerate(plan.zones) if any(row.seats for row in zone.rows)],
    }


def read_areas(overview: Mapping[str, Any]) -> list[Area]:
    return [
        Area(**{**area, "points": tuple(map(tuple, area["points"])), "text": AreaText(**area["text"]) if area["text"] else None})
        for area in overview["areas"]
    ]


def facing_up(layout_zone: Mapping[str, Any], index: int, focus: Sequence[float]) -> Zone:
    """A section as one sees it from its last row: its longest row level, what everybody looks at above. Without its areas."""
    zone = read_zone(index, {**layout_zone, "areas": []})
    longest = max((row.seats for row in zone.rows), key=len)
    one, other = longest[0], longest[-1]
    turn = -math.atan2(other.y - one.y, other.x - one.x)
    x, y = _middle([(seat.x, seat.y) for row in zone.rows for seat in row.seats])
    if _turned((focus[0] - x, focus[1] - y), turn)[1] > 0:
        turn += math.pi
    return zone.moved(lambda seat: _turned((seat.x - x, seat.y - y), turn))


def _section(index: int, zone: Zone) -> dict[str, Any]:
    seats = [seat for row in zone.rows for seat in row.seats]
    positions = [seat.position for seat in seats]
    return {
        "zone": index,
        "name": zone.name,
        "seats": len(seats),
        "category": Counter(seat.category for seat in seats).most_common(1)[0][0],
        "positions": [min(positions), max(positions)],
        "outline": [_round(point) for point in _outline(seats)],
    }


def _outline(seats: Sequence[SeatPlace]) -> list[Point]:
    """The convex hull around the seats (Andrew's monotone chain), a little wider than their middles."""
    corners = sorted({(seat.x + dx, seat.y + dy) for seat in seats for dx in (-PAD, PAD) for dy in (-PAD, PAD)})

    def half(points: Sequence[Point]) -> list[Point]:
        hull: list[Point] = []
        for point in points:
            while len(hull) > 1 and _cross(hull[-2], hull[-1], point) <= 0:
                hull.pop()
            hull.append(point)
        return hull[:-1]

    return [*half(corners), *half(corners[::-1])]


def _cross(origin: Point, one: Point, two: Point) -> float:
    return (one[0] - origin[0]) * (two[1] - origin[1]) - (one[1] - origin[1]) * (two[0] - origin[0])


def _turned(point: Point, angle: float) -> Point:
    x, y = point
    return x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)


def _middle(points: Sequence[Point]) -> Point:
    return math.fsum(x for x, _ in points) / len(points), math.fsum(y for _, y in points) / len(points)


def _round(point: Point) -> list[float]:
    return [round(point[0], 1), round(point[1], 1)]
