"""What a hold and the pages cost when the platform has grown: more bookings behind it, more events, larger halls.

    ./dev bench size [--quick] [--bookings 1000 100000 1000000] [--events 50 5000] [--seats 1000 94000] [--rounds 40]

Each size is a database of its own with a process of its own, which holds seats through the booking services and asks for pages
by Django's test client, cold (nothing in the cache): the network and the web server, which cost the same at any size, would only
flatter the ratios. All sizes take turns at everything, so that they meet the same moods of the machine. Prints medians as
ratios to the smallest. A million bookings are eighteen million rows and take minutes to fill in; `--quick` has fewer.
"""

# ruff: noqa: PLC0415 -- the application is imported after its environment was made

import argparse
import multiprocessing
import os
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from statistics import median
from typing import TYPE_CHECKING
from uuid import uuid4

from benchmarks._catalogue import RARE, add_events, make_hall, seats_page
from benchmarks._database import fill, set_up
from benchmarks._figures import print_table
from benchmarks._past import BOOKING, add_past

if TYPE_CHECKING:
    from django.test import Client

PARTY, WARM_UP = 2, 5
MINE = 12  # past bookings of the person who looks at them
FULL = {"bookings": [1_000, 100_000, 1_000_000], "events": [50, 5_000], "seats": [1_000, 94_000]}
QUICK = {"bookings": [1_000, 10_000, 50_000], "events": [50, 500], "seats": [1_000, 10_000]}
LIMITS = {"hold": 1.2, "page": 1.5}
GIVE_AWAY = f"UPDATE bookings_booking SET user_id = %(person)s FROM generate_series(0, {MINE} - 1) AS n WHERE id = {BOOKING}"  # noqa: S608


@dataclass(frozen=True)
class Size:
    """How much there is: past bookings, events on sale, seats in the hall that is sold."""

    name: str
    bookings: int
    events: int
    seats: int
    number: int


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a twentieth of the bookings, a tenth of the events and seats")
    parser.add_argument("--bookings", type=int, nargs="+", help="past ones, the smallest number first; the others likewise")
    parser.add_argument("--events", type=int, nargs="+", help="on sale")
    parser.add_argument("--seats", type=int, nargs="+", help="in the hall that is sold")
    parser.add_argument("--rounds", type=int, default=40, help="how often everything is measured at each size")
    options = parser.parse_args()
    usual = QUICK if options.quick else FULL
    sizes = choose_sizes(*(getattr(options, name) or numbers for name, numbers in usual.items()))
    places = [Place(size) for size in sizes]
    names, *_same = [place.names() for place in places]
    times: dict[tuple[str, str], list[float]] = {}
    for turn in range(WARM_UP + options.rounds):
        for name in names:
            for place in random.sample(places, len(places)):
                took = place.measure(name)
                if turn >= WARM_UP:
                    times.setdefault((name, place.size.name), []).append(took)
    for place in places:
        place.close()
    return report(names, sizes, times)


def choose_sizes(bookings: list[int], events: list[int], seats: list[int]) -> list[Size]:
    """The smallest one, and each that is larger in one way."""
    sizes = [("smallest", bookings[0], events[0], seats[0])]
    sizes += [(f"{more:,} bookings", more, events[0], seats[0]) for more in bookings[1:]]
    sizes += [(f"{more:,} events", bookings[0], more, seats[0]) for more in events[1:]]
    sizes += [(f"{more:,} seats", bookings[0], events[0], more) for more in seats[1:]]
    return [Size(*size, number) for number, size in enumerate(sizes)]


class Place:
    """A process with a platform of one size."""

    def __init__(self, size: Size) -> None:
        context = multiprocessing.get_context("spawn")
        self.size, (self.line, other_end) = size, context.Pipe()
        self.process = context.Process(target=serve, args=(size, other_end), daemon=True)
        self.process.start()
        other_end.close()

    def names(self) -> list[str]:
        """What can be measured, once everything is filled in."""
        names: list[str] = self.line.recv()
        return names

    def measure(self, name: str) -> float:
        """Seconds that it took once."""
        self.line.send(name)
        took: float = self.line.recv()
        return took

    def close(self) -> None:
        self.line.send("end")
        self.process.join()


def serve(size: Size, line: Connection) -> None:
    """Build the platform and do what is asked, answering with the seconds that it took."""
    redis, _slash, _number = os.environ["REDIS_URL"].rpartition("/")
    set_up(name=f"evently_bench_{size.number}", REDIS_URL=f"{redis}/{size.number + 1}")
    from django.core.cache import cache

    work = prepare(size)
    line.send(list(work))
    while (name := line.recv()) != "end":
        cache.clear()
        began = time.perf_counter()
        work[name]()
        line.send(time.perf_counter() - began)


def prepare(size: Size) -> dict[str, Callable[[], object]]:
    """Fill the database; return what is measured by its name."""
    from django.core.cache import cache
    from django.test import Client

    from bookings.sale import Buyer
    from bookings.services import hold_best, hold_seats
    from evently.accounts.models import User
    from evently.rest.idempotency import Once

    add_past(size.bookings)
    add_events(size.events, seats=20)
    hall = make_hall(size.seats, title="The hall", slug="the-hall")
    person = User.objects.create(email="ann@example.org")
    fill([GIVE_AWAY], {"person": person.pk})
    cache.clear()

    client, known = Client(), Client()
    known.force_login(person)
    picker, states = seats_page(client, hall)
    ticket_type = hall.ticket_types.get(category__name="Balcony", is_default=True).pk
    front = list(hall.seats.order_by("position").values_list("pk", flat=True)[: 20 * size.seats // 100])
    pairs = iter([front[first : first + PARTY] for first in range(0, len(front), PARTY)])

    def once() -> Once:
        return Once(str(uuid4()), "wish")

    return {
        "hold, best": lambda: hold_best(
            buyer=Buyer(session=uuid4().hex), event_id=hall.pk, quantities={ticket_type: PARTY}, once=once()
        ),
        "hold, chosen": lambda: hold_seats(
            buyer=Buyer(session=uuid4().hex), event_id=hall.pk, seats=dict.fromkeys(next(pairs)), once=once()
        ),
        "page, home": lambda: get(client, "/"),
        "page, search": lambda: get(client, f"/?q={RARE.split()[0].lower()}"),
        "page, event": lambda: get(client, hall.get_absolute_url()),
        "page, picker": lambda: get(client, picker),
        "page, seat states": lambda: get(client, states),
        "page, my bookings": lambda: get(known, "/bookings/?show=past"),
    }


def get(client: "Client", path: str) -> None:
    response = client.get(path)
    if response.status_code != 200:
        raise RuntimeError(f"{path} was answered {response.status_code}.")


def report(names: list[str], sizes: list[Size], times: dict[tuple[str, str], list[float]]) -> int:
    """Print the medians; return 1 if a limit was missed."""
    rows, missed = [], 0
    for name in names:
        limit = LIMITS[name.partition(",")[0]]
        smallest = median(times[name, sizes[0].name])
        cells = [f"{1000 * smallest:.1f} ms"]
        for size in sizes[1:]:
            ratio = median(times[name, size.name]) / smallest
            missed += ratio > limit
            cells.append(f"{ratio:.2f}{' MISSED' if ratio > limit else ''}")
        rows.append((name, *cells, f"≤ {limit}"))
    print_table(("median, and ratios to it", *(size.name for size in sizes), "limit"), rows)
    base = sizes[0]
    print(f"smallest: {base.bookings:,} past bookings, {base.events} events on sale, a hall of {base.seats:,} seats")
    print(f"limits: {'all met' if not missed else f'{missed} missed'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
