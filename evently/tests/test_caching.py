"""The read caches: quick, forgotten on commit, computed once, and no harm when Redis is gone."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client

from bookings.sale import Buyer
from bookings.services import hold_seats
from evently import caching
from evently.caching import Kind, forget, hit_counts, remember
from events import reads
from events.tests.factories import Hall, make_hall

pytestmark = pytest.mark.django_db(transaction=True)

THING = Kind("thing", seconds=60)


@pytest.fixture(autouse=True)
def cached(settings: Any) -> None:
    settings.EVENTLY_READ_CACHE = True


@pytest.fixture
def hall(monkeypatch: pytest.MonkeyPatch) -> Hall:
    monkeypatch.setattr(reads, "PLACES", Kind("places", seconds=30))
    return make_hall(rows=1, length=4, slug="concert")


class Source:
    """Something that changes, and counts how often it is read."""

    def __init__(self) -> None:
        self.value, self.reads = "first", 0

    def __call__(self) -> str:
        self.reads += 1
        return self.value


def test_is_read_once_until_it_is_forgotten() -> None:
    source = Source()
    assert [remember(THING, 1, source) for _ in range(3)] == ["first"] * 3

    source.value = "second"
    assert remember(THING, 1, source) == "first"
    forget(THING, 1)
    assert [remember(THING, 1, source) for _ in range(3)] == ["second"] * 3
    assert source.reads == 2


def test_forgetting_a_key_forgets_its_parts_and_nothing_else() -> None:
    one, other = Source(), Source()
    remember(THING, 1, one, part="a")
    remember(THING, 2, other, part="a")
    forget(THING, 1)
    remember(THING, 1, one, part="a")
    remember(THING, 2, other, part="a")

    assert (one.reads, other.reads) == (2, 1)


def test_is_forgotten_when_the_change_is_committed_and_not_if_it_is_undone() -> None:
    source = Source()
    remember(THING, 1, source)
    with transaction.atomic():
        forget(THING, 1)
        remember(THING, 1, source)
        transaction.set_rollback(True)
    remember(THING, 1, source)
    assert source.reads == 1

    with transaction.atomic():
        forget(THING, 1)
        remember(THING, 1, source)
    remember(THING, 1, source)
    assert source.reads == 2


def test_what_changes_while_it_is_computed_is_not_kept() -> None:
    source = Source()

    def slow() -> str:
        value = source()
        source.value = "second"
        forget(THING, 1)
        return value

    assert remember(THING, 1, slow) == "first"
    assert remember(THING, 1, source) == "second"


def test_all_who_miss_at_once_share_one_computation() -> None:
    source = Source()
    started = threading.Barrier(8)

    def slow() -> str:
        time.sleep(0.2)
        return source()

    def ask(_number: int) -> str:
        started.wait(5)
        try:
            return remember(THING, 1, slow)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {"first"}
    assert source.reads == 1


def test_one_who_fails_leaves_the_work_to_the_next() -> None:
    def broken() -> str:
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        remember(THING, 1, broken)
    begun = time.monotonic()
    assert remember(THING, 1, Source()) == "first"
    assert time.monotonic() - begun < caching.COMPUTING / 2


def test_within_its_grace_a_changed_value_is_good_enough() -> None:
    source, kind = Source(), Kind("patient", seconds=60, grace=0.3)
    remember(kind, 1, source)
    source.value = "second"
    forget(kind, 1)

    assert remember(kind, 1, source) == "first"
    time.sleep(0.35)
    assert remember(kind, 1, source) == "second"


def test_without_redis_everything_is_computed(settings: Any) -> None:
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
    source = Source()

    assert [remember(THING, 1, source) for _ in range(2)] == ["first"] * 2
    assert source.reads == 2


def test_hits_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caching, "COUNTED", 1)
    caching._counts.clear()
    for _ in range(4):
        remember(THING, 1, Source())

    assert hit_counts() == {"thing": (3, 1)}
    out = StringIO()
    call_command("cache_hits", stdout=out)
    assert out.getvalue().split() == ["thing", "3", "hits", "1", "misses", "75.0%"]


@pytest.fixture
def counted() -> Iterator[list[str]]:
    """The statements that look at seats."""
    seen: list[str] = []

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "events_seat" in sql:
            seen.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        yield seen


def test_seat_states_are_read_once_for_all_visitors_and_anew_after_a_hold(hall: Hall, client: Client, counted: list[str]) -> None:
    assert [client.get("/events/concert/seats/states/").content for _ in range(3)] == [b"ffff"] * 3
    assert len(counted) == 1

    hold_seats(buyer=Buyer(session="b" * 32), event_id=hall.event.pk, seats=dict.fromkeys(hall.seat_ids(1)))

    assert client.get("/events/concert/seats/states/").content == b"fhff"


def test_who_holds_seats_sees_them_as_his_own_and_others_never_do(hall: Hall, client: Client) -> None:
    client.post("/events/concert/seats/", {"seat": hall.seat_ids(0)})

    assert client.get("/events/concert/seats/states/").content == b"mfff"
    assert Client().get("/events/concert/seats/states/").content == b"hfff"
    assert client.get("/events/concert/seats/states/").content == b"mfff"


def test_the_page_of_seats_is_written_once_for_all_visitors_and_never_as_somebodys_own(
    hall: Hall, client: Client, counted: list[str]
) -> None:
    pages = [Client().get("/events/concert/seats/").text for _ in range(3)]
    assert len(counted) == 1
    assert all('data-states="ffff"' in page and page.count("disabled") == 0 for page in pages)

    client.post("/events/concert/seats/", {"seat": hall.seat_ids(0)})
    own, other = client.get("/events/concert/seats/").text, Client().get("/events/concert/seats/").text
    ticked = f'value="{hall.seat_ids(0)[0]}" checked'
    assert ('data-states="mfff"' in own, ticked in own) == (True, True)
    assert ('data-states="hfff"' in other, ticked in other, "3 free" in other) == (True, False, True)


def test_an_event_is_forgotten_when_it_or_its_venue_or_its_status_changes(hall: Hall, client: Client) -> None:
    from payments.services import cancel_event  # noqa: PLC0415

    assert "Concert" in client.get("/events/concert/").text
    hall.event.title = "Recital"
    hall.event.save()
    assert "Recital" in client.get("/events/concert/").text
    hall.event.venue.name = "Cloud House"
    hall.event.venue.save()
    assert "Cloud House" in client.get("/events/concert/").text
    cancel_event(event_id=hall.event.pk, actor="test")
    assert "This event was cancelled." in client.get("/events/concert/").text


def test_a_draft_is_not_shown_to_others_from_the_cache(hall: Hall, client: Client, admin_client: Client) -> None:
    draft = make_hall(slug="draft", status="draft")

    assert admin_client.get("/events/draft/").status_code == 200
    assert client.get("/events/draft/").status_code == 404
    assert draft.event.status == "draft"


def test_the_cache_is_empty_before_each_of_these() -> None:
    assert cache.get_many(["thing:1:", "thing:1 changed"]) == {}
