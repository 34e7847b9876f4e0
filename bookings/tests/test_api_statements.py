"""What a hold costs the database: every statement between BEGIN and COMMIT keeps seats locked in a rush."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from bookings.tests.races import time_passes
from evently.rest.tests.callers import caller, make_person
from events.models import Event, TicketType
from events.tests.factories import Hall, make_hall

pytestmark = pytest.mark.django_db(transaction=True)


def statements(client: APIClient, hall: Hall, wish: dict[str, Any]) -> int:
    """How many statements the hold takes, all told; BEGIN and COMMIT not counted."""
    with CaptureQueriesContext(connection) as captured:
        response = client.post(
            "/api/v1/bookings/",
            {"event": hall.event.pk} | wish,
            headers={"Idempotency-Key": "key", "X-Forwarded-For": "10.1.1.1"},
        )
    assert response.status_code == 201
    return sum(query["sql"] not in ("BEGIN", "COMMIT") for query in captured)


def lapsed(hall: Hall, *ranks: int) -> None:
    """Somebody else held these seats for too long."""
    wish = {"event": hall.event.pk, "seats": hall.seat_ids(*ranks)}
    assert caller(make_person("idle@example.org")).post("/api/v1/bookings/", wish).status_code == 201
    time_passes(11)


def chosen(hall: Hall, *ranks: int) -> dict[str, Any]:
    return {"seats": hall.seat_ids(*ranks)}


def best(hall: Hall) -> dict[str, Any]:
    return {"items": [{"ticket_type": hall.adult.pk, "quantity": 2}]}


def test_chosen_seats_take_five_statements() -> None:
    hall = make_hall()

    assert statements(caller(make_person()), hall, chosen(hall, 0, 1)) == 5


def test_the_best_seats_take_six_statements() -> None:
    hall = make_hall()

    assert statements(caller(make_person()), hall, best(hall)) == 6


def test_general_admission_takes_six_statements() -> None:
    hall = make_hall(numbered=False)

    assert statements(caller(make_person()), hall, best(hall)) == 6


def test_lapsed_seats_take_one_more() -> None:
    hall = make_hall()
    lapsed(hall, 0, 1)

    assert statements(caller(make_person()), hall, chosen(hall, 0, 1)) == 6


def test_limits_of_every_kind_and_a_takeover_take_eight() -> None:
    hall = make_hall()
    Event.objects.update(max_per_customer=8)
    TicketType.objects.update(limit=50)
    lapsed(hall, 0, 1)

    assert statements(caller(make_person()), hall, chosen(hall, 0, 1)) == 8


def test_the_best_seats_with_limits_of_every_kind_take_eight() -> None:
    hall = make_hall()
    Event.objects.update(max_per_customer=8)
    TicketType.objects.update(limit=50)

    assert statements(caller(make_person()), hall, best(hall)) == 8
