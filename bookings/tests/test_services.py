"""The booking transaction, one caller at a time."""

from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction
from pytest_django import DjangoAssertNumQueries

from bookings.models import Booking, BookingHistory, BookingSeat, Ticket
from bookings.sale import Buyer, LimitReached, NotOnSale
from bookings.services import (
    BeingPaid,
    DetailsMissing,
    EmptyBooking,
    HoldEnded,
    NotCancellable,
    PaymentRequired,
    SeatsUnavailable,
    SoldOut,
    cancel_booking,
    change_hold,
    confirm_booking,
    confirm_free_booking,
    expire_holds,
    extend_hold,
    hold_best,
    hold_seats,
    resume_hold,
    start_payment,
    stop_sale,
)
from bookings.tests.actions import ANN, BOB, best, contact, hold, statuses
from bookings.tests.races import time_passes
from evently.outbox.models import OutboxMessage
from evently.rest.idempotency import KeyReused, Once
from events import live
from events.models import Seat, TicketType
from events.tests.factories import Hall, make_hall

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hall() -> Hall:
    return make_hall()


# Hold


def test_a_hold_has_seats_prices_and_ten_minutes(hall: Hall) -> None:
    one, two = hall.seat_ids(1, 2)
    booking = hold_seats(buyer=ANN, event_id=hall.event.pk, seats={one: None, two: hall.child.pk})

    stored = Booking.objects.with_clock().with_seats().get()
    assert [(line.seat_id, line.price_minor, line.ticket_type.name) for line in stored.live_seats] == [
        (one, 8400, "Adult"),
        (two, 4200, "Child"),
    ]
    assert (stored.pk, stored.total_minor, stored.quantity, stored.effective_status) == (booking.pk, 12600, 2, "held")
    assert 595 < (stored.expires_at - stored.clock).total_seconds() <= 600
    assert stored.reference == booking.reference
    assert stored.reference.startswith(f"EVT{stored.created_at:%Y%m%d}-")
    assert list(Seat.objects.filter(holder=booking.pk).values_list("status", "held_until").distinct()) == [
        ("held", stored.expires_at)
    ]
    assert list(BookingHistory.objects.values_list("action", "version", "actor")) == [("held", 1, "session:ann")]
    assert list(OutboxMessage.objects.values_list("topic", "payload__booking")) == [("booking.held", str(booking.pk))]


def test_hold_seats_takes_nothing_when_one_seat_is_gone(hall: Hall) -> None:
    hold(hall, 1)
    with pytest.raises(SeatsUnavailable) as refused:
        hold(hall, 1, 2, buyer=BOB)
    assert refused.value.missing == hall.seat_ids(1)
    assert statuses(hall) == {"available": 99, "held": 1}
    assert Booking.objects.count() == 1


def test_a_lapsed_hold_is_free_at_once_and_the_old_booking_loses_its_seats(hall: Hall) -> None:
    old = hold(hall, 1, 2)
    time_passes(minutes=11)
    new = hold(hall, 2, 3, buyer=BOB)
    assert list(Seat.objects.filter(holder=new.pk).order_by("rank").values_list("rank", flat=True)) == [2, 3]
    assert list(old.seats.filter(released_at=None).values_list("seat__rank", flat=True)) == [1]


def test_seats_of_another_event_or_blocked_ones_cannot_be_held(hall: Hall) -> None:
    other = make_hall()
    with pytest.raises(SeatsUnavailable):
        hold_seats(buyer=ANN, event_id=hall.event.pk, seats=dict.fromkeys(other.seat_ids(1)))
    Seat.objects.filter(pk__in=hall.seat_ids(5)).update(status="blocked")
    with pytest.raises(SeatsUnavailable):
        hold(hall, 5)


def test_hold_best_gives_neighbours_and_leaves_a_single_seat_only_at_the_end() -> None:
    hall = make_hall(rows=2, length=5)
    for _ in range(2):  # a pair from an end of each row, of which three stay together
        assert best(hall, 2, buyer=BOB) in ([0, 1], [3, 4], [5, 6], [8, 9])
    assert len(best(hall, 2)) == 2


