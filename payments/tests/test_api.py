"""What gateways tell us over HTTP."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from evently.rest.tests.callers import caller, make_person
from events.tests.factories import make_hall
from payments.models import Payment, WebhookEvent
from payments.tests.factories import decide, webhook

ADDRESS = "/api/v1/payments/webhooks/sandbox/"


def refusal(response: Any) -> tuple[int, str]:
    assert response["Content-Type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


@pytest.mark.django_db
@pytest.mark.parametrize("body", [b"", b"{}", b"{", b"\xff\xfe", b"x" * 100_000])
@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/octet-stream", "x"])
def test_a_message_without_signature_is_refused_and_nothing_is_asked_of_the_database(body: bytes, kind: str) -> None:
    with CaptureQueriesContext(connection) as statements:
        response = APIClient().post(ADDRESS, body, content_type=kind)

    assert refusal(response) == (400, "bad_signature")
    assert len(statements) == 0


@pytest.mark.django_db
def test_a_flood_of_unsigned_messages_stores_nothing() -> None:
    answers = {APIClient().post(ADDRESS, b"{}", content_type="application/json").status_code for _ in range(200)}

    assert answers == {400}
    assert not WebhookEvent.objects.exists()


@pytest.mark.django_db
def test_a_gateway_that_is_not_offered_has_no_address(settings: Any) -> None:
    settings.EVENTLY_GATEWAYS = []

    assert refusal(APIClient().post(ADDRESS, {})) == (404, "unknown_gateway")
    assert refusal(APIClient().post("/api/v1/payments/webhooks/elsewhere/", {})) == (404, "unknown_gateway")


@pytest.mark.django_db
def test_a_message_beyond_all_measure_is_refused() -> None:
    assert refusal(APIClient().post(ADDRESS, b"x" * 3_000_000, content_type="application/json")) == (413, "too_large")


@pytest.mark.django_db
def test_neither_a_forged_token_nor_a_session_matters() -> None:
    client = APIClient(enforce_csrf_checks=True, headers={"Authorization": "Bearer nonsense"})

    assert refusal(client.post(ADDRESS, {})) == (400, "bad_signature")


@pytest.mark.django_db(transaction=True)
def test_a_booking_by_api_is_paid_by_the_gateways_message() -> None:
    hall, client = make_hall(rows=1, length=2), caller(make_person())
    booking = client.post("/api/v1/bookings/", {"event": hall.event.pk, "seats": hall.seat_ids(0, 1)}).json()
    client.post(f"/api/v1/bookings/{booking['id']}/checkout/", {"gateway": "sandbox"})
    payment = Payment.objects.get()
    decide(payment)
    message = webhook(payment)

    answers = [
        APIClient().post(ADDRESS, message["body"], content_type="application/json", headers=message["headers"]) for _ in range(2)
    ]

    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {"received": True})] * 2
    shown = client.get(f"/api/v1/bookings/{booking['id']}/").json()
    assert (shown["status"], shown["payment_status"], len(shown["tickets"])) == ("confirmed", "paid", 2)
    assert WebhookEvent.objects.count() == 1
    cancelled = client.post(f"/api/v1/bookings/{booking['id']}/cancel/")
    assert refusal(cancelled) == (409, "not_cancellable")
