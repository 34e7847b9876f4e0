"""The details step and what can be done with held seats, through the pages."""

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from bookings.forms import TERMS_VERSION
from bookings.models import Booking
from bookings.sale import Buyer
from bookings.services import Contact, hold_seats, set_contact, start_payment
from bookings.tests.races import time_passes
from evently.accounts.models import User
from events.models import Event, TicketType
from events.tests.factories import Hall, make_hall

pytestmark = pytest.mark.django_db(transaction=True)

GUEST = Buyer(session="guest")


@pytest.fixture
def hall() -> Hall:
    return make_hall(rows=2)


@pytest.fixture
def client(client: Client) -> Client:
    """The guest's browser."""
    session = client.session
    session["buyer"] = GUEST.session
    session.save()
    return client


def hold(hall: Hall, *seats: int, buyer: Buyer = GUEST) -> Booking:
    return hold_seats(buyer=buyer, event_id=hall.event.pk, seats=dict.fromkeys(hall.seat_ids(*seats)))


def details(**more: Any) -> dict[str, Any]:
    return {"name": "Ada Example", "email": "Ada@Example.org", "terms": "on"} | more


def attendees(booking: Booking) -> list[str]:
    return list(booking.seats.order_by("seat__position").values_list("attendee", flat=True))


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_the_details_step_shows_the_seats_the_total_and_until_when(client: Client, hall: Hall) -> None:
    booking = hold(hall, 0, 1)

    page = client.get(f"/bookings/{booking.pk}/details/").content.decode()

    assert "Row 0, seat 0" in page
    assert "Row 0, seat 1" in page
    assert "€168.00" in page
    assert f"Held until {booking.expires_at.astimezone(hall.event.venue.zone):%H:%M}" in page


def test_details_are_saved_and_lead_to_payment(client: Client, hall: Hall) -> None:
    booking = hold(hall, 0, 1)
    second = booking.live_seats[1]

    response = client.post(
        f"/bookings/{booking.pk}/details/", details(first_is_buyer="on", **{f"attendee-{second.seat_id}": "Bob Example"})
    )

    assert (response.status_code, response["Location"]) == (302, f"/bookings/{booking.pk}/pay/")
    booking.refresh_from_db()
    assert (booking.name, booking.email, booking.user_id) == ("Ada Example", "ada@example.org", None)
    assert (booking.terms_version, booking.marketing_consent) == (TERMS_VERSION, False)
    assert booking.terms_accepted_at is not None
    assert attendees(booking) == ["Ada Example", "Bob Example"]


def test_names_may_stay_empty(client: Client, hall: Hall) -> None:
    booking = hold(hall, 0, 1)

    client.post(f"/bookings/{booking.pk}/details/", details())

    assert attendees(booking) == ["", ""]


def test_places_without_numbers_are_told_apart_by_their_ticket(client: Client) -> None:
    standing = make_hall(rows=1, length=4, numbered=False)
    booking = hold(standing, 0, 1)

    page = client.get(f"/bookings/{booking.pk}/details/").content.decode()

    assert "Ticket 1 is for me" in page
    assert "Ticket 2" in page
    assert f"/events/{standing.event.slug}/tickets/" in page


def test_news_are_sent_only_to_who_asks_for_them(client: Client, hall: Hall) -> None:
    booking = hold(hall, 0)
    page = client.get(f"/bookings/{booking.pk}/details/").content.decode()
    client.post(f"/bookings/{booking.pk}/details/", details(marketing_consent="on"))

    assert '<input type="checkbox" name="marketing_consent" id="id_marketing_consent">' in page
    assert Booking.objects.get().marketing_consent is True


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"name": ""}, "This field is required."),
        ({"email": "ada"}, "Enter a valid email address."),
        ({"terms": ""}, "Please accept the terms to go on."),
        ({"name": "A" * 201}, "Ensure this value has at most 200 characters (it has 201)."),
    ],
)
def test_wrong_details_are_asked_for_again_and_nothing_is_saved(
    client: Client, hall: Hall, wrong: dict[str, str], text: str
) -> None:
    booking = hold(hall, 0)

    response = client.post(f"/bookings/{booking.pk}/details/", details(**wrong))

    assert response.status_code == 422
    assert text in response.content.decode()
    assert Booking.objects.get().email == ""


