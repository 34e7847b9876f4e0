"""Tickets that the team gives away, at the desk."""

from django.urls import reverse

from bookings.models import Booking
from evently.accounts.models import Membership
from events.models import TicketType

from .conftest import SignIn, Team
from .pages import typed_into


def test_tickets_are_given_from_the_events_page(ours: Team, sign_in: SignIn) -> None:
    guest = TicketType.objects.create(
        event=ours.event, category=ours.hall.adult.category, name="Guest", price_minor=0, sold_to="staff"
    )
    client, url = sign_in(ours), reverse("admin:events_event_give", args=[ours.event.pk])
    assert "Stalls, Guest" in client.get(url).text
    wish = {"ticket_type": str(guest.pk), "quantity": "2", "name": "Cleo", "email": "cleo@example.org"}

    done = client.post(url, wish, follow=True)

    assert "2 tickets are given to Cleo." in done.text
    booking = Booking.objects.get(email="cleo@example.org")
    assert (booking.status, booking.quantity, booking.total_minor) == ("confirmed", 2, 0)
    assert client.post(url, wish | {"ticket_type": str(ours.hall.adult.pk)}).status_code == 422
    assert Booking.objects.filter(email="cleo@example.org").count() == 1


def test_only_who_manages_the_event_gives(ours: Team, theirs: Team, sign_in: SignIn) -> None:
    url = reverse("admin:events_event_give", args=[ours.event.pk])

    assert sign_in(ours, Membership.Role.BOX_OFFICE).get(url).status_code == 403
    assert sign_in(theirs).get(url).status_code == 404


def test_what_is_given_has_no_price(ours: Team, sign_in: SignIn) -> None:
    url = reverse("admin:events_event_change", args=[ours.event.pk])
    client = sign_in(ours)
    typed = typed_into(client.get(url), "event_form") | {"ticket_types-0-sold_to": "staff"}
    assert "What the team gives costs nothing." in client.post(url, typed).text
