"""Bad days at Stripe: messages in any order, calls that get lost, money that comes late. In the end everybody has seats or money.

`EVENTLY_STORM_PAYMENTS=10000 ./dev test payments/tests/test_storms.py` for a large storm; `EVENTLY_FUZZ_EXAMPLES=120` for all
orders of five messages.
"""

import itertools
import os
import random
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

import pytest
from django.db.models import F, Sum
from django.db.models.functions import Now
from stripe import RequestsClient

from bookings.models import Booking
from bookings.sale import Buyer
from bookings.services import HoldEnded, SeatsUnavailable, expire_holds
from evently.errors import DomainError
from evently.outbox.models import OutboxMessage
from events.tests.factories import Hall, make_hall
from payments.fake_stripe import FakeStripe
from payments.fake_stripe.book import Thing
from payments.gateways import GatewayUnavailable, stripe
from payments.models import LedgerEntry, Payment, Refund, WebhookEvent
from payments.reconciliation import PATIENCE, reconcile
from payments.services import execute_refund, receive_webhook, settle_from_gateway

from .factories import check_out, hold, outcomes, state

PAYMENTS: Final = int(os.environ.get("EVENTLY_STORM_PAYMENTS", "40"))
ORDERS: Final = int(os.environ.get("EVENTLY_FUZZ_EXAMPLES", "12"))
DECLINED = "4000000000000002"


def receive(company: FakeStripe, event: Thing) -> None:
    told = company.message(event)
    receive_webhook(gateway="stripe", headers=told.headers, body=told.body)


def store_only(event: Thing, payment: Payment) -> None:
    """The process is killed between the two steps of `receive_webhook`: the message is stored and nothing else has happened."""
    WebhookEvent.objects.get_or_create(
        gateway="stripe",
        gateway_event_id=event["id"],
        defaults={"kind": event["type"], "gateway_id": payment.gateway_id, "body": event},
    )


def time_passes() -> None:
    """Long enough for the reconciliation to look at everything, refunds included."""
    for table in (Payment, WebhookEvent):
        table.objects.update(created_at=F("created_at") - PATIENCE)
    Refund.objects.update(due_at=Now())


def end_of(booking: Booking) -> dict[str, Any]:
    """All that money has done for a booking."""
    messages = OutboxMessage.objects.filter(topic__regex="^(payment|refund)[.]", payload__booking=str(booking.pk))
    entries = LedgerEntry.objects.filter(transaction__payment__booking=booking)
    return {
        "booking": state(booking),
        "payments": outcomes(booking),
        "refunds": sorted(Refund.objects.filter(payment__booking=booking).values_list("reason", "amount_minor", "status")),
        "disputes": sorted(booking.payments.values_list("disputes__amount_minor", "disputes__status")),
        "ledger": sorted(entries.values_list("account").annotate(sum=Sum("amount_minor"))),
        "messages": sorted(messages.values_list("topic", flat=True)),
        "tickets": booking.tickets.count(),
    }


def story(company: FakeStripe, hall: Hall) -> tuple[Booking, Payment, list[Thing]]:
    """A decline, then the money, half of it refunded in the dashboard, a dispute that was won: five messages, none delivered."""
    before = len(company.events())
    booking = hold(hall, 1)
    payment = check_out(booking, "stripe").payment
    company.pay(payment.gateway_id, DECLINED)
    intent = company.pay(payment.gateway_id)
    company.do("refund", wish={"payment_intent": intent["id"], "amount": "4000"})
    dispute = company.do("dispute", charge_id=intent["latest_charge"], amount=4400)
    company.do("decide_dispute", dispute_id=dispute["id"], won=True)
    kinds = ("payment_intent.payment_failed", "checkout.session.completed", "charge.refunded")
    told = company.events(*kinds, "charge.dispute.created", "charge.dispute.closed", after=before)
    assert len(told) == 5
    return booking, payment, told


def test_five_messages_in_any_order_with_duplicates_and_a_crash_end_the_same(company: FakeStripe) -> None:
    orders = list(itertools.permutations(range(5)))
    chance = random.Random(7)  # noqa: S311 -- orders that can be repeated
    chance.shuffle(orders)
    ends = []
    for order in orders[:ORDERS]:
        booking, payment, events = story(company, make_hall(rows=1, length=2))
        told = [events[place] for place in order for _ in range(chance.randint(1, 3))]
        crash = chance.randrange(len(told))
        for place, event in enumerate(told):
            if place == crash and chance.random() < 0.5:
                store_only(event, payment)
            elif place == crash:  # it dies while Stripe is asked
                company.break_down("lost", times=2)
                with suppress(GatewayUnavailable):
                    receive(company, event)
                company.heal()
                told.append(event)  # not taken, it comes again
            else:
                receive(company, event)
        time_passes()
        reconcile()
        ends.append(end_of(booking))
        assert WebhookEvent.objects.filter(processed_at=None).count() == 0
        WebhookEvent.objects.all().delete()
    assert ends[0]["booking"] == ("confirmed", "partly_refunded")
    assert ends[0]["refunds"] == [("at_gateway", 4000, "succeeded")]
    assert ends[0]["disputes"] == [(4400, "won")]
    assert all(end == ends[0] for end in ends)