def test_hold_best_splits_a_party_only_when_no_block_is_left() -> None:
    hall = make_hall(rows=1, length=7)
    hold(hall, 2, 5)
    assert best(hall, 3) in ([0, 1, 3], [0, 3, 4], [1, 3, 4], [3, 4, 6])
    with pytest.raises(SoldOut):
        best(hall, 3, buyer=BOB)
    assert len(best(hall, 2, buyer=BOB)) == 2
    assert statuses(hall) == {"held": 7}


def test_hold_best_finds_a_block_of_lapsed_and_available_seats() -> None:
    hall = make_hall(rows=1, length=6)
    hold(hall, 1, 3)
    time_passes(minutes=11)
    assert best(hall, 4, buyer=BOB) == [0, 1, 2, 3]


def test_adults_and_children_of_one_category_sit_together() -> None:
    hall = make_hall(rows=4, length=10)
    wish = {hall.adult.pk: 2, hall.child.pk: 2}
    booking = hold_best(buyer=ANN, event_id=hall.event.pk, quantities=wish)
    ranks = [line.seat.rank for line in booking.live_seats]
    assert ranks == list(range(ranks[0], ranks[0] + 4))
    assert booking.total_minor == 2 * 8400 + 2 * 4200


def test_general_admission_gives_any_places() -> None:
    hall = make_hall(rows=1, length=5, numbered=False)
    assert len(best(hall, 4)) == 4
    with pytest.raises(SoldOut):
        best(hall, 2, buyer=BOB)


# Change, extend


def test_change_hold_exchanges_seats_at_the_same_deadline(hall: Hall) -> None:
    booking = hold(hall, 1, 2)
    one, three = hall.seat_ids(1, 3)
    changed = change_hold(booking_id=booking.pk, buyer=ANN, add={three: hall.child.pk}, remove=[one])

    assert (changed.quantity, changed.total_minor, changed.expires_at) == (2, 12600, booking.expires_at)
    assert list(Seat.objects.filter(holder=booking.pk).order_by("rank").values_list("rank", flat=True)) == [2, 3]


def test_change_hold_gives_a_seat_another_ticket_type(hall: Hall) -> None:
    booking = hold(hall, 1, 2)
    (one,) = hall.seat_ids(1)
    changed = change_hold(booking_id=booking.pk, buyer=ANN, add={one: hall.child.pk}, remove=[one])
    assert (changed.quantity, changed.total_minor) == (2, 12600)
    assert Seat.objects.filter(holder=booking.pk, status="held").count() == 2


def test_change_hold_changes_nothing_when_a_seat_is_gone(hall: Hall) -> None:
    booking = hold(hall, 1, 2)
    hold(hall, 3, buyer=BOB)
    one, three = hall.seat_ids(1, 3)
    with pytest.raises(SeatsUnavailable):
        change_hold(booking_id=booking.pk, buyer=ANN, add={three: None}, remove=[one])
    with pytest.raises(SeatsUnavailable):
        change_hold(booking_id=booking.pk, buyer=ANN, add={}, remove=[three])
    assert list(Seat.objects.filter(holder=booking.pk).order_by("rank").values_list("rank", flat=True)) == [1, 2]


def test_change_hold_keeps_one_seat_and_every_limit() -> None:
    hall = make_hall(max_per_booking=2)
    booking = hold(hall, 1, 2)
    with pytest.raises(EmptyBooking):
        change_hold(booking_id=booking.pk, buyer=ANN, add={}, remove=hall.seat_ids(1, 2))
    with pytest.raises(LimitReached):
        change_hold(booking_id=booking.pk, buyer=ANN, add=dict.fromkeys(hall.seat_ids(3)), remove=[])
    TicketType.objects.filter(pk=hall.child.pk).update(limit=1)
    children = dict.fromkeys(hall.seat_ids(1, 2), hall.child.pk)
    with pytest.raises(LimitReached):
        change_hold(booking_id=booking.pk, buyer=ANN, add=children, remove=list(children))


def test_somebody_elses_hold_cannot_be_changed(hall: Hall) -> None:
    booking = hold(hall, 1, 2)
    with pytest.raises(Booking.DoesNotExist):
        change_hold(booking_id=booking.pk, buyer=BOB, add={}, remove=hall.seat_ids(1))


