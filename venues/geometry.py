"""Where the seats of a layout are: absolute coordinates, neighbours, and which seats are better than others."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median_low
from typing import Any

Point = tuple[float, float]

SEAT_RADIUS, TEXT_SIZE = 10.0, 16.0
AISLE = 1.5  # a step this many times the usual one is an aisle
FEW_STEPS = 3  # a row with fewer steps does not know its usual one
PITCHES = ("PITCH", "SPIELFELD")
STAGES = ("STAGE", "BÜHNE", *PITCHES)  # what everybody looks at
ROW_WORD = re.compile(r"^(row|reihe)\s+(?=\S)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SeatPlace:
    """A seat at its absolute coordinates. `place` is its path "zone.row.seat"; `position`, `rank`: see `events.Seat`."""

    place: str
    section: str
    row: str
    number: str
    x: float
    y: float
    radius: float
    category: str
    position: int = 0
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """Seats in the order in which one walks along them. `show_name` is "start", "end", "both" or ""."""

    name: str
    show_name: str
    seats: tuple[SeatPlace, ...]


@dataclass(frozen=True, slots=True)
class AreaText:
    text: str
    x: float
    y: float
    size: float
    color: str


@dataclass(frozen=True, slots=True)
class Area:
    """A stage, a bar, a wall. `shape`: "rectangle" (from its corner), "ellipse", "circle" (around x, y), "polygon", "text"."""

    shape: str
    x: float
    y: float
    width: float
    height: float
    points: tuple[Point, ...]
    rotation: float
    color: str
    border_color: str
    text: AreaText | None

    @property
    def center(self) -> Point:
        if self.shape == "rectangle":
            return self.x + self.width / 2, self.y + self.height / 2
        if self.points:
            return _middle(self.points)
        return self.x, self.y

    @property
    def is_stage(self) -> bool:
        return self._is_called(STAGES)

    @property
    def is_pitch(self) -> bool:
        return self._is_called(PITCHES)

    def _is_called(self, words: Sequence[str]) -> bool:
        return self.text is not None and any(word in self.text.text.upper() for word in words)


@dataclass(frozen=True, slots=True)
class Zone:
    name: str
    x: float
    y: float
    rows: tuple[Row, ...]
    areas: tuple[Area, ...]

    def moved(self, where: Callable[[SeatPlace], Point]) -> "Zone":
        """The same zone with each seat where `where` puts it."""

        def move(seat: SeatPlace) -> SeatPlace:
            x, y = where(seat)
            return replace(seat, x=x, y=y)

        return replace(self, rows=tuple(replace(row, seats=tuple(map(move, row.seats))) for row in self.rows))


@dataclass(frozen=True, slots=True)
class PlanCategory:
    name: str
    color: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A layout in absolute coordinates, as it is drawn and sold."""

    name: str
    width: float
    height: float
    categories: tuple[PlanCategory, ...]
    zones: tuple[Zone, ...]

    @property
    def seats(self) -> Iterator[SeatPlace]:
        """Every seat, in the order of the layout's zones and rows."""
        return (seat for zone in self.zones for row in zone.rows for seat in row.seats)

    @property
    def focus(self) -> Point:
        """What everybody looks at: the middle of the stage, or the middle of the upper edge where none is drawn."""
        stages = (area.center for zone in self.zones for area in zone.areas if area.is_stage)
        return next(stages, (self.width / 2, 0.0))


def read_layout(layout: Mapping[str, Any]) -> Plan:
    """Read a layout that has passed the import: every seat with its coordinates, `position` and `rank`."""
    zones = tuple(read_zone(index, zone) for index, zone in enumerate(layout["zones"]))
    plan = Plan(
        name=layout["name"],
        width=layout["size"]["width"],
        height=layout["size"]["height"],
        categories=tuple(PlanCategory(item["name"], item.get("color", "")) for item in layout["categories"]),
        zones=zones,
    )
    positions = _positions(plan)
    ranks = _ranks(plan, positions)
    return replace(plan, zones=tuple(_numbered(zone, positions, ranks) for zone in zones))


def read_zone(index: int, zone: Mapping[str, Any]) -> Zone:
    """The zone with this number of a layout, in absolute coordinates; its seats have no `position` and `rank` yet."""
    x, y = _point(zone)
    name = (zone.get("name") or zone.get("zone_id") or "").strip() or str(index + 1)
    return Zone(
        name=name,
        x=x,
        y=y,
        rows=tuple(_row(f"{index}.{number}", name, (x, y), row) for number, row in enumerate(zone["rows"])),
        areas=tuple(_area((x, y), area) for area in zone.get("areas", ())),
    )


