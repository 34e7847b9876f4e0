"""Cancelling an event with its money: foretold, interrupted, gone on with, and finished."""

from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from bookings.models import Booking
from bookings.sale import Buyer
from bookings.services import confirm_free_booking
from events.models import Event, RefundTerm
from events.tests.factories import Hall, make_hall
from payments import reconciliation
from payments.models import Payment, Refund, RefundRun
from payments.runs import Share, plan_cancelling, progress_of
from payments.services import cancel, cancel_event, execute_refund, give_back, return_tickets

from .factories import hold, paid


@pytest.fixture
def sold(hall: Hall) -> list[Booking]:
    """Three bookings that were paid, one of them in part given back before, and a hold."""
    RefundTerm.objects.create(event=hall.event, days_before=1, percent=50)
    bookings = [paid(hall, *seats, buyer=Buyer(session=f"b{seats[0]}"))[0] for seats in ((0, 1), (2, 3, 4), (5,))]
    line = bookings[0].seats.order_by("seat__position").first()
    assert line is not None
    return_tickets(booking_id=bookings[0].pk, line_ids=[line.pk], expected_minor=4200, actor="ann")
    payment = bookings[1].payments.get()
    give_back(payment_id=payment.pk, amount_minor=400, key="kind", note="rain", actor="boss")
    hold(hall, 9)
    return bookings


def run_of(hall: Hall) -> RefundRun:
    return RefundRun.objects.get(event=hall.event)


def test_what_is_foretold_is_what_goes_back(hall: Hall, sold: list[Booking]) -> None:
    plan = plan_cancelling(hall.event.pk)
    assert (plan.holds, plan.confirmed, plan.tickets) == (1, 3, 5)
    assert plan.shares == [Share("sandbox", 3, 8400 + (3 * 8400 - 400) + 8400)]
    assert not RefundRun.objects.exists()
    before = Refund.objects.count()
    assert cancel_event(event_id=hall.event.pk, actor="boss") == 4
    run = run_of(hall)
    assert (run.bookings, run.due_minor, run.finished_at is not None) == (4, plan.due_minor, True)
    assert (progress_of(run).promised_minor, progress_of(run).paid_minor) == (plan.due_minor, 0)
    for refund in Refund.objects.filter(reason="event_cancelled"):
        execute_refund(refund_id=refund.pk)
    assert progress_of(run).paid_minor == plan.due_minor
    assert Refund.objects.count() == before + 3
    assert (plan_cancelling(hall.event.pk).bookings, plan_cancelling(hall.event.pk).due_minor) == (0, 0)


@pytest.mark.parametrize("after", [1, 2, 3])
def test_interrupted_anywhere_it_is_gone_on_with_and_pays_everybody_once(hall: Hall, sold: list[Booking], after: int) -> None:
    def stop(done: int, _count: int) -> None:
        if done == after:
            raise KeyboardInterrupt  # the worker is killed

    due = plan_cancelling(hall.event.pk).due_minor
    with pytest.raises(KeyboardInterrupt):
        cancel_event(event_id=hall.event.pk, actor="boss", progress=stop)
    assert (progress_of(run_of(hall)).done, run_of(hall).finished_at) == (after, None)
    assert reconciliation.finish_cancelling() == 4 - after
    assert (progress_of(run_of(hall)).done, progress_of(run_of(hall)).promised_minor) == (4, due)
    assert run_of(hall).finished_at is not None
    assert reconciliation.finish_cancelling() == 0
    assert Refund.objects.filter(reason="event_cancelled").count() == 3


def test_a_booking_that_cannot_be_cancelled_holds_nobody_up(
    hall: Hall, sold: list[Booking], monkeypatch: pytest.MonkeyPatch
) -> None:
    works = cancel.cancel_booking

    def fail(*, booking_id: UUID, actor: str) -> Booking:
        if booking_id == sold[0].pk:
            raise RuntimeError("broken")
        return works(booking_id=booking_id, actor=actor)

    with monkeypatch.context() as patch:
        patch.setattr(cancel, "cancel_booking", fail)
        assert cancel_event(event_id=hall.event.pk, actor="boss") == 3
    assert (progress_of(run_of(hall)).left, run_of(hall).finished_at) == (1, None)
    assert reconciliation.finish_cancelling() == 1
    assert run_of(hall).finished_at is not None


def test_what_was_paid_by_hand_goes_back_by_hand_and_what_is_free_by_nobody(hall: Hall, sold: list[Booking]) -> None:
    payment = sold[2].payments.get()
    Payment.objects.filter(pk=payment.pk).update(gateway="at_door")
    shares = plan_cancelling(hall.event.pk).shares
    assert [(share.gateway, share.is_by_hand) for share in shares] == [("at_door", True), ("sandbox", False)]
    Payment.objects.filter(pk=payment.pk).update(gateway="sandbox")
    free = make_hall(price=0)
    confirm_free_booking(booking_id=hold(free, 1).pk, actor="ann")
    plan = plan_cancelling(free.event.pk)
    assert (plan.confirmed, plan.due_minor, plan.shares) == (1, 0, [])


def command(*words: str) -> str:
    out = StringIO()
    call_command("cancel_event", *words, stdout=out)
    return out.getvalue()


def test_the_command_tells_asks_and_cancels(hall: Hall, sold: list[Booking], monkeypatch: pytest.MonkeyPatch) -> None:
    slug = hall.event.slug
    told = command(slug, "--dry-run")
    assert "3 bookings with 5 tickets and 1 holds" in told
    assert "€416 to give back for 3 payments" in told
    assert "dry run" in told
    answers: Any = iter(["no", slug])
    monkeypatch.setattr("builtins.input", lambda _words: next(answers))
    with pytest.raises(CommandError, match="Nothing was changed"):
        command(slug)
    assert Event.objects.get(pk=hall.event.pk).status == "published"
    assert "4 bookings cancelled" in command(slug)
    assert Event.objects.get(pk=hall.event.pk).status == "cancelled"
    with pytest.raises(CommandError, match="no event"):
        command("nowhere")
