"""Paying a booking: what is captured confirms it or goes back, never both, never neither."""

from typing import Any

import pytest
from django.db import transaction

from bookings.models import Booking, BookingHistory, Ticket
from bookings.services import (
    DetailsMissing,
    HoldEnded,
    NotCancellable,
    change_hold,
    confirm_free_booking,
    expire_holds,
    hold_seats,
)
from bookings.tests.races import time_passes
from evently.outbox.models import OutboxMessage
from events.models import Event, Seat
from events.tests.factories import Hall, make_hall
from payments import gateways
from payments.accounts import ways_to_pay
from payments.gateways import ChargeStatus, Created, GatewayUnavailable, Result, UnknownGateway
from payments.gateways.sandbox import Sandbox
from payments.models import Payment, Refund, SandboxCharge
from payments.services import NothingToPay, cancel_booking, cancel_event, settle, settle_from_gateway, start_checkout

from .factories import ABANDONED, ANN, BOB, DECLINED, check_out, decide, hold, outcomes, refunds, state


def captured(payment: Payment, **other: Any) -> Result:
    facts: dict[str, Any] = {"amount_minor": payment.amount_minor, "currency": payment.currency, "reference": str(payment.pk)}
    return Result(status=ChargeStatus.CAPTURED, **facts | other)


def topics(prefix: str) -> list[str]:
    return sorted(OutboxMessage.objects.filter(topic__startswith=prefix).values_list("topic", flat=True))


# Paying


def test_a_paid_charge_confirms_its_booking(hall: Hall) -> None:
    booking = hold(hall, 1, 2)
    payment = check_out(booking).payment
    assert (payment.status, payment.amount_minor, payment.currency) == ("pending", 16800, "EUR")
    assert state(booking) == ("paying", "unpaid")

    decide(payment)
    settle_from_gateway(payment_id=payment.pk)

    assert state(booking) == ("confirmed", "paid")
    assert outcomes(booking) == [("captured", "confirmed")]
    assert refunds(booking) == []
    assert Ticket.objects.filter(booking=booking, status="valid").count() == 2
    assert topics("payment.") == ["payment.captured"]
    assert BookingHistory.objects.filter(booking=booking).order_by("version").last().actor == "gateway:sandbox"  # type: ignore[union-attr]


def test_the_buyer_is_sent_to_the_pay_page_of_the_host_that_they_visit(hall: Hall) -> None:
    checkout = start_checkout(
        booking_id=hold(hall, 1).pk, gateway="sandbox", actor="ann", site_url="https://shop.example/somewhere"
    )
    charge = SandboxCharge.objects.get()
    assert checkout.redirect_url == f"https://shop.example/sandbox/{charge.pk}/"
    assert charge.return_url == f"https://shop.example/payments/{checkout.payment.pk}/return/"


def test_settling_twice_changes_nothing(hall: Hall) -> None:
    booking = hold(hall, 1)
    payment = check_out(booking).payment
    decide(payment)
    for _ in range(3):
        settle_from_gateway(payment_id=payment.pk)
        settle(payment_id=payment.pk, result=captured(payment, amount_minor=1))
    assert outcomes(booking) == [("captured", "confirmed")]
    assert topics("payment.") == ["payment.captured"]


def test_a_second_click_continues_the_same_payment(hall: Hall) -> None:
    booking = hold(hall, 1)
    first, second = check_out(booking), check_out(booking)
    assert second == first
    assert SandboxCharge.objects.count() == 1


def test_a_hold_that_has_ended_or_nobody_known_cannot_be_paid(hall: Hall) -> None:
    booking = hold(hall, 1)
    time_passes(minutes=11)
    with pytest.raises(HoldEnded):
        check_out(booking)
    unknown = hold_seats(buyer=BOB, event_id=hall.event.pk, seats=dict.fromkeys(hall.seat_ids(2)))
    with pytest.raises(DetailsMissing):
        check_out(unknown)
    assert Payment.objects.count() == 0


def test_what_costs_nothing_is_not_paid() -> None:
    booking = hold(make_hall(price=0), 1)
    with pytest.raises(NothingToPay):
        check_out(booking)
    assert state(booking) == ("held", "unpaid")


def test_a_way_to_pay_that_is_not_offered_is_refused_before_anything_happens(hall: Hall, settings: Any) -> None:
    booking = hold(hall, 1)
    settings.EVENTLY_GATEWAYS = []
    with pytest.raises(UnknownGateway):
        check_out(booking)
    assert (state(booking), ways_to_pay(hall.event)) == (("held", "unpaid"), {})


