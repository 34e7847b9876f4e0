"""Money that goes back: promised once, carried out once, never more than came."""

from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection
from django.db.models import F

from bookings.tests import races
from bookings.tests.races import race
from events.tests.factories import Hall
from payments import reconciliation
from payments.gateways import GatewayUnavailable, RefundRefused, RefundResult, RefundStatus
from payments.gateways.sandbox import Sandbox
from payments.models import Account, Dispute, Payment, Refund, SandboxCharge, SandboxDispute, SandboxRefund
from payments.services import (
    NotFailed,
    TooMuch,
    cancel_event,
    execute_refund,
    give_back,
    pay_by_hand,
    refresh_from_gateway,
    retry_refund,
    returns,
    settle_refund,
)

from .factories import balances, paid, state


def give(payment: Payment, amount: int, key: str = "kind") -> Refund:
    refund = give_back(payment_id=payment.pk, amount_minor=amount, key=key, note="rain", actor="boss")
    assert isinstance(refund, Refund)
    return refund


def sent_back() -> list[tuple[int, str]]:
    return list(SandboxRefund.objects.order_by("pk").values_list("amount_minor", "status"))


def refuse(monkeypatch: pytest.MonkeyPatch, error: Exception, *, done: bool = False) -> None:
    """The gateway answers like this; `done`: after it has done what it was asked for."""
    works = Sandbox._refund

    def answer(self: Sandbox, **wish: Any) -> RefundResult:
        if done:
            works(self, **wish)
        raise error

    monkeypatch.setattr(Sandbox, "_refund", answer)


# One after the other


def test_a_part_and_then_the_rest_go_back_and_the_booking_says_so(hall: Hall) -> None:
    booking, payment = paid(hall, 1, 2)
    assert balances() == {Account.CLEARING: 16464, Account.GATEWAY_FEES: 336, Account.ORGANIZER: -16800}

    part = execute_refund(refund_id=give(payment, 5000).pk)
    assert (part.status, state(booking), sent_back()) == ("succeeded", ("confirmed", "partly_refunded"), [(5000, "succeeded")])
    rest = execute_refund(refund_id=give(payment, 11800, key="rest").pk)
    assert (rest.status, state(booking)) == ("succeeded", ("confirmed", "refunded"))
    assert balances() == {Account.CLEARING: -336, Account.GATEWAY_FEES: 336}
    assert booking.tickets.filter(status="valid").count() == 2


def test_a_key_of_a_payment_is_one_refund(hall: Hall) -> None:
    _booking, payment = paid(hall, 1)
    assert give(payment, 100) == give(payment, 200)
    assert Refund.objects.get().amount_minor == 100


@pytest.mark.parametrize("amount", [8401, 10**12])
def test_more_than_was_captured_is_never_promised(hall: Hall, amount: int) -> None:
    _booking, payment = paid(hall, 1)
    with pytest.raises(TooMuch):
        give(payment, amount)
    give(payment, 8000)
    with pytest.raises(TooMuch):
        give(payment, 401, key="more")
    with pytest.raises(IntegrityError, match="more than it captured"):
        Refund.objects.update(amount_minor=F("amount_minor") + 401)
    assert not SandboxRefund.objects.exists()


def test_executing_a_refund_again_sends_nothing_again(hall: Hall) -> None:
    _booking, payment = paid(hall, 1)
    refund = give(payment, 100)
    for _ in range(3):
        assert execute_refund(refund_id=refund.pk).status == "succeeded"
    assert sent_back() == [(100, "succeeded")]


