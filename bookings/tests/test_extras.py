"""Services that go with tickets: their price, their stock, and what becomes of both."""

import time
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings.models import Booking, BookingService
from bookings.sale import Buyer, LimitReached
from bookings.services import (
    BeingPaid,
    ServiceUnavailable,
    apply_code,
    cancel_booking,
    change_hold,
    confirm_booking,
    confirm_free_booking,
    count_left,
    expire_holds,
    extend_hold,
    extras,
    hold_best,
    set_services,
    start_payment,
)
from bookings.tests.actions import ANN, BOB, contact, hold
from bookings.tests.races import outcomes, race, slowly, time_passes
from evently import audit
from evently.rest.tests.callers import caller, make_member, make_person
from events.models import EventService, PromoCode, Seat, Service
from events.services import clone_event
from events.tests.factories import Hall, make_hall

TIMES = "\N{MULTIPLICATION SIGN}"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hall() -> Hall:
    return make_hall(price=10_000)


def offer(hall: Hall, name: str = "Parking", *, price: int = 500, **facts: Any) -> EventService:
    service, _ = Service.objects.get_or_create(organizer=hall.event.organizer, name=name)
    return EventService.objects.create(event=hall.event, service=service, price_minor=price, **facts)


def take(booking: Booking, *wishes: tuple[EventService, int]) -> Booking:
    wished = {service.pk: quantity for service, quantity in wishes}
    return set_services(booking_id=booking.pk, quantities=wished, actor="test")


def booked(booking: Booking) -> list[tuple[int, int]]:
    return sorted(BookingService.objects.filter(booking=booking).values_list("quantity", "price_minor"))


def test_services_are_lines_of_the_booking_at_the_price_of_then(hall: Hall) -> None:
    parking, wine = offer(hall), offer(hall, "Wine", price=900)
    booking = take(hold(hall, 1, 2), (parking, 1), (wine, 3))
    assert (booking.total_minor, booking.services_minor, booking.service_quantity) == (20_000 + 500 + 2_700, 3_200, 4)

    EventService.objects.update(price_minor=1)
    booking = take(booking, (parking, 2))
    assert (booking.total_minor, booked(booking)) == (21_000, [(2, 500)])
    assert take(booking, (parking, 2)).version == booking.version  # the same again changes nothing
    contact(booking)
    start_payment(booking_id=booking.pk, actor="ann")
    with pytest.raises(BeingPaid):
        take(booking)
    assert confirm_booking(booking_id=booking.pk, actor="ann", payment_status="paid").total_minor == 21_000
    assert audit.complaints("bookings") == {}


def test_they_stay_when_seats_or_the_code_change_and_get_no_discount(hall: Hall) -> None:
    parking = offer(hall)
    PromoCode.objects.create(organizer=hall.event.organizer, event=hall.event, code="HALF", canonical="half", percent=Decimal(50))
    booking = take(hold(hall, 1), (parking, 1))
    one, two = hall.seat_ids(1, 2)

    assert change_hold(booking_id=booking.pk, buyer=ANN, add={two: None}, remove=[one]).total_minor == 10_500
    assert apply_code(booking_id=booking.pk, typed="half", actor="ann").total_minor == 5_500
    assert change_hold(booking_id=booking.pk, buyer=ANN, add={one: None}, remove=[]).total_minor == 10_500
    assert take(booking).total_minor == 10_000
    assert audit.complaints("bookings") == {}


def test_they_come_with_the_hold_all_or_nothing(hall: Hall) -> None:
    parking = offer(hall, stock=1)
    booking = hold(hall, 1, services={parking.pk: 1})
    assert (booking.total_minor, booking.service_quantity) == (10_500, 1)

    with pytest.raises(ServiceUnavailable) as refusal:
        hold(hall, 2, buyer=BOB, services={parking.pk: 2})
    assert refusal.value.extra() == {"left": {str(parking.pk): 0}}
    assert not Booking.objects.filter(session="bob").exists()


def test_a_service_makes_a_free_booking_cost_something() -> None:
    hall = make_hall(price=0)
    booking = take(hold(hall, 1), (offer(hall), 1))
    contact(booking)
    assert booking.total_minor == 500
    free = take(booking)
    assert confirm_free_booking(booking_id=free.pk, actor="ann").status == "confirmed"