# Not paying


@pytest.mark.parametrize("decision", [DECLINED, ABANDONED])
def test_a_declined_or_abandoned_payment_keeps_the_seats_and_may_be_tried_again(
    hall: Hall, decision: SandboxCharge.Status
) -> None:
    booking = hold(hall, 1)
    first = check_out(booking).payment
    booking.refresh_from_db()
    until = booking.expires_at
    decide(first, decision)
    settle_from_gateway(payment_id=first.pk)
    assert state(booking) == ("held", "unpaid")
    assert booking.expires_at == until

    second = check_out(booking).payment
    assert second.pk != first.pk
    # Told once more of the first, the second is not disturbed.
    settle_from_gateway(payment_id=first.pk)
    assert state(booking) == ("paying", "unpaid")
    decide(second)
    settle_from_gateway(payment_id=second.pk)
    assert state(booking) == ("confirmed", "paid")
    assert outcomes(booking) == [(decision, ""), ("captured", "confirmed")]


def test_a_payment_still_open_leaves_everything_as_it_is(hall: Hall) -> None:
    booking = hold(hall, 1)
    payment = check_out(booking).payment
    assert settle_from_gateway(payment_id=payment.pk).status == "pending"
    assert state(booking) == ("paying", "unpaid")


def test_one_payment_declined_while_another_is_under_way_does_not_open_the_booking_for_changes(
    hall: Hall, other_gateway: None
) -> None:
    booking = hold(hall, 1)
    first = check_out(booking).payment
    second = start_checkout(booking_id=booking.pk, gateway="other", actor="ann").payment
    decide(first, DECLINED)
    settle_from_gateway(payment_id=first.pk)
    assert state(booking) == ("paying", "unpaid")
    decide(second, DECLINED)
    settle_from_gateway(payment_id=second.pk)
    assert state(booking) == ("held", "unpaid")


# Late, twice, wrong


def test_late_money_gets_the_seats_back_while_they_are_free(hall: Hall) -> None:
    booking = hold(hall, 1, 2)
    payment = check_out(booking).payment
    decide(payment)
    time_passes(minutes=16)
    expire_holds()
    assert state(booking) == ("expired", "unpaid")

    settle_from_gateway(payment_id=payment.pk)
    assert state(booking) == ("confirmed", "paid")
    assert refunds(booking) == []


@pytest.mark.parametrize("swept", [True, False])
def test_late_money_goes_back_in_full_when_a_seat_was_taken(hall: Hall, swept: bool) -> None:
    booking = hold(hall, 1, 2)
    payment = check_out(booking).payment
    decide(payment)
    time_passes(minutes=16)
    if swept:
        expire_holds()
    hold(hall, 2, 3, buyer=BOB)

    for _ in range(2):
        settle_from_gateway(payment_id=payment.pk)
    assert state(booking) == ("expired", "paid")
    assert outcomes(booking) == [("captured", "refund")]
    assert refunds(booking) == [("seats_lost", 16800, "EUR")]
    assert topics("refund.") == ["refund.requested"]
    assert Seat.objects.get(pk=hall.seat_ids(1)[0]).status == "available"


