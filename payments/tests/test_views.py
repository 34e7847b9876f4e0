"""The pay step in the browser, from the details to the tickets and back again."""

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from bookings.models import Booking
from bookings.sale import Buyer
from bookings.services import hold_seats
from bookings.tests.races import time_passes
from evently.rest import throttling
from evently.rest.throttling import Tier
from evently.templatetags.evently import deadline
from events.models import Event
from events.tests.factories import Hall, make_hall
from payments import gateways
from payments.gateways import Created, GatewayUnavailable, Result
from payments.gateways.sandbox import Sandbox
from payments.models import Payment, SandboxCharge

from .factories import ANN, BOB, check_out, hold, outcomes, refunds, state


def page(response: Any, status: int = 200) -> str:
    assert response.status_code == status
    return " ".join(unescape(response.content.decode()).split())


def target(response: Any) -> str:
    """Where a redirect leads, on this site."""
    assert response.status_code == 302
    return str(response.url).removeprefix("http://testserver")


def pay_url(booking: Booking) -> str:
    return f"/bookings/{booking.pk}/pay/"


def booking_url(booking: Booking) -> str:
    return f"/bookings/{booking.pk}/"


def start(browser: Client, booking: Booking) -> str:
    """Press Pay; the path of the sandbox's page."""
    return target(browser.post(pay_url(booking), {"gateway": "sandbox"}))


def finish(browser: Client, sandbox_page: str, decision: str) -> str:
    """Decide at the sandbox and come back; where the way back leads."""
    return target(browser.get(target(browser.post(sandbox_page, {"decision": decision}))))


def until(booking: Booking) -> str:
    booking.refresh_from_db()
    return deadline(booking.expires_at, Event.objects.select_related("venue").get())


def test_the_pay_page_says_what_is_bought_and_what_it_costs(hall: Hall, ann: Client) -> None:
    booking = hold(hall, 1, 2)
    text = page(ann.get(pay_url(booking)))
    assert "<dt>Row 0, seat 1<br>" in text
    assert "<dt>Row 0, seat 2<br>" in text
    assert 'Pay <span class="price">€168.00</span></button>' in text
    assert f"Held until {until(booking)}" in text
    assert "Nothing is charged before you press this button." in text
    assert "style=" not in text
    assert state(booking) == ("held", "unpaid")


def test_paying_leads_to_the_gateway_and_back_to_the_tickets(hall: Hall, ann: Client) -> None:
    booking = hold(hall, 1)
    sandbox = start(ann, booking)
    text = page(ann.get(sandbox))
    assert "Test gateway, no money moves" in text
    assert "Pay €84.00" in text

    assert finish(ann, sandbox, "paid") == booking_url(booking)
    assert state(booking) == ("confirmed", "paid")
    assert "Your tickets are on their way to" in page(ann.get(booking_url(booking)))
    assert target(ann.get(pay_url(booking))) == booking_url(booking)


@pytest.mark.parametrize(
    ("decision", "banner"),
    [("declined", "Your card was declined, nothing was charged"), ("abandoned", "You left the payment, nothing was charged")],
)
def test_a_payment_that_fails_leads_back_to_try_again(hall: Hall, ann: Client, decision: str, banner: str) -> None:
    booking = hold(hall, 1)
    assert finish(ann, start(ann, booking), decision) == pay_url(booking)
    text = page(ann.get(pay_url(booking)))
    assert banner in text
    assert f"Your seats are safe until {until(booking)}." in text

    assert finish(ann, start(ann, booking), "paid") == booking_url(booking)
    assert outcomes(booking) == [(decision, ""), ("captured", "confirmed")]


def test_a_second_decision_at_the_gateway_changes_nothing(hall: Hall, ann: Client) -> None:
    booking = hold(hall, 1)
    sandbox = start(ann, booking)
    finish(ann, sandbox, "declined")
    assert target(ann.get(sandbox)) == target(ann.post(sandbox, {"decision": "paid"}))
    assert SandboxCharge.objects.get().status == "declined"


def test_a_payment_that_is_still_open_shows_a_page_to_wait_on(hall: Hall, ann: Client) -> None:
    booking = hold(hall, 1)
    start(ann, booking)
    url = f"/payments/{Payment.objects.get().pk}/return/"
    text = page(ann.get(url))
    assert "We are waiting for your bank" in text
    assert f"Your seats are yours until {until(booking)}" in text
    assert f'href="{url}"' in text
    assert "http-equiv" not in text

    time_passes(minutes=16)
    assert f"Your seats were kept until {until(booking)}" in page(ann.get(url))


def test_money_that_came_too_late_is_told_on_the_booking(hall: Hall, ann: Client) -> None:
    booking = hold(hall, 1)
    sandbox = start(ann, booking)
    time_passes(minutes=16)
    hold(hall, 1, buyer=BOB)
    assert finish(ann, sandbox, "paid") == booking_url(booking)
    assert refunds(booking) == [("seats_lost", 8400, "EUR")]
    assert "€84.00 goes back to you" in page(ann.get(booking_url(booking)))


