"""Halls to sell."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from evently.accounts.models import Organizer
from events.models import Category, Event, Seat, TicketType
from venues.models import Venue


@dataclass
class Hall:
    event: Event
    adult: TicketType
    child: TicketType

    @property
    def seats(self) -> QuerySet[Seat]:
        return self.event.seats.order_by("rank")

    def seat_ids(self, *numbers: int) -> list[UUID]:
        """Primary keys of the seats with these ranks."""
        ids = dict(self.seats.values_list("rank", "pk"))
        return [ids[number] for number in numbers]


def make_organizer(slug: str = "city-stage") -> Organizer:
    return Organizer.objects.get_or_create(slug=slug, defaults={"name": slug.replace("-", " ").title()})[0]


def make_venue(*, slug: str = "main-hall", organizer: Organizer | None = None, **facts: Any) -> Venue:
    values = {"name": "Main Hall", "city": "Erfurt", "country": "DE", "time_zone": "Europe/Berlin"} | facts
    return Venue.objects.get_or_create(slug=slug, defaults=values | {"organizer": organizer or make_organizer()})[0]


def make_event(*, venue: Venue | None = None, **facts: Any) -> Event:
    """A published event on sale now, without seats."""
    now = timezone.now()
    venue = venue or make_venue()
    values: dict[str, Any] = {
        "title": "Concert",
        "slug": f"concert-{Event.objects.count()}",
        "status": Event.Status.PUBLISHED,
        "starts_at": now + timedelta(days=7),
        "ends_at": now + timedelta(days=7, hours=3),
        "sale_starts_at": now - timedelta(days=1),
        "sale_ends_at": now + timedelta(days=6),
        "shares_venue": True,
    }
    return Event.objects.create(venue=venue, organizer=venue.organizer, **(values | facts))


def make_hall(*, rows: int = 10, length: int = 10, numbered: bool = True, price: int = 8400, **facts: Any) -> Hall:
    """An event on sale with rows of equal length, ranked row by row from the left."""
    event = make_event(**facts)
    category = Category.objects.create(event=event, name="Stalls", numbered=numbered)
    adult = TicketType.objects.create(event=event, category=category, name="Adult", price_minor=price, is_default=True)
    child = TicketType.objects.create(event=event, category=category, name="Child", price_minor=price // 2)
    Seat.objects.bulk_create(
        (
            Seat(
                event=event,
                category=category,
                section="A",
                row=str(row) if numbered else "",
                number=str(place) if numbered else "",
                position=row * (length + 1) + place,
                rank=row * length + place,
            )
            for row in range(rows)
            for place in range(length)
        ),
        batch_size=5_000,
    )
    return Hall(event, adult, child)
