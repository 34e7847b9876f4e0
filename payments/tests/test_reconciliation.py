"""What nobody told us is asked for."""

import io
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db.models import F
from django.db.models.functions import Now

from bookings.models import Booking
from bookings.services import expire_holds, stop_sale
from bookings.tests.races import time_passes
from events.tests.factories import Hall
from payments import gateways
from payments.gateways import GatewayUnavailable, Result
from payments.gateways.sandbox import Sandbox
from payments.models import Payment, SandboxCharge, WebhookEvent
from payments.reconciliation import PATIENCE, Report, finish_cancelling, reconcile
from payments.services import settle_from_gateway
from payments.tasks import finish_cancelling as finish_task
from payments.tasks import reconcile as task

from .factories import BOB, DECLINED, check_out, decide, hold, outcomes, refunds, state


def grow_old() -> None:
    Payment.objects.update(created_at=F("created_at") - PATIENCE)


def test_payments_that_nobody_told_the_end_of_are_settled(hall: Hall) -> None:
    paid, declined, undecided = hold(hall, 1), hold(hall, 2), hold(hall, 3)
    for booking in (paid, declined, undecided):
        check_out(booking)
    decide(paid.payments.get())
    decide(declined.payments.get(), DECLINED)
    assert reconcile() == Report()  # younger than two minutes

    grow_old()
    assert reconcile() == Report(settled=2, open=1)
    assert [state(booking)[0] for booking in (paid, declined, undecided)] == ["confirmed", "held", "paying"]
    assert reconcile() == Report(open=1)


@pytest.mark.parametrize("taken", [False, True])
def test_late_money_of_an_expired_booking_is_found(hall: Hall, taken: bool) -> None:
    booking = hold(hall, 1)
    decide(check_out(booking).payment)
    time_passes(minutes=16)
    expire_holds()
    if taken:
        hold(hall, 1, buyer=BOB)
    grow_old()
    task()
    assert state(booking) == (("expired", "refunded") if taken else ("confirmed", "paid"))
    assert refunds(booking) == ([("seats_lost", 8400, "EUR")] if taken else [])


def test_a_payment_that_never_reached_the_gateway_ends_as_abandoned(hall: Hall) -> None:
    booking = hold(hall, 1)
    check_out(booking)
    SandboxCharge.objects.all().delete()
    Payment.objects.update(gateway_id="", status=Payment.Status.CREATED)
    grow_old()
    assert reconcile() == Report(open=1)

    SandboxCharge.objects.update(created_at=F("created_at") - timedelta(hours=1))
    assert reconcile() == Report(settled=1)
    assert (outcomes(booking), state(booking)) == ([("abandoned", "")], ("held", "unpaid"))


@pytest.mark.parametrize("failure", [GatewayUnavailable(), ValueError("An answer that nobody understands")], ids=["no", "odd"])
def test_one_payment_without_an_answer_does_not_keep_the_others_waiting(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    first, second = hold(hall, 1), hold(hall, 2)
    for booking in (first, second):
        decide(check_out(booking).payment)
    silent = first.payments.get().gateway_id

    class Silent(Sandbox):
        def _fetch(self, gateway_id: str) -> Result:
            if gateway_id == silent:
                raise failure
            return super()._fetch(gateway_id)

    monkeypatch.setitem(gateways.GATEWAYS, "sandbox", Silent())
    grow_old()
    assert reconcile() == Report(settled=1, failed=1)
    assert [state(booking)[0] for booking in (first, second)] == ["paying", "confirmed"]

    for booking in (first, second):
        facts = {"gateway": "sandbox", "kind": "charge.paid", "body": {}, "created_at": Now() - PATIENCE}
        gateway_id = booking.payments.get().gateway_id
        WebhookEvent.objects.create(gateway_event_id=gateway_id, gateway_id=gateway_id, **facts)
    reconcile()
    assert WebhookEvent.objects.get(gateway_id=silent).processed_at is None
    assert WebhookEvent.objects.exclude(gateway_id=silent).get().processed_at is not None


def test_an_event_whose_cancelling_failed_half_way_is_cancelled_wholly(hall: Hall) -> None:
    paid, held = hold(hall, 1), hold(hall, 2)
    payment = check_out(paid).payment
    decide(payment)
    settle_from_gateway(payment_id=payment.pk)
    finish_cancelling()
    assert [state(booking)[0] for booking in (paid, held)] == ["confirmed", "held"]  # nobody has cancelled the event

    stop_sale(event_id=hall.event.pk)
    assert finish_cancelling() == 2
    finish_task()
    assert [state(booking)[0] for booking in (paid, held)] == ["cancelled", "cancelled"]
    assert refunds(paid) == [("event_cancelled", 8400, "EUR")]


def test_the_command_says_what_it_did(hall: Hall) -> None:
    decide(check_out(hold(hall, 1)).payment)
    grow_old()
    out = io.StringIO()
    call_command("reconcile_payments", stdout=out)
    assert out.getvalue() == "1 settled, 0 still open, 0 without an answer, 0 webhooks worked off.\n"
    assert Booking.objects.get().status == "confirmed"