def test_after_a_storm_every_payment_is_confirmed_or_given_back_and_none_by_hand(
    company: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time-outs, lost answers, errors, declines, late and doubled messages, and buyers who pay when their seats are gone."""
    storm = Storm(company, seed=11)
    storm.three_without_trouble()
    monkeypatch.setattr(stripe, "RETRY_AFTER", (0.0, 0.0))
    impatient = RequestsClient(timeout=(1, 0.3))
    monkeypatch.setattr(stripe, "http", lambda: impatient)
    for number in range(PAYMENTS):
        storm.one_buyer(number)
    storm.calm_down()

    bought = Counter(Payment.objects.values_list("status", "outcome"))
    assert set(bought) <= {("captured", "confirmed"), ("captured", "refund"), ("abandoned", ""), ("declined", "")}
    assert bought["captured", "confirmed"] > 0
    assert bought["captured", "refund"] > 0
    taken = {charge["payment_intent"]: charge for charge in company.book.all("charge") if charge["paid"]}
    assert len(taken) == bought["captured", "confirmed"] + bought["captured", "refund"]
    kept = sum(charge["amount"] - charge["amount_refunded"] for charge in taken.values())
    assert kept == 8400 * Booking.objects.filter(status="confirmed").count()
    assert set(Refund.objects.values_list("status", flat=True)) == {"succeeded"}


class Storm:
    """Everything that can go wrong, in an order that its seed decides."""

    def __init__(self, company: FakeStripe, *, seed: int) -> None:
        self.company, self.chance = company, random.Random(seed)  # noqa: S311 -- as above
        company.faults.random.seed(seed)
        self.hall = make_hall(rows=max(2, PAYMENTS // 40), length=50)
        self.late: list[Payment] = []
        self.seats = len(self.hall.seat_ids(*range(self.hall.event.seats.count())))

    def three_without_trouble(self) -> None:
        """However slow the machine: one has bought, and of two who come late one finds the seat taken. They sit in the back."""
        bought, *late = [
            check_out(hold(self.hall, self.seats - place, buyer=Buyer(session=f"calm{place}")), "stripe").payment
            for place in range(1, 4)
        ]
        self.company.pay(bought.gateway_id)
        settle_from_gateway(payment_id=bought.pk)
        self.late += late

    def one_buyer(self, number: int) -> None:
        company, chance = self.company, self.chance
        company.heal()
        for kind in ("refused", "lost", "cut", "failed"):
            company.break_down(kind, times=-1, rate=0.08)
        company.break_down("hanging", times=-1, rate=0.02, seconds=0.5)
        try:
            booking = hold(self.hall, number % self.seats, buyer=Buyer(session=f"buyer{number}"))
        except SeatsUnavailable:
            return
        for _ in range(3):  # what a patient buyer does
            try:
                payment = check_out(booking, "stripe").payment
                break
            except (GatewayUnavailable, HoldEnded):
                continue
            except DomainError:
                continue
        else:
            return
        what = chance.random()
        if what < 0.1:
            company.pay(payment.gateway_id, DECLINED)
        if what < 0.15:
            return  # never comes back
        if what < 0.35:
            self.late.append(payment)
            return
        before = len(company.events())
        company.pay(payment.gateway_id)
        self.hear(payment, company.events(after=before))

    def hear(self, payment: Payment, events: list[Thing]) -> None:
        """The return of the browser and the messages: some of them, some twice, some before others."""
        for event in self.chance.sample(events, k=len(events)):
            if self.chance.random() < 0.5:
                for _ in range(self.chance.choice((1, 1, 2))):
                    try:
                        receive(self.company, event)
                    except GatewayUnavailable:
                        continue
        if self.chance.random() < 0.3:
            try:
                settle_from_gateway(payment_id=payment.pk)
            except DomainError:
                return

    def calm_down(self) -> None:
        """Holds end, half of the seats are taken by others, the late ones pay, and then the reconciliation does its work."""
        Booking.objects.filter(status__in=Booking.HOLDING).update(expires_at=Now() - timedelta(seconds=1))
        self.hall.event.seats.filter(status="held").update(held_until=Now() - timedelta(seconds=1))
        expire_holds()
        for number, payment in enumerate(self.late):
            if number % 2:
                seats = list(payment.booking.seats.values_list("seat__rank", flat=True))
                hold(self.hall, *seats, buyer=Buyer(session=f"taker{number}"))
            self.company.pay(payment.gateway_id)
        for _ in range(12):
            time_passes()
            reconcile()
            for refund in Refund.objects.due():
                execute_refund(refund_id=refund.pk)
            if not Payment.objects.open().exists() and not Refund.objects.open().exists():
                break
            self.company.heal()
            stripe.Stripe()._breaker.succeeded()
