"""What a price is, given what people have set, the rules, how much is sold and how long it is until the start: all pure."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.utils.translation import gettext as _

from evently import money

from .models import PricingRule, TicketType

PERCENT = range(0, 101, 10)


@dataclass(frozen=True, slots=True)
class Demand:
    """How many of how many places are sold (holds may still lapse and do not count), and how long it is until the start."""

    sold: int
    places: int
    time_left: timedelta

    def reaches(self, percent: int) -> bool:
        return self.places > 0 and self.sold * 100 >= percent * self.places


def concerns(rule: PricingRule, ticket_type: TicketType) -> bool:
    """Whether the rule is for this ticket type: for all of the event, for its category, or for it alone; never for a gift."""
    if ticket_type.sold_to == TicketType.SoldTo.STAFF:
        return False
    return rule.ticket_type_id in (None, ticket_type.pk) and rule.category_id in (None, ticket_type.category_id)


def holds(rule: PricingRule, demand: Demand, *, held: bool) -> bool:
    """Whether the rule holds now; one that `held` until now has its slack before it ends."""
    if not rule.is_active:
        return False
    if rule.hours_before is not None and demand.time_left > timedelta(hours=rule.hours_before):
        return False
    return rule.sold_percent is None or demand.reaches(rule.sold_percent - (rule.slack_percent if held else 0))


def price_by(base_minor: int, rules: Sequence[PricingRule], holding: Collection[PricingRule]) -> int:
    """The price in minor units by the active `rules` that concern it, of which those in `holding` hold.

    Changes are parts of the base and add up, in any order. Rounding never crosses the base, so that another rule that
    rises never makes it cheaper. The highest floor and the lowest ceiling bind; where they contradict, the ceiling does.
    """
    if not rules:
        return base_minor
    change = sum((_change(rule, base_minor) for rule in rules if rule in holding), Decimal(0))
    price = base_minor
    if change:
        rounded = money.round_to(base_minor + change, max(rule.round_to_minor for rule in rules))
        price = max(rounded, base_minor) if change > 0 else min(rounded, base_minor)
    price = max(price, *(rule.floor_minor or 0 for rule in rules), 0)
    return min([price, *(rule.ceiling_minor for rule in rules if rule.ceiling_minor is not None)])


def reason(rules: Iterable[PricingRule], *, currency: str) -> str:
    """Why the price is what it is while these rules hold, in words."""
    told = [f"{', '.join(rule.conditions)}: {effect(rule, currency)}" for rule in rules]
    text = "; ".join(told) or _("No rule holds any more.")
    return text[:1].upper() + text[1:]


def effect(rule: PricingRule, currency: str) -> str:
    """By how much it changes the price: “+10 %”, “-€5” with a proper minus."""
    if rule.change_percent is not None:
        return rule.effect_in_percent.replace("-", "\N{MINUS SIGN}")
    amount = rule.change_minor or 0
    return ("+" if amount >= 0 else "\N{MINUS SIGN}") + money.display(abs(amount), currency)


def foresee(ticket_type: TicketType, rules: Sequence[PricingRule], *, time_left: timedelta) -> Iterator[tuple[int, int]]:
    """What it would cost now with 0, 10 … 100 % sold: (percent, price)."""
    own = [rule for rule in rules if rule.is_active and concerns(rule, ticket_type)]
    for percent in PERCENT:
        demand = Demand(sold=percent, places=100, time_left=time_left)
        yield percent, price_by(ticket_type.base_minor, own, [rule for rule in own if holds(rule, demand, held=False)])


def _change(rule: PricingRule, base_minor: int) -> Decimal:
    if rule.change_percent is None:
        return Decimal(rule.change_minor or 0)
    return base_minor * rule.change_percent / 100
