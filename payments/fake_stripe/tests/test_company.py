"""The stand-in for Stripe refuses what Stripe refuses: with it, wrong money tests could not pass."""

import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener

import pytest
import stripe

from payments.fake_stripe import FakeStripe
from payments.fake_stripe.book import API_VERSION, DISPUTED, REFUND_FAILS, REFUND_PENDING
from payments.fake_stripe.server import KEY, SECRET

DECLINED, NO_MONEY, CHALLENGE, CHALLENGE_DECLINED = (
    "4000000000000002",
    "4000000000009995",
    "4000000000003220",
    "4000008400001629",
)


@pytest.fixture
def company() -> Iterator[FakeStripe]:
    with FakeStripe(pause=0.02) as company:
        yield company


@pytest.fixture
def client(company: FakeStripe) -> stripe.StripeClient:
    return client_of(company)


def client_of(company: FakeStripe, *, key: str = KEY, version: str = API_VERSION) -> stripe.StripeClient:
    http = stripe.RequestsClient(timeout=(2, 1))
    return stripe.StripeClient(
        key, base_addresses={"api": company.url}, stripe_version=version, max_network_retries=0, http_client=http
    )


def wish(**more: Any) -> Any:
    line = {"quantity": 1, "price_data": {"currency": "eur", "unit_amount": 8400, "product_data": {"name": "Concert"}}}
    return {"mode": "payment", "success_url": "http://shop/ok", "cancel_url": "http://shop/no", "line_items": [line]} | more


def amount(minor: int, currency: str) -> Any:
    return [{"quantity": 1, "price_data": {"currency": currency, "unit_amount": minor, "product_data": {"name": "Concert"}}}]


def open_session(client: stripe.StripeClient, key: str = "", **more: Any) -> str:
    return client.v1.checkout.sessions.create(wish(**more), {"idempotency_key": key} if key else {}).id


def refusal(call: Callable[[], Any]) -> tuple[str, str | None, int | None]:
    with pytest.raises(stripe.StripeError) as refused:
        call()
    return type(refused.value).__name__, refused.value.code, refused.value.http_status


def shown(client: stripe.StripeClient, session_id: str) -> Any:
    return client.v1.checkout.sessions.retrieve(session_id, {"expand": ["payment_intent.latest_charge.balance_transaction"]})


# Sessions and cards


def test_a_card_that_works_completes_the_session_and_moves_money_less_a_fee(
    company: FakeStripe, client: stripe.StripeClient
) -> None:
    session_id = open_session(client, client_reference_id="r1", metadata={"a": "b"})
    company.pay(session_id)

    session = shown(client, session_id)
    charge = session.payment_intent.latest_charge
    assert (session.status, session.payment_status, session.client_reference_id) == ("complete", "paid", "r1")
    assert (charge.amount_captured, charge.balance_transaction.fee, charge.balance_transaction.net) == (8400, 151, 8249)
    assert [event["type"] for event in company.events()] == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]


@pytest.mark.parametrize(("card", "reason"), [(DECLINED, "generic_decline"), (NO_MONEY, "insufficient_funds")])
def test_a_declined_card_leaves_the_session_open_for_another(
    company: FakeStripe, client: stripe.StripeClient, card: str, reason: str
) -> None:
    session_id = open_session(client)
    intent = company.pay(session_id, card)
    assert (intent["status"], intent["last_payment_error"]["decline_code"]) == ("requires_payment_method", reason)
    assert shown(client, session_id).status == "open"
    assert company.pay(session_id)["status"] == "succeeded"
    statuses = [charge.status for charge in client.v1.charges.list({"payment_intent": intent["id"]}).data]
    assert statuses == ["succeeded", "failed"]


def test_equal_keys_make_one_session_and_other_parameters_are_refused(company: FakeStripe, client: stripe.StripeClient) -> None:
    first, again = (client.v1.checkout.sessions.create(wish(), {"idempotency_key": "k1"}) for _ in range(2))
    assert first.id == again.id
    assert again.last_response
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert refusal(lambda: open_session(client, "k1", cancel_url="http://other")) == ("IdempotencyError", None, 400)
    assert len(list(company.book.all("checkout.session"))) == 1


def test_what_is_refused_before_anything_is_done_may_be_asked_again_under_its_key(client: stripe.StripeClient) -> None:
    assert refusal(lambda: open_session(client, "k1", line_items=amount(1, "eur")))[1] == "amount_too_small"
    assert open_session(client, "k1").startswith("cs_test_")


