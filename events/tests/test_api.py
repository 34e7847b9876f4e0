"""Events over HTTP: finding them, what is left of them, and making them."""

from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn
from uuid import uuid4

import pytest
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerDown
from rest_framework.test import APIClient

from bookings.tests.races import time_passes
from evently.accounts.models import User
from evently.database import Busy
from evently.rest.tests.callers import caller, make_member, make_person
from events import services
from events.models import Category, Event, TicketType
from events.publishing import Progress, tell_progress
from events.summary import refresh
from events.tasks import publish_event as publish_in_background
from events.tests.factories import Hall, make_event, make_hall, make_organizer, make_venue
from payments.reconciliation import finish_cancelling
from payments.tasks import cancel_event as cancel_in_background
from venues.models import Venue

pytestmark = pytest.mark.django_db

EVENTS = "/api/v1/events/"


@pytest.fixture
def venue() -> Venue:
    return make_venue()


@pytest.fixture
def manager(venue: Venue) -> User:
    return make_member(venue.organizer, "manager")


@pytest.fixture
def client(manager: User) -> APIClient:
    return caller(manager)


def refusal(response: Any) -> tuple[int, str]:
    assert response["Content-Type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


def refuse_as(error: Exception) -> Any:
    """A stand-in that answers with this error, whatever it is asked."""

    def refuse(*_words: Any, **_facts: Any) -> NoReturn:
        raise error

    return refuse


def found(client: APIClient = APIClient(), **query: Any) -> list[str]:  # noqa: B008 -- nobody
    response = client.get(EVENTS, query)
    assert response.status_code == 200, response.json()
    return [event["title"] for event in response.json()["results"]]


def wish(venue: Venue, **others: Any) -> dict[str, Any]:
    starts_at = timezone.now() + timedelta(days=30)
    times = {"starts_at": starts_at.isoformat(), "ends_at": (starts_at + timedelta(hours=2)).isoformat()}
    return {"title": "Nachtkonzert", "venue": str(venue.pk), **times} | others


def test_an_event_tells_all_that_a_buyer_wants_to_know() -> None:
    hall = make_hall(rows=2, length=5, description="Loud.")
    refresh([hall.event.pk])

    response = APIClient().get(f"{EVENTS}{hall.event.pk}/")

    assert response["ETag"] == '"1"'
    body = response.json()
    venue = hall.event.venue
    assert {name: body[name] for name in ("id", "title", "status", "currency", "available", "capacity", "price_from", "url")} == {
        "id": str(hall.event.pk),
        "title": "Concert",
        "status": "published",
        "currency": "EUR",
        "available": 10,
        "capacity": 10,
        "price_from": "42.00",
        "url": f"http://testserver/events/{hall.event.slug}/",
    }
    assert body["venue"] == {
        "id": str(venue.pk),
        "name": "Main Hall",
        "city": "Erfurt",
        "country": "DE",
        "time_zone": "Europe/Berlin",
    }


def test_the_list_shows_what_is_to_come_soonest_first() -> None:
    now = timezone.now()
    make_event(title="Later", starts_at=now + timedelta(days=9), ends_at=now + timedelta(days=9, hours=1))
    make_event(title="Sooner", starts_at=now + timedelta(days=1), ends_at=now + timedelta(days=1, hours=1))
    make_event(title="Over", starts_at=now - timedelta(days=1), ends_at=now - timedelta(hours=20))
    make_event(title="Off", status="cancelled")
    make_event(title="Draft", status="draft")

    assert found() == ["Sooner", "Later"]
    assert found(ordering="-starts_at") == ["Later", "Sooner"]
    assert found(status="cancelled") == ["Off"]
    assert found(status="draft") == []
    assert found(status="published", ordering="starts_at") == ["Over", "Sooner", "Later"]


def test_filters_narrow_the_list_down() -> None:
    now = timezone.now()
    rome = make_venue(slug="rome", name="Teatro", city="Roma")
    dear = make_hall(title="Opera", category="music", price=9000, venue=rome).event
    cheap = make_hall(rows=1, length=1, title="Clowns", category="comedy", price=2000).event
    yen = make_hall(title="Sumo", category="sport", price=3000, currency="JPY").event
    refresh([dear.pk, cheap.pk, yen.pk])
    caller(make_person()).post("/api/v1/bookings/", {"event": cheap.pk, "items": [{"ticket_type": _adult(cheap), "quantity": 1}]})
    refresh([cheap.pk])

    assert found(search="oper") == ["Opera"]
    assert found(search="teatro opera") == ["Opera"]
    assert found(city="roma") == ["Opera"]
    assert found(category="comedy") == ["Clowns"]
    assert sorted(found(price_max="10.50")) == ["Clowns"]
    assert sorted(found(price_max="1500")) == ["Clowns", "Opera", "Sumo"]
    assert found(available="false") == ["Clowns"]
    assert sorted(found(available="true")) == ["Opera", "Sumo"]
    assert found(starts_after=(now + timedelta(days=8)).isoformat()) == []
    assert len(found(starts_before=(now + timedelta(days=8)).isoformat())) == 3
    assert found(search="", city="") == found()


def _adult(event: Event) -> str:
    return str(TicketType.objects.get(event=event, name="Adult").pk)


@pytest.mark.parametrize(
    "query",
    [
        "category=opera",
        "starts_after=yesterday",
        "starts_after=2026-02-30T00:00:00Z",
        "starts_after=0000-00-00",
        "price_max=-1",
        "price_max=NaN",
        "price_max=1e1000000",
        "price_max=free",
        "available=perhaps",
        "status=secret",
        "ordering=organizer__memberships__user__password",
        "ordering=-",
        "search=%00",
        f"search={'x' * 101}",
        "city=%00",
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(query: str) -> None:
    response = APIClient().get(f"{EVENTS}?{query}")

    assert refusal(response) == (400, "invalid")
    assert response.json()["errors"].keys() == {query.partition("=")[0]}


@pytest.mark.parametrize("query", ["_connector=OR%201=1", "organizer__email=x", "id__in=1", "page_size=x"])
def test_what_is_no_filter_does_nothing(query: str) -> None:
    make_event()

    assert len(APIClient().get(f"{EVENTS}?{query}").json()["results"]) == 1


def test_the_list_takes_the_same_number_of_statements_for_any_number_of_events(django_assert_num_queries: Any) -> None:
    for size in (1, 3):
        while Event.objects.count() < size:
            make_event()
        with django_assert_num_queries(2):
            APIClient().get(EVENTS)


def test_drafts_are_for_their_team_alone(client: APIClient, venue: Venue) -> None:
    draft = make_event(venue=venue, status="draft", title="Secret")
    paths = ["", "ticket-types/", "categories/", "seats/", "availability/"]

    for path in paths:
        assert client.get(f"{EVENTS}{draft.pk}/{path}").status_code == 200
        for other in (None, make_member(make_organizer(f"team-{path.strip('/')}x"), "owner")):
            assert refusal(caller(other).get(f"{EVENTS}{draft.pk}/{path}")) == (404, "not_found")
    assert found(client, status="draft") == ["Secret"]


def test_seats_are_listed_with_the_status_of_this_moment(django_assert_num_queries: Any) -> None:
    hall = make_hall(rows=1, length=4)
    bob = caller(make_person())
    bob.post("/api/v1/bookings/", {"event": hall.event.pk, "seats": hall.seat_ids(0)})
    time_passes(11)
    bob.post("/api/v1/bookings/", {"event": hall.event.pk, "seats": hall.seat_ids(1)})
    hall.seats.filter(rank=3).update(status="blocked")
    address = f"{EVENTS}{hall.event.pk}/seats/"

    with django_assert_num_queries(3):
        body = APIClient().get(address).json()

    assert [seat["status"] for seat in body["results"]] == ["available", "held", "available", "blocked"]
    assert (body["next"], body["previous"]) == (None, None)
    assert body["results"][0] == {
        "id": str(hall.seat_ids(0)[0]),
        "section": "A",
        "row": "0",
        "number": "0",
        "category": str(hall.adult.category_id),
        "price": "84.00",
        "status": "available",
    }
    held = APIClient().get(address, {"status": "held"}).json()["results"]
    assert [seat["number"] for seat in held] == ["1"]
    free = APIClient().get(address, {"status": "available", "section": "A"}).json()["results"]
    assert [seat["number"] for seat in free] == ["0", "2"]
    assert APIClient().get(address, {"section": "B"}).json()["results"] == []
    assert refusal(APIClient().get(address, {"status": "gone"})) == (400, "invalid")


def test_availability_counts_rows() -> None:
    hall = make_hall(rows=1, length=4)
    standing = Category.objects.create(event=hall.event, name="Standing", numbered=False, position=1)
    caller(make_person()).post("/api/v1/bookings/", {"event": hall.event.pk, "seats": hall.seat_ids(0, 1)})
    hall.seats.filter(rank=3).update(status="blocked")
    counts = {"capacity": 3, "available": 1, "held": 2, "sold": 0, "blocked": 1}
    nothing = dict.fromkeys(counts, 0)

    assert APIClient().get(f"{EVENTS}{hall.event.pk}/availability/").json() == {
        "event": str(hall.event.pk),
        **counts,
        "categories": [
            {"id": str(hall.adult.category_id), "name": "Stalls", "numbered": True, **counts},
            {"id": str(standing.pk), "name": "Standing", "numbered": False, **nothing},
        ],
    }
    time_passes(11)
    assert APIClient().get(f"{EVENTS}{hall.event.pk}/availability/").json()["available"] == 3


def test_an_event_is_made_published_and_sold_by_api_alone(client: APIClient, venue: Venue, manager: User) -> None:
    made = client.post(EVENTS, wish(venue))
    assert (made.status_code, made["ETag"]) == (201, '"1"')
    event = made.json()
    assert (event["status"], event["slug"], event["organizer"]) == ("draft", "nachtkonzert", str(venue.organizer_id))
    assert event["sale_ends_at"] == event["starts_at"]
    assert Event.objects.get().created_by == manager
    address = f"{EVENTS}{event['id']}/"
    unfinished = client.post(f"{address}publish/")
    assert refusal(unfinished) == (409, "not_publishable")
    assert unfinished.json()["reasons"]

    category = client.post(f"{address}categories/", {"name": "Standing", "numbered": False, "capacity": 20})
    assert category.status_code == 201
    ticket = {"category": category.json()["id"], "name": "Adult", "price": "12.50", "is_default": True}
    made_type = client.post(f"{address}ticket-types/", ticket)
    assert (made_type.status_code, made_type.json()["price"]) == (201, "12.50")
    published = client.post(f"{address}publish/", headers={"If-Match": '"1"'})

    assert (published.status_code, published.json()["status"], published["ETag"]) == (200, "published", '"2"')
    assert (published.json()["available"], published.json()["price_from"]) == (20, "12.50")
    items = [{"ticket_type": made_type.json()["id"], "quantity": 2}]
    held = caller(make_person()).post("/api/v1/bookings/", {"event": event["id"], "items": items})
    assert (held.status_code, held.json()["total"]) == (201, "25.00")


@pytest.mark.django_db(transaction=True)
def test_cancelling_gives_all_seats_back() -> None:
    hall = make_hall(rows=1, length=2)
    client = caller(make_member(hall.event.organizer, "owner"))
    bob = caller(make_person())
    held = bob.post("/api/v1/bookings/", {"event": hall.event.pk, "seats": hall.seat_ids(0)}).json()

    cancelled = client.post(f"{EVENTS}{hall.event.pk}/cancel/")

    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert bob.get(f"/api/v1/bookings/{held['id']}/").json()["status"] == "cancelled"


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What the worker is asked to do; events of more than 20 places and more than one booking are left to it."""
    monkeypatch.setattr("events.publishing.MANY", 20)
    monkeypatch.setattr("events.api.QUICK", 1)
    words: list[tuple[str, str]] = []
    for task in (publish_in_background, cancel_in_background):
        monkeypatch.setattr(task, "delay", lambda *asked: words.append(asked))
    return words


def test_a_large_event_is_published_in_the_background_and_tells_how_far_it_is(
    client: APIClient, venue: Venue, manager: User, queued: list[tuple[str, str]]
) -> None:
    event = make_event(venue=venue, status="draft")
    category = Category.objects.create(event=event, name="Standing", numbered=False, capacity=25)
    address = f"{EVENTS}{event.pk}/publish/"
    draft = {"state": "draft", "made": 0, "places": 25, "reasons": []}
    assert client.get(address).json() == draft

    begun = client.post(address, headers={"If-Match": '"1"'})
    assert (begun.status_code, begun.json()) == (202, draft | {"state": "publishing"})
    assert begun["Location"] == f"http://testserver{address}"
    publish_in_background(*queued.pop())
    refused = client.get(begun["Location"]).json()
    assert refused == draft | {"state": "refused", "reasons": ["“Standing” has no ticket type."]}
    assert not event.seats.exists()

    TicketType.objects.create(event=event, category=category, name="Adult", price_minor=100, is_default=True)
    assert [client.post(address).status_code for _ in range(2)] == [202, 202]
    assert client.get(address).json()["state"] == "publishing"
    assert queued == [(str(event.pk), f"user:{manager.pk}")] * 2
    for asked in queued:
        publish_in_background(*asked)
    assert client.get(address).json() == draft | {"state": "published", "made": 25}
    assert (event.seats.count(), client.post(address).status_code, client.post(address).json()["status"]) == (
        25,
        200,
        "published",
    )


def test_one_who_asks_for_the_same_meanwhile_does_not_take_back_what_was_told(
    client: APIClient, venue: Venue, queued: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    event = make_event(venue=venue, status="draft")
    Category.objects.create(event=event, name="Standing", numbered=False, capacity=25)
    address = f"{EVENTS}{event.pk}/publish/"
    client.post(address)
    tell_progress(event.pk, Progress(20, 25))

    assert client.post(address).json()["made"] == 20
    monkeypatch.setattr(services, "publish_event", refuse_as(Busy()))
    with pytest.raises(Busy):
        publish_in_background(*queued.pop())
    assert client.get(address).json() == {"state": "publishing", "made": 20, "places": 25, "reasons": []}

    monkeypatch.setattr(services, "publish_event", refuse_as(RuntimeError("disk full")))
    with pytest.raises(RuntimeError, match="disk full"):
        publish_in_background(*queued.pop())
    assert client.get(address).json()["reasons"] == ["Something went wrong. Please try again."]


def test_without_a_way_to_the_worker_publishing_is_refused(
    client: APIClient, venue: Venue, queued: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish_in_background, "delay", refuse_as(BrokerDown("gone")))
    event = make_event(venue=venue, status="draft")
    Category.objects.create(event=event, name="Standing", numbered=False, capacity=25)

    assert refusal(client.post(f"{EVENTS}{event.pk}/publish/")) == (503, "busy")
    assert client.get(f"{EVENTS}{event.pk}/publish/").json()["state"] == "draft"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("broker_is_up", [True, False])
def test_many_bookings_are_cancelled_in_the_background(
    client: APIClient, manager: User, queued: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch, broker_is_up: bool
) -> None:
    hall = make_hall(rows=1, length=3)
    bob = caller(make_person())
    wishes = [{"event": hall.event.pk, "seats": hall.seat_ids(number)} for number in range(3)]
    held = [bob.post("/api/v1/bookings/", wish).json()["id"] for wish in wishes]
    address = f"{EVENTS}{hall.event.pk}/cancel/"
    money = {"currency": "EUR", "due": "0.00", "promised": "0.00", "paid_back": "0.00", "failed": "0.00"}
    plan = {"state": "published", "bookings": 3, "left": 3} | money
    assert client.get(address).json() == plan
    if not broker_is_up:
        monkeypatch.setattr(cancel_in_background, "delay", refuse_as(BrokerDown("gone")))

    begun = [client.post(address) for _ in range(2)]
    assert [(each.status_code, each.json()) for each in begun] == [(202, plan | {"state": "cancelling"})] * 2
    assert refusal(bob.post("/api/v1/bookings/", wishes[0])) == (409, "not_on_sale")
    for asked in queued:
        cancel_in_background(*asked)
    finish_cancelling()

    assert client.get(begun[0]["Location"]).json() == plan | {"state": "cancelled", "left": 0}
    assert {bob.get(f"/api/v1/bookings/{booking}/").json()["status"] for booking in held} == {"cancelled"}
    assert (client.post(address).status_code, len(queued)) == (200, 2 if broker_is_up else 0)


def test_a_change_names_the_version_that_was_read(client: APIClient, venue: Venue) -> None:
    address = f"{EVENTS}{make_event(venue=venue).pk}/"

    first = client.patch(address, {"title": "One"}, headers={"If-Match": '"1"'})
    late = client.patch(address, {"title": "Two"}, headers={"If-Match": '"1"'})

    assert (first.status_code, first["ETag"], first.json()["version"]) == (200, '"2"', 2)
    assert refusal(late) == (412, "outdated")
    assert Event.objects.get().title == "One"
    assert client.patch(address, {"title": "Three"}, headers={"If-Match": '"9", W/"2"'}).status_code == 200
    assert client.patch(address, {"title": "Four"}).status_code == 200
    assert refusal(client.patch(address, {"title": "Five"}, headers={"If-Match": "4"})) == (400, "invalid")
    assert refusal(client.delete(address, headers={"If-Match": '"1"'})) == (412, "outdated")


def test_what_is_not_the_teams_to_set_is_ignored(client: APIClient, venue: Venue) -> None:
    greedy = {
        "status": "published",
        "version": 99,
        "id": str(uuid4()),
        "created_by": str(uuid4()),
        "price_from": "0",
        "available": 9,
    }

    made = client.post(EVENTS, wish(venue, **greedy)).json()

    assert (made["status"], made["version"], made["available"]) == ("draft", 1, None)
    assert made["id"] != greedy["id"]
    changed = client.patch(f"{EVENTS}{made['id']}/", greedy).json()
    assert (changed["status"], changed["version"], changed["id"]) == ("draft", 2, made["id"])


def test_a_published_event_keeps_what_tickets_were_bought_for(client: APIClient, venue: Venue) -> None:
    event = make_event(venue=venue)
    for change in (
        {"starts_at": (event.starts_at + timedelta(hours=1)).isoformat()},
        {"doors_at": event.starts_at.isoformat()},
        {"currency": "USD"},
        {"slug": "elsewhere"},
        {"venue": str(make_venue(slug="other").pk)},
    ):
        assert refusal(client.patch(f"{EVENTS}{event.pk}/", change)) == (409, "not_editable")
    assert client.patch(f"{EVENTS}{event.pk}/", {"title": "New", "currency": "EUR"}).status_code == 200
    assert refusal(client.delete(f"{EVENTS}{event.pk}/")) == (409, "not_editable")


def test_an_event_is_postponed_and_gets_a_new_date_by_api(client: APIClient, venue: Venue) -> None:
    event = make_event(venue=venue, doors_at=timezone.now() + timedelta(days=6))
    address = f"{EVENTS}{event.pk}/"

    assert refusal(client.post(f"{address}postpone/", headers={"If-Match": '"9"'})) == (412, "outdated")
    postponed = client.post(f"{address}postpone/", headers={"If-Match": '"1"'})
    assert (postponed.status_code, postponed.json()["status"], postponed["ETag"]) == (200, "postponed", '"2"')
    wrong = client.post(f"{address}reschedule/", {"starts_at": "2020-01-01T20:00:00Z"})
    assert refusal(wrong) == (409, "not_movable")
    assert "It ends in the past." in wrong.json()["reasons"]
    assert refusal(client.post(f"{address}reschedule/", {})) == (400, "invalid")

    moved = client.post(f"{address}reschedule/", {"starts_at": "2030-06-14T18:00:00Z"}).json()
    assert (moved["status"], moved["starts_at"], moved["version"]) == ("published", "2030-06-14T18:00:00Z", 3)
    assert datetime.fromisoformat(moved["moved_from"]) == event.starts_at


def test_a_copy_is_made_once_however_often_it_is_asked_for(client: APIClient, venue: Venue) -> None:
    event = make_event(venue=venue)
    wish = {"starts_at": "2030-06-14T18:00:00Z", "title": "Encore"}
    first, again = (client.post(f"{EVENTS}{event.pk}/clone/", wish, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert (first.status_code, again.status_code, first.json()["id"]) == (201, 201, again.json()["id"])
    assert (first.json()["title"], first.json()["status"], first["ETag"]) == ("Encore", "draft", '"1"')
    assert Event.objects.count() == 2


def test_a_series_is_tried_out_then_made_and_found(client: APIClient, venue: Venue) -> None:
    start = datetime(2030, 10, 18, 18, tzinfo=UTC)
    event = make_event(venue=venue, starts_at=start, ends_at=start + timedelta(hours=2))
    address, wish = f"{EVENTS}{event.pk}/repeat/", {"every": "week", "count": 2}

    tried = client.post(address, wish | {"dry_run": True}).json()["results"]
    assert Event.objects.count() == 1
    made = client.post(address, wish).json()["results"]
    assert (
        made
        == tried
        == [
            {"starts_at": f"2030-{day}Z", "ends_at": f"2030-{end}Z", "venue_free": True, "is_there": False}
            for day, end in (("10-25T18:00:00", "10-25T20:00:00"), ("11-01T19:00:00", "11-01T21:00:00"))
        ]
    )
    assert {each["is_there"] for each in client.post(address, wish).json()["results"]} == {True}

    series = client.get(f"{EVENTS}{event.pk}/").json()["series"]
    found = client.get(EVENTS, {"series": series, "status": "draft"}).json()["results"]
    assert [each["starts_at"] for each in found] == [each["starts_at"] for each in made]
    assert refusal(client.post(address, {"every": "week"})) == (400, "invalid")


def test_a_draft_can_be_deleted(client: APIClient, venue: Venue) -> None:
    event = make_event(venue=venue, status="draft")

    assert client.delete(f"{EVENTS}{event.pk}/").status_code == 204
    assert not Event.objects.exists()


NOW = timezone.now()
ODD: list[dict[str, Any]] = [
    {"title": ""},
    {"title": "x" * 201},
    {"title": "a\0b"},
    {"ends_at": NOW.isoformat()},
    {"sale_ends_at": (NOW - timedelta(days=9)).isoformat()},
    {"doors_at": (NOW + timedelta(days=99)).isoformat()},
    {"starts_at": "2026-13-01T00:00:00Z"},
    {"starts_at": "23:59:60"},
    {"currency": "XXX"},
    {"category": "opera"},
    {"max_per_booking": 0},
    {"max_per_booking": -1},
    {"max_per_booking": 1.5},
    {"max_per_customer": 2**63},
    {"venue": str(uuid4())},
    {"venue": 7},
    {"organizer": str(uuid4())},
    {"slug": "not a slug"},
    {"description": "x" * 20_001},
]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: "-".join(odd))
def test_an_odd_event_is_refused(client: APIClient, venue: Venue, odd: dict[str, Any]) -> None:
    response = client.post(EVENTS, wish(venue) | odd)

    assert refusal(response) == (400, "invalid")
    assert response.json()["errors"].keys() == odd.keys()
    assert not Event.objects.exists()


def test_an_event_is_made_once_by_its_key(client: APIClient, venue: Venue) -> None:
    body = wish(venue)
    first, again = (client.post(EVENTS, body, headers={"Idempotency-Key": "e-1"}) for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    other = client.post(EVENTS, body | {"title": "Other"}, headers={"Idempotency-Key": "e-1"})
    assert refusal(other) == (422, "idempotency_key_reused")
    assert Event.objects.count() == 1


def test_equal_titles_get_addresses_of_their_own(client: APIClient, venue: Venue) -> None:
    first, second = (client.post(EVENTS, wish(venue)).json()["slug"] for _ in range(2))

    assert first == "nachtkonzert"
    assert second.startswith("nachtkonzert-")


@pytest.mark.parametrize("price", ["-1", "-0.01", "84.001", "NaN", "1e3000", True, None, "", "free", [], "10000000.01", 2**63])
def test_an_odd_price_is_refused(price: Any) -> None:
    hall = make_hall(rows=1, length=1)
    client = caller(make_member(hall.event.organizer, "owner"))
    address = f"{EVENTS}{hall.event.pk}/ticket-types/"

    response = client.post(address, {"category": hall.adult.category_id, "name": "Odd", "price": price})

    assert refusal(response) == (400, "invalid")
    assert response.json()["errors"].keys() == {"price"}


def test_ticket_types_are_shown_changed_and_deleted() -> None:
    hall = make_hall(rows=1, length=2)
    client = caller(make_member(hall.event.organizer, "manager"))
    address = f"{EVENTS}{hall.event.pk}/ticket-types/"
    held = caller(make_person()).post("/api/v1/bookings/", {"event": hall.event.pk, "seats": hall.seat_ids(0)}).json()

    body = APIClient().get(address).json()
    assert [(each["name"], each["price"], each["category_name"]) for each in body["results"]] == [
        ("Adult", "84.00", "Stalls"),
        ("Child", "42.00", "Stalls"),
    ]
    assert client.patch(f"{address}{hall.adult.pk}/", {"price": "90"}).json()["price"] == "90.00"
    assert client.get(f"{EVENTS}{hall.event.pk}/").json()["price_from"] == "42.00"
    assert refusal(client.delete(f"{address}{hall.adult.pk}/")) == (409, "in_use")
    assert client.delete(f"{address}{hall.child.pk}/").status_code == 204
    assert client.get(f"{EVENTS}{hall.event.pk}/").json()["price_from"] == "90.00"
    assert held["total"] == "84.00"


def test_how_much_vat_is_in_prices_is_said_by_event_and_ticket_type() -> None:
    hall = make_hall(rows=1, length=1)
    client = caller(make_member(hall.event.organizer, "manager"))
    event = f"{EVENTS}{hall.event.pk}/"
    ticket_type = f"{event}ticket-types/{hall.adult.pk}/"
    assert client.get(event).json()["tax_rate"] is None

    for address in (event, ticket_type):
        assert client.patch(address, {"tax_rate": "7.5"}, headers={"If-Match": "*"}).json()["tax_rate"] == "7.50"
        for odd in ("-1", "100.01", "7.555", "NaN", True):
            refused = client.patch(address, {"tax_rate": odd}, headers={"If-Match": "*"})
            assert (refusal(refused), refused.json()["errors"].keys()) == ((400, "invalid"), {"tax_rate"})
    assert client.patch(ticket_type, {"tax_rate": None}).json()["tax_rate"] is None


def test_a_ticket_type_keeps_to_its_event_and_its_rules() -> None:
    hall, other = make_hall(rows=1, length=1), make_hall(rows=1, length=1)
    client = caller(make_member(hall.event.organizer, "manager"))
    address = f"{EVENTS}{hall.event.pk}/ticket-types/"
    usual = {"category": str(hall.adult.category_id), "name": "New", "price": "1.00"}

    for odd in (
        {"category": str(other.adult.category_id)},
        {"name": "Adult"},
        {"is_default": True},
        {"min_per_booking": 3, "max_per_booking": 2},
        {"min_per_booking": 0},
        {"limit": -1},
        {"sale_starts_at": "2026-01-02T00:00:00Z", "sale_ends_at": "2026-01-01T00:00:00Z"},
    ):
        assert refusal(client.post(address, usual | odd)) == (400, "invalid")
    moved = client.patch(f"{address}{hall.child.pk}/", {"event": str(other.event.pk), "id": str(uuid4())})
    assert (moved.status_code, moved.json()["id"]) == (200, str(hall.child.pk))
    assert TicketType.objects.get(pk=hall.child.pk).event_id == hall.event.pk
    foreign = f"{EVENTS}{hall.event.pk}/ticket-types/{other.adult.pk}/"
    assert refusal(client.patch(foreign, {"price": "1.00"})) == (404, "not_found")


def test_categories_are_made_in_drafts_only() -> None:
    hall: Hall = make_hall(rows=1, length=1)
    client = caller(make_member(hall.event.organizer, "manager"))
    draft = make_event(status="draft")
    body = {"name": "Stalls", "numbered": False, "capacity": 5}

    assert refusal(client.post(f"{EVENTS}{hall.event.pk}/categories/", body)) == (409, "not_editable")
    address = f"{EVENTS}{draft.pk}/categories/"
    made = client.post(address, body).json()
    assert refusal(client.post(address, body)) == (400, "invalid")
    assert client.patch(f"{address}{made['id']}/", {"capacity": 6, "name": "Stalls"}).json()["capacity"] == 6
    assert [each["name"] for each in client.get(address).json()["results"]] == ["Stalls"]
    assert client.delete(f"{address}{made['id']}/").status_code == 204
