"""Many buyers at one moment, on threads with real connections. Each guard has its twin that loses without it."""

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import django
import pytest
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from bookings import picking, sale
from bookings.models import Booking, BookingHistory, BookingQuerySet, Ticket
from bookings.sale import Buyer
from bookings.services import (
    Contact,
    HoldEnded,
    SeatsUnavailable,
    cancel_booking,
    change_hold,
    confirm_booking,
    confirm_free_booking,
    expire_holds,
    extend_hold,
    hold_best,
    hold_seats,
    release,
    rows,
    sell,
    set_contact,
    start_payment,
    stop_sale,
)
from bookings.services import hold as hold_module
from bookings.tests.races import outcomes, race, slowly, time_passes, without_wall
from evently import database
from evently.audit import complaints
from evently.rest.idempotency import Once
from events.models import Event, Seat, TicketType
from events.tests.factories import Hall, make_hall

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_caps(settings: Any) -> None:
    settings.EVENTLY_RATE_LIMITS = False


@pytest.fixture
def hall() -> Hall:
    return make_hall()


@pytest.fixture
def one_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """No transaction is run again, so that a single deadlock is seen."""
    monkeypatch.setattr(database, "ATTEMPTS", 1)


@pytest.fixture
def wall_down() -> Iterator[None]:
    with without_wall():
        yield


def guest(number: int = 0) -> Buyer:
    return Buyer(session=f"guest-{number}")


def hold(hall: Hall, *ids: UUID, buyer: Buyer, once: Once | None = None) -> Booking:
    return hold_seats(buyer=buyer, event_id=hall.event.pk, seats=dict.fromkeys(ids), once=once)


def best(hall: Hall, quantity: int, *, buyer: Buyer, ticket_type: TicketType | None = None) -> Booking:
    return hold_best(buyer=buyer, event_id=hall.event.pk, quantities={(ticket_type or hall.adult).pk: quantity})


def unlocked(rows: QuerySet[Any], **_: bool) -> Any:
    return rows.annotate(clock=Now()).order_by("pk")


def without_seat_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "LOCK_FREE", rows.LOCK_FREE.replace("FOR NO KEY UPDATE", ""))


