"""Holds of four seats per second over HTTP, and beside them the same statements from a bare client and from pgbench.

    ./dev bench hold [--seconds 4] [--clients 1 8 32] [--kinds best chosen standing]

Gunicorn as in production (2 workers, 4 threads), tokens, all middleware; rate limits off. Everything is done in a database of its
own, `evently_bench`, beside that of DATABASE_URL. Clients, application and database share the machine, so the ratio to the bare
client says more than the figures. Ends with an audit.
"""

# ruff: noqa: PLC0415, S311 -- the application is imported after its environment was made; dice of a measurement

import argparse
import asyncio
import json
import random
import sys
import time
import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from statistics import fmean
from typing import Any

import aiohttp

from benchmarks import _raw
from benchmarks._database import set_up, tell
from benchmarks._figures import percentiles

ROW, CONNECTIONS, WARM_UP, TURNS = 50, 8, 1.5, 2
GOAL_RATIO, GOAL_P99 = 0.45, 150  # at CONNECTIONS clients

FILL = """
INSERT INTO events_seat (id, event_id, category_id, section, "row", number, place, position, rank)
SELECT (%(prefix)s || lpad(to_hex(n), 12, '0'))::uuid, %(event)s, %(category)s,
    'A', n / %(row)s, n %% %(row)s, '', n + n / %(row)s, n
FROM generate_series(0, %(seats)s - 1) AS n
"""


@dataclass
class Result:
    """What one kind of hold does at one number of clients; milliseconds, holds per second."""

    kind: str
    clients: int
    holds: float
    p50: float
    p95: float
    p99: float
    refused: dict[int, int]
    bare: float
    pgbench: float | None

    @property
    def ratio(self) -> float:
        return self.holds / self.bare if self.bare else 0.0


def main() -> int:
    options = read_options()
    tell("Making tables and buyers")
    set_up()
    from evently.audit import complaints
    from evently.tests.servers import web

    tokens = make_buyers()
    statements = count_statements(tokens[0], options.kinds)
    results = []
    with web() as address:
        url = f"{address}/api/v1/bookings/"
        for kind in options.kinds:
            asyncio.run(load(url, make_target(kind, WARM_UP), tokens, CONNECTIONS, WARM_UP))
            for clients in options.clients:
                results.append(measure(url, kind, tokens, clients, options.seconds))
    report(results, statements)
    broken = complaints()
    print("audit: nothing sold twice, no promise broken" if not broken else f"audit: {json.dumps(broken)}")
    return 1 if broken else 0


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=4, help="how long each figure is measured")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--kinds", nargs="+", default=["best", "chosen", "standing"], choices=["best", "chosen", "standing"])
    return parser.parse_args()


def make_buyers() -> list[str]:
    """Make the accounts; return an access token for each."""
    from rest_framework_simplejwt.tokens import AccessToken

    from evently.accounts.models import User

    ids = [uuid.UUID(f"{_raw.USER}{number:012x}") for number in range(_raw.USERS)]
    User.objects.bulk_create(User(pk=pk, email=f"buyer-{number}@example.org", password="!") for number, pk in enumerate(ids))  # noqa: S106 -- nobody signs in
    tokens = []
    for pk in ids:
        token = AccessToken()
        token["sub"] = str(pk)
        token.set_exp(lifetime=timedelta(hours=4))
        tokens.append(str(token))
    return tokens


def make_target(kind: str, seconds: float) -> _raw.Target:
    """An event on sale with more seats than anything here sells in that time."""
    from django.db import connection

    from events.models import Category, TicketType
    from events.tests.factories import make_event

    event = make_event(slug=f"bench-{uuid.uuid4().hex}")
    category = Category.objects.create(event=event, name="Stalls", numbered=kind != "standing")
    ticket_type = TicketType.objects.create(event=event, category=category, name="Adult", price_minor=_raw.PRICE, is_default=True)
    prefix, seats = f"{uuid.uuid4().hex[:8]}-0000-7000-8000-", max(50_000, round(12_000 * seconds) // _raw.PARTY * _raw.PARTY)
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"prefix": prefix, "event": event.pk, "category": category.pk, "row": ROW, "seats": seats})
        cursor.execute("VACUUM ANALYZE events_seat")
        cursor.execute("CHECKPOINT")  # so that no figure pays for the seats of the one before
    return _raw.Target(kind, str(event.pk), str(category.pk), str(ticket_type.pk), prefix, seats)


def body(target: _raw.Target) -> dict[str, Any]:
    if target.kind == "chosen":
        return {"event": target.event, "seats": target.some_seats()}
    return {"event": target.event, "items": [{"ticket_type": target.ticket_type, "quantity": _raw.PARTY}]}


