"""The read caches: quick, forgotten on commit, computed once, and no harm when Redis is gone."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from io import StringIO
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Q
from django.test import Client
from django.utils import timezone

from bookings.models import Booking
from bookings.reads import remember_own
from bookings.sale import Buyer
from bookings.services import (
    Contact,
    apply_code,
    cancel_booking,
    change_hold,
    expire_holds,
    extend_hold,
    hold_seats,
    set_contact,
    set_services,
)
from bookings.tests.races import race, time_passes
from evently import caching
from evently.accounts.models import User
from evently.caching import Kind, forget, hit_counts, remember
from evently.rest.tests.callers import caller, make_person
from events import reads
from events.models import Event, EventService, PromoCode, RefundTerm, Service
from events.services import postpone_event
from events.tests.factories import Hall, make_hall
from payments.models import Refund
from payments.quotes import quote_return
from payments.services import cancel_event, execute_refund, return_tickets, settle_from_gateway
from payments.tests.factories import check_out, decide

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


@dataclass
class Lists:
    """The lists of bookings of a person, by page and API: with the cache, and as they would be without."""

    person: User
    settings: Any

    def __post_init__(self) -> None:
        self.api, self.browser = caller(self.person), Client()
        self.browser.force_login(self.person)

    def now(self) -> list[str]:
        pages = [self.browser.get(f"/bookings/?show={name}").text for name in ("upcoming", "past", "cancelled")]
        return [self.api.get("/api/v1/bookings/").text, *(page.partition("<main")[2].partition("</main")[0] for page in pages)]

    def check(self) -> list[str]:
        """Twice what the cache says, which is what there is."""
        known = [self.now(), self.now()]
        self.settings.EVENTLY_READ_CACHE = False
        there = self.now()
        self.settings.EVENTLY_READ_CACHE = True
        assert known == [there, there]
        return there


@pytest.fixture
def ann(settings: Any) -> Lists:
    return Lists(make_person("ann@example.org"), settings)


def test_ones_bookings_are_read_once_and_told_to_nobody_else(hall: Hall, ann: Lists, counted: list[str]) -> None:
    bob = Lists(make_person("bob@example.org"), ann.settings)
    hold_seats(buyer=Buyer(user_id=ann.person.pk), event_id=hall.event.pk, seats=dict.fromkeys(hall.seat_ids(0)))

    def reads_of_seats(lists: Lists) -> int:
        counted.clear()
        lists.now()
        return sum("events_seat" in sql and "xmin" not in sql for sql in counted)

    assert [reads_of_seats(ann) for _ in range(3)] == [2, 0, 0]  # by page and by API
    assert hall.event.title in ann.now()[1]
    assert (reads_of_seats(bob), hall.event.title in bob.now()[1], json.loads(bob.now()[0])["results"]) == (0, False, [])


def test_all_who_miss_ones_bookings_at_once_share_one_computation(hall: Hall, ann: Lists) -> None:
    hold_seats(buyer=Buyer(user_id=ann.person.pk), event_id=hall.event.pk, seats=dict.fromkeys(hall.seat_ids(0)))
    owner, computed = Q(user=ann.person), Source()

    def compute() -> str:
        time.sleep(0.2)
        return computed()

    assert race([partial(remember_own, owner, "list", compute)] * 6) == ["first"] * 6
    assert computed.reads == 1


def test_ones_bookings_are_never_those_from_before_a_change(hall: Hall, ann: Lists) -> None:
    """Everything that changes them, one after the other; each time the cache says what it was told without it."""
    buyer, actor, event = Buyer(user_id=ann.person.pk), "ann", hall.event
    RefundTerm.objects.create(event=event, days_before=1, percent=50)
    code = PromoCode.objects.create(organizer=event.organizer, event=event, code="CLOUD", canonical="cloud", percent=10)
    service = Service.objects.create(organizer=event.organizer, name="Parking")
    parking = EventService.objects.create(event=event, service=service, price_minor=500)
    first, second, third, fourth = hall.seat_ids(0, 1, 2, 3)
    before = [ann.check()]

    def changes(*, seen: bool = True) -> None:
        after = ann.check()
        assert (after != before[0]) is seen
        before[0] = after

    booking = hold_seats(buyer=buyer, event_id=event.pk, seats=dict.fromkeys([first, second]))
    changes()
    change_hold(booking_id=booking.pk, buyer=buyer, add=dict.fromkeys([third]), remove={second})
    changes()
    change_hold(booking_id=booking.pk, buyer=buyer, add={third: hall.child.pk}, remove={third})
    changes()
    apply_code(booking_id=booking.pk, typed="cloud", actor=actor)
    changes()
    set_services(booking_id=booking.pk, quantities={parking.pk: 2}, actor=actor)
    changes()
    Service.objects.filter(pk=service.pk).update(name="Garage")
    changes()
    PromoCode.objects.filter(pk=code.pk).update(code="SKY", canonical="sky")
    changes()
    time_passes(4)
    changes()
    extend_hold(booking_id=booking.pk, actor=actor)
    changes()
    with suppress(ZeroDivisionError), transaction.atomic():
        Booking.objects.update(total_minor=1)
        _ = 1 / 0
    changes(seen=False)
    set_contact(booking_id=booking.pk, contact=Contact(name="Ann", email="ann@example.org"), user_id=None, actor=actor)
    payment = check_out(booking).payment
    changes()
    decide(payment)
    settle_from_gateway(payment_id=payment.pk)
    changes()
    line = booking.seats.get(seat=third)
    quote = quote_return(Booking.objects.with_clock().get(pk=booking.pk), [line.pk])
    return_tickets(booking_id=booking.pk, line_ids=[line.pk], expected_minor=quote.back_minor, actor=actor)
    changes()
    for refund in Refund.objects.all():
        execute_refund(refund_id=refund.pk)
    changes()
    lapsing = hold_seats(buyer=buyer, event_id=event.pk, seats=dict.fromkeys([fourth]))
    changes()
    time_passes(11)  # nobody tells of it
    changes()
    expire_holds()
    changes()
    guest = hold_seats(buyer=Buyer(session="guest"), event_id=event.pk, seats=dict.fromkeys([fourth]))
    changes(seen=False)
    Booking.objects.filter(pk=guest.pk).update(user=ann.person)
    changes()
    cancel_booking(booking_id=guest.pk, actor=actor)
    changes()
    Event.objects.filter(pk=event.pk).update(title="Recital")
    changes()
    event.venue.name = "Cloud House"
    event.venue.save()
    changes()
    postpone_event(event_id=event.pk, actor=actor)
    changes()
    cancel_event(event_id=event.pk, actor=actor)
    changes()
    assert lapsing.pk != booking.pk
    Event.objects.filter(pk=event.pk).update(starts_at="2020-01-01T20:00Z", ends_at="2020-01-01T22:00Z")
    changes()


@pytest.mark.parametrize("what", ["hold", "event"])
def test_ones_bookings_change_as_time_goes_by_though_nobody_writes(hall: Hall, ann: Lists, what: str) -> None:
    hold_seats(buyer=Buyer(user_id=ann.person.pk), event_id=hall.event.pk, seats=dict.fromkeys(hall.seat_ids(0)))
    soon = timezone.now() + timedelta(seconds=2)
    if what == "hold":
        Booking.objects.update(expires_at=soon)
    else:
        Event.objects.update(starts_at=soon - timedelta(hours=1), ends_at=soon)
    assert "<article" in ann.now()[1]

    time.sleep(max(0.0, (soon - timezone.now()).total_seconds()))

    assert "<article" not in ann.check()[1]


def test_the_cache_is_empty_before_each_of_these() -> None:
    assert cache.get_many(["thing:1:", "thing:1 changed"]) == {}
