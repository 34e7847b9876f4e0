"""Prices that have been following demand for weeks: rules, and the history that they would have left."""

from collections import Counter
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db import transaction

from bookings.models import BookingSeat
from events import summary
from events.models import Event, PriceChange, PricingRule, Seat
from events.pricing import price_by, reason
from events.repricing import reprice

STEPS: Final = ((15, 5), (30, 10), (60, 10), (85, 15))  # from so much sold, so much more, both in per cent
ROUNDED_TO: Final = 50


@transaction.atomic
def follow_demand(event: Event) -> None:
    """Give an event that sells already its rules, and write down when each of them began to hold, by what was sold when."""
    rules = [
        PricingRule.objects.create(event=event, sold_percent=sold, change_percent=Decimal(more), round_to_minor=ROUNDED_TO)
        for sold, more in STEPS
    ]
    places = Counter[UUID](
        Seat.objects.filter(event=event).exclude(status=Seat.Status.BLOCKED).values_list("category", flat=True)
    )
    ticket_types = list(event.ticket_types.order_by("pk"))
    sold, holding = Counter[UUID](), list[PricingRule]()
    lines = BookingSeat.objects.filter(event=event, released_at=None).order_by("created_at", "pk")
    for category, at in lines.values_list("seat__category", "created_at"):
        sold[category] += 1
        following = rules[len(holding)] if len(holding) < len(rules) else None
        if following is None or sold.total() * 100 < (following.sold_percent or 0) * places.total():
            continue
        holding.append(following)
        following.holds_since = at
        following.save(update_fields=["holds_since"])
        for ticket_type in ticket_types:
            old, base = ticket_type.price_minor, ticket_type.base_minor
            ticket_type.price_minor, ticket_type.base_price_minor = price_by(base, rules, holding), base
            if ticket_type.price_minor == old:
                continue
            ticket_type.save(update_fields=["price_minor", "base_price_minor"])
            PriceChange.objects.create(
                event=event,
                ticket_type=ticket_type,
                old_minor=old,
                new_minor=ticket_type.price_minor,
                reason=reason(holding, currency=event.currency),
                rule=following,
                actor="system",
                sold=sold[ticket_type.category_id],
                places=places[ticket_type.category_id],
                created_at=at,
            )
    reprice(event_id=event.pk)
    summary.refresh([event.pk])
