"""Attacks on prices and rules, by their numbers: what a buyer sends is never what is charged."""

import os
import subprocess
import sys
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError
from django.db.models import F
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from bookings.models import Booking
from bookings.sale import Buyer, LimitReached
from bookings.services import PaymentRequired, confirm_free_booking, hold_best
from bookings.tests.races import outcomes, race
from evently.money import divide
from evently.rest.tests.callers import caller, make_person
from events.models import Category, Event, EventService, RefundTerm, Service, TicketType
from events.tests.factories import Hall, make_hall
from payments.models import Payment, Refund
from payments.services import NothingToPay, give_back, start_checkout

from .factories import ANN, BOB, check_out, hold, paid, state

BOOKINGS = "/api/v1/bookings/"


@pytest.fixture
def client() -> APIClient:
    return caller(make_person("ann@example.org", first_name="Ann", last_name="Lee"))


def wish(hall: Hall, *numbers: int, **more: Any) -> dict[str, Any]:
    return {"event": str(hall.event.pk), "seats": [str(pk) for pk in hall.seat_ids(*numbers)]} | more


def item(hall: Hall, quantity: Any, ticket_type: TicketType | None = None) -> dict[str, Any]:
    return {"ticket_type": str((ticket_type or hall.adult).pk), "quantity": quantity}


FORGED = {"price": "0.01", "total": "0.01", "total_minor": 1, "fee": "-5", "discount": "84.00", "currency": "JPY"}


def test_17_prices_totals_fees_and_currencies_in_the_body_change_nothing(client: APIClient, hall: Hall) -> None:
    seats = [{"seat": str(hall.seat_ids(1)[0]), "ticket_type": str(hall.adult.pk), **FORGED}]
    made = client.post(BOOKINGS, wish(hall) | {"seats": seats} | FORGED)
    assert (made.status_code, made.json()["total"], made.json()["currency"]) == (201, "84.00", "EUR")
    pay = client.post(f"{BOOKINGS}{made.json()['id']}/checkout/", {"gateway": "sandbox", "amount": "0.01", **FORGED})
    assert pay.status_code == 201
    assert list(Payment.objects.values_list("amount_minor", "currency")) == [(8400, "EUR")]


@pytest.mark.parametrize("quantity", [-1, 0, 1.5, "1e3", True, "NaN", 2**63, None, [], {}])
def test_18_an_odd_quantity_is_refused(client: APIClient, hall: Hall, quantity: Any) -> None:
    for body in ({"items": [item(hall, quantity)]}, {"items": [item(hall, 1), item(hall, quantity)]}):
        answer = client.post(BOOKINGS, {"event": str(hall.event.pk)} | body)
        assert answer.status_code == 400, answer.content
    assert not Booking.objects.exists()


def test_19_a_negative_amount_is_refused_also_by_the_database(client: APIClient, hall: Hall) -> None:
    service = Service.objects.create(organizer=hall.event.organizer, name="Donation")
    donation = EventService.objects.create(event=hall.event, service=service, price_minor=5000)
    answer = client.post(BOOKINGS, wish(hall, 1, services=[{"id": str(donation.pk), "quantity": -1}]))
    assert answer.status_code == 400
    booking = hold(hall, 1)
    for change in (
        partial(Booking.objects.filter(pk=booking.pk).update, total_minor=-1),
        partial(booking.seats.update, price_minor=-5000),
        partial(booking.seats.update, discount_minor=F("price_minor") + 1),
        partial(EventService.objects.update, price_minor=-5000),
        partial(TicketType.objects.filter(pk=hall.adult.pk).update, price_minor=-1),
    ):
        with pytest.raises(IntegrityError):
            change()


def test_20_a_part_that_is_paid_is_no_payment(client: APIClient, hall: Hall) -> None:
    made = client.post(BOOKINGS, wish(hall, 1)).json()
    body = {"gateway": "sandbox", "payment_portion": 0, "deposit": "0.00", "percent": 0}
    assert client.post(f"{BOOKINGS}{made['id']}/checkout/", body).status_code == 201
    assert Payment.objects.get().amount_minor == 8400
    with pytest.raises(IntegrityError):
        Payment.objects.update(amount_minor=0)


