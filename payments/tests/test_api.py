"""What gateways tell us over HTTP."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from payments.models import WebhookEvent

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
