"""Many clients at one moment over real HTTP, on gunicorn as in production."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from rest_framework_simplejwt.tokens import AccessToken

from bookings.models import Booking
from evently import audit
from evently.accounts.models import User
from events.models import Seat
from events.tests.factories import make_hall

from .servers import web

pytestmark = pytest.mark.django_db(transaction=True)

Answer = tuple[int, dict[str, Any]]


@pytest.fixture(scope="module")
def unlimited(django_db_setup: None) -> Iterator[str]:
    with web(EVENTLY_RATE_LIMITS="off") as address:
        yield address


def make_people(count: int) -> list[str]:
    """That many accounts; an access token for each."""
    people = User.objects.bulk_create(User(email=f"buyer-{number}@example.org", password="!") for number in range(count))
    tokens = []
    for person in people:
        token = AccessToken()
        token["sub"] = str(person.pk)
        tokens.append(str(token))
    return tokens


def hold_all_at_once(address: str, tokens: list[str], wish: dict[str, Any], *, key: str = "") -> list[Answer]:
    """Every token asks for the same at the same moment, each on a connection of its own."""

    async def one(session: aiohttp.ClientSession, token: str, start: asyncio.Event) -> Answer:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key or str(uuid.uuid4())}
        await start.wait()
        async with session.post(f"{address}/api/v1/bookings/", json=wish, headers=headers) as response:
            return response.status, await response.json()

    async def everybody() -> list[Answer]:
        start = asyncio.Event()
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            calls = [asyncio.create_task(one(session, token, start)) for token in tokens]
            start.set()
            return await asyncio.gather(*calls)

    return asyncio.run(everybody())


def statuses(answers: list[Answer]) -> Counter[int]:
    return Counter(status for status, _body in answers)


def test_of_two_hundred_clients_one_gets_the_seat(unlimited: str) -> None:
    hall = make_hall()
    (seat,) = hall.seat_ids(1)
    answers = hold_all_at_once(unlimited, make_people(200), {"event": str(hall.event.pk), "seats": [str(seat)]})
    assert statuses(answers) == {201: 1, 409: 199}
    assert {body["code"] for status, body in answers if status == 409} == {"seats_unavailable"}
    held = Seat.objects.get(status=Seat.Status.HELD)
    assert [(seat, held.holder)] == [(held.pk, Booking.objects.get().pk)]
    assert audit.complaints() == {}


def test_a_hundred_places_are_held_by_four_until_none_is_left(unlimited: str) -> None:
    hall = make_hall(numbered=False)
    wish = {"event": str(hall.event.pk), "items": [{"ticket_type": str(hall.adult.pk), "quantity": 4}]}
    answers = hold_all_at_once(unlimited, make_people(60), wish)
    assert statuses(answers) == {201: 25, 409: 35}
    assert {body["code"] for status, body in answers if status == 409} == {"sold_out"}
    assert audit.complaints() == {}


def test_one_request_sent_fifty_times_is_one_booking(unlimited: str) -> None:
    hall = make_hall()
    (token,) = make_people(1)
    wish = {"event": str(hall.event.pk), "items": [{"ticket_type": str(hall.adult.pk), "quantity": 2}]}
    answers = hold_all_at_once(unlimited, [token] * 50, wish, key="the-same")
    assert statuses(answers) == {201: 50}
    assert {body["id"] for _status, body in answers} == {str(Booking.objects.get().pk)}
    assert audit.complaints() == {}


def test_with_limits_a_greedy_client_is_slowed_and_the_seat_is_still_held_once(django_db_setup: None) -> None:
    hall = make_hall()
    (seat,) = hall.seat_ids(1)
    (token,) = make_people(1)
    with web(EVENTLY_RATE_LIMITS="on") as address:
        answers = hold_all_at_once(address, [token] * 200, {"event": str(hall.event.pk), "seats": [str(seat)]})
    found = statuses(answers)
    assert found[201] == 1
    assert found[429] > 0
    assert set(found) == {201, 409, 429}
    assert audit.complaints() == {}
