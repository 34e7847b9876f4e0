"""What the event page at the desk tells about prices that follow rules."""

from typing import Any, Final

from django.utils import timezone
from django.utils.formats import date_format

from evently.templatetags.evently import money, money_exact

from .models import Event, PriceChange, PricingRule, TicketType
from .pricing import PERCENT, concerns, effect, foresee

SHOWN: Final = 30  # changes; the API has all of them


def pricing_facts(event: Event) -> dict[str, Any]:
    """The active rules in words, what each ticket type would cost with 0, 10 … 100 % sold, and the last changes."""
    rules = list(PricingRule.objects.filter(event=event, is_active=True).order_by("sold_percent", "hours_before", "pk"))
    rows = list(_rows(event, rules)) if rules else []
    changes = PriceChange.objects.filter(event=event).select_related("ticket_type__category").order_by("-created_at", "-pk")
    return {
        "rules": [f"{', '.join(rule.conditions)}: {effect(rule, event.currency)}" for rule in rules],
        "percents": list(PERCENT),
        "rows": rows,
        "changes": [
            {
                "when": date_format(change.created_at.astimezone(event.venue.zone), "D j M Y, H:i"),
                "name": f"{change.ticket_type.category.name}, {change.ticket_type.name}",
                "old": money_exact(change.old_minor, event.currency),
                "new": money_exact(change.new_minor, event.currency),
                "sold": f"{change.sold} / {change.places}",
                "reason": change.reason,
                "actor": change.actor,
            }
            for change in changes[:SHOWN]
        ],
    }


def _rows(event: Event, rules: list[PricingRule]) -> Any:
    time_left = event.starts_at - timezone.now()
    types = TicketType.objects.filter(event=event).select_related("category")
    for each in types.order_by("category__position", "position", "name"):
        if any(concerns(rule, each) for rule in rules):
            prices = [money(price, event.currency) for _percent, price in foresee(each, rules, time_left=time_left)]
            name = f"{each.category.name}, {each.name}"
            yield {"name": name, "now": money(each.price_minor, event.currency), "prices": prices}
