"""Tax and fees: what of a sale is whose, how refunds take it back, and that what was sold keeps its rates."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given, strategies
from hypothesis import settings as limits

from bookings.services import set_services
from events.models import EventService, Service, TicketType
from events.tests.factories import Hall, make_hall
from payments import ledger, sales
from payments.models import Account, Dispute, Payment, PlatformFee, Refund, Sale, Seller, TaxLine
from payments.sales import Sold, Terms, included_tax
from payments.services import cancel_event, execute_refund, give_back, settle_from_gateway

from .factories import balances, check_out, decide, hold, paid

AMOUNTS = strategies.integers(min_value=1, max_value=10**10)
RATES = strategies.decimals(min_value=0, max_value=100, places=2)
GROSS = strategies.dictionaries(RATES, AMOUNTS, min_size=1, max_size=4)
TERMS = strategies.builds(
    Terms,
    percent=strategies.decimals(min_value=0, max_value=100, places=2),
    fixed_minor=strategies.integers(min_value=0, max_value=10**6),
)


def sold(gross: dict[Decimal, int], terms: Terms, tickets: int) -> Sold:
    return Sold(Payment(), [], gross, tickets, terms)


def take(hall: Hall, *, rate: str = "19", percent: str = "2.50", fixed: int = 0, currency: str = "") -> None:
    """What the organizer of a hall and the platform have set."""
    organizer = hall.event.organizer
    Seller.objects.update_or_create(organizer=organizer, defaults={"tax_rate": Decimal(rate)})
    fee = {"percent": Decimal(percent), "fixed_minor": fixed}
    PlatformFee.objects.update_or_create(organizer=organizer, currency=currency, defaults=fee)


def frozen(payment: Payment) -> list[tuple[str, int, int]]:
    lines = TaxLine.objects.filter(payment=payment, refund=None).order_by("tax_rate")
    return [(str(line.tax_rate), line.gross_minor, line.tax_minor) for line in lines]


def give(payment: Payment, amount: int, key: str) -> Refund:
    refund = give_back(payment_id=payment.pk, amount_minor=amount, key=key, note="rain", actor="boss")
    assert isinstance(refund, Refund)
    return refund


# The rule of rounding


@pytest.mark.parametrize(
    ("gross", "rate", "tax"),
    [
        (11900, "19", 1900),
        (10000, "19", 1597),  # 15.966
        (8400, "7", 550),  # 5.495327
        (0, "19", 0),
        (1, "19", 0),  # 0.16 of a cent
        (107, "7", 7),
        (3, "100", 2),  # 1.5: half up
        (8400, "0", 0),
        (1000, "10", 91),  # yen: 90.909
        (10500, "5", 500),  # fils: 0.500 of 10.500 dinars
        (1055, "5.50", 55),
    ],
)
def test_the_tax_in_a_price_is_rounded_half_up_to_the_minor_unit(gross: int, rate: str, tax: int) -> None:
    assert included_tax(gross, Decimal(rate)) == tax


@limits(max_examples=1000, deadline=None)
@given(AMOUNTS, RATES, AMOUNTS)
def test_more_money_has_no_less_tax_and_no_more_than_itself(gross: int, rate: Decimal, more: int) -> None:
    tax = included_tax(gross, rate)
    assert 0 <= tax <= gross
    assert 0 <= included_tax(gross + more, rate) - tax <= more
    assert abs(tax - Decimal(gross) * rate / (100 + rate)) <= Decimal("0.5")


# Whose money it is


@limits(max_examples=1000, deadline=None)
@given(GROSS, TERMS, strategies.integers(min_value=0, max_value=50))
def test_a_sale_is_divided_exactly_and_nobody_gets_less_than_nothing(
    gross: dict[Decimal, int], terms: Terms, tickets: int
) -> None:
    owners = ledger.split(sold(gross, terms, tickets))
    assert sum(owners.values()) == sum(gross.values())
    assert min(owners.values()) >= 0
    assert owners[Account.TAX] == sum(included_tax(part, rate) for rate, part in gross.items())


@limits(max_examples=1000, deadline=None)
@given(GROSS, TERMS, strategies.integers(min_value=0, max_value=50), strategies.randoms())
def test_refunds_in_any_parts_end_at_nothing_for_everybody(
    gross: dict[Decimal, int], terms: Terms, tickets: int, chance: Any
) -> None:
    owners = dict(ledger.split(sold(gross, terms, tickets)))
    left = dict(gross)
    while whole := sum(left.values()):
        amount = whole if chance.random() < 0.2 else chance.randint(1, whole)
        taken = sales.given_back(amount, left)
        shares = ledger.split_refund(
            amount,
            tax_minor=sum(tax for _gross, tax in taken.values()),
            organizer_minor=owners[Account.ORGANIZER],
            fee_minor=owners[Account.PLATFORM_FEES],
        )
        assert sum(shares.values()) == amount
        assert sum(part for part, _tax in taken.values()) == amount
        assert min(shares.values()) >= 0
        owners = {account: before - shares[account] for account, before in owners.items()}
        left = {rate: before - taken.get(rate, (0, 0))[0] for rate, before in left.items()}
        assert min(owners.values()) >= 0
        assert min(left.values()) >= 0
        assert owners[Account.TAX] == sum(included_tax(part, rate) for rate, part in left.items())
    assert set(owners.values()) == {0}


def test_the_fee_is_never_more_than_what_the_tax_leaves() -> None:
    owners = ledger.split(sold({Decimal(19): 119}, Terms(Decimal(10), 500), 1))
    assert owners == {Account.ORGANIZER: 0, Account.PLATFORM_FEES: 100, Account.TAX: 19}


# Sales


def test_what_was_paid_is_divided_between_tax_platform_and_organizer(hall: Hall) -> None:
    take(hall, rate="19", percent="2.50", fixed=50, currency="EUR")
    _booking, payment = paid(hall, 1, 2)
    assert frozen(payment) == [("19.00", 16800, 2682)]
    assert payment.sale.fee_minor == 420 + 100
    line = {"name": "Adult, Stalls", "quantity": 2, "gross_minor": 16800, "tax_rate": "19.00"}
    assert payment.sale.lines == [line | {"ticket_type": str(hall.adult.pk)}]
    assert balances() == {
        Account.CLEARING: 16464,
        Account.GATEWAY_FEES: 336,
        Account.ORGANIZER: -13598,
        Account.PLATFORM_FEES: -520,
        Account.TAX: -2682,
    }


def test_without_settings_all_of_it_is_the_organizers(hall: Hall) -> None:
    _booking, payment = paid(hall, 1)
    assert frozen(payment) == [("0.00", 8400, 0)]
    assert balances()[Account.ORGANIZER] == -8400


def test_the_rate_is_the_tickets_own_before_the_events_before_the_organizers(hall: Hall) -> None:
    take(hall, rate="19", percent="0")
    hall.event.tax_rate = Decimal(7)
    hall.event.save()
    service = Service.objects.create(organizer=hall.event.organizer, name="Parking")
    parking = EventService.objects.create(event=hall.event, service=service, price_minor=500, tax_rate=Decimal("5.50"))
    TicketType.objects.filter(pk=hall.adult.pk).update(tax_rate=Decimal(0))
    booking = hold(hall, 1)
    set_services(booking_id=booking.pk, quantities={parking.pk: 2}, actor="ann")
    payment = check_out(booking).payment
    decide(payment)
    payment = settle_from_gateway(payment_id=payment.pk)
    assert frozen(payment) == [("0.00", 8400, 0), ("5.50", 1000, 52)]
    TicketType.objects.filter(pk=hall.adult.pk).update(tax_rate=None)
    _booking, other = paid(hall, 2)
    assert frozen(other) == [("7.00", 8400, 550)]


def test_free_tickets_beside_paid_ones_cost_no_fee(hall: Hall) -> None:
    take(hall, rate="0", percent="0", fixed=50, currency="EUR")
    TicketType.objects.filter(pk=hall.child.pk).update(price_minor=0)
    booking = hold(hall, 1, 2)
    line = booking.seats.order_by("pk").first()
    assert line
    type(line).objects.filter(pk=line.pk).update(price_minor=0, ticket_type=hall.child)
    type(booking).objects.filter(pk=booking.pk).update(total_minor=8400)
    payment = check_out(booking).payment
    decide(payment)
    payment = settle_from_gateway(payment_id=payment.pk)
    assert (payment.sale.fee_minor, len(payment.sale.lines)) == (50, 2)


def test_a_fee_of_the_currency_comes_before_that_of_all_others(hall: Hall) -> None:
    take(hall, rate="0", percent="10")
    take(hall, rate="0", percent="1", fixed=25, currency="EUR")
    assert paid(hall, 1)[1].sale.fee_minor == 84 + 25
    PlatformFee.objects.filter(currency="EUR").update(currency="JPY")
    assert paid(hall, 2)[1].sale.fee_minor == 840


@pytest.mark.parametrize(
    ("currency", "price", "owners"),
    [
        ("JPY", 8400, {Account.TAX: 764, Account.PLATFORM_FEES: 210 + 30, Account.ORGANIZER: 7396}),
        ("KWD", 12_345, {Account.TAX: 1122, Account.PLATFORM_FEES: 309 + 30, Account.ORGANIZER: 10_884}),
    ],
)
def test_currencies_without_and_with_three_decimals_come_out_exactly(
    currency: str, price: int, owners: dict[Account, int]
) -> None:
    hall = make_hall(price=price, currency=currency)
    take(hall, rate="10", percent="2.50", fixed=30, currency=currency)
    paid(hall, 1)
    assert {account: -amount for account, amount in balances().items() if account in owners} == owners


# Later


def test_a_later_change_of_rates_changes_nothing_of_what_was_sold(hall: Hall) -> None:
    take(hall, rate="19", percent="5")
    _booking, payment = paid(hall, 1)
    before = frozen(payment)
    take(hall, rate="25", percent="50")
    TicketType.objects.update(tax_rate=Decimal(99))
    give(payment, 4200, "half")
    assert frozen(payment) == before
    assert balances()[Account.TAX] == -included_tax(4200, Decimal(19))
    assert balances()[Account.PLATFORM_FEES] == -210


def test_what_is_given_back_in_parts_leaves_nobody_anything(hall: Hall) -> None:
    take(hall, rate="19", percent="2.50", fixed=33, currency="EUR")
    TicketType.objects.filter(pk=hall.child.pk).update(tax_rate=Decimal(7))
    _booking, payment = paid(hall, 1, 2, 3)
    for nth, amount in enumerate([1, 333, 1000, 8400, 7777]):
        execute_refund(refund_id=give(payment, amount, str(nth)).pk)
    left = balances()
    assert -(left[Account.ORGANIZER] + left[Account.TAX] + left[Account.PLATFORM_FEES]) == 25_200 - 17_511
    execute_refund(refund_id=give(payment, 25_200 - 17_511, "rest").pk)
    assert set(balances()) == {Account.CLEARING, Account.GATEWAY_FEES}


def test_an_event_that_is_cancelled_gives_back_tax_and_fee_too(hall: Hall) -> None:
    take(hall)
    paid(hall, 1)
    paid(hall, 2)
    cancel_event(event_id=hall.event.pk, actor="boss")
    assert not {Account.ORGANIZER, Account.TAX, Account.PLATFORM_FEES} & set(balances())


def test_what_a_dispute_has_taken_does_not_make_the_platform_pay_more(hall: Hall) -> None:
    take(hall, rate="0", percent="10")
    _booking, payment = paid(hall, 1)
    dispute = Dispute.objects.create(
        event_id=payment.event_id, payment=payment, gateway_id="d", amount_minor=8400, currency="EUR", status="lost"
    )
    with transaction.atomic():
        ledger.book_dispute_opened(dispute)
        ledger.book_dispute_closed(dispute)
    give(payment, 4200, "half")
    assert (balances()[Account.ORGANIZER], balances()[Account.PLATFORM_FEES]) == (8400 - 3780, -420)
    give(payment, 4200, "rest")
    assert balances()[Account.ORGANIZER] == 8400
    assert Account.PLATFORM_FEES not in balances()


@pytest.mark.parametrize("model", [Sale, TaxLine])
def test_what_was_sold_is_never_rewritten(hall: Hall, model: Any) -> None:
    paid(hall, 1)
    with pytest.raises(IntegrityError):
        model.objects.update(created_at="2020-01-01T00:00:00Z")
    with pytest.raises(IntegrityError):
        model.objects.all()._raw_delete(using="default")