@pytest.mark.parametrize("done", [False, True])
def test_a_lost_answer_is_asked_for_again_and_is_the_same_refund(hall: Hall, monkeypatch: pytest.MonkeyPatch, done: bool) -> None:
    booking, payment = paid(hall, 1)
    refund = give(payment, 100)
    with monkeypatch.context() as patch:
        refuse(patch, GatewayUnavailable(), done=done)
        refund = execute_refund(refund_id=refund.pk)
        assert (refund.status, refund.attempts, state(booking)[1]) == ("sent", 1, "paid")
        assert execute_refund(refund_id=refund.pk).attempts == 1  # not due yet
    Refund.objects.update(due_at=F("created_at"))
    assert reconciliation.reconcile().refunds == 1
    assert (Refund.objects.get().status, sent_back(), state(booking)[1]) == ("succeeded", [(100, "succeeded")], "partly_refunded")


def test_what_the_gateway_refuses_is_for_people_who_try_again_or_pay_by_hand(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    booking, payment = paid(hall, 1)
    first, second = give(payment, 100), give(payment, 200, key="second")
    with pytest.raises(NotFailed):
        retry_refund(refund_id=first.pk, actor="boss")
    with monkeypatch.context() as patch:
        refuse(patch, RefundRefused("The account is closed."))
        for refund in (first, second):
            failed = execute_refund(refund_id=refund.pk)
            assert (failed.status, failed.error) == ("failed", "The account is closed.")
    assert (state(booking)[1], balances()[Account.BUYERS]) == ("paid", -300)
    with pytest.raises(TooMuch):  # it is still owed
        give(payment, 8101, key="third")

    retry_refund(refund_id=first.pk, actor="boss")
    assert execute_refund(refund_id=first.pk).status == "succeeded"
    by_hand = pay_by_hand(refund_id=second.pk, actor="boss", note="by bank transfer")
    assert (by_hand.status, by_hand.note, balances()[Account.BY_HAND]) == ("succeeded", "by bank transfer", -200)
    assert (state(booking)[1], Account.BUYERS in balances()) == ("partly_refunded", False)


def test_a_refund_that_comes_back_is_owed_again(hall: Hall) -> None:
    booking, payment = paid(hall, 1)
    refund = execute_refund(refund_id=give(payment, 100).pk)
    SandboxRefund.objects.update(status="failed")
    refresh_from_gateway(payment_id=payment.pk)
    refund.refresh_from_db()
    assert (refund.status, state(booking)[1], balances()[Account.BUYERS]) == ("failed", "paid", -100)

    retry_refund(refund_id=refund.pk, actor="boss")
    assert execute_refund(refund_id=refund.pk).status == "succeeded"
    assert (state(booking)[1], sent_back()) == ("partly_refunded", [(100, "failed"), (100, "succeeded")])
    refresh_from_gateway(payment_id=payment.pk)  # the failed try is still in the gateway's list
    assert Refund.objects.get().status == "succeeded"


def test_what_takes_its_time_at_the_gateway_is_paid_when_it_says_so(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    booking, payment = paid(hall, 1)
    refund = execute_refund_pending(give(payment, 100), monkeypatch)
    assert (refund.status, state(booking)[1]) == ("sent", "paid")
    SandboxRefund.objects.update(status="succeeded")
    refresh_from_gateway(payment_id=payment.pk)
    assert (Refund.objects.get().status, state(booking)[1]) == ("succeeded", "partly_refunded")


def execute_refund_pending(refund: Refund, monkeypatch: pytest.MonkeyPatch) -> Refund:
    field = SandboxRefund._meta.get_field("status")
    with monkeypatch.context() as patch:
        patch.setattr(field, "default", "pending")
        return execute_refund(refund_id=refund.pk)


def test_a_refund_made_at_the_gateway_itself_is_noted_once(hall: Hall) -> None:
    booking, payment = paid(hall, 1)
    charge = SandboxCharge.objects.get(pk=payment.gateway_id)
    charge.refunds.create(idempotency_key="dashboard", amount_minor=2000)
    for _ in range(3):
        refresh_from_gateway(payment_id=payment.pk)
    assert list(Refund.objects.values_list("amount_minor", "reason", "status")) == [(2000, "at_gateway", "succeeded")]
    assert (state(booking)[1], balances()[Account.ORGANIZER]) == ("partly_refunded", -6400)


@pytest.mark.parametrize(("is_lost", "left"), [(None, -8400), (False, -8400), (True, 0)])
def test_a_dispute_is_noted_and_what_is_lost_is_the_organizers_loss(hall: Hall, is_lost: bool | None, left: int) -> None:
    _booking, payment = paid(hall, 1)
    dispute = SandboxDispute.objects.create(charge_id=UUID(payment.gateway_id), amount_minor=8400)
    refresh_from_gateway(payment_id=payment.pk)
    assert balances()[Account.DISPUTED] == 8400
    SandboxDispute.objects.filter(pk=dispute.pk).update(is_lost=is_lost)
    for _ in range(2):
        refresh_from_gateway(payment_id=payment.pk)
    assert Dispute.objects.get().status == {None: "open", False: "won", True: "lost"}[is_lost]
    assert balances().get(Account.ORGANIZER, 0) == left


def test_an_event_that_is_cancelled_gives_back_what_has_not_gone_back_yet(hall: Hall) -> None:
    booking, payment = paid(hall, 1)
    execute_refund(refund_id=give(payment, 400).pk)
    cancel_event(event_id=hall.event.pk, actor="boss")
    for refund in Refund.objects.all():
        execute_refund(refund_id=refund.pk)
    assert sent_back() == [(400, "succeeded"), (8000, "succeeded")]
    assert state(booking) == ("cancelled", "refunded")


def test_a_contradicting_answer_changes_nothing(hall: Hall) -> None:
    booking, payment = paid(hall, 1)
    refund = give(payment, 100)
    for wrong in ({"amount_minor": 99}, {"currency": "USD"}):
        told: dict[str, Any] = {"gateway_id": "r", "status": RefundStatus.SUCCEEDED, "amount_minor": 100, "currency": "EUR"}
        settle_refund(refund_id=refund.pk, result=RefundResult(**(told | wrong)))
    assert (Refund.objects.get().status, state(booking)[1]) == ("requested", "paid")


# All at one moment


def test_of_two_large_refunds_at_one_moment_one_is_promised(hall: Hall) -> None:
    _booking, payment = paid(hall, 1)
    results = race([partial(give, payment, 5040, key=key) for key in ("one", "two")])
    assert races.outcomes(results) == {"Refund": 1, "TooMuch": 1}


def test_without_the_trigger_and_the_lock_both_are_promised(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    _booking, payment = paid(hall, 1)
    monkeypatch.setattr(returns, "lock_payment", lambda pk: (None, Payment.objects.get(pk=pk)))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE payments_refund DISABLE TRIGGER payments_refund_within_captured")
    try:
        results = race([partial(give, payment, 5040, key=key) for key in ("one", "two")])
        assert races.outcomes(results) == {"Refund": 2}
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE payments_refund ENABLE TRIGGER payments_refund_within_captured")
            cursor.execute("TRUNCATE events_event, outbox_outboxmessage CASCADE")


def test_twenty_equal_wishes_and_twenty_executions_are_one_refund(hall: Hall) -> None:
    booking, payment = paid(hall, 1)
    results = race([partial(give, payment, 100)] * 20)
    assert len({refund.pk for refund in results}) == 1
    assert races.outcomes(race([partial(execute_refund, refund_id=results[0].pk)] * 20)) == {"Refund": 20}
    assert (sent_back(), state(booking)[1]) == ([(100, "succeeded")], "partly_refunded")


def test_the_answer_and_the_webhook_of_a_refund_book_it_once(hall: Hall) -> None:
    booking, payment = paid(hall, 1)
    refund = give(payment, 100)
    for _ in range(3):
        results = race([partial(execute_refund, refund_id=refund.pk), partial(refresh_from_gateway, payment_id=payment.pk)])
        assert set(races.outcomes(results)) == {"Refund", "Payment"}
    assert (Refund.objects.get().status, state(booking)[1]) == ("succeeded", "partly_refunded")
    assert balances()[Account.ORGANIZER] == -8300