@pytest.mark.parametrize(
    ("minor", "currency", "code"),
    [
        (49, "eur", "amount_too_small"),
        (100_000_000, "eur", "amount_too_large"),
        (12_345, "kwd", "parameter_invalid_integer"),
        (150, "isk", "parameter_invalid_integer"),
        (8400, "EUR", None),
        ("1e3", "eur", "parameter_invalid_integer"),
        (-1, "eur", "parameter_invalid_integer"),
    ],
)
def test_amounts_are_checked_by_the_rules_of_the_currency(
    client: stripe.StripeClient, minor: Any, currency: str, code: str | None
) -> None:
    assert refusal(lambda: open_session(client, line_items=amount(minor, currency))) == ("InvalidRequestError", code, 400)


def test_a_wrong_key_version_parameter_or_id_is_refused(company: FakeStripe, client: stripe.StripeClient) -> None:
    assert refusal(lambda: open_session(client_of(company, key="sk_other")))[0] == "AuthenticationError"
    assert refusal(lambda: open_session(client_of(company, version="2020-08-27")))[1] == "api_version_invalid"
    assert refusal(lambda: open_session(client, colour="red"))[1] == "parameter_unknown"
    assert refusal(lambda: open_session(client, expires_at=int(time.time()) + 60))[2] == 400
    assert refusal(lambda: client.v1.checkout.sessions.retrieve("cs_1")) == ("InvalidRequestError", "resource_missing", 404)


def test_an_expired_session_takes_no_money_and_a_paid_one_does_not_expire(
    company: FakeStripe, client: stripe.StripeClient
) -> None:
    paid, left, old = (open_session(client) for _ in range(3))
    company.pay(paid)
    assert client.v1.checkout.sessions.expire(left).status == "expired"
    assert refusal(lambda: client.v1.checkout.sessions.expire(paid))[2] == 400
    company.ahead = 24 * 3600
    assert shown(client, old).status == "expired"
    for session_id in (left, old):
        with pytest.raises(Exception, match="no longer open"):
            company.pay(session_id)


def test_accounts_do_not_see_each_other(company: FakeStripe, client: stripe.StripeClient) -> None:
    company.open_account("sk_test_other")
    session_id = open_session(client)
    assert refusal(lambda: shown(client_of(company, key="sk_test_other"), session_id))[1] == "resource_missing"


# Refunds and disputes


def paid(company: FakeStripe, client: stripe.StripeClient, **more: Any) -> str:
    intent_id: str = company.pay(open_session(client), **more)["id"]
    return intent_id


def test_refunds_never_exceed_what_was_captured(company: FakeStripe, client: stripe.StripeClient) -> None:
    intent = paid(company, client)
    give = client.v1.refunds.create
    for key in ("r1", "r2"):
        for _ in range(2):
            give({"payment_intent": intent, "amount": 4000}, {"idempotency_key": key})
    assert refusal(lambda: give({"payment_intent": intent, "amount": 401}))[2] == 400
    give({"payment_intent": intent, "amount": 400})
    assert refusal(lambda: give({"payment_intent": intent}))[1] == "charge_already_refunded"
    assert [refund.amount for refund in client.v1.refunds.list({"payment_intent": intent}).data] == [400, 4000, 4000]


def test_a_refund_may_be_pending_and_may_fail_after_its_success(company: FakeStripe, client: stripe.StripeClient) -> None:
    pending = client.v1.refunds.create({"payment_intent": paid(company, client, card=REFUND_PENDING)})
    assert pending.status == "pending"
    company.do("finish_refund", refund_id=pending.id)
    assert client.v1.refunds.retrieve(pending.id).status == "succeeded"

    intent = paid(company, client, card=REFUND_FAILS)
    failed = client.v1.refunds.create({"payment_intent": intent})
    assert client.v1.refunds.retrieve(failed.id).status == "failed"
    assert client.v1.refunds.create({"payment_intent": intent}).amount == 8400  # it can be asked for again