@pytest.fixture
def other_gateway(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """A second way to pay, so that one booking can be paid twice."""

    class Other(Sandbox):
        name = "other"

    monkeypatch.setitem(gateways.GATEWAYS, "other", Other())
    settings.EVENTLY_GATEWAYS = ["sandbox", "other"]


def test_who_pays_in_another_way_can_no_longer_pay_in_the_first(hall: Hall, other_gateway: None) -> None:
    booking = hold(hall, 1)
    first = check_out(booking).payment
    second = start_checkout(booking_id=booking.pk, gateway="other", actor="ann").payment
    for payment in (first, second):
        decide(payment)
        settle_from_gateway(payment_id=payment.pk)
    assert state(booking) == ("confirmed", "paid")
    assert outcomes(booking) == [("abandoned", ""), ("captured", "confirmed")]


def test_who_has_paid_in_the_first_way_is_not_sent_to_another(hall: Hall, other_gateway: None) -> None:
    booking = hold(hall, 1)
    decide(check_out(booking).payment)
    with pytest.raises(HoldEnded):
        start_checkout(booking_id=booking.pk, gateway="other", actor="ann")
    assert (state(booking), outcomes(booking)) == (("confirmed", "paid"), [("captured", "confirmed")])


def test_the_second_of_two_payments_goes_back(hall: Hall, other_gateway: None, monkeypatch: pytest.MonkeyPatch) -> None:
    class Deaf(Sandbox):
        def _cancel(self, gateway_id: str) -> Result:
            raise GatewayUnavailable

    monkeypatch.setitem(gateways.GATEWAYS, "sandbox", Deaf())
    booking = hold(hall, 1)
    first = check_out(booking).payment
    second = start_checkout(booking_id=booking.pk, gateway="other", actor="ann").payment
    for payment in (second, first):
        decide(payment)
        settle_from_gateway(payment_id=payment.pk)
    assert state(booking) == ("confirmed", "paid")
    assert outcomes(booking) == [("captured", "refund"), ("captured", "confirmed")]
    assert refunds(booking) == [("paid_twice", 8400, "EUR")]


@pytest.mark.parametrize("wrong", [{"amount_minor": 100}, {"amount_minor": 8401}, {"currency": "USD"}])
def test_a_wrong_amount_or_currency_never_confirms_and_goes_back_as_it_came(hall: Hall, wrong: dict[str, Any]) -> None:
    booking = hold(hall, 1)
    payment = check_out(booking).payment
    settle(payment_id=payment.pk, result=captured(payment, **wrong))
    assert state(booking) == ("held", "unpaid")
    assert outcomes(booking) == [("captured", "refund")]
    assert refunds(booking) == [("wrong_amount", wrong.get("amount_minor", 8400), wrong.get("currency", "EUR"))]


@pytest.mark.parametrize("wrong", [{"reference": "00000000-0000-7000-8000-000000000000"}, {"reference": ""}, {"amount_minor": 0}])
def test_a_wrong_reference_or_no_money_changes_nothing_and_calls_for_people(
    hall: Hall, wrong: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    booking = hold(hall, 1)
    payment = check_out(booking).payment
    settle(payment_id=payment.pk, result=captured(payment, **wrong))
    assert state(booking) == ("paying", "unpaid")
    assert (outcomes(booking), refunds(booking)) == ([("pending", "")], [])
    assert [record.levelname for record in caplog.records if record.name.startswith("payments.services")] == ["ERROR"]


def test_money_for_a_booking_that_has_changed_meanwhile_goes_back(hall: Hall, lost_answer: None) -> None:
    booking = hold(hall, 1, 2)
    with pytest.raises(GatewayUnavailable):
        check_out(booking)
    change_hold(booking_id=booking.pk, buyer=ANN, add={}, remove=hall.seat_ids(2))
    settle_lost(Payment.objects.get())
    assert state(booking) == ("held", "unpaid")
    assert refunds(booking) == [("wrong_amount", 16800, "EUR")]


# A gateway that fails


@pytest.fixture
def lost_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first charge is opened, but the answer that says so is lost."""

    class Lossy(Sandbox):
        answers = 0

        def _create(self, **wish: Any) -> Created:
            created = super()._create(**wish)
            self.answers += 1
            if self.answers == 1:
                raise GatewayUnavailable
            return created

    monkeypatch.setitem(gateways.GATEWAYS, "sandbox", Lossy())


def settle_lost(payment: Payment) -> None:
    """The buyer pays the charge whose id we do not know."""
    charge = SandboxCharge.objects.get(idempotency_key=payment.idempotency_key)
    charge.status = SandboxCharge.Status.PAID
    charge.save()
    settle_from_gateway(payment_id=payment.pk)


def test_a_gateway_that_fails_leaves_the_seats_held_and_the_next_try_finds_the_same_charge(hall: Hall, lost_answer: None) -> None:
    booking = hold(hall, 1)
    with pytest.raises(GatewayUnavailable) as refusal:
        check_out(booking)
    assert (refusal.value.code, refusal.value.status) == ("gateway_unavailable", 503)
    assert state(booking) == ("held", "unpaid")
    assert outcomes(booking) == [("created", "")]

    payment = check_out(booking).payment
    assert (SandboxCharge.objects.count(), Payment.objects.count()) == (1, 1)
    decide(payment)
    settle_from_gateway(payment_id=payment.pk)
    assert state(booking) == ("confirmed", "paid")


def test_money_on_a_charge_whose_id_was_lost_is_still_recognised(hall: Hall, lost_answer: None) -> None:
    booking = hold(hall, 1)
    with pytest.raises(GatewayUnavailable):
        check_out(booking)
    settle_lost(Payment.objects.get())
    assert state(booking) == ("confirmed", "paid")


def test_no_gateway_is_called_inside_a_transaction(hall: Hall) -> None:
    booking = hold(hall, 1)
    with transaction.atomic(), pytest.raises(RuntimeError, match="inside a transaction"):
        check_out(booking)
    payment = check_out(booking).payment
    with transaction.atomic(), pytest.raises(RuntimeError, match="inside a transaction"):
        gateways.get("sandbox").fetch(payment.gateway_id)
    with transaction.atomic(), pytest.raises(RuntimeError, match="inside a transaction"):
        settle_from_gateway(payment_id=payment.pk)


# Cancelling


def test_a_hold_is_cancelled_and_money_that_comes_then_goes_back(hall: Hall) -> None:
    booking = hold(hall, 1)
    payment = check_out(booking).payment
    cancel_booking(booking_id=booking.pk, actor="ann")
    assert state(booking) == ("cancelled", "unpaid")

    decide(payment)
    settle_from_gateway(payment_id=payment.pk)
    assert state(booking) == ("cancelled", "paid")
    assert refunds(booking) == [("booking_cancelled", 8400, "EUR")]


def test_a_paid_booking_is_not_cancelled_by_its_buyer(hall: Hall) -> None:
    booking = hold(hall, 1)
    payment = check_out(booking).payment
    decide(payment)
    settle_from_gateway(payment_id=payment.pk)
    with pytest.raises(NotCancellable):
        cancel_booking(booking_id=booking.pk, actor="ann")
    assert (state(booking), refunds(booking)) == (("confirmed", "paid"), [])


def cancellable(hall: Hall) -> dict[str, Booking]:
    """One booking of each kind: paid, being paid, held."""
    paid, paying, held = hold(hall, 1, 2), hold(hall, 3, buyer=BOB), hold(hall, 4, buyer=BOB)
    payment = check_out(paid).payment
    decide(payment)
    settle_from_gateway(payment_id=payment.pk)
    check_out(paying)
    return {"paid": paid, "paying": paying, "held": held}


def test_cancelling_an_event_promises_everybody_their_money(hall: Hall) -> None:
    bookings = cancellable(hall)
    progress: list[tuple[int, int]] = []
    assert cancel_event(event_id=hall.event.pk, actor="boss", progress=lambda *now: progress.append(now)) == 3

    assert progress == [(1, 3), (2, 3), (3, 3)]
    assert Event.objects.get().status == "cancelled"
    assert [state(booking)[0] for booking in bookings.values()] == ["cancelled"] * 3
    assert [refunds(booking) for booking in bookings.values()] == [[("event_cancelled", 16800, "EUR")], [], []]
    assert Ticket.objects.filter(status="valid").count() == 0
    assert topics("event.cancelled") == ["event.cancelled"]


def test_money_that_comes_while_the_event_is_being_cancelled_goes_back_once(hall: Hall) -> None:
    paying = cancellable(hall)["paying"]
    payment = paying.payments.get()
    decide(payment)
    cancel_event(event_id=hall.event.pk, actor="boss")
    for _ in range(2):
        settle_from_gateway(payment_id=payment.pk)
    assert outcomes(paying) == [("captured", "refund")]
    assert refunds(paying) == [("event_cancelled", 8400, "EUR")]


def test_cancelling_an_event_goes_on_where_it_was_interrupted(hall: Hall) -> None:
    bookings = cancellable(hall)

    def pull_the_plug(done: int, _total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cancel_event(event_id=hall.event.pk, actor="boss", progress=pull_the_plug)
    assert cancel_event(event_id=hall.event.pk, actor="boss") == 1
    assert cancel_event(event_id=hall.event.pk, actor="boss") == 0
    assert Refund.objects.count() == 1
    assert [state(booking)[0] for booking in bookings.values()] == ["cancelled"] * 3
    assert topics("event.cancelled") == ["event.cancelled"]


def test_a_free_booking_of_a_cancelled_event_has_nothing_to_give_back() -> None:
    hall = make_hall(price=0)
    booking = hold(hall, 1)
    confirm_free_booking(booking_id=booking.pk, actor="ann")
    assert cancel_event(event_id=hall.event.pk, actor="boss") == 1
    assert (state(booking), refunds(booking)) == (("cancelled", "unpaid"), [])
