"""The field for a code on the details step, without scripts."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from bookings.models import Booking
from bookings.sale import Buyer
from bookings.services import apply_code, hold_seats
from bookings.tests.races import time_passes
from events.models import PromoCode, TicketType
from events.tests.factories import Hall, make_hall

pytestmark = pytest.mark.django_db(transaction=True)
GUEST = Buyer(session="guest")
REFUSAL = "This code cannot be used for this booking."


@pytest.fixture
def hall() -> Hall:
    hall = make_hall(rows=2)
    PromoCode.objects.create(
        organizer=hall.event.organizer, event=hall.event, code="Save20", canonical="save20", percent=Decimal(20)
    )
    return hall


@pytest.fixture
def client(client: Client) -> Client:
    session = client.session
    session["buyer"] = GUEST.session
    session.save()
    return client


@pytest.fixture
def booking(hall: Hall) -> Booking:
    return hold_seats(buyer=GUEST, event_id=hall.event.pk, seats=dict.fromkeys(hall.seat_ids(0, 1)))


def press(client: Client, booking: Booking, button: str, **typed: Any) -> str:
    """What the page says after the button."""
    return client.post(f"/bookings/{booking.pk}/{button}/", typed, follow=True).content.decode()


def test_a_code_is_applied_shown_and_taken_off(client: Client, booking: Booking) -> None:
    page = press(client, booking, "code", code="save20", name="Ada")
    for told in ("Your code is applied.", "<strong>Save20</strong>", "\N{MINUS SIGN}€33.60", "€134.40", 'value="Ada"'):
        assert told in page
    page = press(client, booking, "code/remove")
    assert "Save20" not in page
    assert "€168.00" in page


def test_a_refused_code_stands_in_the_field_once_more(client: Client, booking: Booking) -> None:
    page = press(client, booking, "code", code="SAVE2O")
    assert REFUSAL in page
    assert 'value="SAVE2O"' in page
    assert "SAVE2O" not in client.get(f"/bookings/{booking.pk}/details/").content.decode()


def test_enter_in_the_field_applies_the_code_on_the_way_to_payment(client: Client, booking: Booking) -> None:
    typed = {"name": "Ada", "email": "ada@example.org", "terms": "on", "code": "SAVE20"}

    refused = client.post(f"/bookings/{booking.pk}/details/", typed | {"code": "WRONG"})
    assert refused.status_code == 409
    assert REFUSAL in refused.content.decode()
    assert 'value="WRONG"' in refused.content.decode()

    page = client.post(f"/bookings/{booking.pk}/details/", typed, follow=True).content.decode()
    assert "\N{MINUS SIGN}€33.60" in page
    assert "€134.40" in page


def test_a_code_opens_its_ticket_types_on_the_page(client: Client, hall: Hall, booking: Booking) -> None:
    TicketType.objects.filter(pk=hall.child.pk).update(sold_to="code", name="Members")
    assert "Members" not in client.get(f"/bookings/{booking.pk}/details/").content.decode()
    PromoCode.objects.get().unlocks.add(hall.child)

    assert "Members" in press(client, booking, "code", code="save20")
    seat = hall.seat_ids(0)[0]
    page = press(client, booking, "types", **{f"type-{seat}": str(hall.child.pk)})
    assert "€100.80" in page  # a fifth off 84 and 42
    assert "sold with this code only" in press(client, booking, "code/remove")


def test_codes_are_not_tried_without_end(client: Client, booking: Booking, settings: Any) -> None:
    settings.EVENTLY_RATE_LIMITS = True
    for number in range(10):
        press(client, booking, "code", code=f"GUESS{number}")
    assert "Too many codes were tried." in press(client, booking, "code", code="save20")


def test_somebody_elses_booking_is_not_found(client: Client, hall: Hall) -> None:
    other = hold_seats(buyer=Buyer(session="other"), event_id=hall.event.pk, seats=dict.fromkeys(hall.seat_ids(2)))
    for button in ("code", "code/remove"):
        assert client.post(f"/bookings/{other.pk}/{button}/", {"code": "save20"}).status_code == 404


@pytest.mark.parametrize("used_up", [False, True])
def test_seats_that_are_taken_again_keep_their_code_while_it_can_be_used(
    client: Client, hall: Hall, booking: Booking, used_up: bool
) -> None:
    apply_code(booking_id=booking.pk, typed="save20", actor="guest")
    time_passes(minutes=11)
    PromoCode.objects.update(limit=0 if used_up else 1)

    client.post(f"/bookings/{booking.pk}/retake/")

    again = Booking.objects.exclude(pk=booking.pk).get()
    assert again.total_minor == (16_800 if used_up else 13_440)


class TestBeforeTheHold:
    @pytest.fixture
    def hall(self, hall: Hall) -> Hall:
        TicketType.objects.filter(pk=hall.child.pk).update(sold_to="code", name="Members")
        PromoCode.objects.get().unlocks.add(hall.child)
        return hall

    @staticmethod
    def enter(client: Client, hall: Hall, code: str) -> str:
        return client.post(f"{hall.event.get_absolute_url()}code/", {"code": code}, follow=True).content.decode()

    def test_a_code_shows_what_it_opens_and_goes_with_the_hold(self, client: Client, hall: Hall) -> None:
        url = hall.event.get_absolute_url()
        assert "Members" not in client.get(url).content.decode()

        page = self.enter(client, hall, " SAVE20")

        assert "Members" in page
        assert "Your code goes with the tickets that you choose now." in page
        assert "Members" in client.get(f"{url}tickets/").content.decode()
        client.post(f"{url}tickets/", {"ticket_type": str(hall.child.pk), "quantity": "2"})
        booking = Booking.objects.get()
        assert (booking.total_minor, {line.ticket_type_id for line in booking.seats.all()}) == (6_720, {hall.child.pk})
        assert "Members" not in self.enter(client, hall, "")
        assert "Members" not in Client().get(url).content.decode()

    def test_chosen_seats_are_held_with_the_code(self, client: Client, hall: Hall) -> None:
        self.enter(client, hall, "save20")
        client.post(f"{hall.event.get_absolute_url()}seats/", {"seat": hall.seat_ids(0)})
        assert Booking.objects.get().total_minor == 6_720

    def test_a_code_that_does_not_work_opens_nothing_and_says_always_the_same(self, client: Client, hall: Hall) -> None:
        assert REFUSAL in self.enter(client, hall, "NOBODY")
        PromoCode.objects.update(limit=0)
        page = self.enter(client, hall, "SAVE20")
        assert REFUSAL in page
        assert "Members" not in page

    def test_a_code_that_has_ended_since_is_told_with_the_hold(self, client: Client, hall: Hall) -> None:
        self.enter(client, hall, "save20")
        PromoCode.objects.update(is_active=False)
        url = hall.event.get_absolute_url()
        assert "Members" not in client.get(url).content.decode()

        refused = client.post(f"{url}seats/", {"seat": hall.seat_ids(0)})

        assert refused.status_code == 409
        assert REFUSAL in refused.content.decode()
        self.enter(client, hall, "")
        assert client.post(f"{url}seats/", {"seat": hall.seat_ids(0)}).status_code == 302

    def test_the_api_lists_what_a_code_opens(self, client: Client, hall: Hall, settings: Any) -> None:
        url = f"/api/v1/events/{hall.event.pk}/ticket-types/"
        names = [each["name"] for each in client.get(url, {"code": "save20"}).json()["results"]]
        assert names == ["Adult", "Members"]
        refused = client.get(url, {"code": "NOBODY"})
        assert (refused.status_code, refused.json()["code"]) == (409, "code_not_usable")
        settings.EVENTLY_RATE_LIMITS = True
        assert {Client().get(url, {"code": f"G{n}"}).status_code for n in range(12)} == {409, 429}