def test_21_limits_are_counted_over_lines_bookings_and_ticket_types(client: APIClient, hall: Hall) -> None:
    Event.objects.update(max_per_booking=3, max_per_customer=4)
    many = {"event": str(hall.event.pk), "items": [item(hall, 1)] * 20}
    several = {"event": str(hall.event.pk), "items": [item(hall, 2), item(hall, 2, hall.child)]}
    for body in (many, several):
        answer = client.post(BOOKINGS, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "limit_reached")
    three = {"event": str(hall.event.pk), "items": [item(hall, 2), item(hall, 1, hall.child)]}
    assert [client.post(BOOKINGS, three).status_code for _ in range(2)] == [201, 409]


def test_22_nothing_is_sold_before_or_after_its_time_not_even_from_a_stored_basket(client: APIClient, hall: Hall) -> None:
    now, hour = timezone.now(), timedelta(hours=1)
    held = client.post(BOOKINGS, wish(hall, 1)).json()
    TicketType.objects.filter(pk=hall.child.pk).update(sale_ends_at=now - hour)
    swap = [{"seat": held["seats"][0]["id"], "ticket_type": str(hall.child.pk)}]
    answer = client.patch(f"{BOOKINGS}{held['id']}/", {"add": swap, "remove": [held["seats"][0]["id"]]})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_on_sale")
    for window in ({"sale_starts_at": now + hour, "sale_ends_at": now + 2 * hour}, {"sale_ends_at": now - hour}):
        Event.objects.update(**({"sale_starts_at": now - 2 * hour} | window))
        answer = client.post(BOOKINGS, wish(hall, 2))
        assert (answer.status_code, answer.json()["code"]) == (409, "not_on_sale")
        added = client.patch(f"{BOOKINGS}{held['id']}/", {"add": [str(hall.seat_ids(3)[0])]})
        assert (added.status_code, added.json()["code"]) == (409, "not_on_sale")


@pytest.mark.parametrize(("currency", "told"), [("JPY", "8400"), ("USD", "84.00"), ("KWD", "8.400")])
def test_28_amounts_have_the_digits_of_their_currency_which_stays(currency: str, told: str) -> None:
    hall = make_hall(currency=currency)
    client = caller(make_person("ann@example.org"))
    held = client.post(BOOKINGS, wish(hall, 1)).json()
    assert (held["total"], held["currency"]) == (told, currency)
    Event.objects.update(currency="EUR")  # past the desk, which does not offer it once it is on sale
    assert client.post(f"{BOOKINGS}{held['id']}/checkout/", {"gateway": "sandbox"}).status_code == 201
    assert Payment.objects.get().currency == currency
    Event.objects.update(currency=currency)


def test_29_a_price_or_rate_that_changes_after_the_hold_is_not_asked_for(hall: Hall) -> None:
    booking = hold(hall, 1)
    TicketType.objects.update(price_minor=99_900, tax_rate=50)
    assert check_out(booking).payment.amount_minor == 8400


@given(st.integers(0, 10**12), st.lists(st.integers(0, 10**6), min_size=1, max_size=12).filter(any))
def test_30_what_is_divided_adds_up(amount: int, weights: list[int]) -> None:
    parts = divide(amount, weights)
    assert sum(parts) == amount
    assert all(part >= 0 for part in parts)
    assert all(abs(part * sum(weights) - amount * weight) < sum(weights) for part, weight in zip(parts, weights, strict=True))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_30_a_hundred_given_back_in_three_parts_in_any_order_is_a_hundred(order: tuple[int, ...]) -> None:
    hall = make_hall(price=10_000)
    _booking, payment = paid(hall, 1)
    parts = divide(10_000, [1, 1, 1])
    for number in order:
        give_back(payment_id=payment.pk, amount_minor=parts[number], key=str(number), note="part", actor="boss")
    assert sorted(Refund.objects.values_list("amount_minor", flat=True)) == [3333, 3333, 3334]


def test_31_places_that_are_on_sale_are_not_cut(client: APIClient) -> None:
    team = make_hall(numbered=False, rows=1).event.organizer
    owner = caller(make_person("boss@example.org", is_superuser=True))
    event = Event.objects.get(organizer=team)
    area = Category.objects.get(event=event)
    answer = owner.patch(f"/api/v1/events/{event.pk}/categories/{area.pk}/", {"capacity": 1})
    assert answer.status_code == 409, answer.content
    assert event.seats.count() == 10


