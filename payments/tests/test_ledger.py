"""The ledger balances after every step, whatever happens to money, and is never rewritten."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given, strategies
from hypothesis import settings as limits

from evently.money import divide
from events.tests.factories import Hall
from payments import ledger
from payments.models import Account, LedgerEntry, LedgerTransaction, Payment

from .factories import paid

AMOUNTS = strategies.integers(min_value=0, max_value=10**12)


@limits(max_examples=1000)
@given(AMOUNTS, strategies.lists(strategies.integers(min_value=0, max_value=10**9), min_size=1, max_size=12))
def test_what_is_divided_is_neither_more_nor_less(amount: int, weights: list[int]) -> None:
    if not any(weights):
        weights = [*weights, 1]
    shares = divide(amount, weights)
    total = sum(weights)
    assert sum(shares) == amount
    assert all(abs(share - amount * weight / total) < 1 or amount > 2**50 for share, weight in zip(shares, weights, strict=True))
    assert all(0 <= share <= amount for share in shares)
    assert all(share == 0 for share, weight in zip(shares, weights, strict=True) if not weight)


def test_a_hundred_in_three_is_a_hundred() -> None:
    assert divide(10_000, [1, 1, 1]) == [3334, 3333, 3333]
    assert divide(0, [0, 0]) == [0, 0]
    with pytest.raises(ValueError, match="Nothing to divide"):
        divide(1, [0])


@limits(max_examples=1000)
@given(AMOUNTS.filter(bool), strategies.lists(strategies.integers(1, 10**6), min_size=1, max_size=8), strategies.randoms())
def test_refunds_in_any_parts_take_exactly_what_each_one_had(amount: int, owners: list[int], chance: Any) -> None:
    left = divide(amount, owners)
    while any(left):
        part = chance.randint(1, sum(left))
        shares = divide(part, left)
        assert sum(shares) == part
        left = [before - share for before, share in zip(left, shares, strict=True)]
        assert min(left) >= 0
    assert sum(left) == 0


def post(payment: Payment, lines: dict[Account, int], currencies: tuple[str, ...] = ()) -> None:
    with transaction.atomic():
        fact = LedgerTransaction.objects.create(
            event_id=payment.event_id, organizer=payment.event.organizer, payment=payment, kind="capture", reference="x"
        )
        LedgerEntry.objects.bulk_create(
            LedgerEntry(
                transaction=fact,
                event_id=payment.event_id,
                account=account,
                gateway="sandbox",
                amount_minor=amount,
                currency=currencies[nth] if currencies else "EUR",
            )
            for nth, (account, amount) in enumerate(lines.items())
        )


@pytest.mark.parametrize(
    ("lines", "currencies"),
    [
        ({Account.CLEARING: 100, Account.ORGANIZER: -99}, ()),
        ({Account.CLEARING: 100}, ()),
        ({}, ()),
        ({Account.CLEARING: 100, Account.ORGANIZER: -100}, ("EUR", "USD")),
    ],
)
def test_the_database_refuses_what_does_not_balance(hall: Hall, lines: dict[Account, int], currencies: tuple[str, ...]) -> None:
    _booking, payment = paid(hall, 1)
    with pytest.raises(IntegrityError, match="does not balance"):
        post(payment, lines, currencies)
    assert not LedgerTransaction.objects.filter(reference="x").exists()


def test_a_line_is_not_added_to_a_transaction_later_unless_it_balances(hall: Hall) -> None:
    paid(hall, 1)
    line = LedgerEntry.objects.first()
    assert line
    line.pk, line._state.adding = None, True
    with pytest.raises(IntegrityError, match="does not balance"):
        LedgerEntry.objects.create(
            transaction=line.transaction, event_id=line.event_id, account="tax", gateway="", amount_minor=1, currency="EUR"
        )


@pytest.mark.parametrize("model", [LedgerEntry, LedgerTransaction])
def test_nothing_is_rewritten(hall: Hall, model: Any) -> None:
    paid(hall, 1)
    with pytest.raises(IntegrityError):
        model.objects.update(created_at="2020-01-01T00:00:00Z")
    with pytest.raises(IntegrityError):
        model.objects.all()._raw_delete(using="default")


def test_a_fact_is_booked_once(hall: Hall) -> None:
    _booking, payment = paid(hall, 1)
    with pytest.raises(IntegrityError, match="reference"):
        ledger.book_capture(payment)
    ledger.book_gateway_fee(payment, 99)  # known already
    assert LedgerTransaction.objects.count() == 2
