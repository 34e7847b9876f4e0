"""The minute in which everybody wants the same seats: far more buyers than seats, over HTTP, until all are sold.

    ./dev bench onsale [--buyers 5000 20000] [--seats 500 2000] [--within 60] [--connections 32]

Gunicorn as in production (2 workers, 4 threads) and a worker; rate limits off, mails are written and thrown away. Buyers are
people with browsers: they look at the event and its seats, choose some or take the best, lose races and choose again, leave,
give back, close the page, or pay at the sandbox (`benchmarks/_buyers.py`). Think times are short, and the ten minutes of whoever
closes the page are over at once. Buyers, application and database share the machine; everything is done in a database of its
own, `evently_bench`. Exits with 1 unless every seat was sold exactly once, the audit is clean, and nobody saw an error.
"""

# ruff: noqa: PLC0415 -- the application is imported after its environment was made

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from benchmarks import _buyers
from benchmarks._catalogue import make_hall
from benchmarks._database import Statement, dearest_statements, forget_statements, set_up, tell
from benchmarks._figures import percentiles, print_table
from benchmarks._processes import processor_seconds

if TYPE_CHECKING:
    from events.models import Event

GOAL_P99 = 500  # milliseconds from the click to the seats
WARM_UP = 60, 20  # buyers and seats of the first rush, in which templates are compiled and code is loaded: not counted
STATEMENTS = 12
PATIENCE = 120  # seconds for the worker to tell what has happened


@dataclass
class Result:
    """What a rush has come to; seconds."""

    buyers: int
    seats: int
    outcome: _buyers.Outcome
    seconds: float
    held_after: float | None
    sold_after: float | None
    holds: int
    sold: int
    sold_once: bool
    deadlocks: int
    processor: dict[str, float]
    statements: list[Statement]
    broken: dict[str, Any]

    @property
    def errors(self) -> dict[str, int]:
        """Answers that no buyer should see: 5xx other than the deliberate "busy", and 4xx other than a lost race."""
        wrong = {key: count for key, count in self.outcome.answers.items() if key[1] >= 400 and key != ("hold", 409)}
        return {f"{kind} {status}": count for (kind, status), count in sorted(wrong.items())}

    @property
    def is_exact(self) -> bool:
        return self.sold == self.seats and self.sold_once and not self.broken


def main() -> int:
    options = read_options()
    set_up(EMAIL_URL="dummymail://")
    from evently.tests.servers import web, worker

    results = []
    with web() as address, worker(site_url=address):
        rush(address, *WARM_UP, seconds=2, connections=options.connections)
        for buyers, seats in zip(options.buyers, options.seats, strict=True):
            results.append(rush(address, buyers, seats, seconds=options.within, connections=options.connections))
            report(results[-1])
    return 0 if all(each.is_exact and not each.errors and not each.outcome.broken for each in results) else 1


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--buyers", type=int, nargs="+", default=[5_000, 20_000], help="how many come, in each rush")
    parser.add_argument("--seats", type=int, nargs="+", default=[500, 2_000], help="in the hall of each rush, at most 3000")
    parser.add_argument("--within", type=float, default=60, help="seconds in which they come, evenly")
    parser.add_argument("--connections", type=int, default=32, help="kept connections that they share, as behind a proxy")
    options = parser.parse_args()
    if len(options.buyers) != len(options.seats):
        parser.error("As many numbers of buyers as of seats, please.")
    return options


def rush(address: str, buyers: int, seats: int, *, seconds: float, connections: int) -> Result:
    event = make_hall(seats, title="The only night", slug=f"only-night-{seats}-{buyers}")
    crowd = _buyers.Rush(address, event.slug, os.environ["DATABASE_URL"], buyers, seconds, connections, seed=seats)
    tell(f"{buyers} people come for {seats} seats")
    deadlocks = count_deadlocks()
    forget_statements()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        pool.apply(time.sleep, [0])  # it has started
        before, began, clock = processor_seconds(), time.monotonic(), database_clock()
        outcome = pool.apply(_buyers.run, [crowd])
        took = time.monotonic() - began
        used = processor_seconds() - before
    statements = dearest_statements(STATEMENTS)
    wait_for_worker()
    held_after, sold_after, holds = look_back(event, clock)
    sold, sold_once = count_sold(event)
    from evently.audit import complaints

    return Result(
        buyers=buyers,
        seats=seats,
        outcome=outcome,
        seconds=took,
        held_after=held_after,
        sold_after=sold_after,
        holds=holds,
        sold=sold,
        sold_once=sold_once,
        deadlocks=count_deadlocks() - deadlocks,
        processor=dict(used.most_common()),
        statements=statements,
        broken=complaints(),
    )


