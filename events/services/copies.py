"""More events like one that is there: a copy, or a series of dates."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Self
from uuid import UUID

from django.utils.crypto import get_random_string
from django.utils.text import slugify

from evently.accounts.models import User
from evently.database import transactional
from events.models import Category, Event, EventService, PricingRule, RefundTerm, Series, TicketType
from events.repetition import MOST_DATES, moved

# What a copy takes over as it is. Times move along; where an event was imported from belongs to that one alone.
ALIKE: Final = (
    *("organizer", "venue", "seating_plan", "shares_venue", "title", "description", "category", "image", "poster"),
    *("currency", "max_per_booking", "max_per_customer", "tax_rate"),
)
ALIKE_CATEGORY: Final = ("name", "plan_category", "numbered", "capacity", "position")
ALIKE_TICKET_TYPE: Final = (
    *("name", "description", "is_default", "sold_to", "min_per_booking", "max_per_booking", "limit", "position", "tax_rate"),
)
ALIKE_SERVICE: Final = ("service_id", "price_minor", "stock", "max_per_booking", "position", "is_active", "tax_rate")
ALIKE_TERM: Final = ("days_before", "percent", "fee_minor")
ALIKE_RULE: Final = (
    *("sold_percent", "slack_percent", "hours_before", "change_percent", "change_minor", "floor_minor", "ceiling_minor"),
    *("round_to_minor", "is_active"),
)


@dataclass(frozen=True, slots=True)
class Times:
    """When a date takes place and is sold, UTC."""

    starts_at: datetime
    ends_at: datetime
    doors_at: datetime | None
    sale_starts_at: datetime
    sale_ends_at: datetime

    @classmethod
    def after(cls, event: Event, by: timedelta) -> Self:
        """The times of the event so much later by the clock of its venue."""
        zone = event.venue.zone
        starts_at, ends_at = moved(event.starts_at, by=by, zone=zone), moved(event.ends_at, by=by, zone=zone)
        if ends_at <= starts_at:  # a short one, in the hour in which the clocks change
            ends_at = starts_at + (event.ends_at - event.starts_at)
        sale_starts_at, sale_ends_at = (moved(at, by=by, zone=zone) for at in (event.sale_starts_at, event.sale_ends_at))
        if sale_ends_at <= sale_starts_at:
            sale_ends_at = sale_starts_at + (event.sale_ends_at - event.sale_starts_at)
        doors_at = min(moved(event.doors_at, by=by, zone=zone), starts_at) if event.doors_at else None
        return cls(starts_at, ends_at, doors_at, sale_starts_at, sale_ends_at)


@dataclass(frozen=True, slots=True)
class PlannedDate:
    """A date that a series could have. `rival`: the published event that is in the venue then; `is_there`: it has it already."""

    day: date
    times: Times
    rival: Event | None
    is_there: bool


def plan_dates(event: Event, days: Collection[date]) -> list[PlannedDate]:
    """What the event's series would have on these days by the clock of its venue, in their order. Two queries."""
    planned = {day: Times.after(event, _until(event, day)) for day in sorted(days)[:MOST_DATES]}
    if not planned:
        return []
    span = min(times.starts_at for times in planned.values()), max(times.ends_at for times in planned.values())
    rivals: Sequence[Event] = []
    if not event.shares_venue:
        published = Event.objects.filter(venue=event.venue_id, status=Event.Status.PUBLISHED, shares_venue=False)
        rivals = list(published.between(*span).select_related("venue").order_by("starts_at"))
    there = _starts_of_series(event)
    return [
        PlannedDate(
            day,
            times,
            next((rival for rival in rivals if rival.starts_at < times.ends_at and rival.ends_at > times.starts_at), None),
            times.starts_at in there,
        )
        for day, times in planned.items()
    ]


@transactional
def clone_event(
    *, event_id: UUID, starts_at: datetime, title: str = "", created_by: User | None = None, copy_id: UUID | None = None
) -> Event:
    """Make a draft like the event, with its categories, ticket types, rules, services and refund terms, at another time.

    Doors, end and sale are as far from the start as the event's own, by the clock of the venue.
    """
    source = _source(event_id)
    by = _naive(starts_at, source) - _naive(source.starts_at, source)
    facts: dict[str, Any] = {"title": title or source.title, "created_by": created_by} | ({"id": copy_id} if copy_id else {})
    return _copy(source, [Times.after(source, by)], series=None, **facts)[0]


