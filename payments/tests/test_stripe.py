"""Stripe's adapter against the stand-in for Stripe."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import stripe as library
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from evently.money import CURRENCIES
from payments.fake_stripe import FakeStripe
from payments.fake_stripe.book import DISPUTED, REFUND_FAILS, REFUND_PENDING, Thing
from payments.fake_stripe.server import SECRET
from payments.fake_stripe.webhooks import sign
from payments.gateways import (
    BadSignature,
    ChargeRefused,
    ChargeStatus,
    DisputeResult,
    GatewayUnavailable,
    RefundRefused,
    RefundStatus,
    UnknownCharge,
    breaker,
)
from payments.gateways import stripe as adapter
from payments.gateways.stripe import Stripe, from_stripe, to_stripe

DECLINED = "4000000000000002"
WISH: dict[str, Any] = {
    "key": "k1",
    "amount_minor": 8400,
    "currency": "EUR",
    "reference": "r1",
    "description": "Concert",
    "return_url": "http://testserver/back/",
}


def charge(**other: Any) -> str:
    return Stripe().create(**WISH | other).gateway_id


def sessions(company: FakeStripe) -> list[Thing]:
    return list(company.book.all("checkout.session"))


def refund(gateway_id: str, amount: int = 8400, key: str = "f1") -> Any:
    return Stripe().refund(gateway_id=gateway_id, key=key, amount_minor=amount, currency="EUR", reference="refund")


# Charges


def test_a_charge_is_a_session_that_knows_its_payment_and_says_nothing_of_the_buyer(company: FakeStripe) -> None:
    created = Stripe().create(**WISH)
    [session] = sessions(company)
    assert (created.gateway_id, created.redirect_url) == (session["id"], session["url"])
    assert session["metadata"] == {"payment": "r1", "account": ""}
    assert (session["success_url"], session["cancel_url"]) == ("http://testserver/back/", "http://testserver/back/?left")
    assert Stripe().fetch(created.gateway_id).status == ChargeStatus.OPEN


def test_equal_keys_open_one_charge(company: FakeStripe) -> None:
    assert Stripe().create(**WISH) == Stripe().create(**WISH)
    assert len(sessions(company)) == 1


def test_a_paid_charge_tells_its_amount_fee_reference_and_payee(company: FakeStripe) -> None:
    gateway_id = charge()
    company.pay(gateway_id)
    result = Stripe().fetch(gateway_id)
    assert (result.status, result.amount_minor, result.currency) == (ChargeStatus.CAPTURED, 8400, "EUR")
    assert (result.reference, result.payee, result.fee_minor, result.declines) == ("r1", "", 151, 0)
    assert (result.refunds, result.disputes) == ((), ())


def test_a_charge_that_is_paid_is_one_call(company: FakeStripe) -> None:
    gateway_id = charge()
    company.pay(gateway_id)
    company.calls.clear()
    Stripe().fetch(gateway_id)
    assert company.calls.total() == 1


def test_declined_tries_are_counted_and_do_not_end_the_charge(company: FakeStripe) -> None:
    gateway_id = charge()
    for _ in range(2):
        company.pay(gateway_id, DECLINED)
    result = Stripe().fetch(gateway_id)
    assert (result.status, result.declines) == (ChargeStatus.OPEN, 2)


@pytest.mark.parametrize(("succeeds", "status"), [(True, ChargeStatus.CAPTURED), (False, ChargeStatus.DECLINED)])
def test_money_that_comes_later_leaves_the_charge_open_until_then(
    company: FakeStripe, succeeds: bool, status: ChargeStatus
) -> None:
    gateway_id = charge()
    company.do("pay_later", session_id=gateway_id)
    assert Stripe().fetch(gateway_id).status == ChargeStatus.OPEN
    assert Stripe().cancel(gateway_id).status == ChargeStatus.OPEN  # it is too late for that
    company.do("money_arrives", session_id=gateway_id, succeeds=succeeds)
    assert Stripe().fetch(gateway_id).status == status


def test_a_cancelled_charge_cannot_be_paid_and_a_paid_one_is_returned_as_paid(company: FakeStripe) -> None:
    left, paid = charge(), charge(key="k2")
    assert [Stripe().cancel(left).status for _ in range(2)] == [ChargeStatus.ABANDONED] * 2
    with pytest.raises(Exception, match="no longer open"):
        company.pay(left)
    company.pay(paid)
    assert Stripe().cancel(paid).status == ChargeStatus.CAPTURED


@pytest.mark.parametrize("unknown", ["", "x", "cs_test_1", "pi_1", "../account", "cs_/../../account"])
def test_an_unknown_charge_is_said_to_be_unknown(company: FakeStripe, unknown: str) -> None:
    for ask in (Stripe().fetch, Stripe().cancel):
        with pytest.raises(UnknownCharge):
            ask(unknown)


def test_stripe_is_never_called_inside_a_transaction(company: FakeStripe) -> None:
    gateway_id = charge()
    company.calls.clear()
    calls: list[Callable[[], Any]] = [
        lambda: charge(key="k2"),
        lambda: Stripe().fetch(gateway_id),
        lambda: Stripe().cancel(gateway_id),
        lambda: refund(gateway_id),
    ]
    for call in calls:
        with pytest.raises(RuntimeError), transaction.atomic():
            call()
    assert company.calls.total() == 0


# Amounts


@pytest.mark.parametrize(
    ("minor", "currency", "amount"),
    [
        (8400, "EUR", 8400),
        (8400, "JPY", 8400),
        (8400, "KWD", 8400),
        (84, "ISK", 8400),
        (84, "UGX", 8400),
        (8400, "MGA", 84),
        (1, "USD", 1),
    ],
)
def test_amounts_are_said_in_stripes_unit(minor: int, currency: str, amount: int) -> None:
    assert to_stripe(minor, currency) == amount
    assert from_stripe(amount, currency.lower()) == minor


@pytest.mark.parametrize(("minor", "currency"), [(8401, "KWD"), (8401, "MGA")])
def test_an_amount_that_stripe_cannot_say_is_refused_and_never_rounded(company: FakeStripe, minor: int, currency: str) -> None:
    with pytest.raises(ChargeRefused):
        charge(amount_minor=minor, currency=currency)
    assert sessions(company) == []


@given(minor=st.integers(1, 10**12), currency=st.sampled_from([*CURRENCIES, "ISK", "UGX", "MGA", "BHD"]))
def test_no_amount_changes_on_its_way_there_and_back(minor: int, currency: str) -> None:
    try:
        amount = to_stripe(minor, currency)
    except ChargeRefused:
        return
    assert from_stripe(amount, currency) == minor


@pytest.mark.parametrize("minor", [49, 100_000_000])
def test_what_stripe_does_not_take_is_refused_politely(company: FakeStripe, minor: int) -> None:
    with pytest.raises(ChargeRefused):
        charge(amount_minor=minor)


def test_a_fee_in_another_currency_is_told_in_the_charges() -> None:
    moved = library.BalanceTransaction.construct_from({"currency": "eur", "fee": 151, "exchange_rate": 0.9}, None)
    paid = library.Charge.construct_from({"currency": "jpy", "balance_transaction": moved}, None)
    assert adapter.fee_of(paid) == 2  # 1.51 EUR at 0.9 EUR for a yen
    assert adapter.fee_of(library.Charge.construct_from({"currency": "jpy", "balance_transaction": None}, None)) == 0


# Refunds and disputes


def test_refunds_of_one_key_are_one_even_after_stripe_has_forgotten_the_key(company: FakeStripe) -> None:
    gateway_id = charge()
    company.pay(gateway_id)
    first = refund(gateway_id, 4000)
    assert (first.status, first.amount_minor, first.currency) == (RefundStatus.SUCCEEDED, 4000, "EUR")
    company.account().answers.clear()
    assert refund(gateway_id, 4000) == first
    assert refund(gateway_id, 4400, key="f2") != first
    assert [one.amount_minor for one in Stripe().fetch(gateway_id).refunds] == [4000, 4400]


def test_a_refund_whose_answer_was_lost_is_found_again(company: FakeStripe) -> None:
    gateway_id = charge()
    company.pay(gateway_id)
    company.break_down("lost", path="/v1/refunds", times=2)
    with pytest.raises(GatewayUnavailable):
        refund(gateway_id, 4000)
    company.account().answers.clear()
    refund(gateway_id, 4000)
    assert [one.amount_minor for one in Stripe().fetch(gateway_id).refunds] == [4000]


def test_more_than_ten_refunds_are_all_told(company: FakeStripe) -> None:
    gateway_id = charge()
    company.pay(gateway_id)
    made = [refund(gateway_id, 100, key=f"f{number}") for number in range(12)]
    assert list(Stripe().fetch(gateway_id).refunds) == made
    assert refund(gateway_id, 100, key="f0") == made[0]


def test_what_stripe_does_not_send_back_is_refused_with_its_reason(company: FakeStripe) -> None:
    unpaid, paid = charge(), charge(key="k2")
    company.pay(paid)
    with pytest.raises(RefundRefused):
        refund(unpaid)
    with pytest.raises(RefundRefused, match="greater than unrefunded amount"):
        refund(paid, 8401)
    refund(paid)
    with pytest.raises(RefundRefused, match="already been refunded"):
        refund(paid, 1, key="f2")


def test_pending_and_failed_refunds_are_told(company: FakeStripe) -> None:
    pending, failed = charge(), charge(key="k2")
    company.pay(pending, REFUND_PENDING)
    company.pay(failed, REFUND_FAILS)
    assert refund(pending).status == RefundStatus.PENDING
    refund(failed, key="f2")
    assert [one.status for one in Stripe().fetch(failed).refunds] == [RefundStatus.FAILED]


def test_a_refund_made_in_the_dashboard_is_told(company: FakeStripe) -> None:
    gateway_id = charge()
    intent = company.pay(gateway_id)
    company.do("refund", wish={"payment_intent": intent["id"], "amount": "100"})
    assert [one.amount_minor for one in Stripe().fetch(gateway_id).refunds] == [100]


@pytest.mark.parametrize("won", [True, False, None])
def test_disputes_are_told(company: FakeStripe, won: bool | None) -> None:
    gateway_id = charge()
    company.pay(gateway_id, DISPUTED)
    [dispute] = company.book.all("dispute")
    if won is not None:
        company.do("decide_dispute", dispute_id=dispute["id"], won=won)
    is_lost = None if won is None else not won
    expected = DisputeResult(gateway_id=dispute["id"], amount_minor=8400, currency="EUR", is_lost=is_lost)
    assert Stripe().fetch(gateway_id).disputes == (expected,)
    with pytest.raises(RefundRefused):
        refund(gateway_id)


# When it does not answer


@pytest.mark.parametrize("kind", ["refused", "lost", "cut"])
def test_a_call_that_fails_once_is_made_again_under_the_same_key(company: FakeStripe, kind: str) -> None:
    company.break_down(kind)
    charge()
    assert (len(sessions(company)), company.calls.total()) == (1, 2)


@pytest.mark.parametrize("kind", ["refused", "lost"])
def test_after_two_failures_it_is_unknown_what_happened(company: FakeStripe, kind: str) -> None:
    company.break_down(kind, times=2)
    with pytest.raises(GatewayUnavailable):
        charge()
    charge()
    assert (len(sessions(company)), company.calls.total()) == (1, 3)


def test_a_call_without_an_answer_ends_in_time(company: FakeStripe, monkeypatch: pytest.MonkeyPatch) -> None:
    assert adapter.LAST_START + adapter.CONNECT_TIMEOUT + adapter.READ_TIMEOUT < 10
    monkeypatch.setattr(adapter, "http", lambda: library.RequestsClient(timeout=(1, 0.1)))
    monkeypatch.setattr(adapter, "LAST_START", 0.05)  # so that it is not tried again
    company.break_down("hanging", seconds=1)
    with pytest.raises(GatewayUnavailable):
        charge()
    assert company.calls.total() == 1


def test_a_failure_that_stripe_keeps_for_the_key_ends_the_charge(company: FakeStripe) -> None:
    company.break_down("failed")
    with pytest.raises(ChargeRefused, match="does not answer at the moment"):
        charge()


def test_other_words_for_the_same_key_are_never_a_second_charge(company: FakeStripe) -> None:
    charge()
    with pytest.raises(GatewayUnavailable):
        charge(description="Another concert")
    assert len(sessions(company)) == 1


@pytest.mark.parametrize("key", ["", "sk_test_wrong"])
def test_without_the_right_key_nothing_can_be_paid(company: FakeStripe, settings: Any, key: str) -> None:
    settings.EVENTLY_STRIPE_KEY = key
    with pytest.raises(GatewayUnavailable):
        charge()


def test_a_gateway_that_fails_again_and_again_is_left_alone_and_then_tried_by_one(
    company: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "PAUSE", 1)
    company.break_down("refused", times=-1)
    for _ in range(3):
        with pytest.raises(GatewayUnavailable):
            charge()
    asked = company.calls.total()
    assert asked == breaker.LIMIT
    for _ in range(3):  # also by another process: it is in the cache
        with pytest.raises(GatewayUnavailable):
            Stripe().fetch("cs_test_1")
    assert company.calls.total() == asked

    time.sleep(1.1)
    with pytest.raises(GatewayUnavailable):  # one may try; it fails, and the pause begins anew
        charge()
    assert company.calls.total() == asked + 1

    time.sleep(1.1)
    company.heal()
    trying, waiting = breaker.Breaker("stripe:"), breaker.Breaker("stripe:")
    trying.check()
    with pytest.raises(GatewayUnavailable):
        waiting.check()
    trying.succeeded()
    charge()


def test_refusals_are_answers_and_do_not_trip_the_breaker(company: FakeStripe) -> None:
    for _ in range(breaker.LIMIT + 1):
        with pytest.raises(ChargeRefused):
            charge(amount_minor=1)
    charge()


def test_the_breaker_lets_everybody_through_while_the_cache_is_down(
    company: FakeStripe, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Nothing:
        """What the cache answers while Redis is down."""

        def __getattr__(self, name: str) -> Callable[..., None]:
            return lambda *_: None

    monkeypatch.setattr(breaker, "cache", Nothing())
    company.break_down("refused", times=8)
    for _ in range(4):
        with pytest.raises(GatewayUnavailable):
            charge()
    charge()
    assert company.calls.total() == 9


# What it tells


def message(company: FakeStripe, kind: str, **more: Any) -> dict[str, Any]:
    told = company.message(company.events(kind)[-1], **more)
    return {"headers": told.headers, "body": told.body}


@pytest.mark.parametrize(
    "kind",
    ["checkout.session.completed", "payment_intent.succeeded", "charge.refunded", "charge.dispute.created", "refund.created"],
)
def test_a_message_about_anything_of_a_charge_names_the_charge(company: FakeStripe, kind: str) -> None:
    gateway_id = charge()
    company.pay(gateway_id)
    refund(gateway_id, 100)
    [paid] = company.book.all("charge")
    company.do("dispute", charge_id=paid["id"])
    notice = Stripe().parse_webhook(**message(company, kind))
    assert (notice.gateway_id, notice.kind) == (gateway_id, kind)
    assert notice.event_id == company.events(kind)[-1]["id"]


def test_a_message_about_something_else_names_that(company: FakeStripe) -> None:
    company.do("tell", kind="customer.created", thing={"id": "cus_1", "object": "customer"})
    assert Stripe().parse_webhook(**message(company, "customer.created")).gateway_id == "cus_1"


def test_while_a_secret_is_replaced_either_will_do(company: FakeStripe, settings: Any) -> None:
    charge()
    company.do("expire_session", session_id=sessions(company)[0]["id"])
    company.set_webhooks(secrets=["whsec_old", "whsec_new"])
    told = message(company, "checkout.session.expired")
    for known in (["whsec_old"], ["whsec_new"], ["whsec_other", "whsec_new"]):
        settings.EVENTLY_STRIPE_WEBHOOK_SECRETS = known
        Stripe().parse_webhook(**told)
    for known in ([], [""], ["whsec_other"]):
        settings.EVENTLY_STRIPE_WEBHOOK_SECRETS = known
        with pytest.raises(BadSignature):
            Stripe().parse_webhook(**told)


BODY = b'{"id": "evt_1", "type": "x", "data": {"object": {"id": "cs_1", "object": "checkout.session"}}}'
NOW = 1_800_000_000


def header(*, secrets: tuple[str, ...] = (SECRET,), at: int = NOW, body: bytes = BODY) -> str:
    from_library = [library.WebhookSignature._compute_signature(f"{at}.{body.decode()}", secret) for secret in secrets]
    return ",".join([f"t={at}", *(f"v1={signature}" for signature in from_library)])


def test_a_signature_of_the_library_verifies_for_five_minutes_either_way() -> None:
    for at in (NOW - 300, NOW, NOW + 300):
        adapter.verify(secrets=[SECRET], header=header(), body=BODY, at=at)
    for at in (NOW - 301, NOW + 301):
        with pytest.raises(BadSignature):
            adapter.verify(secrets=[SECRET], header=header(), body=BODY, at=at)


def test_one_changed_byte_anywhere_is_refused() -> None:
    for position in range(len(BODY)):
        changed = bytearray(BODY)
        changed[position] ^= 1
        with pytest.raises(BadSignature):
            adapter.verify(secrets=[SECRET], header=header(), body=bytes(changed), at=NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        f"t={NOW}",
        header().replace("v1=", "v0="),
        header().removeprefix(f"t={NOW},"),
        header() + f",t={NOW + 1}",
        header().replace(f"t={NOW}", f"t={NOW + 1}"),
        header().replace(f"t={NOW}", "t=٣"),
        header().replace(f"t={NOW}", f"t={'9' * 5000}"),
        header(secrets=("whsec_other",)),
        f"t={NOW}," + ",".join(["v1=x"] * adapter.MOST_SIGNATURES) + "," + header().partition(",")[2],
        f"t={NOW},v1=é",
    ],
)
def test_a_missing_or_wrong_signature_is_refused(wrong: str) -> None:
    with pytest.raises(BadSignature):
        adapter.verify(secrets=[SECRET], header=wrong, body=BODY, at=NOW)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"id": 1, "type": 2, "data": {"object": {}}}',
        b'{"id": "e", "type": "x", "data": []}',
        b"\xff\xfe{\x00",
    ],
)
def test_what_is_signed_but_not_a_message_is_refused(company: FakeStripe, body: bytes) -> None:
    with pytest.raises(BadSignature):
        Stripe().parse_webhook(headers={"Stripe-Signature": sign(body, [SECRET], at=int(time.time()))}, body=body)