def test_a_limit_per_customer_is_told_on_the_form(client: Client, hall: Hall) -> None:
    Event.objects.update(max_per_customer=1)
    other = hold(hall, 5, buyer=Buyer(session="other"))
    set_contact(booking_id=other.pk, contact=Contact(name="Ada", email="ada@example.org"), user_id=None, actor="")
    booking = hold(hall, 0)

    response = client.post(f"/bookings/{booking.pk}/details/", details())

    assert response.status_code == 409
    assert "At most 1 ticket per customer." in response.content.decode()
    booking.refresh_from_db()
    assert booking.email == ""


def test_who_is_signed_in_need_not_type_their_name(client: Client, hall: Hall) -> None:
    booking = hold(hall, 0)
    ann = User.objects.create_user("ann@example.org", first_name="Ann", last_name="Example")
    client.force_login(ann)

    page = client.get(f"/bookings/{booking.pk}/details/").content.decode()
    client.post(f"/bookings/{booking.pk}/details/", details())

    assert 'value="Ann Example"' in page
    assert 'value="ann@example.org"' in page
    assert Booking.objects.get().user == ann


def test_another_ticket_type_changes_the_price_and_keeps_the_seat(client: Client, hall: Hall) -> None:
    booking = hold(hall, 0, 1)
    seat = booking.live_seats[0].seat_id

    response = client.post(f"/bookings/{booking.pk}/types/", {f"type-{seat}": str(hall.child.pk)})

    assert (response.status_code, response["Location"]) == (302, booking.get_absolute_url())
    booking.refresh_from_db()
    assert (booking.total_minor, booking.quantity) == (12_600, 2)
    assert booking.seats.get(seat=seat).ticket_type == hall.child


def test_a_ticket_type_chosen_while_continuing_counts_and_names_stay_with_the_seats(client: Client, hall: Hall) -> None:
    booking = hold(hall, 0, 1)
    first, second = (line.seat_id for line in booking.live_seats)

    client.post(
        f"/bookings/{booking.pk}/details/",
        details(**{f"type-{first}": str(hall.child.pk), f"attendee-{first}": "Kim", f"attendee-{second}": "Lee"}),
    )

    booking.refresh_from_db()
    assert booking.total_minor == 12_600
    assert attendees(booking) == ["Kim", "Lee"]


@pytest.mark.parametrize("wished", ["nonsense", "00000000-0000-7000-8000-000000000000"])
def test_a_ticket_type_that_does_not_exist_changes_nothing(client: Client, hall: Hall, wished: str) -> None:
    booking = hold(hall, 0)

    response = client.post(f"/bookings/{booking.pk}/types/", {f"type-{booking.live_seats[0].seat_id}": wished})

    assert response.status_code == 302
    booking.refresh_from_db()
    assert (booking.total_minor, booking.version) == (8400, 1)


def test_only_types_on_sale_now_are_offered(client: Client, hall: Hall) -> None:
    booking = hold(hall, 0)
    TicketType.objects.filter(pk=hall.child.pk).update(sale_ends_at=timezone.now())

    assert str(hall.child.pk) not in client.get(f"/bookings/{booking.pk}/details/").content.decode()


def test_one_seat_can_be_given_back_and_a_second_click_does_no_harm(client: Client, hall: Hall) -> None:
    booking = hold(hall, 0, 1)
    seat = booking.live_seats[0].seat_id

    responses = [client.post(f"/bookings/{booking.pk}/seats/{seat}/remove/") for _ in range(2)]

    assert [told(response) for response in responses] == [[], []]
    booking.refresh_from_db()
    assert (booking.quantity, booking.total_minor) == (1, 8400)


