import re
from typing import Any

import pytest

from bookings.sale import Buyer
from bookings.services import hold_seats
from events.drawing import drawing_of
from events.models import Seat
from events.seatmap import draw_seats, nearest_block, read_seats, read_states
from events.tests.factories import Hall, make_hall, make_venue
from venues.models import SeatingPlan

pytestmark = pytest.mark.django_db

ANN, BOB = Buyer(session="ann"), Buyer(session="bob")


def layout(rows: int, length: int, **more: Any) -> dict[str, Any]:
    def seat(place: int) -> dict[str, Any]:
        return {"seat_number": str(place), "seat_guid": str(place), "position": {"x": 25 * place, "y": 0}, "category": "Stalls"}

    zone = {
        "name": "A",
        "position": {"x": 0, "y": 0},
        "rows": [
            {"row_number": str(row), "position": {"x": 0, "y": 25 * row}, "seats": [seat(place) for place in range(length)]}
            for row in range(rows)
        ],
        "areas": [],
    } | more
    return {
        "name": "Hall",
        "size": {"width": 300, "height": 300},
        "categories": [{"name": "Stalls", "color": "red"}],
        "zones": [zone],
    }


def make_drawn_hall(rows: int = 4, length: int = 6, **more: Any) -> Hall:
    """A hall whose seats are on a plan."""
    venue = make_venue()
    plan = SeatingPlan.objects.create(
        venue=venue, name="Hall", number=1, seat_count=rows * length, layout=layout(rows, length, **more)
    )
    hall = make_hall(rows=rows, length=length, venue=venue, seating_plan=plan)
    for seat in hall.seats:
        Seat.objects.filter(pk=seat.pk).update(place=f"0.{seat.row}.{seat.number}")
    return hall


def test_read_states_tells_what_a_visitor_may_take_in_one_letter_a_seat() -> None:
    hall = make_hall(rows=1, length=6)
    mine = hold_seats(buyer=ANN, event_id=hall.event.pk, seats=dict.fromkeys(hall.seat_ids(1)))
    hold_seats(buyer=BOB, event_id=hall.event.pk, seats=dict.fromkeys(hall.seat_ids(2)))
    Seat.objects.filter(pk__in=hall.seat_ids(3)).update(status="sold", holder=mine.pk)
    Seat.objects.filter(pk__in=hall.seat_ids(4)).update(status="blocked")

    assert read_states(hall.event.pk, hold=mine.pk) == "fmhsxf"
    assert "".join(seat.state for seat in read_seats(hall.event.pk, hold=mine.pk)) == "fmhsxf"
    assert read_states(hall.event.pk, hold=None) == "fhhsxf"


def test_read_states_of_an_event_without_numbered_seats_is_empty() -> None:
    assert read_states(make_hall(rows=1, numbered=False).event.pk, hold=None) == ""


def test_nearest_block_offers_as_many_seats_side_by_side_as_near_as_there_are() -> None:
    hall = make_drawn_hall()
    wanted = hall.seat_ids(8, 9)  # row 1, in the middle
    hold_seats(buyer=BOB, event_id=hall.event.pk, seats=dict.fromkeys(hall.seat_ids(8)))
    seats = read_seats(hall.event.pk, hold=None)
    assert hall.event.seating_plan_id

    block = nearest_block(seats, wanted, drawing=drawing_of(hall.event.seating_plan_id, "en"))

    found = [(seat.row, seat.number) for seat in block]
    assert found in ([("0", "2"), ("0", "3")], [("2", "2"), ("2", "3")], [("1", "3"), ("1", "4")])
    assert nearest_block(seats, hall.seat_ids(*range(7)), drawing=None) == []


def test_draw_seats_draws_each_place_once_and_no_blocked_one() -> None:
    hall = make_drawn_hall(rows=2, length=3)
    Seat.objects.filter(pk__in=hall.seat_ids(0)).update(status="blocked")
    Seat.objects.filter(pk__in=hall.seat_ids(5)).update(accessible=True)
    assert hall.event.seating_plan_id

    drawn = draw_seats(
        drawing_of(hall.event.seating_plan_id, "en"), read_seats(hall.event.pk, hold=None), {hall.adult.category_id: "a"}
    )

    assert re.findall(r'<(\w+) id="(m\d)" class="seat cat-a" data-s="free"', drawn) == [
        *(("circle", f"m{number}") for number in (1, 2, 3, 4)),
        ("rect", "m5"),
    ]


def test_words_of_a_plan_are_text_and_nothing_else() -> None:
    evil = "<script>alert(1)</script>"
    area = {"shape": "text", "position": {"x": 0, "y": 0}, "text": {"text": evil, "position": {"x": 0, "y": 0}}}
    hall = make_drawn_hall(areas=[area])
    assert hall.event.seating_plan_id

    ground = drawing_of(hall.event.seating_plan_id, "en").ground

    assert "<script" not in ground
    assert "&lt;script&gt;" in ground


def test_a_hall_without_a_stage_gets_one_where_the_best_seats_look() -> None:
    hall = make_drawn_hall()
    assert hall.event.seating_plan_id

    assert ">Stage</text>" in drawing_of(hall.event.seating_plan_id, "en").ground
