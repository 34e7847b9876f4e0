"""What thieves and accidents send: each of these has robbed somebody else's shop. The numbers are those of docs/security.md."""

import gzip
import json
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.db.models import F
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bookings.models import Booking
from bookings.sale import Buyer
from bookings.tests.races import outcomes as results
from bookings.tests.races import race
from evently.audit import complaints
from events.tests.factories import Hall, make_hall
from payments import declines
from payments.declines import TooManyDeclines
from payments.fake_stripe import FakeStripe, Message
from payments.fake_stripe.book import Thing
from payments.fake_stripe.server import SECRET
from payments.models import LedgerEntry, Payment, Refund, WebhookEvent
from payments.services import settle_from_gateway

from .factories import BOB, check_out, hold, outcomes, refunds, state

URL = "/api/v1/payments/webhooks/stripe/"
DECLINED = "4000000000000002"


def bought(company: FakeStripe, hall: Hall, number: int = 1, **more: Any) -> tuple[Booking, Payment, Thing]:
    """A booking whose money Stripe has and the platform has not heard of; and the event that tells it."""
    booking = hold(hall, number, **more)
    payment = check_out(booking, "stripe").payment
    company.pay(payment.gateway_id)
    return booking, payment, company.events("checkout.session.completed")[-1]


def post(message: Message, *, body: bytes | None = None, **headers: str) -> int:
    content = message.body if body is None else body
    answer = Client().post(URL, content, content_type="application/json", headers=message.headers | headers)
    return int(answer.status_code)


def tell(company: FakeStripe, *kinds: str) -> list[int]:
    return [post(company.message(event)) for event in company.events(*kinds)]


def nothing_happened(booking: Booking) -> bool:
    return (WebhookEvent.objects.count(), state(booking)) == (0, ("paying", "unpaid"))


def test_51_a_message_without_a_signature_or_for_an_empty_secret_is_refused(
    company: FakeStripe, hall: Hall, settings: Any
) -> None:
    booking, _payment, event = bought(company, hall)
    for secrets in ([], [""], ["whsec_other"]):
        assert post(company.message(event, secrets=secrets)) == 400
    told = company.message(event)
    assert post(Message(told.kind, {}, told.body)) == 400
    settings.EVENTLY_STRIPE_WEBHOOK_SECRETS = [""]
    assert post(company.message(event, secrets=[""])) == 400
    assert nothing_happened(booking)


@pytest.mark.parametrize("wrong", [{"amount": 100}, {"amount": 8401}, {"currency": "usd"}])
def test_52_another_amount_or_currency_never_pays_and_goes_back(company: FakeStripe, hall: Hall, wrong: dict[str, Any]) -> None:
    booking = hold(hall, 1)
    payment = check_out(booking, "stripe").payment
    company.pay(payment.gateway_id, **wrong)
    assert tell(company, "checkout.session.completed") == [200]
    assert (state(booking), outcomes(booking)) == (("held", "unpaid"), [("captured", "refund")])
    amount, currency = wrong.get("amount", 8400), wrong.get("currency", "eur").upper()
    assert refunds(booking) == [("wrong_amount", amount, currency)]


def test_52_money_for_another_payee_never_pays_and_calls_for_people(
    company: FakeStripe, hall: Hall, caplog: pytest.LogCaptureFixture
) -> None:
    booking, payment, event = bought(company, hall)
    company.book.things[payment.gateway_id]["metadata"]["account"] = "somebody else"
    assert post(company.message(event)) == 200
    assert (state(booking), outcomes(booking)) == (("paying", "unpaid"), [("pending", "")])
    assert "contradicts payment" in caplog.text


def test_53_the_payment_of_a_cheap_booking_does_not_pay_for_a_dear_one(company: FakeStripe, hall: Hall) -> None:
    cheap_hall = make_hall(price=100, slug="cheap")
    cheap, cheap_payment, event = bought(company, cheap_hall, buyer=BOB)
    dear = hold(hall, 1)
    dear_payment = check_out(dear, "stripe").payment
    with pytest.raises(IntegrityError):
        Payment.objects.filter(pk=dear_payment.pk).update(gateway_id=cheap_payment.gateway_id)
    Payment.objects.filter(pk=cheap_payment.pk).update(gateway_id="cs_test_lost")
    Payment.objects.filter(pk=dear_payment.pk).update(gateway_id=cheap_payment.gateway_id)
    assert post(company.message(event)) == 200  # the charge says itself whose it is
    assert (state(dear), state(cheap)) == (("paying", "unpaid"), ("paying", "unpaid"))


def test_54_a_thousand_replays_have_one_effect(company: FakeStripe, hall: Hall) -> None:
    booking, _payment, event = bought(company, hall)
    told = company.message(event)
    assert {post(told) for _ in range(100)} == {200}
    assert results(race([lambda: post(told)] * 10)) == {"int": 10}
    assert (state(booking), outcomes(booking)) == (("confirmed", "paid"), [("captured", "confirmed")])
    assert (WebhookEvent.objects.count(), booking.tickets.count()) == (1, 1)
    assert LedgerEntry.objects.filter(transaction__kind="capture", account="clearing").count() == 1