def test_what_is_not_offered_here_or_too_many_is_refused(hall: Hall) -> None:
    booking = hold(hall, 1)
    retired, few, foreign = offer(hall, is_active=False), offer(hall, "Wine", max_per_booking=2), offer(make_hall(), "Cake")
    for service in (retired, foreign):
        with pytest.raises(ServiceUnavailable):
            take(booking, (service, 1))
    with pytest.raises(LimitReached, match="At most 2 of “Wine” per booking"):
        take(booking, (few, 3))
    assert take(booking, (few, 0)).version == 1


def test_what_lapses_or_is_cancelled_is_there_again(hall: Hall) -> None:
    parking = offer(hall, stock=3)
    first, second = take(hold(hall, 1), (parking, 2)), take(hold(hall, 2, buyer=BOB), (parking, 1))
    assert [left for _service, left in count_left(hall.event.pk)] == [0]
    assert [left for _service, left in count_left(hall.event.pk, beside=first)] == [2]
    cancel_booking(booking_id=second.pk, actor="bob")
    take(first, (parking, 3))
    time_passes(minutes=11)
    assert [left for _service, left in count_left(hall.event.pk)] == [3]


@pytest.mark.parametrize("is_taken", [True, False])
def test_late_money_goes_back_when_what_was_booked_is_gone(hall: Hall, is_taken: bool) -> None:
    parking = offer(hall, stock=1)
    late = take(hold(hall, 1), (parking, 1))
    contact(late)
    start_payment(booking_id=late.pk, actor="ann")
    time_passes(minutes=16)
    expire_holds()
    if is_taken:
        take(hold(hall, 2, buyer=BOB), (parking, 1))

    booking = confirm_booking(booking_id=late.pk, actor="test", payment_status="paid")

    assert booking.status == ("expired" if is_taken else "confirmed")
    assert audit.complaints("bookings").keys() & {"bookings.service_stock", "bookings.total"} == set()


def test_the_last_one_is_taken_once(hall: Hall, settings: Any) -> None:
    settings.EVENTLY_RATE_LIMITS = False
    parking = offer(hall, stock=1)
    held = [hold(hall, number, buyer=Buyer(session=str(number))) for number in range(16)]

    results = race([lambda booking=booking: take(booking, (parking, 1)) for booking in held])  # type: ignore[misc]

    assert outcomes(results) == {"Booking": 1, "ServiceUnavailable": 15}
    assert audit.complaints("bookings") == {}


