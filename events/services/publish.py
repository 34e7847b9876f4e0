"""From a draft to the sale."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models.functions import Now
from django.utils.translation import gettext as _

from evently.database import transactional
from evently.money import CURRENCIES
from evently.outbox.services import publish
from events import summary
from events.models import Category, Event
from events.seating import MOST_PLACES, make_seats, plan_of
from venues.geometry import Plan

from .refusals import NotPublishable
from .venue import check_venue, taking_the_venue

logger = logging.getLogger(__name__)


@transactional
def publish_event(*, event_id: UUID, actor: str, progress: Callable[[int], None] | None = None) -> Event:
    """Make the seats of a draft and open it to the public; one that is published already stays as it is.

    `progress` is told now and then how many places are made.

    Raises `NotPublishable` with everything that stands in the way, `VenueTaken` when another event does.
    """
    event = (
        Event.objects.select_for_update(of=("self",), no_key=True)
        .select_related("venue", "seating_plan")
        .annotate(clock=Now())
        .get(pk=event_id)
    )
    if event.status == Event.Status.PUBLISHED:
        return event
    plan = plan_of(event)
    categories = list(event.categories.order_by("position", "name").prefetch_related("ticket_types"))
    if reasons := [*_reasons_of_the_event(event), *_reasons_of_the_places(plan, categories)]:
        raise NotPublishable(reasons)
    event.status = Event.Status.PUBLISHED
    event.version += 1
    check_venue(event)
    with taking_the_venue(event):
        event.save(update_fields=["status", "version"])
    seats = make_seats(event, plan=plan, categories=categories, progress=progress)
    summary.refresh([event.pk])
    publish("event.published", event=str(event.pk), actor=actor)
    logger.info("Event %s published with %d seats by %s", event.pk, seats, actor)
    return event


@transactional
def make_categories_from_plan(*, event: Event) -> list[Category]:
    """Give the event a category for each one of its plan that has seats and none yet; return those made."""
    plan = plan_of(event)
    known = {name for pair in event.categories.values_list("plan_category", "name") for name in pair}
    used = {seat.category for seat in plan.seats} if plan else set()
    names = [category.name for category in plan.categories if category.name in used - known] if plan else []
    first = event.categories.count()
    return Category.objects.bulk_create(
        Category(event=event, name=name, plan_category=name, position=position)
        for position, name in enumerate(names, start=first)
    )


def _reasons_of_the_event(event: Any) -> Iterator[str]:
    if event.status != Event.Status.DRAFT:
        yield _("It is %(status)s.") % {"status": event.get_status_display()}
    yield from reasons_of_the_times(event, now=event.clock)
    if event.sale_ends_at <= event.clock:
        yield _("Its sale ends in the past.")
    if event.sale_starts_at >= event.ends_at:
        yield _("Its sale starts after it is over.")
    if event.currency not in CURRENCIES:
        yield _("“%(currency)s” is not a currency to sell in.") % {"currency": event.currency}
    if event.seating_plan and event.seating_plan.venue_id != event.venue_id:
        yield _("The seating plan belongs to another venue.")


def reasons_of_the_times(event: Event, *, now: datetime) -> Iterator[str]:
    """What is wrong about when it takes place."""
    if event.ends_at <= now:
        yield _("It ends in the past.")
    if event.doors_at and event.doors_at > event.starts_at:
        yield _("The doors open after it starts.")


def _reasons_of_the_places(plan: Plan | None, categories: Sequence[Category]) -> Iterator[str]:
    if not categories:
        yield _("It has no category of places.")
    seats = Counter(seat.category for seat in plan.seats) if plan else Counter[str]()
    for category in categories:
        yield from _reasons_of_the_tickets(category)
        if not category.numbered:
            yield from _reasons_of_general_admission(category)
        elif not category.plan_category:
            yield _("“%(name)s” has numbered seats, but no category of a seating plan.") % {"name": category.name}
        elif category.plan_category not in seats:
            yield _("“%(name)s”: the seating plan has no seats in “%(plan_category)s”.") % {
                "name": category.name,
                "plan_category": category.plan_category,
            }
    owners = Counter(category.plan_category for category in categories if category.numbered)
    for name, count in seats.items():
        if owners[name] == 0:
            yield _("The %(count)d seats of “%(name)s” in the plan belong to no category.") % {"count": count, "name": name}
        if owners[name] > 1:
            yield _("The seats of “%(name)s” in the plan belong to several categories.") % {"name": name}
    places = seats.total() + sum(category.capacity or 0 for category in categories if not category.numbered)
    if places > MOST_PLACES:
        yield _("It has %(count)d places, at most %(most)d can be sold.") % {"count": places, "most": MOST_PLACES}


def _reasons_of_the_tickets(category: Category) -> Iterator[str]:
    ticket_types = list(category.ticket_types.all())
    if not ticket_types:
        yield _("“%(name)s” has no ticket type.") % {"name": category.name}
    elif not any(ticket_type.is_default for ticket_type in ticket_types):
        yield _("“%(name)s” has no ticket type that is chosen by default.") % {"name": category.name}
    for ticket_type in ticket_types:
        if ticket_type.event_id != category.event_id:
            yield _("The ticket type “%(name)s” belongs to another event.") % {"name": ticket_type.name}


def _reasons_of_general_admission(category: Category) -> Iterator[str]:
    if not category.capacity:
        yield _("“%(name)s” is general admission and needs a number of places.") % {"name": category.name}
    if category.plan_category:
        yield _("“%(name)s” is general admission and cannot take seats of the plan.") % {"name": category.name}
