"""What the demo shows: teams, venues and events. All of it invented, but for what demo/README.md names."""

from dataclasses import dataclass
from typing import Any

from events.models import Event

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = range(7)

# Wheelchair places of the hall as (section, row, seat), each with a companion seat beside it.
WHEELCHAIRS = [
    *(("Ground floor", "9", "1", "2"), ("Ground floor", "9", "20", "19"), ("Ground floor", "10", "6", "7")),
    *(("Ground floor", "10", "25", "24"), ("Ground floor", "25", "1", "2"), ("Ground floor", "25", "35", "34")),
    *(("Balcony", "17", "1", "2"), ("Balcony", "19", "33", "32")),
]
# Seats that stand so far to the side that a part of the stage is hidden.
RESTRICTED_VIEW = [("Ground floor", row, str(seat)) for row in ("8", "15", "16") for seat in range(25, 29)]


@dataclass(frozen=True)
class Tickets:
    """A ticket type; price in minor units."""

    name: str
    price: int
    description: str = ""
    limit: int | None = None
    last_days: int | None = None  # sold until so many days before the event


@dataclass(frozen=True)
class Places:
    """A category: seats of the plan, or `capacity` places without numbers."""

    name: str
    tickets: tuple[Tickets, ...]
    plan_category: str = ""
    capacity: int | None = None


@dataclass(frozen=True, kw_only=True)
class Show:
    """An event on the first `weekday` that is at least `after` days ahead, in venue time. `sold`: which share of its places."""

    title: str
    team: str
    venue: str
    topic: Event.Topic
    poster: str
    weekday: int | None
    after: int
    at: str
    hours: float
    places: tuple[Places, ...]
    sold: float
    description: str
    currency: str = "EUR"
    opens_in: int | None = None  # days until the sale starts; otherwise it has been open for weeks
    has_customer: bool = False  # customer@example.com has two places
    follows_demand: bool = False  # its prices follow rules, and have been doing so


TEAMS = {"city-stage": "City Stage", "night-shift": "Night Shift Concerts", "open-conferences": "Open Conferences"}

VENUES: dict[str, dict[str, Any]] = {
    "main-hall": {
        "team": "city-stage",
        "name": "Main Hall",
        "address": "Theaterplatz 1, 99084 Erfurt",
        "city": "Erfurt",
        "country": "DE",
        "time_zone": "Europe/Berlin",
        "latitude": "50.981900",
        "longitude": "11.020300",
        "capacity": 1057,
    },
    "cellar-stage": {
        "team": "city-stage",
        "name": "Cellar Stage",
        "address": "Am Markt 9, 99423 Weimar",
        "city": "Weimar",
        "country": "DE",
        "time_zone": "Europe/Berlin",
        "latitude": "50.979500",
        "longitude": "11.329500",
        "capacity": 150,
    },
    "track-hall": {
        "team": "night-shift",
        "name": "Track Hall",
        "address": "Güterstraße 40, 04103 Leipzig",
        "city": "Leipzig",
        "country": "DE",
        "time_zone": "Europe/Berlin",
        "latitude": "51.345500",
        "longitude": "12.382100",
        "capacity": 2000,
    },
    "river-forum": {
        "team": "open-conferences",
        "name": "River Forum",
        "address": "Holzmarkt 12, 10243 Berlin",
        "city": "Berlin",
        "country": "DE",
        "time_zone": "Europe/Berlin",
        "latitude": "52.511200",
        "longitude": "13.425000",
        "capacity": 900,
    },
    "lakeside-campus": {
        "team": "open-conferences",
        "name": "Lakeside Campus",
        "address": "Seestrasse 10, 8640 Rapperswil-Jona",
        "city": "Rapperswil-Jona",
        "country": "CH",
        "time_zone": "Europe/Zurich",
        "latitude": "47.223300",
        "longitude": "8.816900",
        "capacity": 300,
    },
    "harbour-rooms": {
        "team": "open-conferences",
        "name": "Harbour Rooms",
        "address": "1 Canons Road, Bristol BS1 5TX",
        "city": "Bristol",
        "country": "GB",
        "time_zone": "Europe/London",
        "latitude": "51.449900",
        "longitude": "-2.599800",
        "capacity": 350,
    },
}