@pytest.mark.parametrize("shift", [-301, 301])
def test_54_a_message_from_another_time_is_refused(company: FakeStripe, hall: Hall, shift: int) -> None:
    booking, _payment, event = bought(company, hall)
    assert post(company.message(event, at=company.now() + shift + (1 if shift > 0 else 0))) == 400
    assert nothing_happened(booking)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body.replace(b"complete", b"complet3"),
        lambda body: json.dumps(json.loads(body)).encode(),
        lambda body: body.replace(b'{\n  "id"', b'{\n  "id": "evt_x",\n  "id"', 1),
        lambda body: body.decode().encode("utf-16"),
        lambda body: body + b" ",
        lambda body: gzip.compress(body),
        lambda body: b"",
    ],
)
def test_55_a_body_that_is_not_byte_by_byte_what_was_signed_is_refused(
    company: FakeStripe, hall: Hall, spoil: Callable[[bytes], bytes]
) -> None:
    booking, _payment, event = bought(company, hall)
    told = company.message(event)
    assert post(told, body=spoil(told.body)) == 400
    assert nothing_happened(booking)


def test_56_the_refund_is_told_before_the_payment(company: FakeStripe, hall: Hall) -> None:
    booking, payment, paid = bought(company, hall)
    intent = company.book.things[payment.gateway_id]["payment_intent"]
    company.do("refund", wish={"payment_intent": intent, "amount": "400"})
    assert tell(company, "charge.refunded", "refund.created") == [200, 200]
    assert post(company.message(paid)) == 200
    assert state(booking) == ("confirmed", "partly_refunded")
    assert refunds(booking) == [("at_gateway", 400, "EUR")]


def test_56_a_failure_that_is_told_after_the_success_changes_nothing(company: FakeStripe, hall: Hall) -> None:
    booking = hold(hall, 1)
    payment = check_out(booking, "stripe").payment
    company.pay(payment.gateway_id, DECLINED)
    company.pay(payment.gateway_id)
    assert tell(company, "checkout.session.completed") + tell(company, "payment_intent.payment_failed") == [200, 200]
    assert (state(booking), outcomes(booking)) == (("confirmed", "paid"), [("captured", "confirmed")])


def test_56_a_dispute_after_a_refund_is_booked_beside_it(company: FakeStripe, hall: Hall) -> None:
    booking, payment, _paid = bought(company, hall)
    [charge] = company.book.all("charge")
    company.do("refund", wish={"charge": charge["id"], "amount": "400"})
    dispute = company.do("dispute", charge_id=charge["id"], amount=8000)
    company.do("decide_dispute", dispute_id=dispute["id"], won=False)
    told = tell(company, "checkout.session.completed", "charge.refunded", "charge.dispute.created", "charge.dispute.closed")
    assert told == [200] * 4
    assert list(payment.disputes.values_list("amount_minor", "status")) == [(8000, "lost")]
    assert refunds(booking) == [("at_gateway", 400, "EUR")]


@pytest.mark.parametrize(
    "thing",
    [
        {"id": "cus_1", "object": "customer"},
        {"id": "cs_test_unknown", "object": "checkout.session"},
        {"id": "ch_unknown", "object": "charge", "payment_intent": "pi_unknown"},
        {"id": "du_1", "object": "dispute", "payment_intent": None},
    ],
)
def test_57_what_is_not_ours_is_taken_put_aside_and_reported(
    company: FakeStripe, hall: Hall, thing: Thing, caplog: pytest.LogCaptureFixture
) -> None:
    company.do("tell", kind="something.new", thing=thing)
    with caplog.at_level(logging.ERROR):
        assert tell(company) == [200]
    event = WebhookEvent.objects.get()
    assert (event.error, event.processed_at is None) == ("There is no payment for this charge.", False)
    assert "No payment for charge" in caplog.text


def test_58_a_refund_of_the_accidental_second_payment_leaves_the_booking_paid(company: FakeStripe, hall: Hall) -> None:
    booking, first, paid = bought(company, hall)
    Payment.objects.filter(pk=first.pk).update(gateway_id="")  # its answer was lost, and the buyer begins again
    Payment.objects.filter(pk=first.pk).update(status="abandoned")
    second = check_out(booking, "stripe").payment
    company.pay(second.gateway_id)
    for payment in (second, first):
        settle_from_gateway(payment_id=payment.pk)
    assert refunds(booking) == [("paid_twice", 8400, "EUR")]
    intent = company.book.things[paid["data"]["object"]["id"]]["payment_intent"]
    company.do("refund", wish={"payment_intent": intent})
    tell(company, "charge.refunded")
    assert state(booking) == ("confirmed", "paid")
    assert Refund.objects.filter(payment__booking=booking).exclude(payment=first).count() == 0