def test_extend_hold_gives_time_up_to_an_hour_and_never_takes_any(hall: Hall) -> None:
    booking = hold(hall, 1)
    for minutes in (9, 9, 9, 9, 9):
        time_passes(minutes=minutes)
        booking = extend_hold(booking_id=booking.pk, actor="ann")
    time_passes(minutes=9)
    booking = extend_hold(booking_id=booking.pk, actor="ann")
    booking.refresh_from_db()
    assert round((booking.expires_at - booking.created_at).total_seconds()) == 3600
    time_passes(minutes=7)
    with pytest.raises(HoldEnded):
        extend_hold(booking_id=booking.pk, actor="ann")


# Pay, confirm


def test_paying_needs_to_know_who_pays(hall: Hall) -> None:
    booking = hold(hall, 1)
    with pytest.raises(DetailsMissing):
        start_payment(booking_id=booking.pk, actor="ann")
    assert Booking.objects.get().status == "held"


def test_paying_keeps_the_seats_beyond_the_hold(hall: Hall) -> None:
    booking = contact(hold(hall, 1))
    start_payment(booking_id=booking.pk, actor="ann")
    time_passes(minutes=14)
    with pytest.raises(SeatsUnavailable):
        hold(hall, 1, buyer=BOB)
    assert confirm_booking(booking_id=booking.pk, actor="gateway", payment_status="paid").status == "confirmed"
    assert statuses(hall) == {"available": 99, "sold": 1}


def test_a_booking_under_payment_is_not_changed_until_it_is_declined(hall: Hall) -> None:
    booking = contact(hold(hall, 1))
    paying = start_payment(booking_id=booking.pk, actor="ann")
    with pytest.raises(BeingPaid):
        change_hold(booking_id=booking.pk, buyer=ANN, add=dict.fromkeys(hall.seat_ids(2)), remove=hall.seat_ids(1))
    with pytest.raises(BeingPaid):
        extend_hold(booking_id=booking.pk, actor="ann")
    declined = resume_hold(booking_id=booking.pk, actor="gateway")
    assert (declined.status, declined.expires_at) == ("held", paying.expires_at)
    assert start_payment(booking_id=booking.pk, actor="ann").status == "paying"


def test_confirming_issues_one_ticket_per_seat(hall: Hall) -> None:
    booking = hold(hall, 1, 2)
    confirm_booking(booking_id=booking.pk, actor="gateway", payment_status="paid")
    assert set(Ticket.objects.values_list("booking_seat__seat", "status")) == {(pk, "valid") for pk in hall.seat_ids(1, 2)}
    assert list(OutboxMessage.objects.order_by("pk").values_list("topic", flat=True)) == ["booking.held", "booking.confirmed"]


def test_confirm_twice_is_once(hall: Hall) -> None:
    booking = hold(hall, 1)
    for _ in range(2):
        confirm_booking(booking_id=booking.pk, actor="gateway")
    assert list(BookingHistory.objects.order_by("pk").values_list("action", flat=True)) == ["held", "confirmed"]
    assert Ticket.objects.count() == 1


def test_a_free_booking_is_confirmed_without_payment_and_a_dear_one_is_not() -> None:
    free, dear = make_hall(price=0), make_hall()
    with pytest.raises(PaymentRequired):
        confirm_free_booking(booking_id=contact(hold(dear, 1)).pk, actor="ann")
    booking = hold(free, 1)
    with pytest.raises(DetailsMissing):
        confirm_free_booking(booking_id=booking.pk, actor="ann")
    contact(booking)
    assert confirm_free_booking(booking_id=booking.pk, actor="ann").status == "confirmed"
    late = hold(free, 2, buyer=BOB)
    contact(late, "bob@example.com")
    time_passes(minutes=11)
    with pytest.raises(HoldEnded):
        confirm_free_booking(booking_id=late.pk, actor="bob")


@pytest.mark.parametrize("swept", [False, True])
def test_late_money_takes_the_seats_again_while_nobody_has_them(hall: Hall, *, swept: bool) -> None:
    booking = hold(hall, 1, 2)
    time_passes(minutes=11)
    if swept:
        expire_holds()
    confirmed = confirm_booking(booking_id=booking.pk, actor="gateway", payment_status="paid")
    assert (confirmed.status, confirmed.payment_status) == ("confirmed", "paid")
    assert Seat.objects.filter(holder=booking.pk, status="sold").count() == 2