def test_without_its_lock_it_is_taken_more_often(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    parking = offer(hall, stock=1)
    held = [hold(hall, number, buyer=Buyer(session=str(number))) for number in range(6)]

    def unlocked(ids: Any) -> list[Any]:
        return list(EventService.objects.filter(pk__in=ids, stock__isnull=False).annotate(clock=Now()))

    monkeypatch.setattr(extras, "_lock_limited", unlocked)
    slowly(monkeypatch, extras, "_check_stock", seconds=0)
    slowly(monkeypatch, extras, "record", seconds=0.3)

    results = race([lambda booking=booking: take(booking, (parking, 1)) for booking in held])  # type: ignore[misc]

    assert outcomes(results)["Booking"] > 1
    assert "bookings.service_stock" in audit.complaints("bookings")


@pytest.mark.parametrize("is_guarded", [True, False])
def test_a_hold_whose_time_ends_while_its_extension_waits_has_given_its_services_away(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, is_guarded: bool
) -> None:
    """And the negative control: without a look at the clock after the wait, both have the last one."""
    parking = offer(hall, stock=1)
    mine, theirs = take(hold(hall, 1), (parking, 1)), hold(hall, 2, buyer=BOB)
    end = timezone.now() + timedelta(seconds=0.4)
    Booking.objects.filter(pk=mine.pk).update(expires_at=end)
    Seat.objects.filter(holder=mine.pk).update(held_until=end)
    if not is_guarded:
        monkeypatch.setattr(extras, "keep_services", lambda booking: None)
    slowly(monkeypatch, extras, "keep_services", seconds=1)

    def take_a_little_later() -> Booking:
        time.sleep(0.6)
        return take(theirs, (parking, 1))

    results = race([lambda: extend_hold(booking_id=mine.pk, actor="ann"), take_a_little_later])

    assert outcomes(results) == ({"HoldEnded": 1, "Booking": 1} if is_guarded else {"Booking": 2})
    assert ("bookings.service_stock" in audit.complaints("bookings")) is not is_guarded


def test_a_booking_without_services_takes_no_statement_more(hall: Hall) -> None:
    counts = []
    for is_offered in (False, True):
        if is_offered:
            offer(hall, stock=5)
        buyer = Buyer(session=str(is_offered))
        with CaptureQueriesContext(connection) as captured:
            booking = hold_best(buyer=buyer, event_id=hall.event.pk, quantities={hall.adult.pk: 1})
            extend_hold(booking_id=booking.pk, actor="test")
            contact(booking, email=f"{is_offered}@example.org")
            start_payment(booking_id=booking.pk, actor="test")
            confirm_booking(booking_id=booking.pk, actor="test", payment_status="paid")
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_a_copy_of_the_event_offers_the_same(hall: Hall) -> None:
    offer(hall, stock=5, price=700)
    copy = clone_event(event_id=hall.event.pk, starts_at=hall.event.starts_at + timedelta(days=1))

    assert list(copy.services.values_list("price_minor", "stock")) == [(700, 5)]


class TestApi:
    def test_services_are_listed_booked_and_changed(self, hall: Hall) -> None:
        parking = offer(hall, stock=3)
        client, person = caller(make_person()), caller(None)
        url = f"/api/v1/events/{hall.event.pk}/services/"
        (listed,) = person.get(url).json()["results"]
        assert (listed["id"], listed["name"], listed["price"], listed["left"]) == (str(parking.pk), "Parking", "5.00", 3)

        wish = {"event": hall.event.pk, "seats": hall.seat_ids(1), "services": [{"id": parking.pk, "quantity": 2}]}
        body = client.post("/api/v1/bookings/", wish).json()
        assert body["total"] == "110.00"
        assert body["services"] == [{"id": str(parking.pk), "name": "Parking", "quantity": 2, "price": "5.00"}]
        assert person.get(url).json()["results"][0]["left"] == 1
        mine = f"/api/v1/bookings/{body['id']}/"
        assert client.get(mine).json() == body
        refused = client.patch(mine, {"services": [{"id": parking.pk, "quantity": 4}]})
        assert (refused.status_code, refused.json()["code"], refused.json()["left"]) == (
            409,
            "service_unavailable",
            {str(parking.pk): 3},
        )
        assert client.patch(mine, {"services": []}).json()["total"] == "100.00"
        for odd in ({"quantity": -1}, {"quantity": 1.5}, {"quantity": 2**63}, {"quantity": "1e3"}, {"id": "x"}):
            wish = {"services": [{"id": str(parking.pk), "quantity": 1} | odd]}
            assert client.patch(mine, wish).status_code == 400

    def test_the_team_makes_and_offers_services(self, hall: Hall) -> None:
        owner = caller(make_member(hall.event.organizer, "owner"))
        made = owner.post("/api/v1/services/", {"name": "Wine"}).json()
        url = f"/api/v1/events/{hall.event.pk}/services/"
        offered = owner.post(url, {"service": made["id"], "price": "9.50", "stock": 10})
        assert (offered.status_code, offered.json()["left"]) == (201, 10)
        assert owner.post(url, {"service": made["id"], "price": "9.50"}).status_code == 400
        take(hold(hall, 1), (EventService.objects.get(), 1))
        one = f"{url}{offered.json()['id']}/"
        assert owner.patch(one, {"price": "12.00"}).json()["price"] == "12.00"
        assert owner.delete(one).status_code == 409
        assert owner.delete(f"/api/v1/services/{made['id']}/").status_code == 409


class TestPage:
    @pytest.fixture
    def client(self, client: Client) -> Client:
        session = client.session
        session["buyer"] = ANN.session
        session.save()
        return client

    def test_services_are_chosen_with_the_details(self, hall: Hall, client: Client) -> None:
        parking, gone = offer(hall, stock=2), offer(hall, "Wine", stock=0)
        booking = hold(hall, 1)
        url = f"/bookings/{booking.pk}/"
        page = client.get(f"{url}details/").text
        assert "None left" in page
        assert f'name="service-{gone.pk}"' not in page

        page = client.post(f"{url}services/", {f"service-{parking.pk}": "2"}, follow=True).text
        assert f"2 {TIMES} Parking" in page
        assert "€110.00" in page
        typed = {"name": "Ann", "email": "ann@example.org", "terms": "on", f"service-{parking.pk}": "1"}
        page = client.post(f"{url}details/", typed, follow=True).text
        assert f"1 {TIMES} Parking" in page
        assert "€105.00" in page

    def test_what_was_taken_meanwhile_is_told(self, hall: Hall, client: Client) -> None:
        parking = offer(hall, stock=1)
        booking = hold(hall, 1)
        take(hold(hall, 2, buyer=BOB), (parking, 1))

        page = client.post(f"/bookings/{booking.pk}/services/", {f"service-{parking.pk}": "1"}, follow=True).text

        assert "There is not as much left as you wish." in page
        assert booked(booking) == []