def adult_and_child(price: int) -> tuple[Tickets, ...]:
    return Tickets("Adult", price), Tickets("Child", price // 2, "Up to 14 years")


IN_THE_HALL = (
    Places("Front stalls", adult_and_child(58_00), "Parkett vorne"),
    Places("Middle stalls", adult_and_child(42_00), "Parkett mitte"),
    Places("Balcony front", adult_and_child(36_00), "Balkon vorne"),
    Places("Rear stalls", adult_and_child(32_00), "Parkett hinten"),
    Places("Balcony rear", adult_and_child(24_00), "Balkon hinten"),
)

SHOWS = (
    Show(
        title="Open Mic Night",
        team="city-stage",
        venue="cellar-stage",
        topic=Event.Topic.COMEDY,
        poster="talk",
        weekday=None,
        after=1,
        at="20:00",
        hours=2.5,
        places=(Places("Free seating", (Tickets("Entry", 9_00),), capacity=120),),
        sold=0.55,
        description="Eight minutes each, no script, one microphone. Sit where you like.\n\nThe bar opens at seven.",
    ),
    Show(
        title="A Midsummer Night's Dream",
        team="city-stage",
        venue="main-hall",
        topic=Event.Topic.THEATRE,
        poster="curtain",
        weekday=SATURDAY,
        after=3,
        at="19:30",
        hours=3,
        places=IN_THE_HALL,
        sold=0.965,
        description=(
            "Four lovers, one forest and a queen in love with a donkey. *In English, with German surtitles.*\n\nOne interval."
        ),
        has_customer=True,
    ),
    Show(
        title="Sky Sessions: Live Quartet",
        team="city-stage",
        venue="main-hall",
        topic=Event.Topic.MUSIC,
        poster="sky",
        weekday=SATURDAY,
        after=10,
        at="20:00",
        hours=2,
        places=IN_THE_HALL,
        sold=0.35,
        description=(
            "Two violins, a viola and a cello under an open roof of light.\n\n"
            "The quartet plays Ravel, Shaw and its own arrangements, and talks about them in between.\n\n"
            "- Doors open at 19:00\n- One interval of 20 minutes\n- Wheelchair places on both floors"
        ),
        has_customer=True,
    ),
    Show(
        title="Sky Sessions: Piano at Night",
        team="city-stage",
        venue="main-hall",
        topic=Event.Topic.MUSIC,
        poster="keys",
        weekday=THURSDAY,
        after=17,
        at="20:30",
        hours=1.5,
        places=IN_THE_HALL,
        sold=0.27,
        description="One piano, ninety minutes, the lights almost out. Works by Satie, Glass and Sakamoto.",
    ),
    Show(
        title="Peter and the Wolf",
        team="city-stage",
        venue="main-hall",
        topic=Event.Topic.FAMILY,
        poster="confetti",
        weekday=SUNDAY,
        after=12,
        at="15:00",
        hours=1,
        places=IN_THE_HALL,
        sold=0.42,
        follows_demand=True,
        description="The bird is a flute, the cat a clarinet, and the wolf three horns. For everybody from five years on.",
    ),
    Show(
        title="Sky Sessions: Brass and Strings",
        team="city-stage",
        venue="main-hall",
        topic=Event.Topic.MUSIC,
        poster="sky",
        weekday=FRIDAY,
        after=30,
        at="20:00",
        hours=2,
        places=IN_THE_HALL,
        sold=0.12,
        description="Twelve brass players from the city's clubs meet the string section of the theatre.",
    ),
    Show(
        title="Small Disasters",
        team="city-stage",
        venue="cellar-stage",
        topic=Event.Topic.COMEDY,
        poster="boxes",
        weekday=FRIDAY,
        after=6,
        at="20:00",
        hours=2,
        places=(
            Places("Free seating", (Tickets("Entry", 18_00), Tickets("Student", 12_00, "With a student card")), capacity=150),
        ),
        sold=1,
        description="A solo about moving house eleven times. The fourth evening after three that were sold out.",
    ),
    Show(
        title="Open Rehearsal: City Orchestra",
        team="city-stage",
        venue="cellar-stage",
        topic=Event.Topic.MUSIC,
        poster="arches",
        weekday=SUNDAY,
        after=5,
        at="11:00",
        hours=1.5,
        places=(Places("Registration", (Tickets("Free entry", 0),), capacity=150),),
        sold=0.4,
        description="Listen to an orchestra at work. Free of charge, but please register: the cellar is small.",
    ),
    Show(
        title="Night Shift: Vinyl until Dawn",
        team="night-shift",
        venue="track-hall",
        topic=Event.Topic.MUSIC,
        poster="lights",
        weekday=FRIDAY,
        after=13,
        at="22:00",
        hours=6,
        places=(
            Places(
                "Standing",
                (Tickets("Regular", 34_00), Tickets("Early bird", 24_00, "The first 800", limit=800, last_days=3)),
                capacity=2000,
            ),
        ),
        sold=0.38,
        description="Six hours, four turntables, two thousand people. Records only.\n\nOver 18. Cloakroom included.",
        has_customer=True,
    ),
    Show(
        title="Copper & Clay: Release Tour",
        team="night-shift",
        venue="track-hall",
        topic=Event.Topic.MUSIC,
        poster="vinyl",
        weekday=WEDNESDAY,
        after=40,
        at="20:00",
        hours=3,
        places=(
            Places("Standing", (Tickets("Regular", 39_00),), capacity=1600),
            Places("Gallery", (Tickets("Seated", 52_00, "Free choice of seat"),), capacity=240),
        ),
        sold=0,
        description="The new record, played from the first to the last song, then everything you shout for.",
        opens_in=2,
    ),
    Show(
        title="Handball: Leipzig v Magdeburg",
        team="night-shift",
        venue="track-hall",
        topic=Event.Topic.SPORT,
        poster="stadium",
        weekday=SATURDAY,
        after=19,
        at="18:00",
        hours=2,
        places=(
            Places("Seats along the court", adult_and_child(28_00), capacity=700),
            Places("Standing behind the goals", adult_and_child(14_00), capacity=600),
        ),
        sold=0.31,
        description="The derby. Doors open ninety minutes before the throw-off.",
    ),
    Show(
        title="Berlin Buzzwords",
        team="open-conferences",
        venue="river-forum",
        topic=Event.Topic.CONFERENCE,
        poster="talk",
        weekday=MONDAY,
        after=45,
        at="09:00",
        hours=33,
        places=(
            Places(
                "Conference pass", (Tickets("Regular", 390_00, "Two days with lunch"), Tickets("Student", 95_00)), capacity=800
            ),
        ),
        sold=0.34,
        description="Two days on search, streams and storage at scale.",
    ),
    Show(
        title="Pixel Pioneers",
        team="open-conferences",
        venue="harbour-rooms",
        topic=Event.Topic.CONFERENCE,
        poster="pixels",
        weekday=FRIDAY,
        after=26,
        at="09:30",
        hours=8,
        places=(Places("Conference pass", (Tickets("Regular", 210_00),), capacity=320),),
        sold=0.94,
        description="One day on design and the front of the web, in one room.",
        currency="GBP",
    ),
    Show(
        title="Swiss PGDay",
        team="open-conferences",
        venue="lakeside-campus",
        topic=Event.Topic.CONFERENCE,
        poster="mountains",
        weekday=THURSDAY,
        after=33,
        at="09:00",
        hours=32,
        places=(Places("Conference pass", (Tickets("Regular", 180_00, "Two days with dinner"),), capacity=260),),
        sold=0.22,
        description="Everything about PostgreSQL, two days by the lake, in English and German.",
        currency="CHF",
    ),
)
