"""Which places are the best ones left. Reads without locks: a proposal, that the lock may refuse."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

# One of the best CHOICE proposals at random: buyers of the same second must not all want the same four seats.
CHOICE = 16
# The first window answers nearly always; the wider ones cost milliseconds and are reached when single leftover seats
# fill the smaller one. None looks at everything.
WINDOWS = (256, 1024, 4096, None)

# What lies beside the ends of each run of places: distances 1 and 2 along the row, negative where the seat is not free.
BESIDE = """
CASE WHEN {neighbour}(position) OVER (ORDER BY position) {sign} 1 = position THEN NULL ELSE ARRAY(
    SELECT abs(beside.position - place.position)
        * CASE WHEN status = 'available' OR held_until <= statement_timestamp() THEN 1 ELSE -1 END
    FROM events_seat beside
    WHERE event_id = %(event)s AND beside.position IN (place.position {direction} 1, place.position {direction} 2)
) END"""
BOTH_SIDES = ",".join(
    BESIDE.format(neighbour=neighbour, sign=sign, direction=direction)
    for neighbour, sign, direction in (("lag", "+", "-"), ("lead", "-", "+"))
)

# Wheelchair places and the seats beside them are kept for those who ask for them.
FIND = f"""
WITH available AS (
    SELECT id, position, rank, accessible FROM events_seat
    WHERE event_id = %(event)s AND category_id = %(category)s AND status = 'available' AND NOT accessible AND NOT companion
    ORDER BY rank LIMIT %(window)s
), place AS (
    SELECT * FROM available
    UNION ALL
    -- Lapsed holds only when the window is not full of available places: asked once, before this arm is looked at.
    SELECT id, position, rank, accessible FROM events_seat
    WHERE coalesce((SELECT count(*) FROM available) < %(window)s, TRUE)
        AND event_id = %(event)s AND category_id = %(category)s AND status = 'held' AND held_until <= statement_timestamp()
        AND NOT accessible AND NOT companion
)
SELECT id, position, rank, accessible, {BOTH_SIDES} FROM place ORDER BY position
"""  # noqa: S608 -- words of our own

# The free places around free wheelchair places, as far as the party may reach.
FIND_AROUND_WHEELCHAIRS = f"""
WITH wheelchair AS (
    SELECT position FROM events_seat WHERE event_id = %(event)s AND category_id = %(category)s AND accessible
        AND (status = 'available' OR (status = 'held' AND held_until <= statement_timestamp()))
), place AS (
    SELECT id, position, rank, accessible FROM events_seat
    WHERE event_id = %(event)s AND category_id = %(category)s
        AND (status = 'available' OR (status = 'held' AND held_until <= statement_timestamp()))
        AND position IN (SELECT position + step FROM wheelchair, generate_series(1 - %(quantity)s, %(quantity)s - 1) AS step)
)
SELECT id, position, rank, accessible, {BOTH_SIDES} FROM place ORDER BY position
"""  # noqa: S608 -- words of our own

# Available places first, lapsed ones only for what is missing: two searches, each on its own partial index.
APART = """
WITH place AS (
    (SELECT id, rank, FALSE AS lapsed FROM events_seat
     WHERE event_id = %(event)s AND category_id = %(category)s AND status = 'available' AND NOT accessible AND NOT companion
     ORDER BY rank LIMIT %(choice)s * %(quantity)s)
    UNION ALL
    (SELECT id, rank, TRUE FROM events_seat
     WHERE event_id = %(event)s AND category_id = %(category)s AND status = 'held' AND held_until <= statement_timestamp()
        AND NOT accessible AND NOT companion
     ORDER BY held_until LIMIT %(quantity)s)
), counted AS (
    SELECT *, row_number() OVER (ORDER BY lapsed, rank) - 1 AS before FROM place
)
SELECT array_agg(id) FROM counted
GROUP BY before / %(quantity)s HAVING count(*) = %(quantity)s
ORDER BY bool_or(lapsed), random() LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a party would like beside good seats. `wheelchairs`: so many of its places are for wheelchairs, which others do
    not get; `aisle`: rather at the end of a row or beside an aisle."""

    wheelchairs: int = 0
    aisle: bool = False


NO_WISH = Wish()


class Place(NamedTuple):
    """A free place. `before` and `after`: what lies beside an end of a run of such places, as `BESIDE` says; else `None`."""

    id: UUID
    position: int
    rank: int
    accessible: bool = False
    before: Sequence[int] | None = None
    after: Sequence[int] | None = None


class Block(NamedTuple):
    """Places side by side. `singles`: how many lonely free places they leave beside them; `rank`: the sum of theirs."""

    places: Sequence[Place]
    singles: int
    at_aisle: bool
    rank: int

    @property
    def ids(self) -> list[UUID]:
        return [place.id for place in self.places]

    def overlaps(self, other: "Block") -> bool:
        return self.places[0].position <= other.places[-1].position and other.places[0].position <= self.places[-1].position


def best_available(
    *, event_id: UUID, category_id: UUID, quantity: int, adjacent: bool, wish: Wish = NO_WISH, chance: random.Random | None = None
) -> list[UUID]:
    """Propose `quantity` free places, next to each other while such are left, else in two blocks that are near each other, else
    apart; nothing if there are not enough. Where it can be avoided, no single seat is left over.
    """
    query: dict[str, Any] = {"event": event_id, "category": category_id, "quantity": quantity, "choice": CHOICE}
    dice = chance or random.SystemRandom()
    with connection.cursor() as cursor:
        if adjacent and wish.wheelchairs:
            cursor.execute(FIND_AROUND_WHEELCHAIRS, query)
            return together([Place(*row) for row in cursor.fetchall()], quantity, wish=wish, chance=dice)
        for window in WINDOWS if adjacent else ():
            cursor.execute(FIND, query | {"window": window})
            places = [Place(*row) for row in cursor.fetchall()]
            if seats := together(places, quantity, wish=wish, chance=dice):
                return seats
            if window is None or len(places) < window:  # that was everything
                if seats := in_two_blocks(places, quantity, wish=wish, chance=dice):
                    return seats
                break
        cursor.execute(APART, query)
        found = cursor.fetchone()
    return list(found[0]) if found else []


def together(places: Sequence[Place], quantity: int, *, wish: Wish = NO_WISH, chance: random.Random) -> list[UUID]:
    """One of the best blocks of this size; nothing if there is none. `places` in the order of their positions."""
    chosen = _best([block for block in _blocks(places, quantity) if _serves(block, wish)], wish)
    return chance.choice(chosen).ids if chosen else []


def in_two_blocks(places: Sequence[Place], quantity: int, *, wish: Wish = NO_WISH, chance: random.Random) -> list[UUID]:
    """Two blocks near each other, as equal as there are, so that nobody of a larger party sits alone; or nothing."""
    for smaller in range(quantity // 2, 1 if quantity > 3 else 0, -1):
        second = list(_blocks(places, smaller))
        pairs = []
        for first in _best(list(_blocks(places, quantity - smaller)), wish):
            others = [block for block in second if not block.overlaps(first)]
            middle = first.places[0].position
            if others:
                pairs.append((first, min(others, key=lambda block: (abs(block.places[0].position - middle), block.singles))))
        if pairs:
            first, other = chance.choice(pairs)
            return [*first.ids, *other.ids]
    return []


def _blocks(places: Sequence[Place], size: int) -> Iterator[Block]:
    """Every block of this size."""
    for run in _runs(places):
        sums = [0, *accumulate(place.rank for place in run)]
        free_before, aisle_before = _beside(run[0].before)
        free_after, aisle_after = _beside(run[-1].after)
        spare = len(run) - size
        for start in range(spare + 1):
            singles = (start + free_before == 1) + (spare - start + free_after == 1)
            at_aisle = (aisle_before and start == 0) or (aisle_after and start == spare)
            yield Block(run[start : start + size], singles, at_aisle, sums[start + size] - sums[start])


def _runs(places: Sequence[Place]) -> Iterator[Sequence[Place]]:
    """The places in pieces without a gap."""
    start = 0
    for index in range(1, len(places) + 1):
        if index == len(places) or places[index].position != places[index - 1].position + 1:
            yield places[start:index]
            start = index


def _beside(distances: Sequence[int] | None) -> tuple[int, bool]:
    """How many places are free beside the end of a run, two at most, and whether an aisle or the end of the row is there."""
    known = distances or ()
    if 1 in known:
        return (2 if 2 in known else 1), False
    return 0, -1 not in known


def _serves(block: Block, wish: Wish) -> bool:
    return wish.wheelchairs == 0 or sum(place.accessible for place in block.places) >= wish.wheelchairs


def _best(blocks: list[Block], wish: Wish) -> list[Block]:
    """The best blocks that do not overlap, `CHOICE` at most, all of one kind: none leaves more single seats than another, or is
    at an aisle where another is not, or takes more of the wheelchair places."""

    def kind(block: Block) -> tuple[int, int, bool]:
        return sum(place.accessible for place in block.places), block.singles, wish.aisle and not block.at_aisle

    chosen: list[Block] = []
    for block in sorted(blocks, key=lambda block: (*kind(block), block.rank)):
        if chosen and (len(chosen) == CHOICE or kind(block) != kind(chosen[0])):
            break
        if not any(block.overlaps(other) for other in chosen):
            chosen.append(block)
    return chosen