@transactional
def repeat_event(*, event_id: UUID, days: Collection[date], created_by: User | None) -> list[Event]:
    """Make drafts like the event on these days (at most 200), at its time of day by the clock of the venue; all are one series.

    Days that the series has already are left out, so that asking twice changes nothing.
    """
    source = Event.objects.select_for_update(of=("self",), no_key=True).select_related("venue", "series").get(pk=event_id)
    there = _starts_of_series(source)
    times = [Times.after(source, _until(source, day)) for day in sorted(days)[:MOST_DATES]]
    wanted = [each for each in times if each.starts_at not in there]
    if not wanted:
        return []
    if source.series is None:
        source.series = Series.objects.create(organizer_id=source.organizer_id, title=source.title)
        source.save(update_fields=["series"])
    return _copy(source, wanted, title=source.title, series=source.series, created_by=created_by)


def _source(event_id: UUID) -> Event:
    return Event.objects.select_related("venue").get(pk=event_id)


def _naive(at: datetime, event: Event) -> datetime:
    return at.astimezone(event.venue.zone).replace(tzinfo=None)


def _until(event: Event, day: date) -> timedelta:
    return day - _naive(event.starts_at, event).date()


def _starts_of_series(event: Event) -> set[datetime]:
    """When the dates of its series start, its own among them; those that were cancelled may be made anew."""
    if event.series_id is None:
        return {event.starts_at.astimezone(UTC)}
    dates = Event.objects.filter(series=event.series_id).exclude(status=Event.Status.CANCELLED)
    return {at.astimezone(UTC) for at in dates.values_list("starts_at", flat=True)}


def _copy(source: Event, dates: Sequence[Times], *, title: str, series: Series | None, **more: Any) -> list[Event]:
    facts = {name: getattr(source, name) for name in ALIKE} | {"title": title, "series": series} | more
    copies = [
        Event(
            **facts,
            slug=_slug(title, times.starts_at.astimezone(source.venue.zone).date()),
            **{name: getattr(times, name) for name in Times.__slots__},
        )
        for times in dates
    ]
    taken = set(Event.objects.filter(slug__in=[copy.slug for copy in copies]).values_list("slug", flat=True))
    for copy in copies:
        if copy.slug in taken:
            copy.slug = f"{copy.slug}-{get_random_string(6).lower()}"
        taken.add(copy.slug)
    Event.objects.bulk_create(copies)
    categories = {category.pk: category for category in source.categories.all()}
    own = {
        (copy.pk, pk): Category(event=copy, **{name: getattr(category, name) for name in ALIKE_CATEGORY})
        for copy in copies
        for pk, category in categories.items()
    }
    Category.objects.bulk_create(own.values())
    zone = source.venue.zone
    ticket_types = list(source.ticket_types.all())
    own_types = {
        (copy.pk, kind.pk): TicketType(
            event=copy,
            category=own[copy.pk, kind.category_id],
            price_minor=kind.base_minor,
            **{name: getattr(kind, name) for name in ALIKE_TICKET_TYPE},
            **{
                name: at and moved(at, by=_naive(copy.starts_at, source) - _naive(source.starts_at, source), zone=zone)
                for name, at in (("sale_starts_at", kind.sale_starts_at), ("sale_ends_at", kind.sale_ends_at))
            },
        )
        for copy in copies
        for kind in ticket_types
    }
    TicketType.objects.bulk_create(own_types.values())
    services = list(source.services.all())
    EventService.objects.bulk_create(
        EventService(event=copy, **{name: getattr(service, name) for name in ALIKE_SERVICE})
        for copy in copies
        for service in services
    )
    terms = list(source.refund_terms.all())
    RefundTerm.objects.bulk_create(
        RefundTerm(event=copy, **{name: getattr(term, name) for name in ALIKE_TERM}) for copy in copies for term in terms
    )
    rules = list(source.pricing_rules.all())
    PricingRule.objects.bulk_create(
        PricingRule(
            event=copy,
            category=own[copy.pk, rule.category_id] if rule.category_id else None,
            ticket_type=own_types[copy.pk, rule.ticket_type_id] if rule.ticket_type_id else None,
            **{name: getattr(rule, name) for name in ALIKE_RULE},
        )
        for copy in copies
        for rule in rules
    )
    return copies


def _slug(title: str, day: date) -> str:
    return f"{slugify(title)[:100].strip('-') or 'event'}-{day}"
