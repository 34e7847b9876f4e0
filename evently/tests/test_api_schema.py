"""What the API answers is what its schema says."""

from collections.abc import Iterator
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from rest_framework.test import APIClient

from evently.rest.tests.callers import PASSWORD, caller, make_member, make_person
from events.models import Category
from events.summary import refresh
from events.tests.factories import make_event, make_hall
from venues.models import SeatingPlan

pytestmark = pytest.mark.django_db

V1 = "/api/v1"


@pytest.fixture(scope="module")
def schema() -> Any:
    return SchemaGenerator().get_schema(public=True)


def operations(schema: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def check(schema: Any, response: Any, method: str, path: str) -> None:
    """The answer is one that the operation promises, in the promised shape and with no more than that."""
    promised = schema["paths"][f"{V1}{path}"][method]["responses"][str(response.status_code)]
    if response.status_code == 204:
        assert response.content == b""
        return
    shape = promised["content"][response["Content-Type"]]["schema"]
    Draft202012Validator({"components": schema["components"], **shape}).validate(response.json())
    name = shape.get("$ref", "").rpartition("/")[2]
    if name and name != "Problem":
        assert response.json().keys() == schema["components"]["schemas"][name]["properties"].keys()


def test_the_schema_is_valid_openapi(schema: Any) -> None:
    assert schema["openapi"] == "3.1.0"
    validate(schema)


def test_every_operation_tells_what_it_may_refuse(schema: Any) -> None:
    for method, path, operation in operations(schema):
        refusals = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        assert refusals, path
        for answer in refusals.values():
            assert answer["content"].keys() == {"application/problem+json"}
            assert answer["description"]
        assert ("400" in refusals) or "requestBody" not in operation, path
        assert ("404" in refusals) or "{" not in path, path
        assert operation["summary"], (method, path)


def test_answers_are_as_promised(schema: Any) -> None:
    hall, free = make_hall(rows=1, length=4), make_hall(rows=1, length=1, price=0)
    refresh([hall.event.pk])
    draft = make_event(status="draft")
    Category.objects.create(event=draft, name="Standing", numbered=False, capacity=5)
    venue = hall.event.venue
    plan = SeatingPlan.objects.create(venue=venue, name="Plan", number=1, layout={}, seat_count=0)
    ann, bob = make_member(hall.event.organizer, "manager"), make_person("bob@example.org")
    team, client, nobody = caller(ann), caller(bob), APIClient()
    event = f"{V1}/events/{hall.event.pk}"

    check(schema, nobody.get(f"{V1}/events/"), "get", "/events/")
    check(schema, nobody.get(f"{V1}/events/?category=x"), "get", "/events/")
    check(schema, nobody.get(f"{event}/"), "get", "/events/{id}/")
    check(schema, nobody.patch(f"{event}/", {}), "patch", "/events/{id}/")
    check(schema, team.patch(f"{event}/", {"title": "New"}), "patch", "/events/{id}/")
    check(schema, team.patch(f"{event}/", {}, headers={"If-Match": '"7"'}), "patch", "/events/{id}/")
    check(schema, team.post(f"{V1}/events/{draft.pk}/publish/"), "post", "/events/{id}/publish/")
    check(schema, nobody.get(f"{event}/ticket-types/"), "get", "/events/{event}/ticket-types/")
    check(schema, nobody.get(f"{event}/categories/"), "get", "/events/{event}/categories/")
    check(schema, nobody.get(f"{event}/seats/"), "get", "/events/{event}/seats/")
    check(schema, nobody.get(f"{event}/availability/"), "get", "/events/{event}/availability/")
    check(schema, nobody.get(f"{V1}/venues/"), "get", "/venues/")
    check(schema, nobody.get(f"{V1}/venues/{venue.pk}/"), "get", "/venues/{id}/")
    check(schema, nobody.get(f"{V1}/venues/{venue.pk}/seating-plans/"), "get", "/venues/{venue}/seating-plans/")
    check(schema, nobody.get(f"{V1}/venues/{venue.pk}/seating-plans/{plan.pk}/"), "get", "/venues/{venue}/seating-plans/{id}/")
    check(schema, client.get(f"{V1}/me/"), "get", "/me/")
    tokens = nobody.post(f"{V1}/auth/token/", {"email": bob.email, "password": PASSWORD})
    check(schema, tokens, "post", "/auth/token/")
    check(schema, nobody.post(f"{V1}/auth/token/", {"email": bob.email, "password": "x"}), "post", "/auth/token/")
    refreshed = nobody.post(f"{V1}/auth/token/refresh/", {"refresh": tokens.json()["refresh"]})
    check(schema, refreshed, "post", "/auth/token/refresh/")
    revoked = nobody.post(f"{V1}/auth/token/revoke/", {"refresh": refreshed.json()["refresh"]})
    check(schema, revoked, "post", "/auth/token/revoke/")
    new = {"email": "new@example.org", "password": PASSWORD}
    check(schema, nobody.post(f"{V1}/auth/register/", new), "post", "/auth/register/")

    held = client.post(f"{V1}/bookings/", {"event": hall.event.pk, "seats": hall.seat_ids(0)})
    check(schema, held, "post", "/bookings/")
    check(schema, client.post(f"{V1}/bookings/", {"event": hall.event.pk, "seats": hall.seat_ids(0)}), "post", "/bookings/")
    check(schema, client.get(f"{V1}/bookings/"), "get", "/bookings/")
    booking = f"{V1}/bookings/{held.json()['id']}"
    check(schema, client.get(f"{booking}/"), "get", "/bookings/{id}/")
    check(schema, client.patch(f"{booking}/", {"add": hall.seat_ids(1)}), "patch", "/bookings/{id}/")
    check(schema, client.post(f"{booking}/extend/"), "post", "/bookings/{id}/extend/")
    check(schema, client.post(f"{booking}/cancel/"), "post", "/bookings/{id}/cancel/")
    check(schema, client.post(f"{booking}/extend/"), "post", "/bookings/{id}/extend/")
    freely = client.post(f"{V1}/bookings/", {"event": free.event.pk, "seats": free.seat_ids(0)}).json()["id"]
    check(schema, client.post(f"{V1}/bookings/{freely}/checkout/", {}), "post", "/bookings/{id}/checkout/")
    check(schema, nobody.post(f"{V1}/payments/webhooks/sandbox/", {}), "post", "/payments/webhooks/{gateway}/")
