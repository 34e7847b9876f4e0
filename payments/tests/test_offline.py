"""Bank transfers and money at the door: expected for days, written down by people."""

import time
from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone

from bookings.models import Booking
from bookings.services import expire_holds
from bookings.tests.races import outcomes as results
from bookings.tests.races import race, time_passes
from evently.accounts.models import Membership, User
from evently.audit import complaints
from evently.outbox.relay import relay
from events.models import Event
from events.tests.factories import Hall
from notifications.models import Delivery
from notifications.services import send_due
from payments import gateways
from payments.accounts import ways_to_pay
from payments.gateways import BadSignature, RefundRefused, RefundStatus, UnknownCharge
from payments.models import GatewayAccount, OfflineCharge, OfflineRefund, Payment, Refund
from payments.models.offline import OfflineChargeQuerySet
from payments.offline import AlreadyRecorded, record_received, record_sent_back
from payments.reconciliation import PATIENCE, reconcile
from payments.services import execute_refund

from .factories import BOB, check_out, hold, outcomes, refunds, state

IBAN = "DE89370400440532013000"


@pytest.fixture(autouse=True)
def _offline(settings: Any) -> None:
    settings.EVENTLY_GATEWAYS = ["sandbox", "bank_transfer", "at_door"]
    settings.EVENTLY_BANK_HOLDER, settings.EVENTLY_BANK_IBAN, settings.EVENTLY_BANK_BIC = "Platform Ltd", IBAN, "COBADEFFXXX"


def receive(booking: Booking, amount: int = 8400) -> Payment:
    charge = OfflineCharge.objects.filter(payment__booking=booking).latest("created_at")
    return record_received(charge_id=charge.pk, amount_minor=amount, note="statement 7", actor="user:1")


def left(booking: Booking) -> timedelta:
    booking.refresh_from_db()
    return booking.expires_at - timezone.now()


# What is offered


def test_a_transfer_is_offered_while_it_can_come_in_time_and_the_door_if_the_organizer_says_so(hall: Hall) -> None:
    assert list(ways_to_pay(hall.event)) == ["sandbox", "bank_transfer"]
    GatewayAccount.objects.create(organizer=hall.event.organizer, gateway="at_door")
    for days, ways in ((4, ["sandbox", "bank_transfer", "at_door"]), (2, ["sandbox", "at_door"]), (-1, ["sandbox"])):
        hall.event.starts_at = timezone.now() + timedelta(days=days)
        assert list(ways_to_pay(hall.event)) == ways


def test_the_organizers_own_bank_account_and_days_count(hall: Hall, ann: Client) -> None:
    GatewayAccount.objects.create(
        organizer=hall.event.organizer, gateway="bank_transfer", payee="GB29NWBK60161331926819", holder="City Stage", days=3
    )
    booking = hold(hall, 1)
    payment = check_out(booking, "bank_transfer").payment
    assert timedelta(days=2, hours=23) < left(booking) <= timedelta(days=3)
    text = ann.get(f"/payments/{payment.pk}/how/").content.decode()
    assert all(word in text for word in ("GB29NWBK60161331926819", "City Stage", booking.reference, "€84.00"))
    assert IBAN not in text


# Paying


def test_a_transfer_keeps_the_seats_for_days_and_buys_them_when_it_is_written_down(hall: Hall, ann: Client) -> None:
    booking = hold(hall, 1)
    answer = ann.post(f"/bookings/{booking.pk}/pay/", {"gateway": "bank_transfer"})
    payment = booking.payments.get()
    assert answer.headers["Location"] == f"http://testserver/payments/{payment.pk}/how/"
    text = ann.get(answer.headers["Location"]).content.decode()
    assert all(word in text for word in (IBAN, "Platform Ltd", "COBADEFFXXX", booking.reference, "€84.00"))
    assert timedelta(days=5, hours=23) < left(booking) <= timedelta(days=6)  # the day before the event

    time_passes(minutes=3 * 24 * 60)
    assert expire_holds() == 0
    assert ann.get(f"/payments/{payment.pk}/return/").status_code == 302
    assert state(booking) == ("paying", "unpaid")

    receive(booking)
    assert (state(booking), outcomes(booking)) == (("confirmed", "paid"), [("captured", "confirmed")])
    with pytest.raises(AlreadyRecorded):
        receive(booking)


def test_the_buyer_gets_the_account_by_mail(hall: Hall, mailoutbox: list[Any]) -> None:
    booking = hold(hall, 1)
    check_out(booking, "bank_transfer")
    relay()
    relay()
    send_due()
    [mail] = mailoutbox
    assert mail.subject == "How to pay for Concert"
    assert all(word in mail.body for word in (IBAN, "Platform Ltd", booking.reference, "€84.00", f"/bookings/{booking.pk}/"))
    assert Delivery.objects.get().status == "sent"


