"""How long pages take to read, and how often they ask the database.

    ./dev bench read [--events 5000] [--seats 2000] [--places 94000] [--rounds 60]

In this process by Django's test client, with all middleware and without a network or neighbours of the request: what a page costs
the server. Cold: nothing is in the cache (Valkey is emptied before each request; PostgreSQL is warm). Warm: asked before. The
requests take turns, so that all of them meet the same moods of the machine. Everything is done in a database of its own,
`evently_bench`.
"""

# ruff: noqa: PLC0415 -- the application is imported after its environment was made

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from benchmarks._catalogue import RARE, add_events, make_hall, seats_page
from benchmarks._database import set_up, tell
from benchmarks._figures import percentiles, print_table

if TYPE_CHECKING:
    from django.test import Client

    from events.models import Category, Event

GOAL_SEARCH, GOAL_QUERIES = 80, 6  # milliseconds at the 95th percentile; queries of the event's page, cold
MANY = 30  # rows
PRICE = 4200


@dataclass
class Page:
    """A request that is measured; seconds."""

    name: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    times: dict[str, list[float]] = field(default_factory=lambda: {"cold": [], "warm": []})
    queries: dict[str, int] = field(default_factory=dict)
    size: int = 0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=5_000, help="how many are on sale")
    parser.add_argument("--seats", type=int, default=2_000, help="in the hall whose picker is measured")
    parser.add_argument("--places", type=int, default=94_000, help="in the stadium")
    parser.add_argument("--rounds", type=int, default=60, help="how often each page is asked for, cold and warm")
    options = parser.parse_args()
    set_up()
    from django.test import Client

    tell(f"{options.events} events")
    add_events(options.events, seats=60)
    client = Client(headers={"Accept-Encoding": "gzip, br"})
    halls = [make_hall(seats, title=f"The {seats}", slug=f"hall-{seats}") for seats in (options.seats, options.places)]
    pages = list(choose_pages(client, *halls))
    searches = [page for page in pages if page.name.startswith("search")]
    for page in pages:
        count_queries(client, page)
    for _round in range(options.rounds):
        for page in random.sample(pages, len(pages)):
            page.times["cold"].append(ask(client, page, is_cold=True))
            page.times["warm"].append(ask(client, page))
    report(pages)
    compare_rows(client)
    *_most, cold, _p99 = (0.0, *percentiles([second for page in searches for second in page.times["cold"]]))
    print(f"goal, search p95 ≤ {GOAL_SEARCH} ms: {'met' if cold <= GOAL_SEARCH else 'NOT met'} ({cold} ms of all kinds, cold)")
    (event,) = (page for page in pages if page.name == "event")
    met = "met" if event.queries["cold"] <= GOAL_QUERIES else "NOT met"
    print(f"goal, event page ≤ {GOAL_QUERIES} queries cold: {met} ({event.queries['cold']})")
    return 0


def choose_pages(client: "Client", hall: "Event", stadium: "Event") -> Iterator[Page]:
    from events.models import Event

    some = Event.objects.filter(slug="offered-17").get()
    yield Page("home", "/")
    yield Page("home, page 5", "/?page=5")
    yield Page("search, a title", _search(some.title))
    yield Page("search, a frequent word", _search("quartet"))
    yield Page("search, a rare word", _search(RARE.split()[0]))
    yield Page("search, a typing error", _search("orchesrta"))
    yield Page("search, a rare word with an error", _search("xylofone"))
    yield Page("search, without accents", _search("gorlitz"))
    yield Page("search, with accents", _search("Görlitz"))
    yield Page("search, two words", _search("midnight quartet"))
    yield Page("search, word and city", _search("tango münchen"))
    yield Page("search, two letters", _search("ja"))
    yield Page("search, nothing like it", _search("qqwwzzyy"))
    yield Page("search by API", f"/api/v1/events/?{urlencode({'search': 'midnight quartet'})}")
    yield Page("event", hall.get_absolute_url())
    picker, states = seats_page(client, hall)
    yield Page("picker", picker)
    yield Page("seat states", states)
    yield Page("seat states, 304", states, headers={"If-None-Match": client.get(states).headers["ETag"]}, status=304)
    yield Page("availability by API", f"/api/v1/events/{hall.pk}/availability/")
    yield Page("seats by API", f"/api/v1/events/{hall.pk}/seats/")
    yield Page("stadium, event", stadium.get_absolute_url())
    yield Page("stadium, sections", f"{stadium.get_absolute_url()}seats/")
    picker, states = seats_page(client, stadium)
    yield Page("stadium, picker of a section", picker)
    yield Page("stadium, seat states of a section", states)
    yield Page("stadium, availability by API", f"/api/v1/events/{stadium.pk}/availability/")


