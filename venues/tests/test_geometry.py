import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from venues.geometry import Plan, SeatPlace, read_layout

HALL = Path(settings.BASE_DIR, "demo", "hall-1057.json")


@pytest.fixture(scope="module")
def hall() -> Plan:
    return read_layout(json.loads(HALL.read_text()))


def make_layout(*points: tuple[float, float], stage: dict[str, Any] | None = None, **row: Any) -> dict[str, Any]:
    seats = [
        {"seat_guid": f"s{number}", "seat_number": str(number), "position": {"x": x, "y": y}, "category": "A"}
        for number, (x, y) in enumerate(points, start=1)
    ]
    zone = {"name": "Floor", "position": {"x": 0, "y": 0}, "rows": [{"row_number": "1", "seats": seats} | row]}
    size = {"width": 1000, "height": 1000}
    return {"name": "Hall", "size": size, "categories": [{"name": "A"}], "zones": [zone | {"areas": [stage] if stage else []}]}


def seats_of(layout: dict[str, Any]) -> list[SeatPlace]:
    return list(read_layout(layout).seats)


def test_hall_has_every_seat_once_although_84_ids_occur_twice(hall: Plan) -> None:
    assert len(list(hall.seats)) == len({seat.place for seat in hall.seats}) == 1057


def test_coordinates_are_absolute(hall: Plan) -> None:
    first, *_, last = hall.seats

    assert (first.place, first.x, first.y) == ("0.0.0", 10 + 120, 85)
    assert (last.place, last.x, last.y) == ("1.2.32", 10 + 1050, 920 + 135)


def test_row_is_taken_off_the_seat_number(hall: Plan) -> None:
    seat = next(seat for seat in hall.seats if seat.place == "0.11.13")

    assert (seat.section, seat.row, seat.number, seat.category) == ("Ground floor", "12", "14", "Parkett mitte")


def test_areas_have_absolute_coordinates_and_their_words(hall: Plan) -> None:
    (stage,), (balcony,) = (zone.areas for zone in hall.zones)

    assert (stage.shape, stage.x, stage.y, stage.width, stage.height, stage.color) == ("rectangle", 360, 0, 390, 50, "#eee")
    assert stage.text
    assert (stage.text.text, stage.text.x, stage.text.y) == ("STAGE", 540, 26)
    assert balcony.text
    assert (balcony.text.text, balcony.text.y) == ("BALCONY", 946)
    assert hall.focus == (555, 25)


def test_positions_differ_by_one_exactly_where_seats_are_30_apart_in_a_row(hall: Plan) -> None:
    seats = list(hall.seats)
    steps = [(two.position - one.position, two.x - one.x, one.y == two.y) for one, two in pairwise(seats)]

    assert {step for step in steps if step[2]} == {(1, 30, True), (2, 60, True)}
    assert {difference for difference, _, same_row in steps if not same_row} == {2}
    assert len({seat.position for seat in seats}) == 1057


def test_ranks_are_the_numbers_from_zero_and_begin_in_the_middle_of_the_front(hall: Plan) -> None:
    seats = sorted(hall.seats, key=lambda seat: seat.rank)

    assert [seat.rank for seat in seats] == list(range(1057))
    assert [(seat.row, seat.number) for seat in seats[:2]] == [("1", "14"), ("1", "13")]
    assert seats[-1].section == "Balcony"


def test_rank_prefers_the_middle_of_a_later_row_to_the_end_of_the_first(hall: Plan) -> None:
    ranks = {(seat.section, seat.row, seat.number): seat.rank for seat in hall.seats}

    assert ranks["Ground floor", "6", "16"] < ranks["Ground floor", "1", "26"]


def test_without_a_stage_people_look_at_the_middle_of_the_upper_edge() -> None:
    seats = seats_of(make_layout((450, 100), (500, 100), (550, 100)))

    assert [seat.rank for seat in seats] == [1, 0, 2]


def test_all_around_a_stage_only_the_distance_counts() -> None:
    stage = {"shape": "circle", "circle": {"radius": 9}, "position": {"x": 500, "y": 500}}
    stage["text"] = {"text": "Bühne", "position": {"x": 0, "y": 0}}
    seats = seats_of(make_layout((500, 300), (700, 500), (500, 710), (280, 500), stage=stage))

    assert {seat.number: seat.rank for seat in seats} == {"1": 0, "2": 1, "3": 2, "4": 3}


def test_seats_listed_in_disorder_are_walked_along_the_row() -> None:
    seats = seats_of(make_layout((90, 10), (30, 10), (60, 10), (120, 10)))

    assert [(seat.number, seat.position) for seat in seats] == [("2", 0), ("3", 1), ("1", 2), ("4", 3)]


def test_round_table_keeps_the_order_in_which_it_is_listed() -> None:
    table = [(500 + 40 * math.cos(turn), 500 + 40 * math.sin(turn)) for turn in (0, 1, 2, 3, 4, 5)]

    assert [(seat.number, seat.position) for seat in seats_of(make_layout(*table))] == [
        *(("1", 0), ("2", 1), ("3", 2), ("4", 3), ("5", 4), ("6", 5))
    ]


def test_row_label_wins_over_the_row_number_without_its_word() -> None:
    (seat,) = seats_of(make_layout((10, 10), row_label="Row AA"))

    assert seat.row == "AA"


def test_every_kind_of_area_is_read() -> None:
    layout = make_layout((10, 10))
    at = {"x": 100, "y": 200}
    layout["zones"][0]["areas"] = [
        {"shape": "ellipse", "position": at, "ellipse": {"radius": {"x": 30, "y": 20}}, "rotation": 15},
        {"shape": "polygon", "position": at, "polygon": {"points": [{"x": 0, "y": 0}, {"x": 9, "y": 0}, {"x": 0, "y": 9}]}},
        {"shape": "text", "position": at, "text": {"text": "Bar", "position": {"x": 5, "y": 5}, "size": 20, "color": "#000"}},
        {"shape": "rectangle"},
    ]
    ellipse, polygon, text, empty = read_layout(layout).zones[0].areas

    assert (ellipse.x, ellipse.y, ellipse.width, ellipse.height, ellipse.rotation) == (100, 200, 60, 40, 15)
    assert polygon.points == ((100, 200), (109, 200), (100, 209))
    assert polygon.center == (103, 203)
    assert text.text
    assert (text.text.x, text.text.y, text.text.size) == (105, 205, 20)
    assert (empty.width, empty.height) == (0, 0)
