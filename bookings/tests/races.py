"""Many callers at one moment, and time that passes: what tests of the booking transaction are made of."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Barrier
from types import ModuleType
from typing import Any

import pytest
from django.db import connection
from django.db.models import F

from bookings.models import Booking, BookingSeat
from events.models import Seat


def race(calls: Iterable[Callable[[], Any]], *, threads: int | None = None) -> list[Any]:
    """Start the calls at one moment, each on its own connection; return what they returned or raised, in order."""
    calls = list(calls)
    threads = threads or len(calls)
    barrier = Barrier(threads)

    def connect() -> None:
        connection.ensure_connection()
        barrier.wait()

    def run(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except Exception as error:
            return error

    def disconnect(_: int) -> None:
        barrier.wait()
        connection.close()

    with ThreadPoolExecutor(threads, initializer=connect) as pool:
        results = list(pool.map(run, calls))
        list(pool.map(disconnect, range(threads)))
    return results


def outcomes(results: Iterable[Any]) -> Counter[str]:
    """How often each type was returned or raised, by its name."""
    return Counter(type(result).__name__ for result in results)


def time_passes(minutes: float) -> None:
    """Move all holds back in time: the clock is the database's and cannot be set."""
    back = timedelta(minutes=minutes)
    Seat.objects.exclude(held_until=None).update(held_until=F("held_until") - back)
    Booking.objects.update(expires_at=F("expires_at") - back, created_at=F("created_at") - back)


def slowly(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, *, seconds: float = 0.02) -> None:
    """Hold the door open before a step, so that what a guard prevents is sure to happen without it."""
    step = getattr(module, name)

    def slow(*args: Any, **kwargs: Any) -> Any:
        time.sleep(seconds)
        return step(*args, **kwargs)

    monkeypatch.setattr(module, name, slow)


@contextmanager
def without_wall() -> Iterator[None]:
    """Take the last wall down, to show what the locks alone prevent. Everything made meanwhile is thrown away."""
    wall = next(wall for wall in BookingSeat._meta.constraints if wall.name == "bookings_bookingseat_sold_once")
    with connection.schema_editor() as editor:
        editor.remove_constraint(BookingSeat, wall)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE events_event CASCADE")
        with connection.schema_editor() as editor:
            editor.add_constraint(BookingSeat, wall)