@pytest.mark.parametrize(
    ("secrets", "answer"),
    [([SECRET, "whsec_next"], 200), (["whsec_next", SECRET], 200), (["a"] * 5 + [SECRET], 200), (["a"] * 10 + [SECRET], 400)],
)
def test_59_one_of_several_signatures_will_do_up_to_ten(company: FakeStripe, hall: Hall, secrets: list[str], answer: int) -> None:
    _booking, _payment, event = bought(company, hall)
    assert post(company.message(event, secrets=secrets)) == answer


def test_59_only_the_old_scheme_is_refused(company: FakeStripe, hall: Hall) -> None:
    booking, _payment, event = bought(company, hall)
    told = company.message(event)
    header = told.headers["Stripe-Signature"].replace("v1=", "v0=")
    assert post(Message(told.kind, told.headers | {"Stripe-Signature": header}, told.body)) == 400
    assert nothing_happened(booking)


def test_60_a_flood_without_signatures_never_touches_the_database_or_stripe(company: FakeStripe, hall: Hall) -> None:
    _booking, _payment, event = bought(company, hall)
    company.calls.clear()
    told = company.message(event, secrets=["whsec_other"])
    browser = Client()
    with CaptureQueriesContext(connection) as queries:
        answers = {
            browser.post(URL, told.body, content_type="application/json", headers=told.headers).status_code for _ in range(50)
        }
    assert (answers, len(queries), company.calls.total()) == ({400}, 0, 0)


# 106: card testing


def try_cards(company: FakeStripe, payment: Payment, times: int) -> Payment:
    for _ in range(times):
        company.pay(payment.gateway_id, DECLINED)
        payment = settle_from_gateway(payment_id=payment.pk)
    return payment


def forget_the_wait() -> None:
    Payment.objects.exclude(declined_at=None).update(declined_at=F("declined_at") - timedelta(minutes=50))


def test_106_declines_of_one_booking_are_slowed_then_stopped_and_reported(
    company: FakeStripe, hall: Hall, caplog: pytest.LogCaptureFixture
) -> None:
    booking = hold(hall, 1)
    payment = try_cards(company, check_out(booking, "stripe").payment, declines.PATIENT - 1)
    check_out(booking, "stripe")  # a mistyped number is no crime
    try_cards(company, payment, 1)
    with pytest.raises(TooManyDeclines):
        check_out(booking, "stripe")
    forget_the_wait()
    check_out(booking, "stripe")

    payment = try_cards(company, payment, declines.MOST_OF_BOOKING - declines.PATIENT)
    assert "Card testing?" in caplog.text
    assert (payment.status, company.book.things[payment.gateway_id]["status"]) == ("abandoned", "expired")
    forget_the_wait()
    with pytest.raises(TooManyDeclines):
        check_out(booking, "stripe")
    check_out(hold(hall, 2, buyer=BOB), "stripe")  # others are not hindered


def test_106_a_network_that_tries_cards_with_many_bookings_is_stopped_for_an_hour(company: FakeStripe, hall: Hall) -> None:
    for number in range(4):
        thief = Buyer(session=f"thief{number}", address="a" * 32)
        try_cards(company, check_out(hold(hall, number, buyer=thief), "stripe").payment, 3)
        Payment.objects.update(declined_at=Now() - timedelta(minutes=59))
    with pytest.raises(TooManyDeclines):
        check_out(hold(hall, 5, buyer=Buyer(session="thief5", address="a" * 32)), "stripe")
    check_out(hold(hall, 6, buyer=Buyer(session="honest", address="b" * 32)), "stripe")
    Payment.objects.exclude(declined_at=None).update(declined_at=Now() - timedelta(minutes=61))
    check_out(hold(hall, 7, buyer=Buyer(session="thief7", address="a" * 32)), "stripe")
    assert list(complaints("payments")) == ["payments.card_testing"]
    Payment.objects.exclude(declined_at=None).update(declined_at=Now() - timedelta(days=2))


def test_106_the_pay_page_says_so_politely(company: FakeStripe, hall: Hall, ann: Client) -> None:
    booking = hold(hall, 1)
    try_cards(company, check_out(booking, "stripe").payment, declines.PATIENT)
    answer = ann.post(f"/bookings/{booking.pk}/pay/", {"gateway": "stripe"})
    assert answer.status_code == 429
    assert "Too many payments were declined." in answer.content.decode()
    assert answer.headers["Content-Security-Policy"].count(company.url) == 1


def test_106_limits_that_are_switched_off_stop_nobody(company: FakeStripe, hall: Hall, settings: Any) -> None:
    settings.EVENTLY_RATE_LIMITS = False
    booking = hold(hall, 1)
    try_cards(company, check_out(booking, "stripe").payment, declines.MOST_OF_BOOKING + 1)
    check_out(booking, "stripe")
