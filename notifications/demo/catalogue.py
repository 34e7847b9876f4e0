"""A catalogue that looks alive: the matches of two world cups and many conferences, moved to days that lie ahead.

Names and places are real (see demo/README.md); days, prices and sales are not. All of it has fewer than 300,000 places, 94,000 of
them at one match.
"""

import json
import logging
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.text import slugify

from bookings.models import Booking, BookingHistory, BookingSeat, Ticket
from evently.accounts.models import Organizer, User
from evently.outbox.models import OutboxMessage
from events.models import Event, Seat
from events.services import publish_event
from notifications.models import Delivery
from payments.models import Payment
from venues.importing import keep_layout
from venues.models import Venue
from venues.rows import Tier, around_a_pitch

from .programme import make_draft
from .sales import sell
from .shows import Places, Tickets

FILE = Path(settings.BASE_DIR, "demo", "catalogue.json")
TEAMS: Final = {"cup-tickets": "Cup Tickets", "conference-desk": "Conference Desk"}
LARGEST: Final = "France v Spain"  # the match that is sold seat by seat: 94,000 of them
BOWL: Final = (
    Tier("Lower ring", 101, 40, 25, 20),
    Tier("Club", 201, 40, 10, 25),
    Tier("Upper ring", 301, 40, 32, 25),
    Tier("Top ring", 401, 40, 32, 25),
)
LEAD: Final = 9  # days until the first of them
CURRENCIES: Final = {
    **{"US": "USD", "CA": "CAD", "MX": "MXN", "GB": "GBP", "CH": "CHF", "JP": "JPY", "SE": "SEK", "DK": "DKK"},
    **{"NO": "NOK", "PL": "PLN", "CZ": "CZK", "QA": "USD", "IN": "USD", "AU": "USD", "AE": "USD", "SG": "USD"},
}
SUBJECTS: Final = {
    **{"api": "APIs", "css": "CSS", "php": "PHP", "ios": "iOS", "iot": "the internet of things", "ux": "user experience"},
    **{"javascript": "JavaScript", "dotnet": ".NET", "cpp": "C++", "graphql": "GraphQL", "java": "Java", "rust": "Rust"},
    **{"python": "Python", "kotlin": "Kotlin", "clojure": "Clojure", "groovy": "Groovy", "android": "Android"},
    **{"general": "building software", "opensource": "open source", "devops": "running software", "leadership": "leading teams"},
}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An event of the catalogue at a venue's local time. `fate`: what became of it, like "postponed"; `sold`: which share."""

    title: str
    team: str
    venue: tuple[Any, ...]  # name, city, country, time zone, capacity, latitude, longitude
    topic: Event.Topic
    poster: str
    day: date
    at: time
    hours: float
    places: tuple[Places, ...]
    sold: float
    description: str
    fate: str = ""
    shares_venue: bool = False


def entries(count: int | None = None) -> list[Entry]:
    """The first `count` events of the catalogue, or all of it; more than it has are its events again, later and smaller."""
    known = [*_matches(), *_conferences()]
    known.sort(key=lambda entry: entry.title != LARGEST)
    found = list(known[:count])
    turn = 1
    while count is not None and len(found) < count:
        turn += 1
        found += [_again(entry, turn) for entry in known[: count - len(found)]]
    return found


def missing(wanted: Sequence[Entry]) -> list[Entry]:
    """Those that are not there yet; what was over long ago may come again."""
    recent = Event.objects.filter(organizer__slug__in=TEAMS, ends_at__gt=timezone.now() - timedelta(days=60))
    there = set(recent.values_list("title", flat=True))
    return [entry for entry in wanted if entry.title not in there]


@transaction.atomic
def make(entry: Entry, *, created_by: User) -> Event:
    """The event with its places, sales and fate."""
    venue = _venue(entry)
    plan = keep_layout(venue=venue, layout=around_a_pitch("Pitch in the middle", BOWL)) if entry.title == LARGEST else None
    starts_at = datetime.combine(entry.day, entry.at, tzinfo=venue.zone)
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    event = make_draft(
        title=entry.title,
        slug=f"{slugify(entry.title)[:90]}-{entry.day:%Y-%m-%d}",
        venue=venue,
        seating_plan=plan,
        created_by=created_by,
        description=entry.description,
        category=entry.topic,
        poster=entry.poster,
        shares_venue=entry.shares_venue,
        starts_at=starts_at,
        doors_at=starts_at - timedelta(hours=1),
        ends_at=starts_at + timedelta(hours=entry.hours),
        currency=CURRENCIES.get(venue.country, "EUR"),
        sale_starts_at=now + timedelta(days=3) if entry.fate == "soon" else now - timedelta(days=24),
        sale_ends_at=starts_at,
        places=entry.places,
    )
    with quietly():
        publish_event(event_id=event.pk, actor="demo")
    rows = Event.objects.filter(pk=event.pk)
    if entry.fate == "past":
        back = starts_at - now + timedelta(days=2 + starts_at.toordinal() % 30)
        times = ("starts_at", "ends_at", "doors_at", "sale_starts_at", "sale_ends_at")
        rows.update(**{name: F(name) - back for name in times})
    event.refresh_from_db()
    if entry.sold:
        sell(event, share=entry.sold)
    if entry.fate in (Event.Status.POSTPONED, Event.Status.CANCELLED):
        rows.update(status=entry.fate, version=F("version") + 1)
    return event


@contextmanager
def quietly() -> Iterator[None]:
    """Without a line in the log for each of hundreds of events."""
    logger = logging.getLogger("events")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)