def database_clock() -> datetime:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def count_deadlocks() -> int:
    """Those that PostgreSQL has found and broken up in this database; one of the two is run again by the application."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot(), deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[1])


def wait_for_worker() -> None:
    """Give the worker time to tell everything; what it has not told then, the audit says."""
    from evently.outbox.models import OutboxMessage

    deadline = time.monotonic() + PATIENCE
    while OutboxMessage.objects.due().exists() and time.monotonic() < deadline:
        time.sleep(1)


def look_back(event: "Event", began: datetime) -> tuple[float | None, float | None, int]:
    """By the history: seconds until no seat was free, and until all were sold; how many holds were made."""
    from bookings.models import BookingHistory

    steps = BookingHistory.objects.filter(event=event).order_by("created_at", "booking", "version")
    held = sold = holds = 0
    held_after = sold_after = None
    seats = event.seats.count()
    for action, quantity, at in steps.values_list("action", "booking__quantity", "created_at"):
        holds += action == "held"
        held += {"held": quantity, "expired": -quantity, "cancelled": -quantity}.get(action, 0)
        sold += quantity if action == "confirmed" else 0
        if held_after is None and held >= seats:
            held_after = (at - began).total_seconds()
        if sold_after is None and sold >= seats:
            sold_after = (at - began).total_seconds()
    return held_after, sold_after, holds


def count_sold(event: "Event") -> tuple[int, bool]:
    """How many seats are sold; whether each of them is in exactly one confirmed booking, and has one valid ticket."""
    from bookings.models import Booking, BookingSeat, Ticket
    from events.models import Seat

    sold = set(Seat.objects.filter(event=event, status=Seat.Status.SOLD).values_list("pk", flat=True))
    lines = BookingSeat.objects.filter(event=event, released_at=None, booking__status=Booking.Status.CONFIRMED)
    tickets = Ticket.objects.filter(event=event, status=Ticket.Status.VALID)
    booked = Counter(lines.values_list("seat", flat=True))
    admitted = Counter(tickets.values_list("booking_seat__seat", flat=True))
    return len(sold), booked == admitted == Counter(sold)


def report(result: Result) -> None:
    outcome, once = result.outcome, "each once" if result.sold_once else "NOT EACH ONCE"
    print(f"\n{result.buyers} buyers, {result.seats} seats: {result.sold} sold, {once}; it took {result.seconds:.0f} s")
    print("audit:", "no promise broken" if not result.broken else json.dumps(result.broken, default=str))
    print(
        "errors:",
        ", ".join(f"{what}: {count}" for what, count in result.errors.items()) or "none",
        f"| told to come back (503 busy): {outcome.busy} | connections broken: {outcome.broken}",
        f"| deadlocks: {result.deadlocks} in the database, {'none' if not result.errors else 'see errors'} seen by buyers",
    )
    print("people:", ", ".join(f"{count} {what}" for what, count in outcome.ends.most_common()), f"({outcome.late} came late)")
    held, sold = (f"after {at:.1f} s" if at is not None else "never" for at in (result.held_after, result.sold_after))
    rate = f"{result.holds / result.sold_after:.0f}/s until then" if result.sold_after else "-"
    print(f"no seat free {held}, all sold {sold}; {result.holds} holds, {rate}; {outcome.lost} races lost\n")
    rows = []
    for kind, took in sorted(outcome.took.items()):
        served = percentiles([each.served for each in took])
        felt = percentiles([each.queued + each.served for each in took])
        rows.append((kind, len(took), *served, *felt))
    print_table(("ms", "answers", "p50", "p95", "p99", "felt p50", "felt p95", "felt p99"), rows)
    print("(from the request to its answer; felt: with the wait for a free connection)")
    *_others, worst = percentiles([each.queued + each.served for each in outcome.took.get("hold", [])])
    print(f"goal, a hold felt p99 < {GOAL_P99} ms: {'met' if 0 < worst < GOAL_P99 else 'NOT met'} ({worst} ms)\n")
    cores = os.cpu_count() or 1
    if result.processor:
        shares = ", ".join(f"{part} {100 * spent / result.seconds / cores:.0f} %" for part, spent in result.processor.items())
        print(f"processor time of {cores} cores: {shares}\n")
    statements = [(each.text[:100], each.calls, f"{each.mean:.2f}", round(each.total)) for each in result.statements]
    print_table(("dearest statements, ms", "calls", "mean", "total"), statements)


if __name__ == "__main__":
    sys.exit(main())