def test_what_costs_nothing_is_confirmed_with_one_button(ann: Client) -> None:
    booking = hold(make_hall(price=0), 1, 2)
    text = page(ann.get(pay_url(booking)))
    assert "Confirm 2 tickets</button>" in text
    assert "gateway" not in text
    assert target(ann.post(pay_url(booking))) == booking_url(booking)
    assert state(booking) == ("confirmed", "unpaid")
    assert Payment.objects.count() == 0


def test_a_hold_that_has_ended_is_shown_as_ended(hall: Hall, ann: Client) -> None:
    booking = hold(hall, 1)
    time_passes(minutes=11)
    assert target(ann.get(pay_url(booking))) == booking_url(booking)
    assert target(ann.post(pay_url(booking), {"gateway": "sandbox"})) == booking_url(booking)
    assert Payment.objects.count() == 0


def test_a_buyer_who_is_not_known_yet_is_asked_first(hall: Hall, ann: Client) -> None:
    booking = hold_seats(buyer=ANN, event_id=hall.event.pk, seats=dict.fromkeys(hall.seat_ids(1)))
    assert target(ann.get(pay_url(booking))) == f"/bookings/{booking.pk}/details/"


@pytest.mark.parametrize("gateway", ["", "stripe", "SANDBOX"])
def test_a_way_to_pay_that_is_not_offered_is_refused_on_the_page(hall: Hall, ann: Client, gateway: str) -> None:
    text = page(ann.post(pay_url(hold(hall, 1)), {"gateway": gateway}), 422)
    assert "Please look at this again." in text
    assert Payment.objects.count() == 0


def test_a_gateway_that_fails_is_told_on_the_page_and_the_seats_stay(
    hall: Hall, ann: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Down(Sandbox):
        def _create(self, **_: Any) -> Created:
            raise GatewayUnavailable

        def _fetch(self, gateway_id: str) -> Result:
            raise GatewayUnavailable

    booking = hold(hall, 1)
    monkeypatch.setitem(gateways.GATEWAYS, "sandbox", Down())
    text = page(ann.post(pay_url(booking), {"gateway": "sandbox"}), 503)
    assert "The payment service does not answer at the moment. Your seats are kept; please try again." in text
    assert state(booking) == ("held", "unpaid")
    assert "We are waiting for your bank" in page(ann.get(f"/payments/{Payment.objects.get().pk}/return/"))


def test_without_a_way_to_pay_the_page_says_so(hall: Hall, ann: Client, settings: Any) -> None:
    settings.EVENTLY_GATEWAYS = []
    text = page(ann.get(pay_url(hold(hall, 1))))
    assert "Paying is not possible at the moment" in text
    assert "</button></section>" not in text


def test_without_the_sandbox_its_page_is_not_there(hall: Hall, ann: Client, settings: Any) -> None:
    booking = hold(hall, 1)
    sandbox = start(ann, booking)
    settings.EVENTLY_GATEWAYS = []
    assert ann.get(sandbox).status_code == 404
    assert ann.post(sandbox, {"decision": "paid"}).status_code == 404
    assert SandboxCharge.objects.get().status == "open"


@pytest.mark.parametrize("decision", ["", "open", "refunded"])
def test_the_sandbox_takes_no_other_decision(hall: Hall, ann: Client, decision: str) -> None:
    sandbox = start(ann, hold(hall, 1))
    assert ann.post(sandbox, {"decision": decision}).status_code == 422
    assert SandboxCharge.objects.get().status == "open"


def test_a_pay_page_left_open_for_an_hour_is_closed(hall: Hall, ann: Client) -> None:
    sandbox = start(ann, hold(hall, 1))
    SandboxCharge.objects.update(created_at=F("created_at") - timedelta(hours=1))
    ann.post(sandbox, {"decision": "paid"})
    assert SandboxCharge.objects.get().status == "abandoned"


def test_nobody_else_pays_or_sees_a_booking(hall: Hall) -> None:
    booking = hold(hall, 1)
    payment = check_out(booking).payment
    stranger = Client()
    assert stranger.get(pay_url(booking)).status_code == 404
    assert stranger.post(pay_url(booking), {"gateway": "sandbox"}).status_code == 404
    assert stranger.get(f"/payments/{payment.pk}/return/").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_nobody_is_flooded_with_free_tickets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "FREE", Tier("free", 1, 60))
    hall = make_hall(rows=1, price=0)

    def register(guest: str, email: str) -> int:
        """Register as somebody new and cancel at once."""
        browser = Client()
        session = browser.session
        session["buyer"] = guest
        session.save()
        booking = hold(hall, 0, buyer=Buyer(session=guest))
        Booking.objects.filter(pk=booking.pk).update(email=email)
        status = browser.post(pay_url(booking)).status_code
        browser.post(f"{booking_url(booking)}cancel/")
        browser.post(f"{booking_url(booking)}return/", {"ticket": booking.seats.get().pk, "expected": 0})
        return status

    answers = [
        register(f"guest{number}", email) for number, email in enumerate(["v@example.org", "v@example.org", "w@example.org"])
    ]

    assert answers == [302, 429, 302]