def analyze() -> None:
    """Let the planner learn of tables that were filled in bulk: without statistics they are read by bad plans."""
    with connection.cursor() as cursor:
        for table in (Event, Seat, Booking, BookingSeat, BookingHistory, Ticket, Payment, Delivery, OutboxMessage):
            cursor.execute(f"ANALYZE {table._meta.db_table}")


def _matches() -> Iterator[Entry]:
    """The matches of two world cups, one after the other, with their days of the week and local times."""
    first = _monday(LEAD)
    stadiums = _data()["stadiums"]
    for cup, stage, home, away, day, at, stadium in _data()["matches"]:
        title = f"{home} v {away}"
        dice = random.Random(f"{title}{cup}")  # noqa: S311 -- a seed: the same catalogue every time
        fate, sold, size = _fortune(dice)
        places = int(700 * size)
        price = dice.randrange(25, 70) * 100
        yield Entry(
            title=title if cup == 2026 else f"{title}, {stage}",
            team="cup-tickets",
            venue=tuple(stadiums[stadium]),
            topic=Event.Topic.SPORT,
            poster=dice.choice(("stadium", "stadium-gold", "stadium-rose")),
            day=first + timedelta(days=day + (0 if cup == 2026 else 56)),
            at=time.fromisoformat(at),
            hours=2.5,
            places=_bowl_prices() if title == LARGEST else _blocks(places, price),
            sold=0.01 if title == LARGEST else sold,
            fate="" if title == LARGEST else fate,
            description=f"**{home}** against **{away}**: {stage}.\n\nGates open an hour before the kick-off. Bags larger than a "
            "sheet of paper stay outside; there is a cloakroom at gate 2.",
        )


def _conferences() -> Iterator[Entry]:
    start = timezone.now().date() + timedelta(days=LEAD)
    for name, topic, city, country, zone, day, days in _data()["conferences"]:
        dice = random.Random(name)  # noqa: S311 -- a seed
        fate, sold, size = _fortune(dice)
        moved = date.fromisoformat(day)
        while moved < start:
            moved += timedelta(weeks=52)
        subject = SUBJECTS.get(topic, topic)
        price = dice.randrange(9, 60) * 1000
        places = max(24, int(dice.randrange(120, 260) * size))
        length = "A day" if days == 1 else f"{days} days"
        yield Entry(
            title=name,
            team="conference-desk",
            venue=(f"{city} Congress Centre", city, country, zone, 2500, None, None),
            topic=Event.Topic.CONFERENCE,
            poster=dice.choice(("talk", "keys", "pixels", "boxes", "lights")),
            day=moved,
            at=time(9),
            hours=24 * (days - 1) + 8.5,
            places=(
                Places(
                    "Participants",
                    (Tickets("Regular", price), Tickets("Student", price // 3, "With a valid card")),
                    capacity=places,
                ),
            ),
            sold=sold,
            fate=fate,
            shares_venue=True,
            description=f"{length} of talks, workshops and long breaks about {subject} in {city}.\n\n"
            "Lunch, coffee and the evening of the first day are included.",
        )


def _fortune(dice: random.Random) -> tuple[str, float, float]:
    """What becomes of an event, which share of it is sold, and how large it is: what sells out is small."""
    throw = dice.random()
    for below, fate, sold, size in (
        (0.06, "soon", 0.0, 1.0),
        (0.10, "", 1.0, 0.08),
        (0.15, "", 0.94, 0.1),
        (0.18, "postponed", 0.02, 0.5),
        (0.21, "cancelled", 0.0, 0.5),
        (0.26, "past", 0.3, 0.1),
    ):
        if throw < below:
            return fate, sold, size
    return "", dice.choice((0.0, 0.01, 0.03, 0.06)), dice.choice((0.6, 1.0, 1.0))


def _blocks(places: int, price: int) -> tuple[Places, ...]:
    """What one seller has of a stadium: three kinds of blocks without numbers."""
    return (
        Places("Along the pitch", (Tickets("Adult", 2 * price), Tickets("Child", price, "Up to 14 years")), capacity=places // 4),
        Places(
            "Behind the goal", (Tickets("Adult", price), Tickets("Child", price // 2, "Up to 14 years")), capacity=places // 4
        ),
        Places("Standing", (Tickets("Adult", price * 6 // 10),), capacity=max(1, places - 2 * (places // 4))),
    )


def _bowl_prices() -> tuple[Places, ...]:
    return tuple(
        Places(tier.category, (Tickets("Adult", price), Tickets("Child", price // 2, "Up to 14 years")), tier.category)
        for tier, price in zip(BOWL, (240_00, 180_00, 95_00, 55_00), strict=True)
    )


def _again(entry: Entry, turn: int) -> Entry:
    """The same on another day with few places: for measuring, it is the number of events that counts."""
    small = (replace(entry.places[0], capacity=12, plan_category=""),)
    later = entry.day + timedelta(weeks=turn)
    return replace(entry, title=f"{entry.title} ({turn})", day=later, places=small, sold=0.0, fate="", shares_venue=True)


def _venue(entry: Entry) -> Venue:
    name, city, country, zone, capacity, latitude, longitude = entry.venue
    organizer, _ = Organizer.objects.get_or_create(
        slug=entry.team, defaults={"name": TEAMS[entry.team], "email": f"{entry.team}@example.com"}
    )
    facts = {
        **{"organizer": organizer, "name": name, "city": city, "country": country, "time_zone": zone, "capacity": capacity},
        **{"latitude": latitude, "longitude": longitude},
    }
    return Venue.objects.get_or_create(slug=slugify(f"{name} {country}")[:80], defaults=facts)[0]


def _monday(days: int) -> date:
    """The first Monday that is at least so many days ahead."""
    day = timezone.now().date() + timedelta(days=days)
    return day + timedelta(days=-day.weekday() % 7)


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return data
