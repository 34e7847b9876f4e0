"""Halls and events to measure with."""

# ruff: noqa: PLC0415, S311 -- the application is imported after its environment was made; dice of a measurement

import re
from html import unescape
from typing import TYPE_CHECKING, Any

from benchmarks._database import fill

if TYPE_CHECKING:
    from django.test import Client

    from events.models import Event

ROW, ROWS = 40, 25  # seats in a row, rows in a block
PRICES = {"Stalls": 8400, "Circle": 6200, "Balcony": 3900}  # minor units
ENDS = {"Stalls": 0.2, "Circle": 0.5, "Balcony": 1.0}  # where each ends, of all seats from the front to the back


def layout(seats: int) -> dict[str, Any]:
    """A hall of exactly that many seats as a seating plan: blocks of rows, the dearest in front."""
    from venues.rows import Block, facing_a_stage

    blocks: list[Block] = []
    start = 0
    for category, share in ENDS.items():
        end = round(seats * share)
        for first in range(start, end, ROW * ROWS):
            rows, rest = divmod(min(ROW * ROWS, end - first), ROW)
            blocks += [Block(f"Block {len(blocks) + 1}", category, rows, ROW, aisle=True)] if rows else []
            blocks += [Block(f"Block {len(blocks) + 1}", category, 1, rest)] if rest else []
        start = end
    return facing_a_stage(f"Hall of {seats}", blocks)


def make_hall(seats: int, **facts: Any) -> "Event":
    """An event on sale with a drawn hall of that many numbered seats, published as an organizer does."""
    from events.models import TicketType
    from events.services import make_categories_from_plan, publish_event
    from events.tests.factories import make_event, make_venue
    from venues.importing import keep_layout

    venue = make_venue(slug=f"hall-{seats}")
    plan = keep_layout(venue=venue, layout=layout(seats))
    event = make_event(venue=venue, status="draft", seating_plan=plan, **facts)
    for category in make_categories_from_plan(event=event):
        price = PRICES[category.name]
        TicketType.objects.create(event=event, category=category, name="Adult", price_minor=price, is_default=True)
        TicketType.objects.create(event=event, category=category, name="Child", price_minor=price // 2)
    return publish_event(event_id=event.pk, actor="bench")


def seats_page(client: "Client", event: "Event") -> tuple[str, str]:
    """The address where seats of this event are picked, in a large hall those of its first section, and, as that page says,
    the one where its script asks for their states."""
    path = f"{event.get_absolute_url()}seats/"
    page = client.get(path).content.decode()
    if section := re.search(r'href="[^"]*(\?section=\d+)"', page):
        path += section[1]
        page = client.get(path).content.decode()
    states = re.search(r'data-states-url="([^"]+)"', page)
    if states is None:
        raise RuntimeError(f"{path} does not say where the states are.")
    return path, unescape(states[1])


# What is on
CITIES = (
    *("Amsterdam", "Århus", "Berlin", "Besançon", "Bruges", "Dresden", "Düsseldorf", "Erfurt", "Genève", "Görlitz", "Hamburg"),
    *("Köln", "Kraków", "Leipzig", "Lisboa", "London", "Madrid", "Málaga", "München", "Nürnberg", "Paris", "Praha", "Roma"),
    *("Tübingen", "Wien", "Würzburg", "Zürich"),
)
HOUSES = ("Arena", "Concert Hall", "Kulturhaus", "Old Brewery", "Opera", "Palace", "Theatre", "Town Hall")
MOODS = (
    *("Acoustic", "Baroque", "Electric", "Endless", "Golden", "Grand", "Hidden", "Little", "Lost", "Midnight", "Modern"),
    *("Nordic", "Quiet", "Royal", "Summer", "Velvet", "Wild", "Winter"),
)
ACTS = (
    *("Ballet", "Cabaret", "Choir", "Circus", "Comedy", "Festival", "Gala", "Jazz", "Lecture", "Marathon", "Musical", "Opera"),
    *("Orchestra", "Quartet", "Reading", "Symphony", "Tango", "Workshop"),
)
SYLLABLES = (
    "ba",
    "bel",
    "cho",
    "da",
    "é",
    "fen",
    "gar",
    "ho",
    "jun",
    "ka",
    "lu",
    "mö",
    "na",
    "o",
    "per",
    "ra",
    "sol",
    "ta",
    "vi",
)
RARE = "Xylophone Rendezvous"  # the title of one event alone
TELL = (
    "an evening with the {act} of {city} that nobody forgets soon",
    "doors open an hour before, and the bar stays open after the show",
    "the {mood} programme was praised by everybody who has heard it",
    "seats are numbered, children under six sit on a lap",
    "{name} and guests play old favourites and something new",
    "the house is reached by tram, and there is room for bicycles",
)

SEATS = """
INSERT INTO events_seat (id, event_id, category_id, section, "row", number, place, position, rank)
SELECT gen_random_uuid(), event_id, id, 'Stalls', (n / 20)::text, (n %% 20)::text, '', n + n / 20, n
FROM events_category, generate_series(0, %(seats)s - 1) AS n WHERE name = 'Offered'
"""


def add_events(count: int, *, seats: int) -> None:
    """Put that many events on sale within a year, in venues everywhere, each with so many seats; one is called `RARE`."""
    import random
    from datetime import timedelta

    from django.utils import timezone

    from events import summary
    from events.models import Category, Event, TicketType
    from events.tests.factories import make_organizer
    from venues.models import Venue

    dice, now, organizer = random.Random(1), timezone.now(), make_organizer()
    places = {"organizer": organizer, "country": "DE", "time_zone": "Europe/Berlin"}
    venues = Venue.objects.bulk_create(
        Venue(name=f"{house} {city}", slug=f"offered-{number}-{house[:3]}".lower(), city=city, **places)
        for number, city in enumerate(CITIES)
        for house in HOUSES
    )

    def event(number: int) -> Event:
        name = "".join(dice.choices(SYLLABLES, k=3)).capitalize()
        venue, starts_at = dice.choice(venues), now + timedelta(days=7, minutes=number * 500_000 // count)
        words = {"mood": dice.choice(MOODS), "act": dice.choice(ACTS), "name": name, "city": venue.city}
        tale = ". ".join(line.format(**words) for line in dice.sample(TELL, 4))
        return Event(
            organizer=organizer,
            venue=venue,
            title=RARE if number == count // 2 else f"{words['mood']} {dice.choice(ACTS)}: {name}",
            slug=f"offered-{number}",
            description=tale,
            category=dice.choice(Event.Topic.values),
            status=Event.Status.PUBLISHED,
            shares_venue=True,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(hours=3),
            sale_starts_at=now - timedelta(days=1),
            sale_ends_at=starts_at,
        )

    events = Event.objects.bulk_create(map(event, range(count)), batch_size=500)
    categories = Category.objects.bulk_create((Category(event=each, name="Offered") for each in events), batch_size=1000)
    TicketType.objects.bulk_create(
        (
            TicketType(
                event_id=each.event_id, category=each, name="Adult", price_minor=dice.randrange(900, 9900, 100), is_default=True
            )
            for each in categories
        ),
        batch_size=1000,
    )
    fill([SEATS], {"seats": seats})
    for first in range(0, count, 100):
        summary.refresh([each.pk for each in events[first : first + 100]])
