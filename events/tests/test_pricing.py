"""Prices are a pure function of what people have set, the rules, how much is sold and the time."""

import os
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from evently.money import CURRENCIES, decimal_string, round_to
from events.models import PricingRule, TicketType
from events.pricing import Demand, concerns, effect, foresee, holds, price_by, reason

EXAMPLES = int(os.environ.get("EVENTLY_FUZZ_EXAMPLES", "150"))
fuzz = settings(max_examples=EXAMPLES, deadline=None)
WEEK = timedelta(days=7)


def rule(**facts: Any) -> PricingRule:
    """From half sold ten per cent more, unless something else is said."""
    condition = {} if facts.keys() & {"sold_percent", "hours_before"} else {"sold_percent": 50}
    change = {} if facts.keys() & {"change_percent", "change_minor"} else {"change_percent": Decimal(10)}
    return PricingRule(**condition, **change, **facts)


def sold(percent: int, *, time_left: timedelta = WEEK) -> Demand:
    return Demand(sold=percent, places=100, time_left=time_left)


def price_at(base: int, rules: list[PricingRule], demand: Demand) -> int:
    return price_by(base, rules, [each for each in rules if holds(each, demand, held=False)])


amounts = st.integers(0, 10**10)


@st.composite
def any_rules(draw: st.DrawFn, *, rising: bool = False) -> list[PricingRule]:
    """Up to five rules, as the database would let them be."""
    made = []
    for _ in range(draw(st.integers(0, 5))):
        by_percent = draw(st.booleans())
        percent = draw(st.decimals(0 if rising else -99, 1000, places=2)) if by_percent else None
        amount = None if by_percent else draw(st.integers(0 if rising else -(10**9), 10**9))
        threshold = draw(st.integers(1, 100))
        bounds = sorted(draw(st.lists(amounts, min_size=2, max_size=2)))
        made.append(
            PricingRule(
                sold_percent=threshold,
                slack_percent=draw(st.integers(0, threshold - 1)),
                hours_before=draw(st.none() | st.integers(0, 1000)),
                change_percent=percent,
                change_minor=amount,
                floor_minor=draw(st.none() | st.just(bounds[0])),
                ceiling_minor=draw(st.none() | st.just(bounds[1])),
                round_to_minor=draw(st.sampled_from([1, 5, 10, 50, 99, 100, 500, 1000])),
            )
        )
    return made


demands = st.builds(
    lambda places, part, hours: Demand(round(places * part), places, timedelta(hours=hours)),
    st.integers(0, 10**5),
    st.floats(0, 1),
    st.integers(-10, 2000),
)


@fuzz
@given(amounts, any_rules(), demands)
def test_a_price_is_never_below_a_floor_nor_above_a_ceiling(base: int, rules: list[PricingRule], demand: Demand) -> None:
    price = price_at(base, rules, demand)

    ceiling = min((each.ceiling_minor for each in rules if each.ceiling_minor is not None), default=None)
    floor = max((each.floor_minor or 0 for each in rules), default=0)
    assert price >= 0
    assert ceiling is None or price <= ceiling
    assert price >= (floor if ceiling is None else min(floor, ceiling))


@fuzz
@given(amounts, any_rules(rising=True), st.integers(0, 2000), st.integers(1, 500))
def test_rules_that_rise_never_make_it_cheaper_when_more_is_sold(
    base: int, rules: list[PricingRule], hours: int, places: int
) -> None:
    steps = [price_at(base, rules, Demand(sold, places, timedelta(hours=hours))) for sold in range(0, places + 1, 7)]

    assert all(before <= after for before, after in pairwise(steps))


@fuzz
@given(amounts, any_rules(), demands)
def test_asking_again_changes_nothing(base: int, rules: list[PricingRule], demand: Demand) -> None:
    holding = [each for each in rules if holds(each, demand, held=False)]
    again = [each for each in rules if holds(each, demand, held=each in holding)]

    assert again == holding
    assert price_by(base, rules, again) == price_by(base, rules, holding)
    assert price_by(base, rules[::-1], holding[::-1]) == price_by(base, rules, holding)


@fuzz
@given(any_rules(), st.lists(st.integers(0, 100), min_size=2, max_size=30))
def test_a_rule_flips_only_when_more_than_its_slack_has_come_and_gone(rules: list[PricingRule], path: list[int]) -> None:
    for each in rules:
        held, began = False, 0
        for percent in path:
            now = holds(each, sold(percent, time_left=timedelta(0)), held=held)
            threshold = each.sold_percent or 0
            if now and not held:
                began = percent
                assert began >= threshold
            if held and not now:
                assert percent < threshold - each.slack_percent
            held = now


