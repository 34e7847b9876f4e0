"""What is settled with organizers: never more than is due, whoever writes it down at the same moment."""

from datetime import date
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from bookings.tests import races
from bookings.tests.races import race, slowly
from events.tests.factories import Hall
from payments import ledger
from payments.models import Account, GatewayAccount, LedgerEntry, LedgerTransaction, Payment, Payout
from payments.services import MoreThanDue, WrittenDownAlready, execute_refund, payouts, record_payout, undo_payout
from payments.statements import due

from .factories import balances, paid
from .test_sales import give, take


def settle(hall: Hall, amount: int, reference: str = "T1", kind: Payout.Kind = Payout.Kind.PAID) -> Payout:
    return record_payout(
        organizer_id=hall.event.organizer_id,
        kind=kind,
        amount_minor=amount,
        currency="EUR",
        paid_on=date(2026, 11, 27),
        reference=reference,
        actor="user:root",
    )


def owed(hall: Hall) -> int:
    return due(hall.event.organizer_id).get("EUR", 0)


def into_its_own_account(hall: Hall, *numbers: int) -> Payment:
    """Bought, and the money came into the organizer's own account."""
    account = GatewayAccount.objects.create(organizer=hall.event.organizer, gateway="bank_transfer", payee="x", holder="x")
    _booking, payment = paid(hall, *numbers)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        Payment.objects.filter(pk=payment.pk).update(account=str(account.pk))
        LedgerEntry.objects.filter(transaction__payment=payment).update(gateway_account=str(account.pk))
        cursor.execute("SET session_replication_role = origin")
    return payment


def test_what_came_through_the_platform_is_due_with_its_tax_and_without_the_fee(hall: Hall) -> None:
    take(hall, rate="19", percent="2.50")
    _booking, payment = paid(hall, 1)
    assert owed(hall) == 8400 - 210
    execute_refund(refund_id=give(payment, 4200, "half").pk)
    assert owed(hall) == 4200 - 105


def test_of_what_came_to_the_organizer_itself_the_fee_is_due_from_it(hall: Hall) -> None:
    take(hall, percent="2.50")
    into_its_own_account(hall, 1)
    assert owed(hall) == -210
    with pytest.raises(MoreThanDue):
        settle(hall, 1)
    with pytest.raises(MoreThanDue):
        settle(hall, 211, kind=Payout.Kind.RECEIVED)
    settle(hall, 210, kind=Payout.Kind.RECEIVED)
    assert owed(hall) == 0
    paid(hall, 2)
    assert owed(hall) == 8190


def test_both_are_set_off_against_each_other(hall: Hall) -> None:
    take(hall, percent="10")
    paid(hall, 2)
    into_its_own_account(hall, 1)
    assert owed(hall) == 7560 - 840


@pytest.mark.parametrize("amount", [0, -1, 8401])
def test_no_more_is_paid_out_than_is_due(hall: Hall, amount: int) -> None:
    paid(hall, 1)
    with pytest.raises(MoreThanDue):
        settle(hall, amount)
    assert not Payout.objects.exists()
    assert not LedgerTransaction.objects.filter(kind="payout").exists()


def test_a_payout_is_booked_and_lowers_what_is_due(hall: Hall) -> None:
    paid(hall, 1)
    payout = settle(hall, 8000)
    assert (owed(hall), payout.due_minor, balances()[Account.SETTLED], balances()[Account.BANK]) == (400, 8400, 8000, -8000)
    with pytest.raises(WrittenDownAlready):
        settle(hall, 1)
    settle(hall, 400, "T2")
    assert owed(hall) == 0


def test_a_refund_after_the_payout_is_made_good_by_the_next_sale(hall: Hall) -> None:
    _booking, payment = paid(hall, 1)
    settle(hall, 8400)
    give(payment, 8400, "all")
    assert owed(hall) == -8400
    paid(hall, 2)
    assert owed(hall) == 0


def test_what_is_disputed_is_not_paid_out_until_it_is_decided(hall: Hall) -> None:
    _booking, payment = paid(hall, 1)
    dispute = payment.disputes.create(event_id=payment.event_id, gateway_id="d", amount_minor=8400, currency="EUR")
    with transaction.atomic():
        ledger.book_dispute_opened(dispute)
    assert owed(hall) == 0
    dispute.status = "won"
    dispute.save()
    with transaction.atomic():
        ledger.book_dispute_closed(dispute)
    assert owed(hall) == 8400


def test_what_was_wrong_is_undone_once(hall: Hall) -> None:
    paid(hall, 1)
    payout = settle(hall, 8400)
    undone = undo_payout(payout_id=payout.pk, paid_on=date(2026, 11, 28), reference="bounced", actor="user:root")
    assert (owed(hall), Account.BANK in balances()) == (8400, False)
    for again in (payout, undone):
        with pytest.raises(WrittenDownAlready):
            undo_payout(payout_id=again.pk, paid_on=date(2026, 11, 28), reference="again", actor="user:root")
    settle(hall, 8400, "T2")
    assert owed(hall) == 0


def test_payouts_are_never_rewritten(hall: Hall) -> None:
    paid(hall, 1)
    settle(hall, 1)
    with pytest.raises(IntegrityError):
        Payout.objects.update(amount_minor=2)
    with pytest.raises(IntegrityError):
        Payout.objects.all()._raw_delete(using="default")


def test_the_database_itself_refuses_more_than_was_due(hall: Hall) -> None:
    facts: dict[str, Any] = {"paid_on": date(2026, 11, 27), "reference": "x", "recorded_by": "x", "currency": "EUR"}
    with pytest.raises(IntegrityError, match="payments_payout_not_above_due"):
        Payout.objects.create(organizer=hall.event.organizer, kind="paid", amount_minor=2, due_minor=1, **facts)


def test_ten_payouts_at_once_do_not_come_to_more_than_is_due(hall: Hall) -> None:
    paid(hall, 1)
    results = race([partial(settle, hall, 3000, f"T{nth}") for nth in range(10)])
    assert races.outcomes(results) == {"Payout": 2, "MoreThanDue": 8}
    assert owed(hall) == 2400


def test_without_the_lock_more_is_paid_out_than_is_due(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    def unlocked(organizer_id: Any, currency: str) -> int:
        return due(organizer_id).get(currency, 0)

    monkeypatch.setattr(payouts, "_lock", unlocked)
    slowly(monkeypatch, payouts, "_write")
    paid(hall, 1)
    race([partial(settle, hall, 3000, f"T{nth}") for nth in range(10)])
    assert owed(hall) < 0
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE events_event, outbox_outboxmessage, payments_payout CASCADE")
