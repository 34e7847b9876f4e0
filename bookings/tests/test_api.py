"""Bookings over HTTP."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rest_framework.test import APIClient

from bookings.models import Booking, BookingSeat
from bookings.tests.races import race, time_passes
from bookings.tickets import sign
from evently.accounts.models import User
from evently.rest.tests.callers import caller, make_person
from events.models import Event, PromoCode, Seat, TicketType
from events.tests.factories import Hall, make_hall
from payments.models import Payment

pytestmark = pytest.mark.django_db

BOOKINGS = "/api/v1/bookings/"


@pytest.fixture
def hall() -> Hall:
    return make_hall(rows=2, length=5)


@pytest.fixture
def ann() -> User:
    return make_person("ann@example.org", first_name="Ann", last_name="Lee")


@pytest.fixture
def client(ann: User) -> APIClient:
    return caller(ann)


def hold(client: APIClient, hall: Hall, *ranks: int, key: str | None = None) -> Any:
    """Hold the seats with these ranks, or two best ones."""
    items = [{"ticket_type": str(hall.adult.pk), "quantity": 2}]
    wish = {"seats": [str(pk) for pk in hall.seat_ids(*ranks)]} if ranks else {"items": items}
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(BOOKINGS, {"event": str(hall.event.pk)} | wish, headers=headers)


def refusal(response: Any) -> tuple[int, str]:
    assert response["Content-Type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


def test_hold_chosen_seats(client: APIClient, hall: Hall) -> None:
    first, second = hall.seat_ids(0, 1)
    wish = {"event": hall.event.pk, "seats": [first, {"seat": second, "ticket_type": hall.child.pk}]}

    response = client.post(BOOKINGS, wish)

    assert response.status_code == 201
    body = response.json()
    booking = Booking.objects.get()
    deadline = parse_datetime(body.pop("expires_at"))
    assert deadline == booking.expires_at
    assert 590 < (booking.expires_at - booking.created_at).total_seconds() <= 600
    assert parse_datetime(body.pop("created_at")) == booking.created_at
    place = {"section": "A", "row": "0", "category": str(hall.adult.category_id), "discount": "0.00"}
    assert body == {
        "id": str(booking.pk),
        "reference": booking.reference,
        "event": str(hall.event.pk),
        "status": "held",
        "payment_status": "unpaid",
        "code": None,
        "discount": "0.00",
        "total": "126.00",
        "currency": "EUR",
        "seats": [
            place | {"id": str(first), "number": "0", "ticket_type": str(hall.adult.pk), "price": "84.00"},
            place | {"id": str(second), "number": "1", "ticket_type": str(hall.child.pk), "price": "42.00"},
        ],
        "services": [],
        "tickets": [],
    }


def test_a_code_comes_with_the_hold_or_later_by_itself(client: APIClient, hall: Hall) -> None:
    facts = {"organizer": hall.event.organizer, "event": hall.event, "currency": "EUR"}
    PromoCode.objects.create(code="Ten", canonical="ten", amount_minor=1_000, **facts)
    body = client.post(BOOKINGS, {"event": hall.event.pk, "seats": hall.seat_ids(0, 1, 2), "code": "TEN"}).json()
    url = f"{BOOKINGS}{body['id']}/"

    assert (body["code"], body["discount"], body["total"]) == ("Ten", "10.00", "242.00")
    assert sorted(seat["discount"] for seat in body["seats"]) == ["3.33", "3.33", "3.34"]
    assert client.get(url).json() == body
    assert client.get(BOOKINGS).json()["results"] == [body]
    taken_off = client.patch(url, {"code": None}).json()
    assert (taken_off["code"], taken_off["discount"], taken_off["total"]) == (None, "0.00", "252.00")
    assert client.patch(url, {"code": "ten"}).json() == body
    mixed = client.patch(url, {"code": "ten", "remove": hall.seat_ids(0)})
    assert (mixed.status_code, mixed.json()["errors"]) == (400, {"code": ["Send this by itself."]})
    strange: tuple[Any, ...] = ("x" * 41, "\0", 7.5, [], {})
    for odd in strange:
        assert client.patch(url, {"code": odd}).status_code in (400, 409)


def test_hold_the_best_seats_in_one_block_for_lines_of_one_ticket_type(client: APIClient, hall: Hall) -> None:
    line = {"ticket_type": hall.adult.pk, "quantity": 1}

    body = client.post(BOOKINGS, {"event": hall.event.pk, "items": [line, line, line]}).json()

    assert [seat["row"] for seat in body["seats"]] in (["0"] * 3, ["1"] * 3)
    assert body["total"] == "252.00"


def test_amounts_are_in_the_currencys_own_digits(client: APIClient) -> None:
    hall = make_hall(rows=1, length=2, price=8400, currency="JPY")

    assert hold(client, hall, 0).json()["total"] == "8400"


def test_taken_seats_are_named_and_nothing_is_held(client: APIClient, hall: Hall) -> None:
    hold(caller(make_person("bob@example.org")), hall, 1)

    response = hold(client, hall, 0, 1)

    assert refusal(response) == (409, "seats_unavailable")
    assert response.json()["missing"] == [str(pk) for pk in hall.seat_ids(1)]
    assert Booking.objects.count() == 1


def test_sold_out_is_said_only_when_it_is(client: APIClient, hall: Hall) -> None:
    hall.seats.filter(rank__gte=1).update(status="blocked")

    assert refusal(hold(client, hall)) == (409, "sold_out")


def test_what_is_not_on_sale_cannot_be_held(client: APIClient, hall: Hall) -> None:
    Event.objects.update(sale_starts_at=timezone.now() + timedelta(hours=1))
    assert refusal(hold(client, hall, 0)) == (409, "not_on_sale")

    draft = make_hall(rows=1, length=1, status="draft")
    assert refusal(hold(client, draft, 0)) == (404, "not_found")


WRONG: dict[str, Any] = {
    "minus one": -1,
    "none": 0,
    "one and a half": 1.5,
    "exponent": "1e3",
    "true": True,
    "null": None,
    "two to the 63rd": 2**63,
    "a list": [1],
    "an object": {"a": 1},
    "words": "two",
    "infinite": 1e308 * 10,
}


@pytest.mark.parametrize("quantity", [value for name, value in WRONG.items() if name != "infinite"])
def test_an_odd_quantity_is_refused(client: APIClient, hall: Hall, quantity: Any) -> None:
    wish = {"event": hall.event.pk, "items": [{"ticket_type": hall.adult.pk, "quantity": quantity}]}

    assert refusal(client.post(BOOKINGS, wish)) == (400, "invalid")
    assert not Booking.objects.exists()


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "1e400", "1" * 5_000, "-0.0", "01", "1.0000000001"])
def test_an_odd_number_is_refused(client: APIClient, hall: Hall, literal: str) -> None:
    body = f'{{"event": "{hall.event.pk}", "items": [{{"ticket_type": "{hall.adult.pk}", "quantity": {literal}}}]}}'

    response = client.post(BOOKINGS, body, content_type="application/json")

    assert response.status_code == 400
    assert not Booking.objects.exists()


ODD_WISHES: dict[str, Any] = {
    "nothing": {},
    "no event": {"seats": [str(uuid4())]},
    "an event that is none": {"event": "1", "seats": [str(uuid4())]},
    "no seats": {"event": str(uuid4()), "seats": []},
    "no items": {"event": str(uuid4()), "items": []},
    "both": {"event": str(uuid4()), "seats": [str(uuid4())], "items": [{"ticket_type": str(uuid4()), "quantity": 1}]},
    "a number as seat": {"event": str(uuid4()), "seats": [7]},
    "null as seat": {"event": str(uuid4()), "seats": [None]},
    "a seat without id": {"event": str(uuid4()), "seats": [{"ticket_type": str(uuid4())}]},
    "a list as ticket type": {"event": str(uuid4()), "seats": [{"seat": str(uuid4()), "ticket_type": [1]}]},
    "a nested list": {"event": str(uuid4()), "seats": [[[[]]]]},
    "too many seats": {"event": str(uuid4()), "seats": [str(uuid4()) for _ in range(101)]},
    "too many in lines": {"event": str(uuid4()), "items": [{"ticket_type": str(uuid4()), "quantity": 60}] * 2},
    "a word as seats": {"event": str(uuid4()), "seats": "all"},
    "a NUL": {"event": "\0", "seats": [str(uuid4())]},
}


@pytest.mark.parametrize("wish", ODD_WISHES.values(), ids=ODD_WISHES.keys())
def test_an_odd_wish_is_refused(client: APIClient, wish: dict[str, Any]) -> None:
    assert refusal(client.post(BOOKINGS, wish)) == (400, "invalid")


def test_unknown_things_are_not_found(client: APIClient, hall: Hall) -> None:
    assert refusal(client.post(BOOKINGS, {"event": uuid4(), "seats": [uuid4()]})) == (404, "not_found")
    assert refusal(client.get(f"{BOOKINGS}{uuid4()}/")) == (404, "not_found")
    assert refusal(client.get(f"{BOOKINGS}17/")) == (404, "not_found")
    gone = client.post(BOOKINGS, {"event": hall.event.pk, "seats": [uuid4()]})
    assert refusal(gone) == (409, "seats_unavailable")
    unsold = client.post(BOOKINGS, {"event": hall.event.pk, "items": [{"ticket_type": uuid4(), "quantity": 1}]})
    assert refusal(unsold) == (409, "not_on_sale")


def test_prices_and_states_are_the_servers_own(client: APIClient, hall: Hall) -> None:
    greedy = {
        "event": hall.event.pk,
        "seats": [{"seat": hall.seat_ids(0)[0], "ticket_type": hall.adult.pk, "price": "0.01", "price_minor": 1}],
        "price": 0,
        "total": "0.00",
        "total_minor": 0,
        "currency": "JPY",
        "status": "confirmed",
        "payment_status": "paid",
        "user": str(uuid4()),
        "expires_at": "2099-01-01T00:00:00Z",
        "quantity": 1,
        "reference": "FREE",
    }

    body = client.post(BOOKINGS, greedy).json()

    assert (body["total"], body["currency"]) == ("84.00", "EUR")
    assert (body["status"], body["payment_status"]) == ("held", "unpaid")
    assert body["reference"].startswith("EVT")
    changed = client.patch(f"{BOOKINGS}{body['id']}/", {"status": "confirmed", "total": 0, "payment_status": "paid"})
    assert (changed.json()["status"], changed.json()["total"]) == ("held", "84.00")


def test_a_hold_is_repeated_by_its_key_and_had_once(client: APIClient, hall: Hall) -> None:
    first = hold(client, hall, 0, key="k-1")
    again = hold(client, hall, 0, key="k-1")

    assert (again.status_code, again.json()) == (201, first.json())
    assert Booking.objects.count() == 1


def test_a_key_is_refused_for_another_wish_and_free_for_other_people(client: APIClient, hall: Hall) -> None:
    hold(client, hall, 0, key="k-1")

    assert refusal(hold(client, hall, 1, key="k-1")) == (422, "idempotency_key_reused")
    assert hold(caller(make_person("bob@example.org")), hall, 1, key="k-1").status_code == 201
    assert Booking.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_refused_hold_leaves_its_key_free(client: APIClient, hall: Hall) -> None:
    hall.seats.filter(rank=0).update(status="blocked")
    assert hold(client, hall, 0, key="k-1").status_code == 409
    hall.seats.filter(rank=0).update(status="available")

    assert hold(client, hall, 0, key="k-1").status_code == 201


@pytest.mark.parametrize("key", ["", " ", "k" * 256, "a b", "schlüssel"])
def test_an_odd_key_is_refused(client: APIClient, hall: Hall, key: str) -> None:
    response = client.post(BOOKINGS, {"event": hall.event.pk, "seats": hall.seat_ids(0)}, HTTP_IDEMPOTENCY_KEY=key)

    assert refusal(response) == (400, "invalid")
    assert not Booking.objects.exists()


def test_only_own_bookings_exist(client: APIClient, hall: Hall) -> None:
    booking = Booking.objects.get(pk=hold(caller(make_person("bob@example.org")), hall, 0).json()["id"])
    address = f"{BOOKINGS}{booking.pk}/"

    assert client.get(BOOKINGS).json() == {"results": [], "next": None, "previous": None}
    for response in (
        client.get(address),
        client.patch(address, {"remove": []}),
        *(client.post(f"{address}{verb}/", {"gateway": "sandbox"}) for verb in ("extend", "cancel", "checkout")),
    ):
        assert refusal(response) == (404, "not_found")
    booking.refresh_from_db()
    assert (booking.status, booking.version) == ("held", 1)


def test_list_shows_the_newest_first_in_pages(client: APIClient, hall: Hall) -> None:
    ids = [hold(client, hall, rank).json()["id"] for rank in range(3)]

    first = client.get(BOOKINGS, {"page_size": 2}).json()
    second = client.get(first["next"]).json()

    assert [booking["id"] for booking in first["results"] + second["results"]] == ids[::-1]
    assert (first["previous"], second["next"]) == (None, None)


def test_change_exchanges_seats_and_keeps_the_deadline(client: APIClient, hall: Hall) -> None:
    held = hold(client, hall, 0, 1).json()
    old, new = hall.seat_ids(0, 2)

    changed = client.patch(f"{BOOKINGS}{held['id']}/", {"add": [{"seat": new, "ticket_type": hall.child.pk}], "remove": [old]})

    body = changed.json()
    assert [seat["id"] for seat in body["seats"]] == [str(pk) for pk in hall.seat_ids(1, 2)]
    assert (body["total"], body["expires_at"]) == ("126.00", held["expires_at"])


def test_change_does_not_take_the_last_seat(client: APIClient, hall: Hall) -> None:
    held = hold(client, hall, 0).json()

    assert refusal(client.patch(f"{BOOKINGS}{held['id']}/", {"remove": hall.seat_ids(0)})) == (409, "empty_booking")


def test_extend_and_cancel(client: APIClient, hall: Hall) -> None:
    held = hold(client, hall, 0).json()
    time_passes(5)

    extended = client.post(f"{BOOKINGS}{held['id']}/extend/").json()
    cancelled = client.post(f"{BOOKINGS}{held['id']}/cancel/").json()

    assert extended["expires_at"] > Booking.objects.get().created_at.isoformat()
    assert (cancelled["status"], cancelled["expires_at"], cancelled["seats"]) == ("cancelled", None, [])
    assert set(hall.seats.values_list("status", flat=True)) == {"available"}


def test_a_lapsed_hold_is_shown_as_expired_before_the_sweep(client: APIClient, hall: Hall) -> None:
    held = hold(client, hall, 0).json()
    time_passes(11)

    shown = client.get(f"{BOOKINGS}{held['id']}/").json()

    assert (shown["status"], shown["expires_at"]) == ("expired", None)
    assert refusal(client.post(f"{BOOKINGS}{held['id']}/extend/")) == (409, "hold_ended")
    assert Booking.objects.get().status == "held"


@pytest.mark.django_db(transaction=True)
def test_checkout_leads_to_the_gateway_with_the_accounts_address(client: APIClient, hall: Hall) -> None:
    held = hold(client, hall, 0).json()

    started = client.post(f"{BOOKINGS}{held['id']}/checkout/", {"gateway": "sandbox"})

    assert started.status_code == 201
    payment = Payment.objects.get()
    assert started.json()["payment"] == str(payment.pk)
    assert started.json()["redirect_url"].startswith("http")
    booking = Booking.objects.get()
    assert (booking.status, booking.name, booking.email) == ("paying", "Ann Lee", "ann@example.org")
    assert (payment.amount_minor, payment.currency) == (8400, "EUR")
    again = client.post(f"{BOOKINGS}{held['id']}/checkout/", {"gateway": "sandbox"})
    assert again.json() == started.json()


@pytest.mark.django_db(transaction=True)
def test_checkout_takes_name_address_and_terms(client: APIClient, hall: Hall) -> None:
    held = hold(client, hall, 0).json()
    wish = {"gateway": "sandbox", "name": "Bob", "email": "Bob@example.org", "accept_terms": True, "amount": 1, "total": 0}

    client.post(f"{BOOKINGS}{held['id']}/checkout/", wish)

    booking = Booking.objects.get()
    assert (booking.name, booking.email, booking.total_minor) == ("Bob", "bob@example.org", 8400)
    assert booking.terms_version
    assert booking.terms_accepted_at is not None


@pytest.mark.parametrize("gateway", ["", None, "cash", "../sandbox", 5])
def test_checkout_refuses_an_unknown_gateway(client: APIClient, hall: Hall, gateway: Any) -> None:
    held = hold(client, hall, 0).json()

    response = client.post(f"{BOOKINGS}{held['id']}/checkout/", {"gateway": gateway})

    assert refusal(response) == (400, "invalid")
    assert response.json()["errors"].keys() == {"gateway"}
    assert Booking.objects.get().status == "held"


def test_checkout_of_a_lapsed_hold_is_refused(client: APIClient, hall: Hall) -> None:
    held = hold(client, hall, 0).json()
    time_passes(11)

    assert refusal(client.post(f"{BOOKINGS}{held['id']}/checkout/", {"gateway": "sandbox"})) == (409, "hold_ended")
    assert not Payment.objects.exists()


def test_what_costs_nothing_is_confirmed_at_once_with_its_tickets(client: APIClient) -> None:
    hall = make_hall(rows=1, length=3, price=0)
    held = hold(client, hall, 0, 1).json()

    confirmed = client.post(f"{BOOKINGS}{held['id']}/checkout/", {})

    assert confirmed.status_code == 200
    body = confirmed.json()
    booking = Booking.objects.get()
    assert (body["status"], body["payment_status"], body["expires_at"]) == ("confirmed", "unpaid", None)
    assert body["tickets"] == [
        {
            "id": str(ticket.pk),
            "seat": str(ticket.booking_seat.seat_id),
            "code": sign(ticket),
            "url": f"http://testserver/tickets/{ticket.pk}/",
        }
        for ticket in booking.tickets.order_by("booking_seat__seat__position")
    ]
    assert len(body["tickets"]) == 2
    assert client.get(f"{BOOKINGS}{held['id']}/").json() == body


def test_a_paid_booking_cannot_take_the_free_way(client: APIClient, hall: Hall) -> None:
    held = hold(client, hall, 0).json()

    assert client.post(f"{BOOKINGS}{held['id']}/checkout/", {}).status_code == 400
    assert Booking.objects.get().status == "held"


def test_more_than_the_organizer_allows_is_refused_in_one_booking_or_several(client: APIClient, hall: Hall) -> None:
    Event.objects.update(max_per_booking=2, max_per_customer=3)
    line = {"ticket_type": str(hall.adult.pk), "quantity": 1}

    assert refusal(client.post(BOOKINGS, {"event": hall.event.pk, "items": [line] * 3})) == (409, "limit_reached")
    assert hold(client, hall, 0, 1).status_code == 201
    assert refusal(hold(client, hall, 2, 3)) == (409, "limit_reached")


@pytest.mark.django_db(transaction=True)
def test_busy_says_when_to_come_back(client: APIClient, hall: Hall) -> None:
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT id FROM events_seat FOR UPDATE")
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")
        response = hold(client, hall, 0)
    finally:
        other.close()
        connection.close()

    assert refusal(response) == (503, "busy")
    assert response["Retry-After"] == "2"


def test_a_ticket_type_of_another_event_is_refused(client: APIClient, hall: Hall) -> None:
    other = make_hall(rows=1, length=1, price=1)
    seat: UUID = hall.seat_ids(0)[0]

    by_seat = client.post(BOOKINGS, {"event": hall.event.pk, "seats": [{"seat": seat, "ticket_type": other.adult.pk}]})
    by_type = client.post(BOOKINGS, {"event": hall.event.pk, "items": [{"ticket_type": other.adult.pk, "quantity": 1}]})
    by_event = client.post(BOOKINGS, {"event": other.event.pk, "seats": [seat]})

    assert refusal(by_seat) == (409, "not_on_sale")
    assert refusal(by_type) == (409, "not_on_sale")
    assert refusal(by_event) == (409, "seats_unavailable")
    assert not BookingSeat.objects.exists()
    assert TicketType.objects.count() == 4
    assert set(Seat.objects.values_list("status", flat=True)) == {"available"}


@pytest.mark.django_db(transaction=True)
def test_one_key_at_one_moment_has_one_effect(ann: User, hall: Hall) -> None:
    clients = [caller(ann) for _ in range(10)]

    responses = race([lambda each=each: hold(each, hall, key="k-1") for each in clients])  # type: ignore[misc]

    assert {(response.status_code, response.json()["id"]) for response in responses} == {(201, str(Booking.objects.get().pk))}