def test_the_last_seat_is_not_removed_but_cancelled(client: Client, hall: Hall) -> None:
    booking = hold(hall, 0)

    response = client.post(f"/bookings/{booking.pk}/seats/{booking.live_seats[0].seat_id}/remove/")

    assert told(response) == ["A booking needs at least one seat. Cancel it to give all of them back."]
    booking.refresh_from_db()
    assert booking.quantity == 1


def test_what_was_typed_survives_every_other_button_of_the_page(client: Client, hall: Hall) -> None:
    booking = hold(hall, 0, 1)
    second = booking.live_seats[1].seat_id

    client.post(f"/bookings/{booking.pk}/extend/", {"name": "Ada E", "email": "ada@", f"attendee-{second}": "Bob E"})
    page = client.get(f"/bookings/{booking.pk}/details/").content.decode()

    assert 'value="Ada E"' in page
    assert 'value="ada@"' in page
    assert 'value="Bob E"' in page


def test_a_hold_is_extended_and_the_new_time_told(client: Client, hall: Hall) -> None:
    booking = hold(hall, 0)
    time_passes(8)

    response = client.post(f"/bookings/{booking.pk}/extend/")

    extended = Booking.objects.with_clock().get()
    assert told(response) == [f"Your seats are held until {extended.expires_at.astimezone(hall.event.venue.zone):%H:%M}."]
    assert (extended.expires_at - extended.clock).seconds // 60 == 9


def test_the_button_for_more_time_is_gone_after_an_hour(client: Client, hall: Hall) -> None:
    booking = hold(hall, 0)
    assert "/extend/" in client.get(f"/bookings/{booking.pk}/details/").content.decode()
    for _ in range(6):
        time_passes(9)
        client.post(f"/bookings/{booking.pk}/extend/")

    assert "/extend/" not in client.get(f"/bookings/{booking.pk}/details/").content.decode()


@pytest.mark.parametrize("step", ["extend", "types", "details"])
def test_after_its_time_every_step_leads_to_the_page_that_says_so(client: Client, hall: Hall, step: str) -> None:
    booking = hold(hall, 0)
    time_passes(11)

    response = client.post(f"/bookings/{booking.pk}/{step}/", details(), follow=True)

    assert response.redirect_chain == [(booking.get_absolute_url(), 302)]
    assert "Your hold ended at" in response.content.decode()
    assert Booking.objects.get().email == ""


def test_while_it_is_paid_the_basket_cannot_be_changed(client: Client, hall: Hall) -> None:
    booking = hold(hall, 0, 1)
    set_contact(booking_id=booking.pk, contact=Contact(name="Ada", email="ada@example.org"), user_id=None, actor="")
    start_payment(booking_id=booking.pk, actor="")

    assert client.get(f"/bookings/{booking.pk}/details/")["Location"] == booking.get_absolute_url()
    response = client.post(f"/bookings/{booking.pk}/seats/{booking.live_seats[0].seat_id}/remove/")

    assert told(response) == ["This booking is being paid. Finish or cancel the payment first."]
    booking.refresh_from_db()
    assert booking.quantity == 2


def test_free_seats_of_an_ended_hold_are_taken_again_with_the_same_types_and_details(client: Client, hall: Hall) -> None:
    seats = hall.seat_ids(0, 1)
    ended = hold_seats(buyer=GUEST, event_id=hall.event.pk, seats={seats[0]: hall.child.pk, seats[1]: None})
    set_contact(
        booking_id=ended.pk,
        contact=Contact(name="Ada Example", email="ada@example.org", attendees={ended.live_seats[1].pk: "Bob"}),
        user_id=None,
        actor="",
    )
    time_passes(11)

    response = client.post(f"/bookings/{ended.pk}/retake/")

    taken = Booking.objects.exclude(pk=ended.pk).get()
    assert response["Location"] == taken.get_absolute_url()
    assert dict(taken.seats.values_list("seat", "ticket_type")) == {seats[0]: hall.child.pk, seats[1]: hall.adult.pk}
    page = client.get(f"/bookings/{taken.pk}/details/").content.decode()
    assert all(f'value="{value}"' in page for value in ("Ada Example", "ada@example.org", "Bob"))


