"""Venues and seating plans over HTTP."""

import json
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from bookings.tests.races import race, slowly
from evently.accounts.models import Membership, User
from evently.rest import teams
from evently.rest.tests.callers import caller, make_member, make_person
from events.tests.factories import make_event, make_organizer, make_venue
from venues.models import SeatingPlan, Venue

pytestmark = pytest.mark.django_db

VENUES = "/api/v1/venues/"
HALL = {"name": "Hall", "slug": "hall", "city": "Bern", "country": "CH", "time_zone": "Europe/Zurich"}
LAYOUT: dict[str, Any] = {
    "name": "Small",
    "categories": [{"name": "Stalls", "color": "#123456"}],
    "zones": [
        {
            "name": "Ground",
            "position": {"x": 0, "y": 0},
            "rows": [
                {
                    "row_number": "1",
                    "position": {"x": 0, "y": 0},
                    "seats": [
                        {"seat_guid": f"s{n}", "seat_number": str(n), "position": {"x": 30 * n, "y": 0}, "category": "Stalls"}
                        for n in range(3)
                    ],
                }
            ],
            "areas": [],
        }
    ],
    "size": {"width": 200, "height": 100},
}


@pytest.fixture
def manager() -> User:
    return make_member(make_organizer(), "manager")


@pytest.fixture
def client(manager: User) -> APIClient:
    return caller(manager)


def refusal(response: Any) -> tuple[int, str]:
    assert response["Content-Type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


def test_a_venue_is_made_read_changed_and_deleted(client: APIClient) -> None:
    made = client.post(VENUES, HALL | {"latitude": "46.948", "longitude": "7.4474", "version": 9, "id": str(uuid4())})
    assert (made.status_code, made["ETag"]) == (201, '"1"')
    address = f"{VENUES}{made.json()['id']}/"

    assert APIClient().get(address).json() == made.json()
    assert [venue["name"] for venue in APIClient().get(VENUES).json()["results"]] == ["Hall"]
    changed = client.patch(address, {"name": "Great Hall"}, headers={"If-Match": made["ETag"]})
    assert (changed.json()["name"], changed.json()["version"], changed["ETag"]) == ("Great Hall", 2, '"2"')
    assert refusal(client.patch(address, {"name": "X"}, headers={"If-Match": made["ETag"]})) == (412, "outdated")
    assert client.delete(address, headers={"If-Match": changed["ETag"]}).status_code == 204
    assert not Venue.objects.exists()


def test_a_venue_with_events_stays(client: APIClient) -> None:
    venue = make_event().venue

    assert refusal(client.delete(f"{VENUES}{venue.pk}/")) == (409, "in_use")


ODD = [
    {"name": ""},
    {"city": "x" * 101},
    {"country": "Germany"},
    {"country": "de"},
    {"time_zone": "Mars/Olympus"},
    {"time_zone": "../../etc/passwd"},
    {"latitude": "91", "longitude": "0"},
    {"latitude": "1e1000000", "longitude": "0"},
    {"latitude": "46"},
    {"capacity": -1},
    {"capacity": 1.5},
    {"capacity": 2**63},
    {"slug": "a b"},
    {"name": "a\0b"},
]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: "-".join(map(str, odd.values()))[:20])
def test_an_odd_venue_is_refused(client: APIClient, odd: dict[str, Any]) -> None:
    assert refusal(client.post(VENUES, HALL | odd)) == (400, "invalid")
    assert not Venue.objects.exists()


def test_an_address_is_given_once(client: APIClient) -> None:
    assert client.post(VENUES, HALL).status_code == 201
    assert refusal(client.post(VENUES, HALL)) == (400, "invalid")


def test_who_is_in_several_teams_says_for_which(client: APIClient, manager: User) -> None:
    other, foreign = make_organizer("other"), make_organizer("foreign")
    Membership.objects.create(organizer=other, user=manager, role="owner")

    assert client.post(VENUES, HALL).json()["errors"].keys() == {"organizer"}
    assert client.post(VENUES, HALL | {"organizer": foreign.pk}).json()["errors"].keys() == {"organizer"}
    assert client.post(VENUES, HALL | {"organizer": other.pk}).json()["organizer"] == str(other.pk)


def test_a_venue_does_not_change_its_team(client: APIClient, manager: User) -> None:
    other = make_organizer("other")
    Membership.objects.create(organizer=other, user=manager, role="owner")
    venue = make_venue()

    client.patch(f"{VENUES}{venue.pk}/", {"organizer": other.pk})

    venue.refresh_from_db()
    assert venue.organizer == make_organizer()


def test_a_layout_becomes_the_next_seating_plan_once(client: APIClient) -> None:
    address = f"{VENUES}{make_venue().pk}/seating-plans/"

    looked = client.post(f"{address}?dry_run=true", LAYOUT)
    assert (looked.status_code, looked.json()["plan"], looked.json()["counts"]) == (200, None, {"Stalls": 3})
    made = client.post(address, LAYOUT)
    again = client.post(address, LAYOUT)

    plan = SeatingPlan.objects.get()
    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json()["plan"] == again.json()["plan"]
    assert (made.json()["plan"]["id"], plan.number, plan.seat_count) == (str(plan.pk), 1, 3)
    listed = APIClient().get(address).json()["results"]
    assert [(each["id"], "layout" in each) for each in listed] == [(str(plan.pk), False)]
    assert APIClient().get(f"{address}{plan.pk}/").json()["layout"] == plan.layout


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, json.dumps(LAYOUT | {"zones": 5}).encode()])
def test_a_broken_layout_is_refused(client: APIClient, body: bytes) -> None:
    address = f"{VENUES}{make_venue().pk}/seating-plans/"

    response = client.post(address, body, content_type="application/json")

    assert refusal(response) == (400, "invalid")
    assert response.json()["errors"]["layout"]
    assert not SeatingPlan.objects.exists()


def test_seating_plans_belong_to_their_venue(client: APIClient) -> None:
    venue, other = make_venue(), make_venue(slug="other")
    plan = SeatingPlan.objects.create(venue=venue, name="Plan", number=1, layout={}, seat_count=0)

    assert APIClient().get(f"{VENUES}{venue.pk}/seating-plans/{plan.pk}/").status_code == 200
    assert refusal(APIClient().get(f"{VENUES}{other.pk}/seating-plans/{plan.pk}/")) == (404, "not_found")
    assert refusal(APIClient().get(f"{VENUES}{uuid4()}/seating-plans/")) == (404, "not_found")
    assert refusal(caller(make_person()).post(f"{VENUES}{venue.pk}/seating-plans/", LAYOUT)) == (403, "permission_denied")


@pytest.mark.django_db(transaction=True)
def test_of_two_venues_with_one_address_at_one_moment_one_is_made(manager: User, monkeypatch: pytest.MonkeyPatch) -> None:
    slowly(monkeypatch, teams, "once_of", seconds=0.2)  # after the check, before the write
    clients = [caller(manager) for _ in range(2)]

    responses = race([partial(client.post, VENUES, HALL) for client in clients])

    assert sorted(response.status_code for response in responses) == [201, 409]
    assert Venue.objects.count() == 1