def test_at_the_door_the_seats_are_kept_until_it_begins(hall: Hall, ann: Client) -> None:
    GatewayAccount.objects.create(organizer=hall.event.organizer, gateway="at_door")
    booking = hold(hall, 1)
    payment = check_out(booking, "at_door").payment
    booking.refresh_from_db()
    assert booking.expires_at == Event.objects.get().starts_at
    assert "Pay at the door" in ann.get(f"/payments/{payment.pk}/how/").content.decode()
    receive(booking)
    assert state(booking) == ("confirmed", "paid")


def test_somebody_else_does_not_see_how_to_pay(hall: Hall) -> None:
    payment = check_out(hold(hall, 1), "bank_transfer").payment
    assert Client().get(f"/payments/{payment.pk}/how/").status_code == 404


@pytest.mark.parametrize("amount", [8399, 8401, 1])
def test_another_amount_goes_back_as_it_came(hall: Hall, amount: int) -> None:
    booking = hold(hall, 1)
    check_out(booking, "bank_transfer")
    receive(booking, amount)
    assert outcomes(booking) == [("captured", "refund")]
    assert refunds(booking) == [("wrong_amount", amount, "EUR")]


@pytest.mark.parametrize("taken", [False, True])
def test_money_after_the_deadline_buys_the_seats_while_they_are_free_or_goes_back(hall: Hall, taken: bool) -> None:
    booking = hold(hall, 1)
    check_out(booking, "bank_transfer")
    time_passes(minutes=8 * 24 * 60)
    expire_holds()
    Payment.objects.update(created_at=timezone.now() - PATIENCE)
    reconcile()
    assert outcomes(booking) == [("abandoned", "")]
    assert OfflineCharge.objects.get().status == "closed"
    if taken:
        hold(hall, 1, buyer=BOB)
    receive(booking)
    assert state(booking) == (("expired", "paid") if taken else ("confirmed", "paid"))
    assert refunds(booking) == ([("seats_lost", 8400, "EUR")] if taken else [])


def test_what_was_written_down_before_everything_died_is_settled_later(hall: Hall) -> None:
    booking = hold(hall, 1)
    check_out(booking, "bank_transfer")
    Payment.objects.update(status="abandoned", created_at=timezone.now() - PATIENCE)
    charge = {"status": "received", "received_minor": 8400, "received_at": timezone.now(), "recorded_by": "user:1", "note": "7"}
    OfflineCharge.objects.update(**charge)
    reconcile()
    assert state(booking) == ("confirmed", "paid")


def test_who_pays_by_card_after_all_is_not_expected_to_transfer(hall: Hall) -> None:
    booking = hold(hall, 1)
    check_out(booking, "bank_transfer")
    check_out(booking, "sandbox")
    assert outcomes(booking) == [("abandoned", ""), ("pending", "")]
    assert OfflineCharge.objects.get().status == "closed"


def test_two_people_who_write_down_the_same_money_write_it_down_once(hall: Hall) -> None:
    booking = hold(hall, 1)
    check_out(booking, "bank_transfer")
    done = race([lambda: receive(booking)] * 4)
    assert results(done) == {"Payment": 1, "AlreadyRecorded": 3}
    assert outcomes(booking) == [("captured", "confirmed")]


