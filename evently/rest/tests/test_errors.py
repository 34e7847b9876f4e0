"""Whatever goes wrong below /api/, the answer is a problem document."""

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from rest_framework.test import APIClient

from evently.rest.tests.callers import caller, make_person

pytestmark = pytest.mark.django_db

BOOKINGS = "/api/v1/bookings/"


def refusal(response: Any) -> tuple[int, str]:
    assert response["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == response.status_code
    assert problem["detail"]
    return problem["status"], problem["code"]


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v1/", "/api/v1/events", "/api/v1/bookings/17/", "/api/v2/events/"])
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options"])
def test_nothing_is_found_where_nothing_is(path: str, method: str) -> None:
    assert refusal(getattr(APIClient(), method)(path)) == (404, "not_found")


def test_html_is_not_asked_for_in_vain() -> None:
    response = APIClient().get("/api/v1/events/", headers={"Accept": "text/html"})

    assert (response.status_code, response["Content-Type"]) == (200, "application/json")


BODIES: dict[str, tuple[bytes, int, str]] = {
    "half an object": (b'{"event": ', 400, "parse_error"),
    "nothing but a brace": (b"{", 400, "parse_error"),
    "no object": (b"[]", 400, "parse_error"),
    "a word": (b'"all"', 400, "parse_error"),
    "null": (b"null", 400, "parse_error"),
    "NaN": (b'{"event": NaN}', 400, "parse_error"),
    "another encoding": ('{"event": "1"}'.encode("utf-16"), 400, "parse_error"),
    "broken UTF-8": (b'{"event": "\xff"}', 400, "parse_error"),
    "a lone surrogate": (b'{"event": "\\ud800"}', 400, "parse_error"),
    "half a pair": (b'{"event": "\\uD83D"}', 400, "parse_error"),
    "10,000 levels of lists": (b'{"event": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", 400, "parse_error"),
    "10,000 levels of objects": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400, "parse_error"),
    "a number of 5,000 digits": (b'{"event": ' + b"1" * 5_000 + b"}", 400, "parse_error"),
    "a number beyond all numbers": (b'{"event": 1e400}', 400, "invalid"),
    "a whole pair": (b'{"event": "\\ud83d\\ude00"}', 400, "invalid"),
    "three megabytes": (b'{"event": "' + b"x" * 3_000_000 + b'"}', 413, "too_large"),
}


@pytest.mark.parametrize(("body", "status", "code"), BODIES.values(), ids=BODIES.keys())
def test_a_broken_body_is_refused(body: bytes, status: int, code: str) -> None:
    response = caller(make_person()).post(BOOKINGS, body, content_type="application/json")

    assert refusal(response) == (status, code)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "x"])
def test_another_kind_of_body_is_refused(kind: str) -> None:
    response = caller(make_person()).post(BOOKINGS, b"--x--", content_type=kind)

    assert refusal(response) == (415, "unsupported_media_type")


def test_a_charset_that_is_claimed_is_not_believed() -> None:
    response = caller(make_person()).post(BOOKINGS, b"{}", content_type="application/json; charset=utf-16")

    assert refusal(response) == (400, "invalid")


def test_another_method_is_refused() -> None:
    response = caller(make_person()).put(BOOKINGS, {})

    assert refusal(response) == (405, "method_not_allowed")
    assert response["Allow"] == "GET, POST, HEAD, OPTIONS"


def test_nobody_is_told_how_to_become_somebody() -> None:
    response = APIClient().post(BOOKINGS, {})

    assert refusal(response) == (401, "not_authenticated")
    assert response["WWW-Authenticate"] == "Bearer"


def test_what_is_wrong_is_told_by_field() -> None:
    response = caller(make_person()).post(BOOKINGS, {"items": [{"ticket_type": "x", "quantity": 0}]})

    assert refusal(response) == (400, "invalid")
    assert response.json()["errors"] == {
        "event": ["This field is required."],
        "items": {
            "0": {"ticket_type": ["Must be a valid UUID."], "quantity": ["Ensure this value is greater than or equal to 1."]}
        },
    }


def test_a_crash_is_told_without_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(**_: Any) -> None:
        raise OperationalError("server at 10.0.0.7 said no")

    monkeypatch.setattr("events.api.visible_events", lambda request: crash())
    response = Client(raise_request_exception=False).get("/api/v1/events/")

    assert refusal(response) == (500, "server_error")
    assert b"10.0.0.7" not in response.content


def test_a_forged_host_is_refused(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["evently.example"]

    response = Client().get("/api/v1/events/", headers={"Host": "evil.example"})

    assert refusal(response) == (400, "bad_request")


@pytest.mark.parametrize("query", ["page=-1", "page=0", "page=999999999999999999999", "page=x", "page=%00"])
def test_a_page_that_is_none_is_not_found(query: str) -> None:
    assert refusal(APIClient().get(f"/api/v1/events/?{query}")) == (404, "not_found")


@pytest.mark.parametrize("query", ["page_size=1000000000", "page_size=-1", "page_size=x", "page_size=0"])
def test_a_page_has_a_size_within_reason(query: str) -> None:
    assert APIClient().get(f"/api/v1/events/?{query}").json() == {"results": [], "next": None, "previous": None}
