"""Set prices by the rules, and write down every price that has changed."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db.models import Count, Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from evently.database import transactional
from evently.outbox.services import publish

from . import summary
from .models import Event, EventQuerySet, PriceChange, PricingRule, Seat, TicketType
from .pricing import Demand, concerns, holds, price_by, reason
from .reads import forget_event, forget_places, forget_prices

SYSTEM = "system"


def events_with_rules() -> EventQuerySet:
    """Those still to come whose prices follow rules, or did until these were switched off."""
    active = PricingRule.objects.filter(is_active=True).values("event")
    moved = TicketType.objects.filter(base_price_minor__isnull=False).values("event")
    return Event.objects.upcoming().filter(Q(pk__in=active) | Q(pk__in=moved))


def prices_of(event_id: UUID) -> dict[UUID, int]:
    """What each ticket type costs, in minor units; read it after the event's lock to tell `reprice` what was before."""
    return dict(TicketType.objects.filter(event=event_id).values_list("pk", "price_minor"))


@transactional
def reprice(*, event_id: UUID, before: Mapping[UUID, int] | None = None, actor: str = SYSTEM) -> list[PriceChange]:
    """Give the ticket types of a public event the prices that its rules ask for, and return what has changed.

    Whoever sets a price locks the event first, as this does: the price that a person sets is the base that rules start
    from, whichever of the two came first. `before` holds the prices before such a person (`actor`) has set them. Holds are
    neither stopped nor touched: they have their prices.
    """
    event = (
        Event.objects.select_for_update(of=("self",), no_key=True)
        .filter(pk=event_id, status__in=[Event.Status.PUBLISHED, Event.Status.POSTPONED])
        .annotate(clock=Now())
        .first()
    )
    if event is None:
        return []
    rules = list(PricingRule.objects.filter(event=event).order_by("sold_percent", "hours_before", "pk"))
    ticket_types = list(TicketType.objects.filter(event=event).order_by("pk").select_for_update(no_key=True))
    demands = _demands(event)
    turned = _turn(event, rules, ticket_types, demands)
    changes = []
    for ticket_type in ticket_types:
        own = [rule for rule in rules if rule.is_active and concerns(rule, ticket_type)]
        holding = [rule for rule in own if rule.holds_since]
        base, current = ticket_type.base_minor, ticket_type.price_minor
        old = (before or {}).get(ticket_type.pk, current)
        new = price_by(base, own, holding)
        moved_base = None if new == base else base
        if (new, moved_base) != (current, ticket_type.base_price_minor):
            ticket_type.price_minor, ticket_type.base_price_minor = new, moved_base
            ticket_type.save(update_fields=["price_minor", "base_price_minor"])
        if new == old:
            continue
        demand = demands.get(ticket_type.category_id, demands[None])
        told = [reason(holding, currency=event.currency)] if own or old == current else []
        if old != current:
            told.insert(0, _("The organizer set the price."))
        changes.append(
            PriceChange(
                event=event,
                ticket_type=ticket_type,
                old_minor=old,
                new_minor=new,
                reason=" ".join(told)[:300],
                rule=next((rule for rule in turned if concerns(rule, ticket_type)), None),
                actor=actor,
                sold=demand.sold,
                places=demand.places,
            )
        )
    if changes:
        PriceChange.objects.bulk_create(changes)
        summary.refresh([event.pk])
        publish("event.repriced", event=str(event.pk))
        forget_event(event)
        forget_places(event.pk)
        forget_prices(event.pk)
    return changes


def _demands(event: Event) -> dict[UUID | None, Demand]:
    """By category, and under `None` that of the whole event."""
    time_left = event.starts_at - event.clock  # type: ignore[attr-defined]  # annotated
    counts = (
        Seat.objects.filter(event=event)
        .exclude(status=Seat.Status.BLOCKED)
        .values_list("category_id")
        .annotate(sold=Count("pk", filter=Q(status=Seat.Status.SOLD)), places=Count("pk"))
    )
    demands: dict[UUID | None, Demand] = {pk: Demand(sold, places, time_left) for pk, sold, places in counts}
    parts = list(demands.values())
    demands[None] = Demand(sum(part.sold for part in parts), sum(part.places for part in parts), time_left)
    return demands


def _turn(
    event: Event, rules: Sequence[PricingRule], ticket_types: Sequence[TicketType], demands: Mapping[UUID | None, Demand]
) -> list[PricingRule]:
    """Write down which rules hold now, and return those that have begun or ended."""
    categories = {ticket_type.pk: ticket_type.category_id for ticket_type in ticket_types}
    turned = []
    for rule in rules:
        category = rule.category_id if rule.ticket_type_id is None else categories.get(rule.ticket_type_id)
        demand = demands.get(category, Demand(0, 0, demands[None].time_left))
        if holds(rule, demand, held=rule.holds_since is not None) != (rule.holds_since is not None):
            rule.holds_since = None if rule.holds_since else event.clock  # type: ignore[attr-defined]  # annotated
            rule.save(update_fields=["holds_since"])
            turned.append(rule)
    return turned