def test_without_the_lock_it_is_written_down_several_times(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    without_lock(monkeypatch)
    booking = hold(hall, 1)
    check_out(booking, "bank_transfer")
    assert results(race([lambda: receive(booking)] * 4))["Payment"] > 1


def without_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for anybody, and everybody is slow between looking and writing."""

    def slowly(step: Any) -> Any:
        def slow(*args: Any, **kwargs: Any) -> Any:
            time.sleep(0.05)
            return step(*args, **kwargs)

        return slow

    monkeypatch.setattr(OfflineChargeQuerySet, "lock", lambda self: self)
    monkeypatch.setattr(OfflineChargeQuerySet, "update", slowly(OfflineChargeQuerySet.update))
    monkeypatch.setattr(OfflineRefund, "save", slowly(OfflineRefund.save))


def test_nobody_speaks_for_a_bank_account(hall: Hall) -> None:
    with pytest.raises(BadSignature):
        gateways.get("bank_transfer").parse_webhook(headers={}, body=b"{}")
    charge = check_out(hold(hall, 1), "bank_transfer").payment.gateway_id
    for other in ("at_door", "bank_transfer"):
        account = "" if other == "at_door" else "0193458a-0000-7000-8000-000000000001"
        with pytest.raises(UnknownCharge):
            gateways.get(other, account).fetch(charge)


def test_received_money_has_an_amount_a_person_and_a_reason(hall: Hall) -> None:
    check_out(hold(hall, 1), "bank_transfer")
    with pytest.raises(IntegrityError):
        OfflineCharge.objects.update(status="received", received_minor=8400, received_at=timezone.now())


# Sending back


def test_a_refund_is_to_be_done_by_hand_and_never_more_than_came(hall: Hall) -> None:
    booking = hold(hall, 1)
    payment = check_out(booking, "bank_transfer").payment
    gateway, wish = gateways.get("bank_transfer"), {"gateway_id": payment.gateway_id, "currency": "EUR", "reference": "r"}
    with pytest.raises(RefundRefused):
        gateway.refund(key="f1", amount_minor=1, **wish)
    receive(booking)
    first = gateway.refund(key="f1", amount_minor=8000, **wish)
    assert (first, first.status) == (gateway.refund(key="f1", amount_minor=8000, **wish), RefundStatus.PENDING)
    with pytest.raises(RefundRefused):
        gateway.refund(key="f2", amount_minor=401, **wish)

    record_sent_back(refund_id=OfflineRefund.objects.get().pk, note="transfer 12", actor="user:1")
    assert [refund.status for refund in gateway.fetch(payment.gateway_id).refunds] == [RefundStatus.SUCCEEDED]
    with pytest.raises(AlreadyRecorded):
        record_sent_back(refund_id=OfflineRefund.objects.get().pk, note="again", actor="user:1")


def test_what_was_sent_back_by_hand_is_paid_back_in_the_books(hall: Hall) -> None:
    booking = hold(hall, 1)
    check_out(booking, "bank_transfer")
    receive(booking, 8401)
    refund = Refund.objects.get()
    assert execute_refund(refund_id=refund.pk).status == "sent"
    by_hand = OfflineRefund.objects.get()
    assert (by_hand.amount_minor, by_hand.done_at) == (8401, None)
    record_sent_back(refund_id=by_hand.pk, note="transfer 12", actor="user:1")
    refund.refresh_from_db()
    assert refund.status == "succeeded"
    assert complaints("payments") == {}


def give_back_at_once(hall: Hall) -> Counter[str]:
    """What becomes of four refunds of 50.00 each at the same time, when 84.00 have come."""
    booking = hold(hall, 1)
    payment = check_out(booking, "bank_transfer").payment
    receive(booking)
    facts: dict[str, Any] = {"gateway_id": payment.gateway_id, "currency": "EUR", "reference": "r", "amount_minor": 5000}
    return results(race([partial(gateways.get("bank_transfer").refund, key=key, **facts) for key in "abcd"]))


def test_refunds_by_hand_at_the_same_time_do_not_exceed_what_came(hall: Hall) -> None:
    assert give_back_at_once(hall) == {"RefundResult": 1, "RefundRefused": 3}


def test_without_the_lock_refunds_by_hand_exceed_what_came(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    without_lock(monkeypatch)
    assert give_back_at_once(hall)["RefundResult"] > 1


# At the desk


@pytest.mark.parametrize(("role", "answer"), [("box_office", 403), ("finance", 302), ("door", 404)])
def test_money_is_written_down_at_the_desk_with_a_reason(hall: Hall, role: str, answer: int) -> None:
    booking = hold(hall, 1)
    check_out(booking, "bank_transfer")
    user = User.objects.create_user("f@example.org", "password", is_staff=True)
    Membership.objects.create(user=user, organizer=hall.event.organizer, role=role)
    browser = Client()
    browser.force_login(user)
    url = f"/admin/payments/offlinecharge/{OfflineCharge.objects.get().pk}/record/"
    if answer == 302:
        assert browser.post(url, {"amount": "84.00", "note": ""}).status_code == 422
        assert "84.00" in browser.get(url).content.decode()
    assert browser.post(url, {"amount": "84.00", "note": "statement 7"}).status_code == answer
    assert state(booking) == (("confirmed", "paid") if answer == 302 else ("paying", "unpaid"))
    if answer == 302:
        charge = OfflineCharge.objects.get()
        assert (charge.recorded_by, charge.note, charge.received_minor) == (f"user:{user.pk}", "statement 7", 8400)
        assert browser.post(url, {"amount": "84.00", "note": "again"}).status_code == 403


def test_what_was_sent_back_is_written_down_at_the_desk(hall: Hall) -> None:
    booking = hold(hall, 1)
    payment = check_out(booking, "bank_transfer").payment
    receive(booking)
    facts: dict[str, Any] = {"gateway_id": payment.gateway_id, "currency": "EUR", "reference": "r", "amount_minor": 5000}
    gateways.get("bank_transfer").refund(key="f1", **facts)
    user = User.objects.create_user("f@example.org", "password", is_staff=True)
    Membership.objects.create(user=user, organizer=hall.event.organizer, role="finance")
    browser = Client()
    browser.force_login(user)
    url = f"/admin/payments/offlinerefund/{OfflineRefund.objects.get().pk}/"
    assert "Mark as sent back" in browser.get(url + "change/").content.decode()
    assert browser.post(url + "record/", {"note": "transfer 12"}).status_code == 302
    assert OfflineRefund.objects.get().note == "transfer 12"
