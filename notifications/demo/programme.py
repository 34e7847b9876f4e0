"""Make the venues and events of the demo, with dates that lie ahead whenever it is made."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.text import slugify

from evently.accounts.models import Organizer, User
from events.models import Category, Event, EventService, PromoCode, RefundTerm, Service, TicketType, canonical_code
from payments.models import PlatformFee, Seller
from venues.importing import import_seating_plan
from venues.models import Venue

from .shows import RESTRICTED_VIEW, TEAMS, VENUES, WHEELCHAIRS, Places, Show

CODE = "CLOUD10"  # ten percent off everything of city-stage
HALL = Path(settings.BASE_DIR, "demo", "hall-1057.json")


def make_venue(slug: str) -> Venue:
    """The venue of this slug; the main hall has its seating plan."""
    facts = dict(VENUES[slug])
    team = facts.pop("team")
    organizer, _ = Organizer.objects.get_or_create(slug=team, defaults={"name": TEAMS[team], "email": f"{team}@example.com"})
    venue, _ = Venue.objects.get_or_create(slug=slug, defaults=facts | {"organizer": organizer})
    if slug == "main-hall":
        import_seating_plan(venue=venue, content=HALL.read_bytes(), name="Stalls and balcony")
    return venue


def find_upcoming(show: Show) -> Event | None:
    """The event, if it was made before and is still to come."""
    return Event.objects.filter(title=show.title, organizer__slug=show.team).upcoming().first()


def make_event(show: Show, *, created_by: User) -> Event:
    """A draft of the event, with its categories and ticket types."""
    venue = make_venue(show.venue)
    starts_at = _date(show, venue)
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    slug = slugify(show.title)
    if Event.objects.filter(slug=slug).exists():
        slug = f"{slug}-{starts_at:%Y-%m-%d}"
    event = make_draft(
        places=show.places,
        venue=venue,
        seating_plan=venue.seating_plans.order_by("number").last() if show.places[0].plan_category else None,
        created_by=created_by,
        title=show.title,
        slug=slug,
        description=show.description,
        category=show.topic,
        poster=show.poster,
        starts_at=starts_at,
        doors_at=starts_at - timedelta(hours=1),
        ends_at=starts_at + timedelta(hours=show.hours),
        currency=show.currency,
        sale_starts_at=now - timedelta(days=24) if show.opens_in is None else _morning(show.opens_in, venue),
        sale_ends_at=starts_at,
    )
    if show.team == "city-stage":
        offer_extras(event)
    return event


def make_draft(*, places: Sequence[Places], venue: Venue, **facts: Any) -> Event:
    """A draft with a category and its ticket types for each of `places`; numbered where these name a category of the plan."""
    event = Event.objects.create(organizer=venue.organizer, venue=venue, **facts)
    categories = Category.objects.bulk_create(
        Category(
            event=event,
            name=kind.name,
            plan_category=kind.plan_category,
            numbered=bool(kind.plan_category),
            capacity=kind.capacity,
            position=position,
        )
        for position, kind in enumerate(places)
    )
    TicketType.objects.bulk_create(
        TicketType(
            event=event,
            category=category,
            name=tickets.name,
            description=tickets.description,
            price_minor=tickets.price,
            is_default=number == 0,
            limit=tickets.limit,
            sale_ends_at=event.starts_at - timedelta(days=tickets.last_days) if tickets.last_days else None,
            position=number,
        )
        for category, kind in zip(categories, places, strict=True)
        for number, tickets in enumerate(kind.tickets)
    )
    return event


def offer_extras(event: Event) -> None:
    """What city-stage sells beside its seats, until when it takes them back, a code for friends of the house, and invoices.

    Its tickets have the reduced rate of German VAT (UStG, section 12 (2) no. 7), what goes with them the standard rate.
    """
    services = [
        Service.objects.get_or_create(organizer=event.organizer, name=name, defaults={"description": words})[0]
        for name, words in (("Programme", "Printed, 24 pages."), ("Parking", "Underground, two minutes on foot, until midnight."))
    ]
    EventService.objects.bulk_create(
        EventService(event=event, service=service, price_minor=price, stock=stock, position=position, tax_rate=19)
        for position, (service, price, stock) in enumerate(zip(services, (3_00, 8_00), (None, 40), strict=True))
    )
    RefundTerm.objects.bulk_create(
        RefundTerm(event=event, days_before=days, percent=percent, fee_minor=fee)
        for days, percent, fee in ((7, 100, 2_00), (2, 50, 2_00))
    )
    seller = {"name": "City Stage e.V.", "address": "Theaterplatz 1\n99084 Erfurt\nGermany", "invoice_prefix": "CITY"}
    facts = seller | {"tax_rate": 7, "vat_id": "DE123456789"}
    Seller.objects.get_or_create(organizer=event.organizer, defaults=facts)
    PlatformFee.objects.get_or_create(organizer=event.organizer, currency="EUR", defaults={"percent": 2, "fixed_minor": 49})
    code = {"organizer": event.organizer, "canonical": canonical_code(CODE)}
    PromoCode.objects.get_or_create(**code, defaults={"code": CODE, "percent": 10})


def mark_features(event: Event) -> None:
    """Say which seats of the hall are for wheelchairs, for their companions, and which see less."""
    if event.seating_plan is None:
        return
    for section, row, seat, beside in WHEELCHAIRS:
        seats = event.seats.filter(section=section, row=row)
        seats.filter(number=seat).update(accessible=True)
        seats.filter(number=beside).update(companion=True)
    for section, row, seat in RESTRICTED_VIEW:
        event.seats.filter(section=section, row=row, number=seat).update(restricted_view=True)


def _date(show: Show, venue: Venue) -> datetime:
    day = timezone.now().astimezone(venue.zone).date() + timedelta(days=show.after)
    if show.weekday is not None:
        day += timedelta(days=(show.weekday - day.weekday()) % 7)
    return datetime.combine(day, time.fromisoformat(show.at), tzinfo=venue.zone)


def _morning(days: int, venue: Venue) -> datetime:
    day = timezone.now().astimezone(venue.zone).date() + timedelta(days=days)
    return datetime.combine(day, time(10), tzinfo=venue.zone)