def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid.uuid4())}


async def load(
    url: str, target: _raw.Target, tokens: list[str], clients: int, seconds: float
) -> tuple[Counter[int], list[float]]:
    """Have clients hold without a pause; return the statuses, and the seconds that each 201 took, in order."""
    statuses: Counter[int] = Counter()
    latencies: list[float] = []
    deadline = time.perf_counter() + seconds

    async def client(session: aiohttp.ClientSession) -> None:
        while time.perf_counter() < deadline:
            began = time.perf_counter()
            async with session.post(url, json=body(target), headers=headers(random.choice(tokens))) as response:
                await response.read()
            statuses[response.status] += 1
            if response.status == 201:
                latencies.append(time.perf_counter() - began)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(client(session) for _ in range(clients)))
    return statuses, sorted(latencies)


def measure(url: str, kind: str, tokens: list[str], clients: int, seconds: float) -> Result:
    """Measure application, bare client and pgbench by turns, so that all three meet the same moods of the machine."""
    statuses: Counter[int] = Counter()
    times: list[float] = []
    bare, pgbench = [], []
    part, connections = seconds / TURNS, min(clients, CONNECTIONS)
    for _turn in range(TURNS):
        more, latencies = hold_over_http(url, make_target(kind, part), tokens, clients, part)
        statuses += more
        times += latencies
        bare.append(_raw.bare_rate(make_target(kind, part), seconds=part, connections=connections))
        pgbench.append(_raw.pgbench_rate(make_target(kind, part), seconds=part, connections=connections))
    p50, p95, p99 = percentiles(times)
    refused = {status: count for status, count in sorted(statuses.items()) if status != 201}
    known = [rate for rate in pgbench if rate is not None]
    result = Result(kind, clients, len(times) / seconds, p50, p95, p99, refused, fmean(bare), fmean(known) if known else None)
    tell(
        f"{kind}, {clients} clients: {result.holds:.0f} holds/s, bare client {result.bare:.0f}, pgbench {result.pgbench or 0:.0f}"
    )
    return result


def hold_over_http(
    url: str, target: _raw.Target, tokens: list[str], clients: int, seconds: float
) -> tuple[Counter[int], list[float]]:
    """What `load` returns, after looking into the database whether it is true."""
    from bookings.models import Booking

    statuses, times = asyncio.run(load(url, target, tokens, clients, seconds))
    held = Booking.objects.filter(event_id=uuid.UUID(target.event)).count()
    if not times or held != len(times):
        raise RuntimeError(f"{dict(statuses)} was answered, {held} holds are in the database.")
    return statuses, times


def count_statements(token: str, kinds: list[str]) -> dict[str, int]:
    """How many statements one hold of each kind takes between BEGIN and COMMIT, seen from inside."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    counts = {}
    for kind in kinds:
        target = make_target(kind, 0)
        with CaptureQueriesContext(connection) as captured:
            response = Client(headers=headers(token)).post("/api/v1/bookings/", body(target), content_type="application/json")
        if response.status_code != 201:
            raise RuntimeError(f"{response.status_code}: {response.content.decode()}")
        counts[kind] = sum(1 for query in captured if query["sql"] not in ("BEGIN", "COMMIT"))
    return counts


def report(results: list[Result], statements: dict[str, int]) -> None:
    line = "{:<9}{:>8}{:>9}{:>8}{:>8}{:>8}{:>12}{:>9}{:>9}{:>8}  {}"
    print(
        line.format(
            "kind", "clients", "holds/s", "p50 ms", "p95 ms", "p99 ms", "statements", "bare/s", "pgbench", "ratio", "refused"
        )
    )
    for each in results:
        pgbench = "-" if each.pgbench is None else round(each.pgbench)
        figures = (round(each.holds), each.p50, each.p95, each.p99, statements[each.kind], round(each.bare), pgbench)
        refused = ", ".join(f"{status}: {count}" for status, count in each.refused.items())
        print(line.format(each.kind, each.clients, *figures, f"{each.ratio:.2f}", refused))
    for each in results:
        if each.clients == CONNECTIONS:
            met = "met" if each.ratio >= GOAL_RATIO and each.p99 < GOAL_P99 else "NOT met"
            print(
                f"goal at {CONNECTIONS} clients, ratio ≥ {GOAL_RATIO} and p99 < {GOAL_P99} ms: {each.kind} {met} "
                f"({each.ratio:.2f}, {each.p99} ms)"
            )
    for each in results:
        print(json.dumps(vars(each) | {"ratio": round(each.ratio, 3), "statements": statements[each.kind]}))


if __name__ == "__main__":
    sys.exit(main())