def _row(place: str, section: str, origin: Point, row: Mapping[str, Any]) -> Row:
    origin = _point(row, origin)
    number = row["row_number"].strip()
    name = ROW_WORD.sub("", (row.get("row_label") or "").strip()) or number
    seats = [
        SeatPlace(
            place=f"{place}.{index}",
            section=section,
            row=name,
            number=_seat_number(seat["seat_number"].strip(), number),
            x=(at := _point(seat, origin))[0],
            y=at[1],
            radius=seat.get("radius", SEAT_RADIUS),
            category=seat["category"],
        )
        for index, seat in enumerate(row["seats"])
    ]
    return Row(name, row.get("row_number_position") or "", tuple(_along(seats)))


def _seat_number(number: str, row: str) -> str:
    """Many plans number seats "12-14" for seat 14 of row 12."""
    return number.removeprefix(f"{row}-") or number if row else number


def _area(origin: Point, area: Mapping[str, Any]) -> Area:
    x, y = _point(area, origin)
    shape = area.get("shape", "text")
    size = area.get(shape, {}) if shape in ("rectangle", "ellipse", "circle") else {}
    radius = size.get("radius", 0)
    across, down = (radius["x"], radius["y"]) if isinstance(radius, dict) else (radius, radius)
    return Area(
        shape=shape,
        x=x,
        y=y,
        width=size.get("width", 2 * across),
        height=size.get("height", 2 * down),
        points=tuple((x + point["x"], y + point["y"]) for point in area.get("polygon", {}).get("points", ()))
        if shape == "polygon"
        else (),
        rotation=area.get("rotation", 0),
        color=area.get("color", ""),
        border_color=area.get("border_color", ""),
        text=_text((x, y), area["text"]) if "text" in area else None,
    )


def _text(origin: Point, text: Mapping[str, Any]) -> AreaText:
    x, y = _point(text, origin)
    return AreaText(text["text"], x, y, text.get("size", TEXT_SIZE), text.get("color", ""))


def _point(thing: Mapping[str, Any], origin: Point = (0, 0)) -> Point:
    at = thing.get("position", {"x": 0, "y": 0})
    return origin[0] + at["x"], origin[1] + at["y"]


def _along(seats: Sequence[SeatPlace]) -> Sequence[SeatPlace]:
    """The seats in the shortest of three orders: as listed (round tables, curves), left to right, top to bottom."""
    orders = (seats, sorted(seats, key=lambda seat: (seat.x, seat.y)), sorted(seats, key=lambda seat: (seat.y, seat.x)))
    return min(orders, key=lambda order: sum(_steps(order)))


def _steps(seats: Sequence[SeatPlace]) -> list[float]:
    return [math.dist((one.x, one.y), (two.x, two.y)) for one, two in pairwise(seats)]


def _positions(plan: Plan) -> dict[str, int]:
    """Number the seats along the rows: neighbours differ by one, across an aisle or to the next row by two."""
    rows = [row.seats for zone in plan.zones for row in zone.rows]
    usual_of_plan = median_low([step for seats in rows for step in _steps(seats)] or [0])
    positions: dict[str, int] = {}
    position = -2
    for seats in rows:
        steps = _steps(seats)
        usual = median_low(steps) if len(steps) >= FEW_STEPS else usual_of_plan
        for seat, step in zip(seats, [math.inf, *steps], strict=False):
            position += 2 if step > usual * AISLE else 1
            positions[seat.place] = position
    return positions


def _ranks(plan: Plan, positions: Mapping[str, int]) -> dict[str, int]:
    """Rank the seats from 0 (best): by distance to the stage, times 1 + (angle / 90°)², the angle being how far to the side of
    the line from the stage to the middle of the audience one sits; equal ones by `position`. With the audience all around the
    stage there is no side, and distance alone counts.
    """
    seats = list(plan.seats)
    if not seats:
        return {}
    focus = plan.focus
    middle = _middle([(seat.x, seat.y) for seat in seats])
    farthest = max(math.dist(focus, (seat.x, seat.y)) for seat in seats)
    ahead = math.atan2(middle[1] - focus[1], middle[0] - focus[0])
    surrounded = math.dist(focus, middle) < farthest / 10

    def badness(seat: SeatPlace) -> tuple[float, int]:
        distance = math.dist(focus, (seat.x, seat.y))
        angle = 0.0 if surrounded else math.remainder(math.atan2(seat.y - focus[1], seat.x - focus[0]) - ahead, math.tau)
        return round(distance * (1 + (angle / (math.pi / 2)) ** 2), 6), positions[seat.place]

    return {seat.place: rank for rank, seat in enumerate(sorted(seats, key=badness))}


def _middle(points: Sequence[Point]) -> Point:
    return math.fsum(x for x, _ in points) / len(points), math.fsum(y for _, y in points) / len(points)


def _numbered(zone: Zone, positions: Mapping[str, int], ranks: Mapping[str, int]) -> Zone:
    def numbered(seat: SeatPlace) -> SeatPlace:
        return replace(seat, position=positions[seat.place], rank=ranks[seat.place])

    return replace(zone, rows=tuple(replace(row, seats=tuple(map(numbered, row.seats))) for row in zone.rows))