@fuzz
@given(st.sampled_from(CURRENCIES), amounts, st.decimals(-99, 1000, places=2))
def test_a_percentage_is_exact_to_the_minor_unit_of_every_currency(currency: str, base: int, percent: Decimal) -> None:
    one = rule(change_percent=percent)

    price = price_by(base, [one], [one])

    assert abs(price - base * (1 + percent / 100)) <= Decimal("0.5")
    assert decimal_string(price, currency)


@fuzz
@given(st.decimals(-(10**12), 10**12, places=3), st.integers(1, 10_000))
def test_rounding_finds_the_nearest_multiple(amount: Decimal, unit: int) -> None:
    rounded = round_to(amount, unit)

    assert rounded % unit == 0
    assert abs(rounded - amount) * 2 <= unit


def test_currencies_without_and_with_three_decimals_have_pretty_steps_of_their_own() -> None:
    yen = rule(change_percent=Decimal("12.5"), round_to_minor=100)  # ¥100
    dinar = rule(change_percent=Decimal("12.5"), round_to_minor=250)  # a quarter

    assert price_by(8400, [yen], [yen]) == 9500  # 9,450
    assert price_by(25_000, [dinar], [dinar]) == 28_250  # 28.125
    assert (effect(rule(change_minor=500), "JPY"), effect(rule(change_minor=-500), "KWD")) == ("+¥500", "\N{MINUS SIGN}KWD 0.500")


def test_rounding_never_crosses_the_base() -> None:
    up, down = rule(change_minor=10, round_to_minor=1000), rule(change_minor=-10, round_to_minor=1000)

    assert (price_by(8430, [up], [up]), price_by(8570, [down], [down])) == (8430, 8570)


def test_changes_are_parts_of_the_base_and_add_up() -> None:
    rules = [rule(sold_percent=50), rule(sold_percent=80), rule(hours_before=48, change_minor=-500)]

    assert price_at(10_000, rules, sold(49)) == 10_000
    assert price_at(10_000, rules, sold(50)) == 11_000
    assert price_at(10_000, rules, sold(80)) == 12_000
    assert price_at(10_000, rules, sold(80, time_left=timedelta(hours=48))) == 11_500


def test_a_rule_with_two_conditions_needs_both() -> None:
    late_and_full = rule(sold_percent=80, hours_before=24)

    assert not holds(late_and_full, sold(90), held=False)
    assert not holds(late_and_full, sold(70, time_left=timedelta(hours=1)), held=False)
    assert holds(late_and_full, sold(80, time_left=timedelta(hours=24)), held=False)


def test_nothing_is_sold_where_there_is_no_place() -> None:
    assert not holds(rule(), Demand(0, 0, WEEK), held=False)


def test_a_rule_that_is_switched_off_does_not_hold() -> None:
    assert not holds(rule(is_active=False), sold(100), held=True)


def test_the_preview_shows_every_tenth() -> None:
    adult = TicketType(price_minor=11_000, base_price_minor=10_000)
    rules = [rule(sold_percent=50), rule(sold_percent=85, ceiling_minor=11_500), rule(is_active=False, change_minor=1)]

    prices = dict(foresee(adult, rules, time_left=WEEK))

    assert list(prices) == list(range(0, 101, 10))
    assert (prices[0], prices[40], prices[50], prices[80], prices[90], prices[100]) == (
        10_000,
        10_000,
        11_000,
        11_000,
        11_500,
        11_500,
    )


def test_the_reason_is_said_in_words() -> None:
    rules = [
        rule(),
        rule(hours_before=72, change_minor=-500),
        rule(sold_percent=90, hours_before=5, change_percent=Decimal("-2.50")),
    ]

    assert reason(rules, currency="EUR") == (
        "From 50 % sold: +10 %; from 3 days before the start: \N{MINUS SIGN}€5; "
        "from 90 % sold, from 5 hours before the start: \N{MINUS SIGN}2.5 %"
    )
    assert reason([], currency="EUR") == "No rule holds any more."


def test_a_rule_is_for_the_event_a_category_or_a_ticket_type() -> None:
    adult, child = TicketType(), TicketType()
    adult.category_id = child.category_id = TicketType().pk

    assert [concerns(rule(), each) for each in (adult, child)] == [True, True]
    assert [concerns(rule(ticket_type_id=adult.pk), each) for each in (adult, child)] == [True, False]
    assert [concerns(rule(category_id=adult.category_id), each) for each in (adult, child)] == [True, True]
    assert not concerns(rule(category_id=child.pk), adult)
