"""The sections of a large hall: which of them have free places, and where they are."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from venues.models import SeatingPlan
from venues.overview import read_areas

from .drawing import draw_area
from .offers import PriceLine

LARGE: Final = 3_000  # seats; with more of them, a visitor chooses a section first
MARGIN: Final = 60.0

COUNT = """
SELECT width_bucket(position, %(firsts)s::int[]) - 1 AS nth, category_id,
    count(*) FILTER (WHERE status = 'available' OR held_until <= statement_timestamp()), count(*)
FROM events_seat WHERE event_id = %(event)s AND status <> 'blocked' AND position <= %(last)s {those} GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a plan; `zone` is its number there. All seats at `positions`, first to last, are its own."""

    zone: int
    name: str
    positions: tuple[int, int]
    outline: tuple[tuple[float, float], ...]

    @property
    def middle(self) -> tuple[float, float]:
        xs, ys = [x for x, _ in self.outline], [y for _, y in self.outline]
        return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2

    @property
    def breadth(self) -> float:
        """The smaller one of its width and height."""
        xs, ys = [x for x, _ in self.outline], [y for _, y in self.outline]
        return min(max(xs) - min(xs), max(ys) - min(ys))


@dataclass(frozen=True, slots=True)
class SectionLine:
    """A section as it is offered: free and all places, and the price lines of its categories, dearest first."""

    section: Section
    prices: Sequence[PriceLine]
    free: int
    capacity: int


def sections_of(plan: SeatingPlan) -> list[Section]:
    """The plan's sections in the order of their positions."""
    return sorted(map(_read, plan.overview["sections"]), key=lambda section: section.positions)


def find_section(plan: SeatingPlan, zone: str) -> Section | None:
    return next((section for section in sections_of(plan) if str(section.zone) == zone), None)


def count_by_section(
    event_id: UUID, sections: Sequence[Section], *, wheelchairs: bool = False
) -> dict[int, dict[UUID, tuple[int, int]]]:
    """Free and all places by section, each by category; blocked ones are not counted. `wheelchairs`: those for one alone."""
    found: dict[int, dict[UUID, tuple[int, int]]] = defaultdict(dict)
    wish: dict[str, Any] = {
        "event": event_id,
        "firsts": [section.positions[0] for section in sections],
        "last": max((section.positions[1] for section in sections), default=-1),
    }
    with connection.cursor() as cursor:
        cursor.execute(COUNT.format(those="AND accessible" if wheelchairs else ""), wish)
        for nth, category, free, places in cursor.fetchall():
            found[sections[nth].zone][category] = (free, places)
    return dict(found)


def section_lines(
    sections: Iterable[Section], counts: Mapping[int, Mapping[UUID, tuple[int, int]]], prices: Sequence[PriceLine]
) -> list[SectionLine]:
    """The sections that have places, each with its prices."""
    lines = []
    for section in sections:
        counted = counts.get(section.zone, {})
        own = [line for line in prices if line.category.pk in counted]
        if own:
            free, capacity = (sum(counted[line.category.pk][which] for line in own) for which in (0, 1))
            lines.append(SectionLine(section, own, free, capacity))
    return lines


def draw_sections(
    plan: SeatingPlan, lines: Iterable[SectionLine], *, address: str, faded: Iterable[SectionLine] = ()
) -> tuple[str, SafeString]:
    """The view box and the SVG of the whole hall: each section with free places leads to its seats at `address?…`.

    `faded` are those that nobody asked for.
    """
    parts = [draw_area(area, 1.0) for area in read_areas(plan.overview)]
    points = [point for section in sections_of(plan) for point in section.outline]
    parts += [f'<g class="zone-faded">{_draw_section(line, "none")}</g>' for line in faded]
    for line in lines:
        drawn = _draw_section(line, "none" if not line.free else "few" if line.free * 10 <= line.capacity else "some")
        link = f'<a href="{escape(address)}section={line.section.zone}" tabindex="-1">{drawn}</a>'
        parts.append(link if line.free else f"<g>{drawn}</g>")
    xs, ys = zip(*points, strict=True) if points else ((0.0,), (0.0,))
    left, top = min(xs) - MARGIN, min(ys) - MARGIN
    box = f"{left:g} {top:g} {max(xs) + MARGIN - left:g} {max(ys) + MARGIN - top:g}"
    return box, mark_safe("\n".join(parts))  # noqa: S308 -- numbers, fixed words, escaped names


def _draw_section(line: SectionLine, share: str) -> str:
    section, colour = line.section, line.prices[0].colour
    shape = " ".join(f"{x:g},{y:g}" for x, y in section.outline)
    x, y = section.middle
    size = max(12.0, section.breadth / 4)
    return (
        f'<polygon class="zone cat-{colour}" data-free="{share}" points="{shape}"/>'
        f'<text class="zone-name" x="{x:g}" y="{y + size / 3:g}" font-size="{size:g}">{escape(section.name)}</text>'
    )


def _read(facts: Mapping[str, Any]) -> Section:
    first, last = facts["positions"]
    return Section(facts["zone"], facts["name"], (first, last), tuple((x, y) for x, y in facts["outline"]))
