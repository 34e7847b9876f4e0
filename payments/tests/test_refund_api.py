"""Refunds by the API: the quote, the agreement to it, and what a team gives back."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from bookings.models import Booking
from bookings.sale import Buyer
from evently.accounts.models import Organizer
from evently.rest.tests.callers import caller, make_member, make_person
from events.models import RefundTerm
from events.tests.factories import Hall, make_hall
from payments.models import Payment, Refund, RefundApproval

from .factories import BOB, paid, refunds, state


@pytest.fixture
def hall() -> Hall:
    """Tickets go back for all but 4 until ten days before."""
    start = timezone.now() + timedelta(days=30)
    hall = make_hall(starts_at=start, ends_at=start + timedelta(hours=3))
    RefundTerm.objects.create(event=hall.event, days_before=10, percent=100, fee_minor=400)
    return hall


@pytest.fixture
def bought(hall: Hall) -> tuple[Booking, Payment, APIClient]:
    """Two seats of somebody with an account, their payment, and their programme."""
    person = make_person("ann@example.org")
    booking, payment = paid(hall, 1, 2, buyer=Buyer(user_id=person.pk, session="ann"))
    return booking, payment, caller(person)


def post(client: APIClient, payment: Payment, **wish: Any) -> Any:
    headers = {"Idempotency-Key": wish.pop("key")} if "key" in wish else {}
    return client.post(f"/api/v1/payments/{payment.pk}/refunds/", wish, headers=headers)


def seat(hall: Hall, number: int) -> str:
    return str(hall.seat_ids(number)[0])


def test_the_quote_is_agreed_to_and_the_same_key_is_one_refund(hall: Hall, bought: tuple[Booking, Payment, APIClient]) -> None:
    booking, payment, client = bought
    quote = client.get(f"/api/v1/bookings/{booking.pk}/refund-quote/", {"seat": seat(hall, 1)}).json()
    assert (quote["payment"], quote["basis"], quote["kept"], quote["amount"]) == (str(payment.pk), "terms", "4.00", "80.00")
    assert quote["tickets"] == [{"seat": seat(hall, 1), "paid": "84.00", "back": "80.00"}]
    assert client.get(f"/api/v1/bookings/{booking.pk}/refund-quote/").json()["amount"] == "160.00"

    wish = {"seats": [seat(hall, 1)], "amount": quote["amount"], "key": "k"}
    first, second = post(client, payment, **wish), post(client, payment, **wish)
    assert (first.status_code, second.status_code, first.json()["id"]) == (201, 201, second.json()["id"])
    assert refunds(booking) == [("returned", 8000, "EUR")]
    assert post(client, payment, **wish | {"amount": "1.00"}).json()["code"] == "idempotency_key_reused"
    again = post(client, payment, seats=[seat(hall, 1)], amount="80.00")
    assert (again.status_code, again.json()["code"]) == (409, "no_such_tickets")
    shown = client.get(f"/api/v1/bookings/{booking.pk}/").json()
    assert (shown["status"], len(shown["seats"]), len(shown["tickets"])) == ("confirmed", 1, 1)
    listed = client.get(f"/api/v1/payments/{payment.pk}/refunds/").json()["results"]
    assert [(row["amount"], row["reason"]) for row in listed] == [("80.00", "returned")]


@pytest.mark.parametrize(
    ("wish", "status", "code"),
    [
        ({"amount": "160.01"}, 409, "quote_changed"),
        ({"amount": "0.00"}, 409, "quote_changed"),
        ({}, 400, "invalid"),
        ({"amount": "-1"}, 400, "invalid"),
        ({"amount": "1.001"}, 400, "invalid"),
        ({"amount": "160.00", "seats": ["x"]}, 400, "invalid"),
        ({"amount": "160.00", "seats": ["0193458a-0000-7000-8000-000000000002"]}, 409, "no_such_tickets"),
        ({"amount": "1.00", "note": "I want it"}, 403, "permission_denied"),
    ],
)
def test_what_a_buyer_may_not_wish_is_refused_and_changes_nothing(
    bought: tuple[Booking, Payment, APIClient], wish: dict[str, Any], status: int, code: str
) -> None:
    booking, payment, client = bought
    answer = post(client, payment, **wish)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    if code == "quote_changed":
        assert answer.json()["amount"] == "160.00"
    assert (state(booking), refunds(booking)) == (("confirmed", "paid"), [])


def test_a_team_gives_money_back_and_above_its_limit_a_colleague_agrees(
    hall: Hall, bought: tuple[Booking, Payment, APIClient]
) -> None:
    booking, payment, _buyer = bought
    Organizer.objects.update(four_eyes_above=20)
    client = caller(make_member(hall.event.organizer, "finance"))
    small = post(client, payment, amount="10.00", note="Rain")
    large = post(client, payment, amount="84.00", note="Pillar", seats=[seat(hall, 1)], key="k")
    assert (small.status_code, large.status_code, large.json()["status"]) == (201, 202, "waiting")
    assert post(client, payment, amount="84.00", note="Pillar", seats=[seat(hall, 1)], key="k").json() == large.json()
    assert (Refund.objects.count(), RefundApproval.objects.count(), state(booking)[0]) == (1, 1, "confirmed")
    assert post(client, payment, amount="10.00").json()["errors"].keys() == {"note"}


def test_the_payments_of_others_are_not_there(hall: Hall, bought: tuple[Booking, Payment, APIClient]) -> None:
    _booking, other = paid(hall, 5, buyer=BOB)
    assert post(bought[2], other, amount="80.00").status_code == 404
    assert bought[2].get(f"/api/v1/payments/{other.pk}/refunds/").status_code == 404