def test_late_money_takes_a_seat_from_a_hold_that_has_lapsed_too(hall: Hall) -> None:
    first = hold(hall, 1, 2)
    time_passes(minutes=11)
    second = hold(hall, 2, 3, buyer=BOB)
    time_passes(minutes=11)
    assert confirm_booking(booking_id=first.pk, actor="gateway").status == "confirmed"
    assert confirm_booking(booking_id=second.pk, actor="gateway").status == "expired"
    assert list(hall.seats.filter(status="sold").values_list("rank", flat=True)) == [1, 2]


@pytest.mark.parametrize("swept", [False, True])
def test_late_money_for_a_lost_seat_gives_the_rest_back(hall: Hall, *, swept: bool) -> None:
    booking = hold(hall, 1, 2)
    time_passes(minutes=11)
    hold(hall, 2, buyer=BOB)
    if swept:
        expire_holds()
    lost = confirm_booking(booking_id=booking.pk, actor="gateway", payment_status="paid")
    assert (lost.status, lost.payment_status) == ("expired", "paid")
    assert list(Seat.objects.exclude(status="available").values_list("rank", flat=True)) == [2]
    assert Ticket.objects.count() == 0


def test_a_service_is_part_of_the_callers_transaction(hall: Hall) -> None:
    booking = hold(hall, 1)
    with transaction.atomic():
        confirm_booking(booking_id=booking.pk, actor="gateway")
        transaction.set_rollback(True)
    assert statuses(hall) == {"available": 99, "held": 1}


# Cancel, expire


def test_cancel_frees_the_seats_and_voids_the_tickets() -> None:
    hall = make_hall(price=0)
    booking = contact(hold(hall, 1, 2))
    confirm_free_booking(booking_id=booking.pk, actor="ann")
    cancel_booking(booking_id=booking.pk, actor="ann")
    assert statuses(hall) == {"available": 100}
    assert set(Ticket.objects.values_list("status", flat=True)) == {"void"}
    assert confirm_booking(booking_id=booking.pk, actor="gateway").status == "cancelled"


def test_a_paid_booking_is_cancelled_only_with_its_refund(hall: Hall) -> None:
    booking = hold(hall, 1)
    confirm_booking(booking_id=booking.pk, actor="gateway", payment_status="paid")
    with pytest.raises(NotCancellable):
        cancel_booking(booking_id=booking.pk, actor="ann")
    assert statuses(hall) == {"available": 99, "sold": 1}
    assert cancel_booking(booking_id=booking.pk, actor="staff", paid=True).status == "cancelled"


def test_money_for_a_cancelled_booking_is_written_down(hall: Hall) -> None:
    booking = hold(hall, 1)
    cancel_booking(booking_id=booking.pk, actor="ann")
    late = confirm_booking(booking_id=booking.pk, actor="gateway", payment_status="paid")
    assert (late.status, late.payment_status) == ("cancelled", "paid")


def test_the_sweep_tidies_up_and_does_it_once(hall: Hall) -> None:
    first, second = hold(hall, 1), hold(hall, 2, buyer=BOB)
    time_passes(minutes=11)
    hold(hall, 2, buyer=ANN)
    assert (expire_holds(), expire_holds()) == (2, 0)
    assert set(Booking.objects.filter(pk__in=[first.pk, second.pk]).values_list("status", flat=True)) == {"expired"}
    assert statuses(hall) == {"available": 99, "held": 1}


def test_a_stopped_event_sells_no_more_and_confirms_nothing(hall: Hall) -> None:
    booking = hold(hall, 1)
    stop_sale(event_id=hall.event.pk)
    with pytest.raises(NotOnSale):
        hold(hall, 3)
    assert confirm_booking(booking_id=booking.pk, actor="gateway", payment_status="paid").status == "expired"


def test_no_payment_begins_for_a_stopped_event(hall: Hall) -> None:
    booking = contact(hold(hall, 1))
    stop_sale(event_id=hall.event.pk)
    with pytest.raises(NotOnSale, match="This event was cancelled"):
        start_payment(booking_id=booking.pk, actor="ann")
    booking.refresh_from_db()
    assert booking.status == "held"


