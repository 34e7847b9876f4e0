"""Seating plans made of a few numbers: rows of seats that face a stage, or that surround a pitch."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, pairwise
from typing import Any

SEAT, ROW, AISLE, WALK = 24, 30, 48, 120  # distances between middles: of seats, of rows, across an aisle, between blocks
MARGIN = 200
COLORS = ("#2274d6", "#c2571a", "#7f4a91", "#2f8f5b", "#b3365b", "#8a6d1f")
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # halls have no rows I and O: they look like 1 and 0
SAMPLES = 720  # of an ellipse's outline


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of equal length, one behind the other, under one name and category. `aisle`: there is one in their middle."""

    name: str
    category: str
    rows: int
    seats: int
    letters: bool = False
    aisle: bool = False


@dataclass(frozen=True, slots=True)
class Tier:
    """A ring of blocks around a pitch, named by number from `first` on; each has `rows` rows of `seats` seats."""

    category: str
    first: int
    blocks: int
    rows: int
    seats: int


def facing_a_stage(name: str, blocks: Sequence[Block], *, stage: str = "STAGE") -> dict[str, Any]:
    """The layout of blocks one behind the other, the first one next to the stage, all in the middle of the hall."""
    width = max((_length(block) for block in blocks), default=0) + 2 * MARGIN
    y, zones = 180.0, []
    for block in blocks:
        left = (width - _length(block)) / 2
        zones.append(_zone(block.name, [_row(block, number, left, y + number * ROW) for number in range(block.rows)]))
        y += (block.rows - 1) * ROW + WALK
    area = {
        "shape": "rectangle",
        "color": "#e8ecf3",
        "position": {"x": width / 2 - 220, "y": 30},
        "rectangle": {"width": 440, "height": 60},
        "text": {"text": stage, "position": {"x": 220, "y": 36}},
    }
    if zones:
        zones[0]["areas"] = [area]
    return _layout(name, [block.category for block in blocks], zones, width, y + MARGIN)


def around_a_pitch(name: str, tiers: Sequence[Tier], *, pitch: str = "PITCH") -> dict[str, Any]:
    """The layout of a stadium or arena: tiers around a pitch, the first one nearest to it. Rows are straight within a block."""
    radius, rings = 0.0, []
    for tier in tiers:
        around = tier.blocks * (tier.seats * SEAT + 2 * AISLE)
        radius = max(radius + WALK, around / math.tau)
        rings.append((tier, radius))
        radius += tier.rows * ROW
    middle = radius * 1.15 + MARGIN
    zones = [zone for tier, start in rings for zone in _ring(tier, start, middle)]
    inner = rings[0][1] if rings else 0.0
    half_width, half_height = inner * 0.78, inner * 0.5
    area = {
        "shape": "rectangle",
        "color": "#dcefe0",
        "position": {"x": round(middle - half_width), "y": round(middle - half_height)},
        "rectangle": {"width": round(2 * half_width), "height": round(2 * half_height)},
        "text": {"text": pitch, "position": {"x": round(half_width), "y": round(half_height)}, "size": round(inner / 8)},
    }
    if zones:
        zones[0]["areas"] = [area]
    return _layout(name, [tier.category for tier in tiers], zones, 2 * middle, 2 * middle)


def _length(block: Block) -> float:
    return (block.seats - 1) * SEAT + (AISLE - SEAT if block.aisle else 0)


def _row(block: Block, number: int, left: float, y: float) -> dict[str, Any]:
    half = block.seats // 2
    xs = [left + seat * SEAT + (AISLE - SEAT if block.aisle and seat >= half else 0) for seat in range(block.seats)]
    name = _letters(number) if block.letters else str(number + 1)
    return _named_row(block.name, name, [(x, y) for x in xs], block.category)


def _ring(tier: Tier, radius: float, middle: float) -> Iterator[dict[str, Any]]:
    """The blocks of a tier, clockwise from the middle of one side, each turned towards the pitch."""
    outline = _outline(radius * 1.15, radius * 0.85, tier.blocks)
    for number, (x, y, turn) in zip(count(tier.first), outline, strict=False):
        across, away = (-math.sin(turn), math.cos(turn)), (math.cos(turn), math.sin(turn))
        rows = []
        for row in range(tier.rows):
            start = -(tier.seats - 1) * SEAT / 2
            points = [
                (
                    middle + x + across[0] * (start + seat * SEAT) + away[0] * row * ROW,
                    middle + y + across[1] * (start + seat * SEAT) + away[1] * row * ROW,
                )
                for seat in range(tier.seats)
            ]
            rows.append(_named_row(str(number), str(row + 1), points, tier.category))
        yield _zone(str(number), rows)


def _outline(a: float, b: float, parts: int) -> list[tuple[float, float, float]]:
    """Points of an ellipse at equal distances along it, each with the direction that leads straight away from it, in radians."""
    angles = [math.tau * step / SAMPLES for step in range(SAMPLES + 1)]
    points = [(a * math.cos(angle), b * math.sin(angle)) for angle in angles]
    lengths = [0.0]
    for one, two in pairwise(points):
        lengths.append(lengths[-1] + math.dist(one, two))
    found, index = [], 0
    for part in range(parts):
        while lengths[index + 1] < lengths[-1] * part / parts:
            index += 1
        angle = angles[index]
        found.append((*points[index], math.atan2(math.sin(angle) / b, math.cos(angle) / a)))
    return found


def _zone(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": name, "zone_id": name, "position": {"x": 0, "y": 0}, "rows": rows, "areas": []}


def _named_row(block: str, name: str, points: Sequence[tuple[float, float]], category: str) -> dict[str, Any]:
    seats = [
        {
            "seat_guid": f"{block}-{name}-{number}",
            "seat_number": str(number),
            "position": {"x": round(x, 1), "y": round(y, 1)},
            "category": category,
        }
        for number, (x, y) in enumerate(points, start=1)
    ]
    return {"row_number": name, "row_number_position": "both", "position": {"x": 0, "y": 0}, "seats": seats}


def _letters(number: int) -> str:
    """A, B, …, Z, AA, AB …"""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, len(ALPHABET))
        letters = ALPHABET[rest] + letters
    return letters


def _layout(name: str, categories: Sequence[str], zones: list[dict[str, Any]], width: float, height: float) -> dict[str, Any]:
    return {
        "name": name,
        "categories": [
            {"name": category, "color": COLORS[index % len(COLORS)]} for index, category in enumerate(dict.fromkeys(categories))
        ],
        "zones": zones,
        "size": {"width": round(width), "height": round(height)},
    }