def _search(words: str) -> str:
    return f"/?{urlencode({'q': words})}"


def ask(client: "Client", page: Page, *, is_cold: bool = False) -> float:
    """Seconds that the answer took."""
    from django.core.cache import cache

    if is_cold:
        cache.clear()
    began = time.perf_counter()
    response = client.get(page.path, headers=page.headers)
    took = time.perf_counter() - began
    if response.status_code != page.status:
        raise RuntimeError(f"{page.path} was answered {response.status_code}.")
    page.size = len(response.content)
    return took


def count_queries(client: "Client", page: Page) -> None:
    ask(client, page)  # what is loaded once in the life of a process is no matter here
    page.queries = {"cold": queries_of(lambda: ask(client, page, is_cold=True)), "warm": queries_of(lambda: ask(client, page))}


def queries_of(work: Callable[[], object]) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        work()
    return len(captured)


def report(pages: list[Page]) -> None:
    rows = []
    for page in pages:
        queries = f"{page.queries['cold']} / {page.queries['warm']}"
        rows.append((page.name, *percentiles(page.times["cold"]), *percentiles(page.times["warm"]), queries, page.size))
    print_table(("ms", "cold p50", "p95", "p99", "warm p50", "p95", "p99", "queries", "bytes"), rows)


def compare_rows(client: "Client") -> None:
    """Print that pages ask as often for one row as for many; queries, cold."""
    rows = []
    for name, few, many in choose_pairs():
        counts = []
        for path in (few, many):
            page = Page(name, path)
            count_queries(client, page)
            counts.append(page.queries["cold"])
        rows.append((name, *counts, "the same" if counts[0] == counts[1] else "MORE"))
    print_table(("queries", "1 row", f"{MANY} rows", ""), rows)


def choose_pairs() -> Iterator[tuple[str, str, str]]:
    """A page with one row and the same kind of page with many; a page of the list of events has fewer than `MANY`."""
    from events.models import Category, Event, TicketType
    from events.tests.factories import make_event

    few, many = make_event(title="Monodram", slug="one-row"), make_event(slug="many-rows")
    for _number in range(MANY):
        make_event(title="Polyphony")
    for event, count in ((few, 1), (many, MANY)):
        for number in range(count):
            category = Category.objects.create(event=event, name=f"Area {number}", position=number)
            TicketType.objects.create(event=event, category=category, name="Adult", price_minor=PRICE, is_default=True)
            add_row(category, number)
    if Event.objects.filter(title="Polyphony").count() != MANY:
        raise RuntimeError("There are other events of that name.")
    yield "search", _search("monodram"), _search("polyphony")
    yield "search by API", "/api/v1/events/?search=monodram", "/api/v1/events/?search=polyphony"
    for name, address in (("event", "/events/{}/"), ("picker", "/events/{}/seats/"), ("tickets", "/events/{}/tickets/")):
        yield name, address.format("one-row"), address.format("many-rows")
    for part in ("ticket-types", "availability", "seats"):
        yield f"{part} by API", f"/api/v1/events/{few.pk}/{part}/", f"/api/v1/events/{many.pk}/{part}/"


def add_row(category: "Category", number: int) -> None:
    from events.models import Seat

    Seat.objects.bulk_create(
        Seat(
            event_id=category.event_id,
            category=category,
            section=category.name,
            row=str(number),
            number=str(place),
            position=number * 30 + place,
            rank=number * 30 + place,
        )
        for place in range(20)
    )


if __name__ == "__main__":
    sys.exit(main())