def test_a_stopped_event_is_told_with_its_stop_and_once(hall: Hall) -> None:
    for _ in range(2):
        stop_sale(event_id=hall.event.pk)
    told = OutboxMessage.objects.filter(topic="event.cancelled").values_list("payload", flat=True)
    assert list(told) == [{"event": str(hall.event.pk)}]


def test_a_hold_stands_whatever_the_broker_does(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_name: str) -> None:
        raise OSError("Something that no client library foresees")

    monkeypatch.setattr(live, "get_redis_connection", broken)
    assert hold(hall, 1).status == "held"


# Keys and the database's own rules


def test_the_same_key_is_replayed_and_another_wish_refused(hall: Hall) -> None:
    once = Once("key", "wish")
    first, again = hold(hall, 1, once=once), hold(hall, 1, once=once)
    assert (again.pk, again.reference, [line.seat_id for line in again.live_seats]) == (
        first.pk,
        first.reference,
        hall.seat_ids(1),
    )
    with pytest.raises(KeyReused):
        hold(hall, 2, once=Once("key", "another wish"))
    assert hold(hall, 2, buyer=BOB, once=once).pk != first.pk


def test_a_refusal_does_not_use_up_the_key(hall: Hall) -> None:
    once = Once("key", "wish")
    mine = hold(hall, 1)
    with pytest.raises(SeatsUnavailable):
        hold(hall, 1, buyer=BOB, once=once)
    cancel_booking(booking_id=mine.pk, actor="ann")
    assert hold(hall, 1, buyer=BOB, once=once).status == "held"


def test_the_database_refuses_illegal_transitions_and_rewritten_history(hall: Hall) -> None:
    booking = hold(hall, 1)
    cancel_booking(booking_id=booking.pk, actor="ann")
    with pytest.raises(IntegrityError, match="cannot go from cancelled to held"):
        Booking.objects.update(status="held")
    with pytest.raises(IntegrityError, match="append-only"):
        BookingHistory.objects.update(actor="nobody")
    with pytest.raises(IntegrityError, match="append-only"):
        BookingHistory.objects.all().delete()


def test_the_database_refuses_a_seat_in_two_live_bookings_and_half_a_state(hall: Hall) -> None:
    booking = hold(hall, 1)
    line = BookingSeat.objects.get()
    with pytest.raises(IntegrityError, match="bookings_bookingseat_sold_once"):
        BookingSeat.objects.create(event=hall.event, booking=booking, seat_id=line.seat_id, ticket_type=hall.adult, price_minor=1)
    with pytest.raises(IntegrityError, match="events_seat_state_whole"):
        Seat.objects.filter(pk=line.seat_id).update(status="sold")


def test_references_are_scattered_and_never_repeat(hall: Hall) -> None:
    references = {hold(hall, number, buyer=Buyer(session=str(number))).reference for number in range(50)}
    assert len(references) == 50
    assert len({reference[-6:-3] for reference in references}) > 40


@pytest.mark.parametrize(
    ("kind", "most"),
    [
        ("chosen", 5),
        ("best", 6),
        ("standing", 6),
        ("lapsed", 6),
        ("capped, limited and lapsed", 8),
        ("best, capped, limited and lapsed", 9),
    ],
)
def test_a_hold_takes_few_statements(
    kind: str, most: int, django_assert_num_queries: DjangoAssertNumQueries, settings: Any
) -> None:
    settings.EVENTLY_RATE_LIMITS = True
    hall = make_hall(rows=1, length=4, numbered=kind != "standing")
    ids: list[UUID] = hall.seat_ids(*range(4))
    if "lapsed" in kind:
        hold(hall, 0, 1, 2, 3, buyer=BOB)
        time_passes(minutes=11)
    if "limited" in kind:
        TicketType.objects.update(limit=10)
    buyer, once = Buyer(session="ann", address="office"), Once("key", "wish")
    with django_assert_num_queries(most + 2):  # and BEGIN, COMMIT
        if kind.startswith(("best", "standing")):
            hold_best(buyer=buyer, event_id=hall.event.pk, quantities={hall.adult.pk: 4}, once=once)
        else:
            hold_seats(buyer=buyer, event_id=hall.event.pk, seats=dict.fromkeys(ids), once=once)
