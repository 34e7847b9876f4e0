"""Plans made of numbers are plans like any other: complete, valid, with neighbours where there are neighbours."""

import json
import math
from itertools import pairwise

import pytest

from events.tests.factories import make_venue
from venues.checking import examine
from venues.geometry import Plan, read_layout
from venues.importing import keep_layout
from venues.rows import Block, Tier, around_a_pitch, facing_a_stage

HALL = facing_a_stage("Hall", [Block("Stalls", "Stalls", 3, 6, letters=True, aisle=True), Block("Balcony", "Balcony", 2, 5)])
ARENA = around_a_pitch("Arena", [Tier("Lower", 101, 8, 3, 6), Tier("Upper", 201, 8, 2, 9)])


def plan(layout: dict[str, object]) -> Plan:
    return read_layout(json.loads(json.dumps(layout)))


@pytest.mark.parametrize(("layout", "seats"), [(HALL, 28), (ARENA, 8 * 18 + 8 * 18)], ids=["hall", "arena"])
def test_the_importer_has_nothing_to_say_about_it(layout: dict[str, object], seats: int) -> None:
    findings = examine(json.dumps(layout))

    assert (findings.errors, findings.warnings) == ([], [])
    assert findings.plan
    assert sum(1 for _seat in findings.plan.seats) == seats


def test_rows_are_named_and_an_aisle_parts_neighbours() -> None:
    seats = list(plan(HALL).seats)

    assert [seat.row for seat in seats[:18:6]] == ["A", "B", "C"]
    assert [seat.number for seat in seats[:6]] == ["1", "2", "3", "4", "5", "6"]
    assert [two.position - one.position for one, two in pairwise(seats[:6])] == [1, 1, 2, 1, 1]
    assert [seat.row for seat in seats[18::5]] == ["1", "2"]


def test_rows_go_on_after_the_last_letter() -> None:
    many = plan(facing_a_stage("Long", [Block("A", "A", 26, 1, letters=True)]))

    assert [seat.row for seat in many.seats][-4:] == ["Y", "Z", "AA", "AB"]


def test_the_best_seats_are_in_the_middle_of_the_first_row_or_along_the_pitch() -> None:
    hall = min(plan(HALL).seats, key=lambda seat: seat.rank)
    assert (hall.section, hall.row, hall.number in "34") == ("Stalls", "A", True)

    arena = sorted(plan(ARENA).seats, key=lambda seat: seat.rank)
    assert {seat.category for seat in arena[: 8 * 6]} == {"Lower"}
    assert arena[0].row == "1"


def test_blocks_around_a_pitch_do_not_touch_each_other() -> None:
    seats = list(plan(ARENA).seats)

    assert min(math.dist((one.x, one.y), (two.x, two.y)) for one in seats for two in seats if one.place < two.place) > 23
    assert len({seat.section for seat in seats}) == 16


@pytest.mark.django_db
def test_a_layout_is_kept_once() -> None:
    venue = make_venue()

    first, again = keep_layout(venue=venue, layout=HALL), keep_layout(venue=venue, layout=HALL)

    assert (first.pk, first.number, first.seat_count) == (again.pk, 1, 28)
