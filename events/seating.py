"""Which places an event has: the numbered ones of its seating plan, and general admission."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from django.db import connection, transaction

from evently.database import uuid7
from venues.geometry import Plan, read_layout

from .models import Category, Event, Seat

MOST_PLACES = 150_000  # the largest stadiums have less; a slip of the keyboard has more
MANY = 5_000  # from here on the planner has to learn of them at once, before autovacuum comes by
CHUNK = 20_000  # rows per COPY, each far below the time limit of a statement


class Place(NamedTuple):
    """A row of the seat table, as COPY takes it."""

    id: UUID
    event_id: UUID
    category_id: UUID
    section: str
    row: str
    number: str
    place: str
    position: int
    rank: int


def plan_of(event: Event) -> Plan | None:
    """The layout that the event is sold by, if it has numbered seats."""
    return read_layout(event.seating_plan.layout) if event.seating_plan else None


def places_of(event: Event, *, plan: Plan | None, categories: Sequence[Category]) -> Iterator[Place]:
    """Every place of the event: those of the plan, then general admission, whose places have no neighbours."""
    owners = {category.plan_category: category for category in categories if category.numbered}
    position, rank = -2, 0
    for seat in plan.seats if plan else ():
        owner = owners[seat.category]
        labels = (seat.section, seat.row, seat.number, seat.place)
        yield Place(uuid7(), event.pk, owner.pk, *labels, seat.position, seat.rank)
        position, rank = max(position, seat.position), rank + 1
    for category in categories:
        for _ in range(0 if category.numbered else category.capacity or 0):
            position += 2
            yield Place(uuid7(), event.pk, category.pk, category.name, "", "", "", position, rank)
            rank += 1


def make_seats(
    event: Event, *, plan: Plan | None, categories: Sequence[Category], progress: Callable[[int], None] | None = None
) -> int:
    """Write the event's seats and return how many; `progress` is told how many there are after every `CHUNK`."""
    places, made = places_of(event, plan=plan, categories=categories), 0
    table, columns = Seat._meta.db_table, ", ".join(Place._fields)
    with connection.cursor() as cursor:
        while chunk := list(islice(places, CHUNK)):
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for place in chunk:
                    copy.write_row(place)
            made += len(chunk)
            if progress:
                progress(made)
    if made > MANY:
        transaction.on_commit(_analyze, robust=True)
    return made


def _analyze() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {Seat._meta.db_table}")
