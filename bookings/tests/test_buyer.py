"""Who is behind a request, and whose bookings they see."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.http import Http404, HttpRequest
from django.test import RequestFactory

from bookings.buyer import buyer_for, buyer_of, grant, own_booking
from bookings.models import Booking
from bookings.sale import Buyer
from bookings.services import hold_seats
from evently.accounts.models import User
from events.tests.factories import Hall, make_hall

pytestmark = pytest.mark.django_db


def request_of(user: User | None = None, *, token: str = "", **meta: Any) -> HttpRequest:
    request = RequestFactory().get("/", **meta)
    request.user = user or AnonymousUser()
    request.session = SessionStore()
    if token:
        request.session["buyer"] = token
    return request


@pytest.fixture
def hall() -> Hall:
    return make_hall()


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann@example.org")


def hold(hall: Hall, buyer: Buyer, *seats: int) -> Booking:
    return hold_seats(buyer=buyer, event_id=hall.event.pk, seats=dict.fromkeys(hall.seat_ids(*seats)))


def test_looking_around_leaves_no_trace_in_the_session() -> None:
    request = request_of()

    assert buyer_of(request).session == ""
    assert dict(request.session) == {}


def test_a_browser_keeps_the_token_it_got_when_it_first_held_something(ann: User) -> None:
    request = request_of()
    first = buyer_of(request, create=True)
    request.user = ann

    assert len(first.session) == 32
    assert buyer_of(request, create=True) == Buyer(user_id=ann.pk, session=first.session, address=first.address)


def test_two_browsers_get_different_tokens() -> None:
    assert buyer_of(request_of(), create=True).session != buyer_of(request_of(), create=True).session


def test_a_booking_is_found_by_its_session_and_by_its_person(hall: Hall, ann: User) -> None:
    by_guest = hold(hall, Buyer(session="s1"), 0)
    by_ann = hold(hall, Buyer(user_id=ann.pk), 1)

    assert own_booking(request_of(token="s1"), by_guest.pk) == by_guest
    assert own_booking(request_of(ann), by_ann.pk) == by_ann
    assert own_booking(request_of(ann, token="s1"), by_guest.pk) == by_guest


def test_nobody_elses_booking_is_found(hall: Hall, ann: User) -> None:
    bob = User.objects.create_user("bob@example.org")
    by_guest = hold(hall, Buyer(session="s1"), 0)
    by_ann = hold(hall, Buyer(user_id=ann.pk), 1)

    for stranger in (request_of(), request_of(token="s2"), request_of(bob), request_of(bob, token="s2")):
        for pk in (by_guest.pk, by_ann.pk, uuid4()):
            with pytest.raises(Http404):
                own_booking(stranger, pk)


def test_a_granted_booking_is_found_and_no_other(hall: Hall) -> None:
    first, second = (hold(hall, Buyer(session="s1"), 0), hold(hall, Buyer(session="s1"), 1))
    request = request_of()

    grant(request, first)
    grant(request, first)

    assert own_booking(request, first.pk) == first
    assert request.session["bookings"] == [str(first.pk)]
    with pytest.raises(Http404):
        own_booking(request, second.pk)


def test_a_session_remembers_fifty_granted_bookings(hall: Hall) -> None:
    request = request_of()
    request.session["bookings"] = [str(uuid4()) for _ in range(50)]

    grant(request, hold(hall, Buyer(session="s1"), 0))

    assert len(request.session["bookings"]) == 50


def test_whoever_opened_a_booking_by_its_link_acts_as_its_buyer(hall: Hall, ann: User) -> None:
    by_guest, by_ann = (hold(hall, Buyer(session="s1"), 0), hold(hall, Buyer(user_id=ann.pk), 1))

    assert buyer_for(request_of(), by_guest).session == "s1"
    assert buyer_for(request_of(token="s2"), by_ann).user_id == ann.pk
