"""How tables and indexes grow when a hall is held and let go again and again, and nobody buys.

    ./dev bench growth [--seats 50000] [--rounds 10] [--party 10]

A round holds every seat of a hall and lets all holds lapse. A worker with its beat sweeps and tells the outbox meanwhile, and
autovacuum runs as the migrations have configured it. A round is over when every seat is free and every message told; holds last
seconds instead of minutes, so the rounds follow each other faster than in life and leave autovacuum less time. What bookings,
history and messages have been, stays; so a table may grow as its rows do. Prints what every table and index with a megabyte or
more takes after the first and the last round; a size is right that is at most twice what the rows account for. Everything is done
in a database of its own, `evently_bench`.
"""

# ruff: noqa: PLC0415, S608 -- the application is imported after its environment was made; names from the catalogue

import argparse
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from benchmarks._catalogue import make_hall
from benchmarks._database import set_up, tell
from benchmarks._figures import print_table

if TYPE_CHECKING:
    from events.models import Event

LIMIT = 2.0
HOLD = timedelta(seconds=3)
MEGABYTE = 1024 * 1024
PATIENCE = 900  # seconds for the worker to tidy up after a round

SIZES = """
SELECT t.relname, coalesce(i.relname, t.relname), pg_get_expr(x.indpred, x.indrelid),
    CASE WHEN i.oid IS NULL THEN pg_table_size(t.oid) ELSE pg_relation_size(i.oid) END
FROM pg_class t LEFT JOIN LATERAL (
    SELECT indexrelid, indpred, indrelid FROM pg_index WHERE indrelid = t.oid UNION ALL SELECT NULL, NULL, NULL
) x ON TRUE LEFT JOIN pg_class i ON i.oid = x.indexrelid
WHERE t.relkind = 'r' AND t.relnamespace = 'public'::regnamespace
"""
VACUUMS = "SELECT relname, autovacuum_count FROM pg_stat_user_tables"


@dataclass(frozen=True)
class Size:
    """What a table or index takes, and how many rows it is about."""

    size: int
    rows: int


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seats", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--party", type=int, default=10, help="seats in a hold")
    options = parser.parse_args()
    set_up(EMAIL_URL="dummymail://")
    from bookings.services import hold
    from evently.audit import complaints
    from evently.tests.servers import free_port, worker

    hold.HOLD = HOLD
    hall = make_hall(options.seats, title="The hall", slug="the-hall", max_per_booking=options.party)
    with worker(site_url=f"http://127.0.0.1:{free_port()}"):
        sizes = []
        for number in range(1, options.rounds + 1):
            tell(f"Round {number}")
            hold_all(hall, options.party)
            sizes.append(measure())
    missed = report(sizes[0], sizes[-1])
    if broken := complaints():
        print(f"audit: {broken}")
    return 1 if missed or broken else 0


def hold_all(hall: "Event", party: int) -> None:
    """Hold every seat, and return when all are free again and everything was told."""
    from bookings.sale import Buyer
    from bookings.services import hold_seats
    from evently.outbox.models import OutboxMessage
    from evently.rest.idempotency import Once

    seats = list(hall.seats.order_by("position").values_list("pk", flat=True))
    for start in range(0, len(seats), party):
        wish = dict.fromkeys(seats[start : start + party])
        hold_seats(buyer=Buyer(session=uuid4().hex), event_id=hall.pk, seats=wish, once=Once(str(uuid4()), "wish"))
    deadline = time.monotonic() + PATIENCE
    while hall.seats.exclude(status="available").exists() or OutboxMessage.objects.due().exists():
        if time.monotonic() > deadline:
            raise RuntimeError("The worker has not tidied up.")
        time.sleep(1)


def measure() -> dict[tuple[str, str], Size]:
    """By table and name of table or index."""
    from django.db import connection

    sizes = {}
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(SIZES)
        for table, name, condition, size in cursor.fetchall():
            cursor.execute(f"SELECT count(*) FROM {table}" + (f" WHERE {condition}" if condition else ""))
            sizes[table, name] = Size(size, cursor.fetchone()[0])
    return sizes


def report(first: dict[tuple[str, str], Size], last: dict[tuple[str, str], Size]) -> int:
    """Print what has grown; return how much of it has more than its rows account for."""
    rows, missed = [], 0
    for (table, name), now in sorted(last.items()):
        before = first[table, name]
        if now.size < MEGABYTE:
            continue
        growth = now.size / before.size / max(1.0, now.rows / max(1, before.rows))
        missed += growth > LIMIT
        megabytes = [f"{size / MEGABYTE:.1f}" for size in (before.size, now.size)]
        verdict = f"{growth:.2f}{' TOO MUCH' if growth > LIMIT else ''}"
        rows.append((name if name == table else f"  {name}", *megabytes, before.rows, now.rows, verdict))
    print_table(("MB", "first round", "last", "rows", "last", "growth by row"), rows)
    print("autovacuum:", ", ".join(f"{table} {count} times" for table, count in sorted(count_vacuums().items()) if count))
    print(f"growth by row ≤ {LIMIT}: {'all met' if not missed else f'{missed} missed'}")
    return missed


def count_vacuums() -> dict[str, int]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(VACUUMS)
        return dict(cursor.fetchall())


if __name__ == "__main__":
    sys.exit(main())