def test_taking_them_again_twice_takes_them_once(client: Client, hall: Hall) -> None:
    ended = hold(hall, 0)
    time_passes(11)

    first, second = (client.post(f"/bookings/{ended.pk}/retake/") for _ in range(2))

    taken = Booking.objects.exclude(pk=ended.pk).get()
    assert (first["Location"], second["Location"]) == (taken.get_absolute_url(), taken.get_absolute_url())


def test_of_an_ended_hold_only_what_is_free_is_taken_again(client: Client, hall: Hall) -> None:
    ended = hold(hall, 0, 1)
    time_passes(11)
    hold(hall, 0, buyer=Buyer(session="other"))

    page = client.get(ended.get_absolute_url()).content.decode()
    client.post(f"/bookings/{ended.pk}/retake/")

    assert "Row 0, seat 0 was taken by somebody else" in page
    assert "Row 0, seat 1 is still free" in page
    taken = Booking.objects.filter(session=GUEST.session).exclude(pk=ended.pk).get()
    assert list(taken.seats.values_list("seat", flat=True)) == hall.seat_ids(1)


def test_other_places_are_found_for_lost_ones(client: Client, hall: Hall) -> None:
    ended = hold(hall, 0, 1)
    time_passes(11)
    hold(hall, 0, 1, buyer=Buyer(session="other"))

    client.post(f"/bookings/{ended.pk}/retake/", {"best": ""})

    taken = Booking.objects.filter(session=GUEST.session).exclude(pk=ended.pk).get()
    assert taken.quantity == 2
    assert not set(taken.seats.values_list("seat", flat=True)) & set(hall.seat_ids(0, 1))


def test_when_the_sale_is_over_nothing_is_offered_again(client: Client, hall: Hall) -> None:
    ended = hold(hall, 0)
    time_passes(11)
    Event.objects.update(sale_ends_at=timezone.now())

    page = client.get(ended.get_absolute_url()).content.decode()
    response = client.post(f"/bookings/{ended.pk}/retake/")

    assert "/retake/" not in page
    assert told(response) == ["The sale of this event has ended."]


def test_a_live_hold_is_not_taken_again(client: Client, hall: Hall) -> None:
    booking = hold(hall, 0)

    assert client.post(f"/bookings/{booking.pk}/retake/")["Location"] == booking.get_absolute_url()
    assert Booking.objects.count() == 1


@pytest.mark.parametrize("step", ["extend", "types", "retake", "cancel", "details"])
def test_nobody_changes_the_booking_of_somebody_else(hall: Hall, step: str) -> None:
    booking, stranger = hold(hall, 0), Client()
    session = stranger.session
    session["buyer"] = "stranger"
    session.save()

    assert stranger.post(f"/bookings/{booking.pk}/{step}/", details()).status_code == 404
    assert stranger.post(f"/bookings/{booking.pk}/seats/{booking.live_seats[0].seat_id}/remove/").status_code == 404
    booking.refresh_from_db()
    assert (booking.status, booking.version) == ("held", 1)


@pytest.mark.parametrize("step", ["extend", "types", "retake"])
def test_nothing_is_changed_by_opening_a_link(client: Client, hall: Hall, step: str) -> None:
    booking = hold(hall, 0)

    assert client.get(f"/bookings/{booking.pk}/{step}/").status_code == 405


def test_a_form_without_its_token_is_refused(hall: Hall) -> None:
    booking, browser = hold(hall, 0), Client(enforce_csrf_checks=True)
    session = browser.session
    session["buyer"] = GUEST.session
    session.save()

    assert browser.post(f"/bookings/{booking.pk}/details/", details()).status_code == 403
