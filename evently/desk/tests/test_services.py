"""Services at the desk: what a team offers, and at what price at which event."""

from django.urls import reverse

from bookings.sale import Buyer
from bookings.services import hold_best
from events.models import EventService, Service

from .conftest import SignIn, Team
from .pages import typed_into


def test_a_service_is_made_and_offered_at_an_event(ours: Team, theirs: Team, sign_in: SignIn) -> None:
    client = sign_in(ours)
    made = client.post(reverse("admin:events_service_add"), {"organizer": str(ours.organizer.pk), "name": "Wine"})
    assert made.status_code == 302
    wine, url = Service.objects.get(name="Wine"), reverse("admin:events_event_change", args=[ours.event.pk])
    page = client.get(url)
    assert "theirs parking" not in page.text
    offered = {
        "services-TOTAL_FORMS": "1",
        "services-0-service": str(wine.pk),
        "services-0-price": "9.50",
        "services-0-stock": "20",
        "services-0-max_per_booking": "4",
        "services-0-position": "0",
        "services-0-is_active": "on",
    }

    assert client.post(url, typed_into(page, "event_form") | offered).status_code == 302

    service = EventService.objects.get()
    assert (service.event, service.service, service.price_minor, service.stock) == (ours.event, wine, 950, 20)
    refused = offered | {"services-0-service": str(theirs.things[Service].pk)}
    assert client.post(url, typed_into(page, "event_form") | refused).status_code == 200


def test_what_somebody_has_booked_is_shown_and_not_deleted(ours: Team, sign_in: SignIn) -> None:
    client, parking = sign_in(ours), ours.things[Service]
    offered = EventService.objects.create(event=ours.event, service=parking, price_minor=500)
    wish = {ours.hall.adult.pk: 1}
    booking = hold_best(buyer=Buyer(session="x"), event_id=ours.event.pk, quantities=wish, services={offered.pk: 2})

    page = client.get(reverse("admin:bookings_booking_change", args=[booking.pk])).text
    assert "ours parking" in page
    assert "€94.00" in page
    assert client.post(reverse("admin:events_service_delete", args=[parking.pk]), {"post": "yes"}).status_code == 403
    url = reverse("admin:events_event_change", args=[ours.event.pk])
    typed = typed_into(client.get(url), "event_form") | {"services-0-DELETE": "on"}
    assert client.post(url, typed).status_code == 200
    assert EventService.objects.filter(pk=offered.pk).exists()
