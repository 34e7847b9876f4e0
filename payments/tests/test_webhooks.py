"""What gateways tell: in any order, any number of times, by anybody."""

import itertools
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from bookings.models import Booking, Ticket
from evently.outbox.models import OutboxMessage
from evently.outbox.relay import relay
from events.tests.factories import Hall
from notifications.models import Delivery
from payments import gateways
from payments.gateways import GatewayUnavailable, Result
from payments.gateways.sandbox import Sandbox
from payments.models import Payment, WebhookEvent
from payments.reconciliation import PATIENCE, reconcile
from payments.services import receive_webhook

from .factories import check_out, decide, hold, outcomes, refunds, state, webhook

URL = "/api/v1/payments/webhooks/sandbox/"


def paid(hall: Hall) -> tuple[Booking, Payment]:
    """A booking whose payment the buyer has made and the platform has not heard of."""
    booking = hold(hall, 1)
    payment = check_out(booking).payment
    decide(payment)
    payment.refresh_from_db()
    return booking, payment


def post(message: dict[str, Any]) -> int:
    headers = message["headers"]
    return int(Client().post(URL, message["body"], content_type="application/json", headers=headers).status_code)


@pytest.mark.parametrize("order", list(itertools.permutations(["return", "webhook", "duplicate"])))
def test_return_and_webhooks_in_any_order_make_one_booking_and_one_mail(hall: Hall, order: tuple[str, ...]) -> None:
    booking, payment = paid(hall)
    browser = Client()
    session = browser.session
    session["buyer"] = booking.session
    session.save()
    message = webhook(payment)
    steps: dict[str, Callable[[], int]] = {
        "return": lambda: browser.get(f"/payments/{payment.pk}/return/").status_code,
        "webhook": lambda: post(message),
        "duplicate": lambda: post(message),
    }

    assert [steps[step]() for step in order] == [302 if step == "return" else 200 for step in order]
    assert post(webhook(payment)) == 200  # and another message about the same

    relay()
    OutboxMessage.objects.update(sent_at=None, handled=[], due_at=F("created_at"))
    relay()
    assert state(booking) == ("confirmed", "paid")
    assert outcomes(booking) == [("captured", "confirmed")]
    assert Ticket.objects.count() == 1
    assert list(Delivery.objects.values_list("kind", "recipient")) == [("booking_confirmed", "ann@example.org")]
    assert WebhookEvent.objects.count() == 2


@pytest.mark.parametrize(
    "spoil",
    [
        lambda message: message["headers"].clear(),
        lambda message: message["headers"].pop("webhook-signature"),
        lambda message: message["headers"].update({"webhook-signature": "v1,AAAA"}),
        lambda message: message.update(body=message["body"].replace(b"paid", b"pxid")),
        lambda message: message.update(body=message["body"] + b" "),
        lambda message: message.update(body=message["body"].decode().encode("utf-16")),
    ],
)
def test_without_a_right_signature_nothing_is_stored(hall: Hall, spoil: Callable[[dict[str, Any]], None]) -> None:
    booking, payment = paid(hall)
    message = webhook(payment)
    spoil(message)
    assert post(message) == 400
    assert WebhookEvent.objects.count() == 0
    assert state(booking) == ("paying", "unpaid")


@pytest.mark.parametrize(("age", "answer"), [(290, 200), (-290, 200), (310, 400), (-310, 400)])
def test_a_message_is_taken_for_five_minutes(hall: Hall, age: int, answer: int) -> None:
    _booking, payment = paid(hall)
    assert post(webhook(payment, age=age)) == answer
    assert WebhookEvent.objects.count() == (answer == 200)


def test_messages_of_a_gateway_that_is_not_offered_are_refused(hall: Hall, settings: Any) -> None:
    _booking, payment = paid(hall)
    settings.EVENTLY_GATEWAYS = []
    assert post(webhook(payment)) == 404
    assert WebhookEvent.objects.count() == 0


@pytest.mark.parametrize("charge", ["0193458a-0000-7000-8000-000000000001", "nonsense", ""])
def test_a_message_about_an_unknown_charge_is_stored_and_put_aside(
    hall: Hall, charge: str, caplog: pytest.LogCaptureFixture
) -> None:
    booking, _payment = paid(hall)
    with caplog.at_level(logging.ERROR):
        assert post(webhook(Payment(gateway_id=charge))) == 200
    event = WebhookEvent.objects.get()
    assert (event.error, event.processed_at is None) == ("There is no payment for this charge.", False)
    assert "No payment for charge" in caplog.text
    assert state(booking) == ("paying", "unpaid")


def test_a_message_is_not_believed_but_the_gateway_is_asked(hall: Hall) -> None:
    booking = hold(hall, 1)
    payment = check_out(booking).payment
    payment.refresh_from_db()
    assert post(webhook(payment)) == 200  # it says paid; the gateway's book says open
    assert state(booking) == ("paying", "unpaid")


def test_a_message_that_is_faster_than_the_answer_finds_its_payment(hall: Hall) -> None:
    booking, payment = paid(hall)
    message = webhook(payment)
    Payment.objects.update(gateway_id="", status="created")
    assert post(message) == 200
    assert state(booking) == ("confirmed", "paid")
    assert Payment.objects.get().gateway_id == payment.gateway_id


def test_money_for_another_payments_charge_is_not_taken_for_ours(hall: Hall, caplog: pytest.LogCaptureFixture) -> None:
    """A dear booking cannot be paid by a cheap charge that was paid before."""
    _booking, cheap = paid(hall)
    dear = hold(hall, 2, 3)
    payment = check_out(dear).payment
    Payment.objects.filter(pk=cheap.pk).update(gateway_id="moved")
    Payment.objects.filter(pk=payment.pk).update(gateway_id=cheap.gateway_id)
    with caplog.at_level(logging.ERROR):
        post(webhook(cheap))
    assert (outcomes(dear), refunds(dear)) == ([("pending", "")], [])
    assert "contradicts payment" in caplog.text


@pytest.fixture
def silent_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that does not answer when it is asked for the first time."""

    class Silent(Sandbox):
        asked = 0

        def _fetch(self, gateway_id: str) -> Result:
            self.asked += 1
            if self.asked == 1:
                raise GatewayUnavailable
            return super()._fetch(gateway_id)

    monkeypatch.setitem(gateways.GATEWAYS, "sandbox", Silent())


def test_a_message_that_could_not_be_worked_off_is_worked_off_later(hall: Hall, silent_gateway: None) -> None:
    booking, payment = paid(hall)
    event = receive_webhook(gateway="sandbox", **webhook(payment))
    assert event.processed_at is None
    assert event.error.startswith("gateway_unavailable: ")
    assert state(booking) == ("paying", "unpaid")

    WebhookEvent.objects.update(created_at=F("created_at") - PATIENCE)
    assert reconcile().webhooks == 1
    assert state(booking) == ("confirmed", "paid")
    event.refresh_from_db()
    assert (event.processed_at is None, event.error) == (False, "")
