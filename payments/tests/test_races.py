"""Many things happen to one payment at one moment; each guard has its twin that loses without it."""

from functools import partial
from uuid import UUID

import pytest
from django.db import connection

from bookings import services as booking_services
from bookings.models import Booking, Ticket
from bookings.services import expire_holds, hold_seats
from bookings.tests import races
from bookings.tests.races import race, slowly, time_passes
from evently.outbox.models import OutboxMessage
from events.tests.factories import Hall
from payments import ledger
from payments.models import Payment, Refund, SandboxCharge
from payments.services import cancel_booking, cancel_event, checkout, settle_from_gateway
from payments.services.rows import lock_payment

from .factories import BOB, check_out, decide, hold, outcomes, refunds, state


def paid(hall: Hall, *numbers: int) -> tuple[Booking, Payment]:
    booking = hold(hall, *numbers)
    payment = check_out(booking).payment
    decide(payment)
    return booking, payment


def throw_away() -> None:
    """Nothing of what was spoilt on purpose reaches the audit."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE events_event, outbox_outboxmessage CASCADE")


def captures() -> int:
    return OutboxMessage.objects.filter(topic="payment.captured").count()


def test_twenty_settlements_at_once_make_one_outcome(hall: Hall) -> None:
    booking, payment = paid(hall, 1, 2)
    results = race([partial(settle_from_gateway, payment_id=payment.pk)] * 20)
    assert races.outcomes(results) == {"Payment": 20}
    assert {result.outcome for result in results} == {"confirmed"}
    assert (state(booking), captures(), refunds(booking)) == (("confirmed", "paid"), 1, [])
    assert Ticket.objects.count() == 2


def test_twenty_settlements_of_lost_seats_make_one_refund(hall: Hall) -> None:
    booking, payment = paid(hall, 1)
    time_passes(minutes=16)
    expire_holds()
    hold(hall, 1, buyer=BOB)
    results = race([partial(settle_from_gateway, payment_id=payment.pk)] * 20)
    assert races.outcomes(results) == {"Payment": 20}
    assert (captures(), refunds(booking)) == (1, [("seats_lost", 8400, "EUR")])


def test_without_the_locks_one_payment_has_several_outcomes(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    def unlocked(payment_id: UUID) -> tuple[Booking, Payment]:
        payment = Payment.objects.select_related("booking").get(pk=payment_id)
        return payment.booking, payment

    monkeypatch.setattr(checkout, "lock_payment", unlocked)
    monkeypatch.setattr(ledger, "book_capture", lambda payment: None)  # the ledger would refuse the second one
    slowly(monkeypatch, checkout, "_refuse")
    _booking, payment = paid(hall, 1)
    race([partial(settle_from_gateway, payment_id=payment.pk)] * 20)
    assert captures() > 1
    throw_away()


def test_without_looking_at_the_outcome_again_a_settled_payment_is_settled_anew(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgetful(payment_id: UUID) -> tuple[Booking, Payment]:
        booking, payment = lock(payment_id)
        payment.outcome = ""
        return booking, payment

    lock = lock_payment
    monkeypatch.setattr(checkout, "lock_payment", forgetful)
    monkeypatch.setattr(ledger, "book_capture", lambda payment: None)
    booking, payment = paid(hall, 1)
    race([partial(settle_from_gateway, payment_id=payment.pk)] * 2)
    assert refunds(booking) == [("paid_twice", 8400, "EUR")]  # for a payment that has confirmed the booking
    throw_away()


def test_twenty_clicks_on_pay_open_one_charge(hall: Hall) -> None:
    booking = hold(hall, 1)
    results = race([partial(check_out, booking)] * 20)
    assert races.outcomes(results) == {"Checkout": 20}
    assert len({result.redirect_url for result in results}) == 1
    assert (SandboxCharge.objects.count(), outcomes(booking)) == (1, [("pending", "")])


@pytest.mark.parametrize("_round", range(5))
def test_late_money_against_a_new_buyer_has_one_winner(hall: Hall, _round: int) -> None:
    booking, payment = paid(hall, 1)
    time_passes(minutes=16)
    wish = dict.fromkeys(hall.seat_ids(1))
    _settled, held = race(
        [partial(settle_from_gateway, payment_id=payment.pk), partial(hold_seats, buyer=BOB, event_id=hall.event.pk, seats=wish)]
    )
    if isinstance(held, Booking):
        assert (state(booking)[0], refunds(booking)) == ("expired", [("seats_lost", 8400, "EUR")])
    else:
        assert isinstance(held, booking_services.SeatsUnavailable)
        assert (state(booking)[0], refunds(booking)) == ("confirmed", [])


@pytest.mark.parametrize("_round", range(5))
def test_a_payment_against_the_cancelling_of_its_booking_is_kept_or_goes_back(hall: Hall, _round: int) -> None:
    booking, payment = paid(hall, 1)
    race([partial(settle_from_gateway, payment_id=payment.pk), partial(cancel_booking, booking_id=booking.pk, actor="ann")])
    if state(booking)[0] == "confirmed":
        assert refunds(booking) == []
    else:
        assert (state(booking), refunds(booking)) == (("cancelled", "paid"), [("booking_cancelled", 8400, "EUR")])


def test_an_event_cancelled_while_ten_people_pay_gives_each_their_money_back_once(hall: Hall) -> None:
    payments = [paid(hall, number)[1] for number in range(10)]
    race(
        [
            *(partial(settle_from_gateway, payment_id=payment.pk) for payment in payments),
            partial(cancel_event, event_id=hall.event.pk, actor="boss"),
            partial(cancel_event, event_id=hall.event.pk, actor="boss"),
        ]
    )
    # Money that came between the event's cancelling and its booking's has ended the booking already.
    assert set(Booking.objects.values_list("status", flat=True)) <= {"cancelled", "expired"}
    assert sorted(Refund.objects.values_list("payment", flat=True)) == sorted(payment.pk for payment in payments)
    assert set(Refund.objects.values_list("reason", "amount_minor")) == {("event_cancelled", 8400)}