def twice_sold() -> list[tuple[UUID]]:
    """Seats that are in two live bookings."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT seat_id FROM bookings_bookingseat WHERE released_at IS NULL GROUP BY 1 HAVING count(*) > 1")
        return list(cursor.fetchall())


# One seat


def test_two_hundred_buyers_of_one_seat_make_one_hold(hall: Hall) -> None:
    (seat,) = hall.seat_ids(1)
    results = race(partial(hold, hall, seat, buyer=guest(n)) for n in range(200))
    assert outcomes(results) == {"Booking": 1, "SeatsUnavailable": 199}
    assert twice_sold() == []


def test_without_the_lock_the_last_wall_stops_them_rudely(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    without_seat_locks(monkeypatch)
    slowly(monkeypatch, hold_module, "_write_hold")
    (seat,) = hall.seat_ids(1)
    found = outcomes(race(partial(hold, hall, seat, buyer=guest(n)) for n in range(20)))
    assert found["Booking"] == 1
    assert found["IntegrityError"] > 0


def test_without_lock_and_wall_the_seat_is_sold_twice(hall: Hall, monkeypatch: pytest.MonkeyPatch, wall_down: None) -> None:
    without_seat_locks(monkeypatch)
    slowly(monkeypatch, hold_module, "_write_hold")
    (seat,) = hall.seat_ids(1)
    assert outcomes(race(partial(hold, hall, seat, buyer=guest(n)) for n in range(20)))["Booking"] > 1
    assert twice_sold() == [(seat,)]


def _hold_in_a_process(settings_dict: dict[str, Any], event_id: UUID, seat: UUID, at: float, number: int) -> str:
    connection.settings_dict.update(settings_dict)
    connection.ensure_connection()
    time.sleep(max(0, at - time.time()))  # the processes share no barrier, but a clock
    try:
        return type(hold_seats(buyer=guest(number), event_id=event_id, seats={seat: None})).__name__
    except SeatsUnavailable as refusal:
        return type(refusal).__name__


def test_buyers_in_other_processes_are_buyers_too(hall: Hall) -> None:
    call = partial(_hold_in_a_process, {"NAME": connection.settings_dict["NAME"]}, hall.event.pk)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(4, mp_context=spawn, initializer=django.setup) as pool:
        for seat in hall.seat_ids(*range(10)):
            found = pool.map(partial(call, seat, time.time() + 0.2), range(4))
            assert Counter(found) == {"Booking": 1, "SeatsUnavailable": 3}
    assert twice_sold() == []


# Overlapping wishes


def overlapping_pairs(hall: Hall, rounds: int = 40) -> list[Any]:
    one, two, three = hall.seat_ids(1, 2, 3)
    wishes = [(one, two), (two, one), (two, three), (three, two), (three, one), (one, three)]
    results = []
    for _ in range(rounds):
        results += race(partial(hold, hall, *wish, buyer=guest(n)) for n, wish in enumerate(wishes))
        time_passes(minutes=11)
    return results


def test_overlapping_pairs_in_both_orders_never_deadlock(hall: Hall, one_try: None) -> None:
    assert outcomes(overlapping_pairs(hall)) == {"Booking": 40, "SeatsUnavailable": 200}


def seats_one_by_one(ids: tuple[UUID, ...]) -> None:
    for pk in ids:
        Seat.objects.filter(pk=pk).lock().get()
        time.sleep(0.02)


def test_without_one_order_they_deadlock(hall: Hall) -> None:
    one, two = hall.seat_ids(1, 2)
    unordered = transaction.atomic(seats_one_by_one)
    results = race([partial(unordered, (one, two)), partial(unordered, (two, one))])
    assert outcomes(results) == {"NoneType": 1, "OperationalError": 1}


def test_a_deadlock_is_run_again_and_reaches_nobody(hall: Hall) -> None:
    one, two = hall.seat_ids(1, 2)
    unordered = database.transactional(seats_one_by_one)
    assert race([partial(unordered, (one, two)), partial(unordered, (two, one))]) == [None, None]


def test_a_lock_that_takes_too_long_is_busy_not_an_error(hall: Hall) -> None:
    (seat,) = hall.seat_ids(1)

    def impatient() -> Booking:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '100ms'")
        return hold(hall, seat, buyer=guest(2))

    @transaction.atomic
    def dawdle() -> None:
        Seat.objects.filter(pk=seat).lock().get()
        time.sleep(0.6)

    def later() -> Booking:
        time.sleep(0.2)
        return impatient()

    assert outcomes(race([dawdle, later])) == {"NoneType": 1, "Busy": 1}


# Best available and general admission


def test_four_hundred_buyers_of_a_hundred_places_get_a_hundred() -> None:
    hall = make_hall(numbered=False)
    results = race((partial(best, hall, 1, buyer=guest(n)) for n in range(400)), threads=100)
    assert outcomes(results) == {"Booking": 100, "SoldOut": 300}


def test_nobody_is_refused_the_best_four_while_half_the_hall_is_free() -> None:
    hall = make_hall(rows=10, length=50)
    results = race((partial(best, hall, 4, buyer=guest(n)) for n in range(60)), threads=32)
    assert outcomes(results) == {"Booking": 60}
    assert all(together(booking) for booking in results)


def together(booking: Booking) -> bool:
    positions = [line.seat.position for line in booking.live_seats]
    return positions == list(range(positions[0], positions[0] + len(positions)))


def test_without_choice_and_patience_buyers_are_refused_beside_empty_seats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picking, "CHOICE", 1)
    monkeypatch.setattr(hold_module, "TRIES", 3)
    monkeypatch.setattr(hold_module, "PATIENT_TRIES", 0)
    slowly(monkeypatch, hold_module, "_write_hold")
    hall = make_hall(rows=10, length=50)
    found = outcomes(race((partial(best, hall, 4, buyer=guest(n)) for n in range(60)), threads=32))
    assert found["Busy"] > 0


@pytest.mark.parametrize("numbered", [True, False])
def test_the_hall_sells_out_to_the_last_seat(*, numbered: bool) -> None:
    hall = make_hall(rows=10, length=50, numbered=numbered)
    fours = race((partial(best, hall, 4, buyer=guest(n)) for n in range(120)), threads=32)
    assert outcomes(fours) == {"Booking": 120}
    ones = race((partial(best, hall, 1, buyer=guest(n)) for n in range(60)), threads=32)
    assert outcomes(ones) == {"Booking": 20, "SoldOut": 40}
    assert set(hall.seats.values_list("status", flat=True)) == {"held"}


def test_fours_to_the_last_block_are_refused_only_when_fewer_than_four_are_left() -> None:
    hall = make_hall(rows=10, length=50)
    results = race((partial(best, hall, 4, buyer=guest(n)) for n in range(140)), threads=32)
    assert outcomes(results) == {"Booking": 125, "SoldOut": 15}


def test_chosen_and_best_seats_share_a_hall() -> None:
    hall = make_hall(rows=4, length=25)
    chosen = [partial(hold, hall, *hall.seat_ids(n, n + 1, n + 2), buyer=guest(n)) for n in range(0, 96, 2)]
    picked = [partial(best, hall, 3, buyer=guest(100 + n)) for n in range(48)]
    calls = [call for pair in zip(chosen, picked, strict=True) for call in pair]
    found = outcomes(race(calls, threads=32))
    assert found["Booking"] * 3 == Seat.objects.filter(status="held").count()
    assert set(found) <= {"Booking", "SeatsUnavailable", "SoldOut"}


# Lapsed holds


def lapsed(hall: Hall, *ids: UUID) -> Booking:
    booking = hold(hall, *ids, buyer=guest(1))
    time_passes(minutes=11)
    return booking


def test_a_takeover_meets_confirm_extend_and_sweep_and_one_owns_the_seats(hall: Hall, one_try: None) -> None:
    ids = hall.seat_ids(1, 2)
    for _ in range(60):
        old = lapsed(hall, *ids)
        takeover, confirmed, extended, _swept = results = race(
            [
                partial(hold, hall, *ids, buyer=guest(2)),
                partial(confirm_booking, booking_id=old.pk, actor="gateway", payment_status="paid"),
                partial(extend_hold, booking_id=old.pk, actor="ann"),
                expire_holds,
            ]
        )
        assert isinstance(extended, HoldEnded), results
        owner = Seat.objects.filter(pk__in=ids).values_list("holder", "status").distinct().get()
        valid = set(Ticket.objects.filter(status="valid").values_list("booking", flat=True))
        if isinstance(takeover, Booking):
            # Late money finds the seats gone: the whole of it goes back.
            assert (confirmed.status, owner, valid) == ("expired", (takeover.pk, "held"), set())
        else:
            assert isinstance(takeover, SeatsUnavailable)
            assert (confirmed.status, owner, valid) == ("confirmed", (old.pk, "sold"), {old.pk})
        left = Booking.objects.exclude(status__in=["expired", "cancelled"]).get()
        cancel_booking(booking_id=left.pk, actor="test", paid=True)


def test_owning_by_a_join_confirms_one_seat_twice(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    """READ COMMITTED looks again only at the locked table: the joined row stays what it was before the wait."""

    @transaction.atomic
    def joined(booking: Booking) -> int:
        own = Seat.objects.filter(bookings__booking=booking, bookings__released_at=None)
        return len(own.order_by("pk").select_for_update(of=("self",), no_key=True))

    slowly(monkeypatch, hold_module, "_write_hold", seconds=0.3)
    ids = hall.seat_ids(1, 2)
    old = lapsed(hall, *ids)

    def late(booking: Booking) -> int:
        time.sleep(0.1)
        return joined(booking)

    takeover, owned = race([partial(hold, hall, *ids, buyer=guest(2)), partial(late, old)])
    assert isinstance(takeover, Booking)
    assert owned == 2  # it is told that both are its own
    assert not Seat.objects.filter(holder=old.pk).exists()  # none is


def test_locking_the_old_booking_from_the_seats_deadlocks(hall: Hall, monkeypatch: pytest.MonkeyPatch, one_try: None) -> None:
    take_over = rows.take_over

    def politely(seats: list[Seat]) -> None:
        time.sleep(0.05)
        list(Booking.objects.filter(pk__in=[seat.holder for seat in seats]).lock())
        take_over(seats)

    ids = hall.seat_ids(1, 2)
    deadlocks = 0
    for _ in range(5):
        old = lapsed(hall, *ids)
        monkeypatch.setattr(hold_module, "take_over", politely)
        results = race([partial(hold, hall, *ids, buyer=guest(2)), partial(confirm_booking, booking_id=old.pk, actor="gateway")])
        monkeypatch.setattr(hold_module, "take_over", take_over)
        deadlocks += outcomes(results)["OperationalError"]
        for booking in Booking.objects.exclude(status__in=["expired", "cancelled"]):
            cancel_booking(booking_id=booking.pk, actor="test")
    assert deadlocks > 0


def test_two_sweeps_at_once_tidy_up_once(hall: Hall) -> None:
    for number in range(60):
        hold(hall, *hall.seat_ids(number), buyer=guest(number))
    time_passes(minutes=11)
    assert sum(race([expire_holds] * 4)) == 60
    assert BookingHistory.objects.filter(action="expired").count() == 60


def test_without_the_lock_two_sweeps_tell_it_twice(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BookingQuerySet, "lock", unlocked)
    slowly(monkeypatch, release, "let_go")
    for number in range(10):
        hold(hall, *hall.seat_ids(number), buyer=guest(number))
    time_passes(minutes=11)
    race([release._expire_batch] * 2)
    assert BookingHistory.objects.filter(action="expired").count() > 10


# The event


def sell_while_stopping(hall: Hall) -> tuple[Counter[str], int]:
    """Three hundred buyers without a pause, an organizer who stops the sale in their midst: who sold after that?"""
    after_stop: list[UUID] = []

    def stop() -> None:
        time.sleep(0.05)
        stop_sale(event_id=hall.event.pk)
        after_stop.extend(Booking.objects.values_list("pk", flat=True))

    holds: list[Callable[[], Any]] = [partial(best, hall, 1, buyer=guest(n)) for n in range(300)]
    found = outcomes(race([stop, *holds], threads=16))
    return found, Booking.objects.exclude(pk__in=after_stop).count()


def test_no_hold_is_made_after_the_sale_was_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    slowly(monkeypatch, hold_module, "_write_hold")
    found, later = sell_while_stopping(make_hall(rows=40))
    assert later == 0
    assert found["NotOnSale"] > 100  # at once, however many holds are in flight
    assert found["NotOnSale"] + found["Booking"] == 300


def test_the_full_lock_alone_waits_until_the_rush_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """KEY SHARE joins KEY SHARE past a waiting FOR UPDATE: one lock in one step is starved by new holds."""
    slowly(monkeypatch, hold_module, "_write_hold")
    hall = make_hall(rows=40)

    def lock() -> float:
        time.sleep(0.05)
        started = time.monotonic()
        with transaction.atomic():
            Event.objects.select_for_update().get(pk=hall.event.pk)
        return time.monotonic() - started

    waited, *_holds = race([lock, *(partial(best, hall, 1, buyer=guest(n)) for n in range(200))], threads=16)
    assert waited > 0.2


def test_without_the_events_lock_holds_are_made_after_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sale, "OPEN", sale.OPEN.replace("FOR KEY SHARE", ""))
    slowly(monkeypatch, hold_module, "_write_hold", seconds=0.1)
    _found, later = sell_while_stopping(make_hall(rows=40))
    assert later > 0


# Limits and caps


def test_a_customers_limit_holds_against_parallel_holds() -> None:
    hall = make_hall(max_per_customer=4)
    results = race(partial(best, hall, 2, buyer=guest(1)) for _ in range(20))
    assert outcomes(results) == {"Booking": 2, "LimitReached": 18}


@pytest.mark.parametrize(
    "buyers",
    [[guest(1)] * 20, [Buyer(session=f"browser {n}", address="one office") for n in range(20)]],
    ids=["one session", "one address"],
)
def test_caps_hold_against_parallel_holds(buyers: list[Buyer], monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.EVENTLY_RATE_LIMITS = True
    monkeypatch.setattr(sale, "HELD_PER_BUYER", 6)
    monkeypatch.setattr(sale, "HELD_PER_ADDRESS", 6)
    hall = make_hall()
    assert outcomes(race(partial(best, hall, 2, buyer=buyer) for buyer in buyers)) == {"Booking": 3, "LimitReached": 17}


def test_without_the_buyers_locks_limits_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sale, "OPEN", sale.OPEN.replace("pg_advisory_xact_lock", "abs"))
    slowly(monkeypatch, hold_module, "_write_hold")
    hall = make_hall(max_per_customer=4)
    assert outcomes(race(partial(best, hall, 2, buyer=guest(1)) for _ in range(20)))["Booking"] > 2


def test_a_ticket_types_limit_holds_against_parallel_holds(hall: Hall) -> None:
    TicketType.objects.filter(pk=hall.child.pk).update(limit=7)
    results = race(partial(best, hall, 2, buyer=guest(n), ticket_type=hall.child) for n in range(20))
    assert outcomes(results) == {"Booking": 3, "LimitReached": 17}


def test_without_the_ticket_types_lock_its_limit_leaks(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sale, "TYPE_LIMITS", sale.TYPE_LIMITS.replace("FOR NO KEY UPDATE", ""))
    slowly(monkeypatch, hold_module, "_write_hold")
    TicketType.objects.filter(pk=hall.child.pk).update(limit=7)
    results = race(partial(best, hall, 2, buyer=guest(n), ticket_type=hall.child) for n in range(20))
    assert outcomes(results)["Booking"] > 3


def register_twice(hall: Hall) -> list[Any]:
    """One person in ten browsers registers for what is free."""
    bookings = [best(hall, 1, buyer=guest(n)).pk for n in range(10)]
    Booking.objects.update(name="Ann", email="ann@example.com")
    return race(partial(confirm_free_booking, booking_id=pk, actor="ann") for pk in bookings)


def test_ten_parallel_registrations_of_one_address_are_one() -> None:
    assert outcomes(register_twice(make_hall(price=0))) == {"Booking": 1, "AlreadyRegistered": 9}


def test_without_the_addresss_lock_one_person_registers_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    slowly(monkeypatch, sell, "confirm_booking", seconds=1)
    monkeypatch.setattr(sell, "LOCK_PERSON", "SELECT %s")
    assert outcomes(register_twice(make_hall(price=0)))["Booking"] > 1


def pay_while_the_booking_grows(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """One person in two browsers may have two tickets. The second booking gets another seat while its payment begins."""
    hall = make_hall(max_per_customer=2)
    ann = Contact(name="Ann", email="ann@example.com")
    seats = hall.seat_ids(1, 2, 3)
    for number, seat in enumerate(seats[:2]):
        booking = hold(hall, seat, buyer=guest(number))
        set_contact(booking_id=booking.pk, contact=ann, user_id=None, actor="ann")
    slowly(monkeypatch, hold_module, "take_over", seconds=1)  # under the booking's lock

    def pay() -> Booking:
        time.sleep(0.3)
        return start_payment(booking_id=booking.pk, actor="ann")

    return race([partial(change_hold, booking_id=booking.pk, buyer=guest(1), add={seats[2]: None}, remove=[]), pay])


def test_a_booking_does_not_outgrow_the_limit_of_its_address_while_its_payment_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    assert outcomes(pay_while_the_booking_grows(monkeypatch)) == {"Booking": 1, "LimitReached": 1}


def test_counted_before_its_lock_the_booking_outgrows_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sell, "lock_holding", lambda pk: Booking.objects.with_clock().get(pk=pk))
    assert outcomes(pay_while_the_booking_grows(monkeypatch)) == {"Booking": 2}


# Keys, changes


def test_one_key_twenty_times_is_one_booking(hall: Hall) -> None:
    once = Once("key", "wish")
    (seat,) = hall.seat_ids(1)
    chosen = race(partial(hold, hall, seat, buyer=guest(1), once=once) for _ in range(20))
    assert len({booking.pk for booking in chosen}) == 1
    wish = {hall.adult.pk: 4}
    picked = race(partial(hold_best, buyer=guest(2), event_id=hall.event.pk, quantities=wish, once=once) for _ in range(20))
    assert len({booking.pk for booking in picked}) == 1
    assert Booking.objects.count() == 2


def test_without_the_key_twenty_calls_are_twenty_bookings(hall: Hall) -> None:
    assert outcomes(race(partial(best, hall, 2, buyer=guest(1)) for _ in range(20))) == {"Booking": 20}


def test_two_holds_may_exchange_seats_at_once_without_deadlock(hall: Hall, one_try: None) -> None:
    for _ in range(20):
        (one, two) = hall.seat_ids(1, 2)
        first, second = hold(hall, one, buyer=guest(1)), hold(hall, two, buyer=guest(2))
        results = race(
            [
                partial(change_hold, booking_id=first.pk, buyer=guest(1), add={two: None}, remove=[one]),
                partial(change_hold, booking_id=second.pk, buyer=guest(2), add={one: None}, remove=[two]),
            ]
        )
        assert set(outcomes(results)) <= {"SeatsUnavailable", "Booking"}, results
        assert twice_sold() == []
        for booking in (first, second):
            cancel_booking(booking_id=booking.pk, actor="test")


def change_while_it_lapses(hall: Hall) -> list[Any]:
    """A change waits for the booking's lock. When it gets it, the hold has lapsed and a seat of it is somebody else's."""
    one, two, three = hall.seat_ids(1, 2, 3)
    booking = hold(hall, one, two, buyer=guest(1))
    Booking.objects.update(expires_at=Now() + timedelta(seconds=1))
    booking.refresh_from_db()
    Seat.objects.filter(holder=booking.pk).update(held_until=booking.expires_at)

    def block() -> None:
        with transaction.atomic():
            Booking.objects.lock().get(pk=booking.pk)
            time.sleep(2)

    def take() -> Booking:
        time.sleep(1.5)
        return hold(hall, one, buyer=guest(2))

    def change() -> Booking:
        time.sleep(0.3)
        return change_hold(booking_id=booking.pk, buyer=guest(1), add={three: None}, remove=[])

    return race([block, take, change])


def test_a_hold_that_lapses_and_is_taken_while_a_change_waits_is_not_changed(hall: Hall) -> None:
    assert outcomes(change_while_it_lapses(hall)) == {"NoneType": 1, "Booking": 1, "HoldEnded": 1}
    assert complaints("bookings") == {}


def test_without_counting_its_own_seats_a_change_breaks_the_booking(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    def uncounted(*args: Any, **kwargs: Any) -> Booking:
        booking = rows.lock_holding(*args, **kwargs)
        booking.quantity = 0
        return booking

    monkeypatch.setattr(hold_module, "lock_holding", uncounted)
    assert outcomes(change_while_it_lapses(hall)) == {"NoneType": 1, "Booking": 2}
    assert list(complaints("bookings")) == ["bookings.total"]