def test_32_a_full_ticket_type_does_not_keep_others_from_being_sold(client: APIClient, hall: Hall) -> None:
    TicketType.objects.filter(pk=hall.child.pk).update(limit=1)
    full = [client.post(BOOKINGS, {"event": str(hall.event.pk), "items": [item(hall, 1, hall.child)]}) for _ in range(2)]
    assert [answer.status_code for answer in full] == [201, 409]
    assert client.post(BOOKINGS, {"event": str(hall.event.pk), "items": [item(hall, 1)]}).status_code == 201


def test_33_no_step_is_left_out(client: APIClient, hall: Hall, ann: Client) -> None:
    booking = hold(hall, 1)
    with pytest.raises(PaymentRequired):
        confirm_free_booking(booking_id=booking.pk, actor="ann")
    ann.post(f"/bookings/{booking.pk}/pay/", {"gateway": "free"})
    assert state(booking) == ("held", "unpaid")
    gone = client.post(BOOKINGS, wish(hall, 2)).json()
    client.post(f"{BOOKINGS}{gone['id']}/cancel/")
    late = client.post(f"{BOOKINGS}{gone['id']}/checkout/", {"gateway": "sandbox"})
    assert (late.status_code, late.json()["code"]) == (409, "hold_ended")
    free = make_hall(price=0)
    nothing = hold(free, 1)
    with pytest.raises(NothingToPay):
        start_checkout(booking_id=nothing.pk, gateway="sandbox", actor="ann")


@pytest.mark.parametrize("address", ["/test_pay", "/debug/", "/__debug__/", "/dev/pay/", "/api/v1/payments/test/"])
def test_34_there_are_no_test_routes(address: str) -> None:
    assert (Client().get(address).status_code, Client().post(address).status_code) == (404, 404)


def test_34_the_sandbox_does_not_start_in_production() -> None:
    told = {"EVENTLY_ENV": "production", "EVENTLY_GATEWAYS": "sandbox", "DJANGO_SETTINGS_MODULE": "evently.settings"}
    run = subprocess.run(
        [sys.executable, "-c", "import django; django.setup()"],
        env=os.environ | told,
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert "sandbox" in run.stderr.lower()


# Races beside those of test_races.py


def test_38_twenty_completions_at_once_make_tickets_once() -> None:
    hall = make_hall(price=0)
    booking = hold(hall, 1, 2)
    race([partial(confirm_free_booking, booking_id=booking.pk, actor="ann")] * 20)
    assert (state(booking)[0], booking.tickets.count()) == ("confirmed", 2)
    assert booking.history.filter(action="confirmed").count() == 1


def test_47_baskets_in_both_orders_a_hundred_times_meet_no_deadlock(hall: Hall) -> None:
    calls = [partial(hold, hall, *pair, buyer=Buyer(session=f"b{n}")) for n in range(50) for pair in ((1, 2), (2, 1))]
    told = outcomes(race(calls, threads=20))
    assert told == {"Booking": 1, "SeatsUnavailable": 99}


def test_42_of_two_returns_of_all_tickets_at_once_one_is_paid(hall: Hall) -> None:
    RefundTerm.objects.create(event=hall.event, days_before=1, percent=60)
    _booking, payment = paid(hall, 1)
    give = partial(give_back, payment_id=payment.pk, amount_minor=5040, note="60 %", actor="boss")
    told = outcomes(race([partial(give, key="one"), partial(give, key="two")]))
    assert told == {"Refund": 1, "TooMuch": 1}


def test_21_several_browsers_of_one_person_do_not_beat_the_limit(hall: Hall) -> None:
    Event.objects.update(max_per_customer=2)
    hold(hall, 1, 2)
    with pytest.raises(LimitReached):
        hold_best(buyer=ANN, event_id=hall.event.pk, quantities={hall.adult.pk: 1})
    other = hold_best(buyer=BOB, event_id=hall.event.pk, quantities={hall.adult.pk: 1})
    assert other.quantity == 1
