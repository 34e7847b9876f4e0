"""Seats and standing places of one event in one booking, from the draft to the tickets: by API and on the pages."""

import re
from html import unescape
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from bookings.models import Booking
from evently import audit
from evently.rest.tests.callers import caller, make_member, make_person
from events.models import Event
from events.summary import refresh
from events.tests.factories import make_event
from payments.gateways import sandbox
from payments.models import Payment, SandboxCharge
from payments.services import settle_from_gateway
from venues.importing import keep_layout
from venues.rows import Tier, around_a_pitch

pytestmark = pytest.mark.django_db(transaction=True)

V1 = "/api/v1"


@pytest.fixture
def event() -> Event:
    """24 seats around a pitch for €90, and 6 standing places for €25: made and published by API."""
    event = make_event(status="draft", slug="mixed")
    event.seating_plan = keep_layout(venue=event.venue, layout=around_a_pitch("Bowl", (Tier("Ring", 101, 2, 3, 4),)))
    event.save()
    team, address = caller(make_member(event.organizer, "manager")), f"{V1}/events/{event.pk}"
    for name, more, price in (
        ("Ring", {"plan_category": "Ring"}, "90.00"),
        ("Standing", {"numbered": False, "capacity": 6, "position": 1}, "25.00"),
    ):
        category = team.post(f"{address}/categories/", {"name": name, **more})
        assert category.status_code == 201, category.json()
        ticket = {"category": category.json()["id"], "name": "Adult", "price": price, "is_default": True}
        assert team.post(f"{address}/ticket-types/", ticket).status_code == 201
    published = team.post(f"{address}/publish/")
    assert (published.status_code, published.json()["capacity"], published.json()["price_from"]) == (200, 30, "25.00")
    return event


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", unescape(response.text)).split())


def places(api: Any, event: Event) -> dict[str, tuple[int, int]]:
    """Free and all places by category, as the API counts them."""
    counts = api.get(f"{V1}/events/{event.pk}/availability/").json()["categories"]
    return {each["name"]: (each["available"], each["capacity"]) for each in counts}


def lines(booking: dict[str, Any]) -> list[tuple[str, bool, str]]:
    return sorted((seat["section"], bool(seat["row"] and seat["number"]), seat["price"]) for seat in booking["seats"])


SEAT, STANDING = ("101", True, "90.00"), ("Standing", False, "25.00")


def test_seats_and_standing_places_are_held_changed_paid_and_ticketed_together(event: Event) -> None:
    ann = make_person("ann@example.org", first_name="Ann")
    api, browser = caller(ann), Client()
    browser.force_login(ann)
    types = {kind["category_name"]: kind["id"] for kind in api.get(f"{V1}/events/{event.pk}/ticket-types/").json()["results"]}
    free = api.get(f"{V1}/events/{event.pk}/seats/?status=available").json()["results"]
    ring = [seat["id"] for seat in free if seat["section"] == "101"]
    standing = [seat["id"] for seat in free if seat["section"] == "Standing"]
    assert {(bool(seat["number"]), seat["price"]) for seat in free} == {(True, "90.00"), (False, "25.00")}
    assert (len(ring), len(standing), places(api, event)) == (12, 6, {"Ring": (24, 24), "Standing": (6, 6)})
    about = text_of(browser.get("/events/mixed/"))
    assert "Ring" in about
    assert "Standing" in about
    assert "Tickets without a seat" in about

    # One booking of both, chosen one by one.
    held = api.post(f"{V1}/bookings/", {"event": event.pk, "seats": [*ring[:2], *standing[:2]]})
    booking = held.json()
    assert (held.status_code, booking["total"], lines(booking)) == (201, "230.00", [SEAT] * 2 + [STANDING] * 2)
    assert places(api, event) == {"Ring": (22, 24), "Standing": (4, 6)}
    address, page = f"{V1}/bookings/{booking['id']}/", f"/bookings/{booking['id']}/"
    assert "2 \N{MULTIPLICATION SIGN} Standing" in text_of(browser.get("/bookings/"))
    picker = browser.get("/events/mixed/seats/").text
    assert re.findall(r'data-states="(\w+)"', picker) == ["mm" + "f" * 22]  # numbered seats alone
    assert not any(place in picker for place in standing)
    assert "You also hold 2 \N{MULTIPLICATION SIGN} Standing. That stays, whatever you choose here." in picker

    # Another seat and one standing place less by API; yet another seat on the map, where standing places are not shown.
    changed = api.patch(address, {"add": [ring[2]], "remove": [ring[0], standing[0]]}).json()
    assert (changed["total"], lines(changed)) == ("205.00", [SEAT] * 2 + [STANDING])
    moved = browser.post("/events/mixed/seats/", {"seat": [ring[2], ring[3], ring[4]]})
    assert (moved.status_code, moved.headers["Location"]) == (302, f"{page}details/")
    booking = api.get(address).json()
    assert (booking["total"], lines(booking)) == ("295.00", [SEAT] * 3 + [STANDING])
    assert {seat["id"] for seat in booking["seats"]} == {ring[2], ring[3], ring[4], standing[1]}
    details = text_of(browser.get(f"{page}details/"))
    assert details.count("Standing") >= 1
    assert "€295" in details

    started = api.post(f"{address}checkout/", {"gateway": "sandbox", "accept_terms": True})
    assert started.status_code == 201, started.json()
    payment = Payment.objects.get()
    sandbox.decide(charge_id=UUID(payment.gateway_id), status=SandboxCharge.Status.PAID)
    settle_from_gateway(payment_id=payment.pk)

    booking = api.get(address).json()
    assert (booking["status"], booking["payment_status"], len(booking["tickets"])) == ("confirmed", "paid", 4)
    assert {ticket["seat"] for ticket in booking["tickets"]} == {seat["id"] for seat in booking["seats"]}
    assert places(api, event) == {"Ring": (21, 24), "Standing": (5, 6)}
    shown = text_of(browser.get(page))
    assert (shown.count("Section 101"), shown.count("Section Standing")) == (3, 1)
    titles = [re.findall(r"<title>([^<]+)", browser.get(ticket["url"]).text)[0] for ticket in booking["tickets"]]
    assert [title.strip().startswith("Ticket, Standing") for title in titles].count(True) == 1
    assert [title.strip().startswith("Ticket, Row") for title in titles].count(True) == 3
    refresh([event.pk])
    assert api.get(f"{V1}/events/{event.pk}/").json()["available"] == 26
    assert types.keys() == {"Ring", "Standing"}
    assert audit.complaints() == {}


def test_the_best_of_both_are_held_on_the_page_of_tickets(event: Event) -> None:
    browser = Client()
    ring, standing = (event.ticket_types.get(category__name=name) for name in ("Ring", "Standing"))
    page = text_of(browser.get("/events/mixed/tickets/"))
    assert ("Adult Ring" in page, "Adult Standing" in page) == (True, True)

    wish = {"ticket_type": [ring.pk, standing.pk], "quantity": ["2", "6"]}
    assert browser.post("/events/mixed/tickets/", wish).status_code == 302

    booking = Booking.objects.get()
    one, other = booking.seats.filter(seat__category__numbered=True).order_by("seat__position")
    assert (booking.quantity, booking.total_minor, other.seat.position - one.seat.position) == (8, 2 * 9000 + 6 * 2500, 1)
    page = text_of(browser.get("/events/mixed/tickets/"))
    assert "Adult Standing €25 Sold out" in page
    assert audit.complaints() == {}