@pytest.mark.parametrize("won", [True, False])
def test_a_dispute_takes_the_money_until_it_is_won(company: FakeStripe, client: stripe.StripeClient, won: bool) -> None:
    intent = paid(company, client, card=DISPUTED)
    dispute = client.v1.disputes.list({"payment_intent": intent}).data[0]
    assert (dispute.status, dispute.amount) == ("needs_response", 8400)
    assert refusal(lambda: client.v1.refunds.create({"payment_intent": intent}))[1] == "charge_disputed"
    company.do("decide_dispute", dispute_id=dispute.id, won=won)
    dispute = client.v1.disputes.retrieve(dispute.id)
    assert (dispute.status, [move.net for move in dispute.balance_transactions]) == (
        ("won", [-10_400, 8400]) if won else ("lost", [-10_400])
    )


# Pages


def browse(url: str, **form: str) -> tuple[int, str]:
    """Status, and where it leads or what it shows."""

    class Stay(HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    try:
        with build_opener(Stay).open(Request(url, data=urlencode(form).encode() if form else None)) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.headers.get("Location", "")


def test_the_pay_page_takes_a_card_after_a_decline_and_a_challenge(company: FakeStripe, client: stripe.StripeClient) -> None:
    session = client.v1.checkout.sessions.create(wish(success_url="http://shop/ok?s={CHECKOUT_SESSION_ID}"))
    assert session.url
    assert "Concert" in browse(session.url)[1]
    assert "Your card was declined." in browse(session.url, card="4000 0000 0000 0002")[1]
    status, challenge = browse(session.url, card=CHALLENGE)
    assert (status, challenge[:5]) == (303, "/3ds/")
    assert browse(company.url + challenge, passed="yes") == (303, f"http://shop/ok?s={session.id}")
    assert "complete" in browse(session.url)[1]


def test_a_challenge_may_be_failed_or_end_in_a_decline(company: FakeStripe, client: stripe.StripeClient) -> None:
    session_id = open_session(client)
    for card, passed, code in (
        (CHALLENGE, False, "payment_intent_authentication_failure"),
        (CHALLENGE_DECLINED, True, "card_declined"),
    ):
        intent = company.pay(session_id, card)
        company.do("authenticate", intent_id=intent["id"], passed=passed)
        assert (intent["status"], intent["last_payment_error"]["code"]) == ("requires_payment_method", code)
    assert shown(client, session_id).status == "open"


# What goes wrong on the way


@pytest.mark.parametrize(
    ("kind", "is_done"), [("refused", False), ("hanging", False), ("failed", True), ("lost", True), ("cut", True)]
)
def test_a_fault_befalls_the_next_call_only(company: FakeStripe, client: stripe.StripeClient, kind: str, is_done: bool) -> None:
    company.break_down(kind, path="/v1/checkout", seconds=2)
    assert refusal(lambda: open_session(client, "k1"))[0] in ("APIError", "APIConnectionError")
    assert len(list(company.book.all("checkout.session"))) == (kind in ("failed", "lost", "cut"))
    if kind == "failed":  # stored, and said again
        assert refusal(lambda: open_session(client, "k1")) == ("APIError", None, 500)
    else:
        open_session(client, "k1")
    assert len(list(company.book.all("checkout.session"))) == 1


def test_switches_work_over_http_too(company: FakeStripe, client: stripe.StripeClient) -> None:
    def switch(name: str, content: bytes) -> int:
        with build_opener().open(f"{company.url}/_control/{name}", content) as answer:
            return int(answer.status)

    assert switch("break_down", b'{"kind": "refused", "status": 503}') == 200
    assert refusal(lambda: open_session(client))[2] == 503
    session_id = open_session(client)
    assert switch("pay", b'{"session_id": "%s"}' % session_id.encode()) == 200
    assert shown(client, session_id).payment_status == "paid"
    with pytest.raises(HTTPError) as refused:
        switch("pay", b'{"session_id": "%s"}' % session_id.encode())
    refused.value.close()


# Messages


def test_messages_are_signed_with_every_secret_and_verified_by_the_library(
    company: FakeStripe, client: stripe.StripeClient
) -> None:
    company.pay(open_session(client))
    company.set_webhooks(secrets=[SECRET, "whsec_new"])
    message = company.message(company.events("checkout.session.completed")[0])
    for secret in (SECRET, "whsec_new"):
        event: Any = stripe.Webhook.construct_event(message.body, message.headers["Stripe-Signature"], secret)
        assert event.data.object.payment_status == "paid"
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(message.body, message.headers["Stripe-Signature"], "whsec_other")
