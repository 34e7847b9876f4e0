"""Tickets that are given back: for what the terms say, for what the team wishes, never for more, never twice."""

from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection
from django.db.models import F, Sum
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from bookings import services as bookings
from bookings.models import Booking, BookingQuerySet, Ticket
from bookings.sale import Buyer
from bookings.services import (
    Contact,
    NoSuchTickets,
    apply_code,
    confirm_free_booking,
    hold_seats,
    set_contact,
    set_services,
)
from bookings.tests import races
from bookings.tests.races import race
from evently.accounts.models import Organizer
from evently.rest.idempotency import KeyReused, Once
from events.models import Event, EventService, PromoCode, RefundTerm, Service, TicketType
from events.refund_terms import Term, term_at
from events.services import postpone_event, reschedule_event
from events.tests.factories import Hall, make_hall
from payments.models import Account, Dispute, Payment, PaymentQuerySet, Refund, RefundApproval, TaxLine
from payments.quotes import Basis, NotReturnable, Quote, quote_return
from payments.services import (
    FourEyes,
    NothingWished,
    NotWaiting,
    QuoteChanged,
    TooMuch,
    cancel_event,
    decide,
    execute_refund,
    give_back,
    return_tickets,
    settle_from_gateway,
)

from . import factories
from .factories import BOB, balances, check_out, hold, paid, refunds, state

PRICE = 8400


@pytest.fixture
def hall() -> Hall:
    """Tickets go back for all but 4 until ten days before, for half until two days before."""
    start = timezone.now() + timedelta(days=30)
    hall = make_hall(starts_at=start, ends_at=start + timedelta(hours=3))
    RefundTerm.objects.create(event=hall.event, days_before=10, percent=100, fee_minor=400)
    RefundTerm.objects.create(event=hall.event, days_before=2, percent=50)
    return hall


def fresh(booking: Booking) -> Booking:
    return Booking.objects.with_clock().get(pk=booking.pk)


def quote(booking: Booking, *line_ids: UUID) -> Quote:
    return quote_return(fresh(booking), line_ids or None)


def lines(booking: Booking) -> list[UUID]:
    """The booked seats that are left, in the order of the hall."""
    return list(booking.seats.filter(released_at=None).order_by("seat__position").values_list("pk", flat=True))


def bring_back(booking: Booking, *line_ids: UUID, **more: Any) -> Refund | None:
    """What the buyer does: look, then agree."""
    chosen = line_ids or tuple(lines(booking))
    expected = quote(booking, *chosen).back_minor
    return return_tickets(booking_id=booking.pk, line_ids=chosen, expected_minor=expected, actor="ann", **more)


def days_pass(hall: Hall, days: float) -> None:
    """The start, and what the bookings have been promised by it, come nearer."""
    by = timedelta(days=days)
    Event.objects.filter(pk=hall.event.pk).update(
        starts_at=F("starts_at") - by, ends_at=F("ends_at") - by, sale_starts_at=F("sale_starts_at") - by
    )
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE bookings_booking DISABLE TRIGGER bookings_booking_refund_terms_frozen")
        cursor.execute(
            "UPDATE bookings_booking SET refund_terms = (SELECT coalesce(jsonb_agg(term || jsonb_build_object('until',"
            " (term ->> 'until')::timestamptz - make_interval(secs => %s))), '[]') FROM jsonb_array_elements(refund_terms) term)",
            [by.total_seconds()],
        )
        cursor.execute("ALTER TABLE bookings_booking ENABLE TRIGGER bookings_booking_refund_terms_frozen")


# What is quoted


def test_a_booking_keeps_the_terms_that_it_was_made_with(hall: Hall) -> None:
    booking, _payment = paid(hall, 1)
    RefundTerm.objects.all().delete()
    later, _payment = paid(hall, 2, buyer=BOB)
    assert quote(booking).back_minor == PRICE - 400
    assert quote(booking).until == hall.event.starts_at - timedelta(days=10)
    with pytest.raises(NotReturnable, match="not taken back"):
        quote(later)
    with pytest.raises(IntegrityError):
        Booking.objects.filter(pk=booking.pk).update(refund_terms=[])


def test_the_nearer_the_start_the_less_goes_back(hall: Hall) -> None:
    booking, _payment = paid(hall, 1, 2)
    far = (hall.event.starts_at - fresh(booking).clock).days
    told = []
    for nearer in (far - 11, 2, 7):
        days_pass(hall, nearer)
        told.append(quote(booking).back_minor)
        assert quote(booking).basis == Basis.TERMS
    assert told == [16000, 8400, 8400]
    days_pass(hall, 2)
    with pytest.raises(NotReturnable, match="is over"):
        quote(booking)
    days_pass(hall, 2)
    with pytest.raises(NotReturnable, match="has begun"):
        quote(booking)


def test_services_go_back_with_the_last_ticket_and_discounts_are_not_paid_out(hall: Hall) -> None:
    PromoCode.objects.create(organizer=hall.event.organizer, code="Half", canonical="half", percent=50)
    service = Service.objects.create(organizer=hall.event.organizer, name="Parking")
    parking = EventService.objects.create(event=hall.event, service=service, price_minor=1000)
    booking = hold(hall, 1, 2)
    apply_code(booking_id=booking.pk, typed="half", actor="ann")
    set_services(booking_id=booking.pk, quantities={parking.pk: 1}, actor="ann")
    pay_for(booking)
    one, other = lines(booking)
    assert quote(booking, one).back_minor == PRICE // 2 - 400
    assert quote(booking).back_minor == PRICE - 800 + 1000
    bring_back(booking, one)
    last = quote(booking, other)
    assert (last.services_back_minor, last.back_minor, last.kept_minor) == (1000, PRICE // 2 - 400 + 1000, 400)


def pay_for(booking: Booking) -> None:
    payment = check_out(booking).payment
    factories.decide(payment)
    settle_from_gateway(payment_id=payment.pk)


def test_what_costs_nothing_goes_back_without_terms() -> None:
    hall = make_hall(price=0)
    booking = hold(hall, 1, 2)
    confirm_free_booking(booking_id=booking.pk, actor="ann")
    one, _other = lines(booking)
    assert (quote(booking, one).basis, quote(booking, one).back_minor) == (Basis.FREE, 0)
    assert bring_back(booking, one) is None
    assert (state(booking), booking.quantity) == (("confirmed", "unpaid"), 1)
    assert bring_back(booking) is None
    assert state(booking) == ("cancelled", "unpaid")


def test_when_the_event_is_moved_everything_goes_back_to_who_booked_before(hall: Hall) -> None:
    RefundTerm.objects.all().delete()
    before, _payment = paid(hall, 1)
    postpone_event(event_id=hall.event.pk, actor="boss")
    assert (quote(before).basis, quote(before).back_minor) == (Basis.MOVED, PRICE)
    reschedule_event(event_id=hall.event.pk, starts_at=hall.event.starts_at + timedelta(days=30), actor="boss")
    after, _payment = paid(hall, 2, buyer=BOB)
    assert (quote(before).basis, quote(before).back_minor) == (Basis.MOVED, PRICE)
    with pytest.raises(NotReturnable, match="not taken back"):
        quote(after)
    Event.objects.update(moved_at=F("moved_at") - timedelta(days=15))
    by = timedelta(days=20)
    Booking.objects.filter(pk=before.pk).update(created_at=F("created_at") - by, expires_at=F("expires_at") - by)
    with pytest.raises(NotReturnable, match="not taken back"):
        quote(before)


@pytest.mark.parametrize("status", ["open", "lost"])
def test_what_the_bank_has_taken_is_not_given_back_too(hall: Hall, status: str) -> None:
    booking, payment = paid(hall, 1)
    Dispute.objects.create(event=hall.event, payment=payment, gateway_id="d", amount_minor=1, currency="EUR", status=status)
    with pytest.raises(NotReturnable, match="bank"):
        quote(booking)
    Dispute.objects.all().delete()  # it was never booked


def test_only_valid_tickets_of_the_booking_are_quoted(hall: Hall) -> None:
    booking, _payment = paid(hall, 1)
    other, _payment = paid(hall, 2, buyer=BOB)
    for wrong in ([*lines(booking), *lines(other)], [hall.event.pk]):
        with pytest.raises(NoSuchTickets):
            quote(booking, *wrong)
    with pytest.raises(NoSuchTickets):
        quote(hold(hall, 3))


@given(
    st.integers(0, 10**9),
    st.lists(st.tuples(st.integers(0, 700), st.integers(1, 100), st.integers(0, 10**6)), min_size=1, max_size=5),
    st.integers(0, 800),
)
def test_terms_never_give_more_than_was_paid_and_the_earliest_deadline_ahead_holds(
    price: int, rows: list[tuple[int, int, int]], days: int
) -> None:
    start = timezone.now()
    terms = [Term(start - timedelta(days=before), percent, fee) for before, percent, fee in rows]
    term = term_at(terms, start - timedelta(days=days))
    ahead = [before for before, _percent, _fee in rows if before < days]
    assert (term is None) == (not ahead)
    if term:
        assert term.until == start - timedelta(days=max(ahead))
        assert 0 <= term.ticket_back(price) <= price
        assert abs(Decimal(term.share(price)) - Decimal(price) * term.percent / 100) <= Decimal("0.5")


# What is done


def test_one_of_two_tickets_goes_back_with_the_fee_and_the_other_stays_good(hall: Hall) -> None:
    booking, _payment = paid(hall, 1, 2)
    one, other = lines(booking)
    refund = bring_back(booking, one)
    assert refund is not None
    assert execute_refund(refund_id=refund.pk).status == "succeeded"
    assert (state(booking), booking.quantity, booking.kept_minor) == (("confirmed", "partly_refunded"), 1, 400)
    assert booking.total_minor == 2 * PRICE
    assert refunds(booking) == [("returned", PRICE - 400, "EUR")]
    assert balances()[Account.ORGANIZER] == -(PRICE + 400)
    assert list(Ticket.objects.order_by("booking_seat__seat__position").values_list("status", flat=True)) == ["void", "valid"]
    assert list(hall.seats.filter(rank__in=[1, 2]).values_list("status", flat=True)) == ["available", "sold"]
    assert hold(hall, 1, buyer=BOB).quantity == 1  # sold again

    bring_back(booking, other)
    assert (state(booking), booking.kept_minor) == (("cancelled", "partly_refunded"), 800)
    assert [amount for _reason, amount, _currency in refunds(booking)] == [8000, 8000]


def test_the_tax_that_goes_back_is_that_of_the_tickets_that_go_back(hall: Hall) -> None:
    Event.objects.update(tax_rate=19)
    TicketType.objects.filter(pk=hall.child.pk).update(tax_rate=7)
    seats = dict(zip(hall.seat_ids(1, 2), (hall.adult.pk, hall.child.pk), strict=True))
    booking = hold_seats(buyer=BOB, event_id=hall.event.pk, seats=seats)
    set_contact(booking_id=booking.pk, contact=Contact(name="Bob", email="bob@example.org"), user_id=None, actor="bob")
    pay_for(booking)
    adult, child = lines(booking)
    bring_back(booking, child)
    assert list(TaxLine.objects.exclude(refund=None).values_list("tax_rate", "gross_minor")) == [(Decimal(7), -3800)]
    bring_back(booking, adult)
    left = dict(TaxLine.objects.values_list("tax_rate").annotate(left=Sum("gross_minor")))
    assert left == {Decimal(7): 400, Decimal(19): 400}


def test_nothing_is_done_when_something_else_goes_back_than_was_told(hall: Hall) -> None:
    booking, _payment = paid(hall, 1)
    expected = quote(booking).back_minor
    days_pass(hall, (hall.event.starts_at - fresh(booking).clock).days - 5)
    with pytest.raises(QuoteChanged) as refusal:
        return_tickets(booking_id=booking.pk, line_ids=lines(booking), expected_minor=expected, actor="ann")
    assert (expected, refusal.value.quote.back_minor) == (8000, 4200)
    assert (state(booking), refunds(booking)) == (("confirmed", "paid"), [])


def test_the_same_key_is_one_return_and_another_wish_is_refused(hall: Hall) -> None:
    booking, _payment = paid(hall, 1, 2)
    one, other = lines(booking)
    first = bring_back(booking, one, owner="ann", once=Once("key", "a"))
    wish: dict[str, Any] = {"booking_id": booking.pk, "expected_minor": 8000, "actor": "ann", "owner": "ann"}
    assert return_tickets(line_ids=[one], once=Once("key", "a"), **wish) == first
    with pytest.raises(KeyReused):
        return_tickets(line_ids=[other], once=Once("key", "b"), **wish)
    assert bring_back(booking, other, owner="ann", once=Once("other", "a")) != first
    assert len(refunds(booking)) == 2


def test_when_the_event_is_cancelled_what_was_kept_of_tickets_given_back_stays_kept(hall: Hall) -> None:
    booking, _payment = paid(hall, 1, 2)
    gone, _payment = paid(hall, 3, buyer=BOB)
    bring_back(booking, lines(booking)[0])
    bring_back(gone)
    cancel_event(event_id=hall.event.pk, actor="boss")
    assert [amount for _reason, amount, _currency in refunds(booking)] == [8000, 8400]
    assert [amount for _reason, amount, _currency in refunds(gone)] == [8000]


def test_money_that_comes_a_second_time_for_a_booking_that_was_given_back_goes_back(hall: Hall) -> None:
    booking = hold(hall, 1)
    first = check_out(booking).payment
    Payment.objects.filter(pk=first.pk).update(status="created")  # its answer was lost, the buyer begins anew
    second = Payment.objects.create(
        event=hall.event, booking=booking, gateway="sandbox", amount_minor=PRICE, currency="EUR", idempotency_key="second"
    )
    factories.decide(first)
    settle_from_gateway(payment_id=first.pk)
    bring_back(booking)
    settle_from_gateway(payment_id=second.pk)
    second.refresh_from_db()
    factories.decide(second)
    settle_from_gateway(payment_id=second.pk)
    assert refunds(booking) == [("returned", 8000, "EUR"), ("paid_twice", PRICE, "EUR")]
    assert state(booking)[0] == "cancelled"


# What the team does


def give(payment: Payment, amount: int, *line_ids: UUID, key: str = "kind", actor: str = "user:ann") -> Any:
    return give_back(payment_id=payment.pk, amount_minor=amount, line_ids=line_ids, key=key, note="rain", actor=actor)


def test_the_team_gives_back_what_it_wishes_and_voids_the_tickets_that_it_chooses(hall: Hall) -> None:
    booking, payment = paid(hall, 1, 2)
    one, other = lines(booking)
    refund = give(payment, PRICE, one)
    assert (refund.reason, refund.amount_minor, refund.note) == ("by_staff", PRICE, "rain")
    state(booking)
    assert (booking.quantity, booking.kept_minor) == (1, 0)
    assert give(payment, PRICE, one) == refund  # a second click
    assert give(payment, 0, other, key="nothing") is None
    assert (state(booking)[0], booking.kept_minor) == ("cancelled", PRICE)
    with pytest.raises(NothingWished):
        give(payment, 0, key="none")
    with pytest.raises(NoSuchTickets):
        give(payment, 100, one, key="again")


def test_above_the_limit_a_colleague_has_to_agree(hall: Hall) -> None:
    Organizer.objects.update(four_eyes_above=Decimal("50.00"))
    booking, payment = paid(hall, 1, 2)
    one, _other = lines(booking)
    assert isinstance(give(payment, 3000, key="small"), Refund)
    wish = give(payment, 2001, one, key="steps")  # together they are above it
    assert isinstance(wish, RefundApproval)
    assert give(payment, 2001, one, key="steps") == wish
    assert (refunds(booking), len(lines(booking))) == ([("by_staff", 3000, "EUR")], 2)
    with pytest.raises(FourEyes):
        decide(approval_id=wish.pk, is_approved=True, actor="user:ann")
    with pytest.raises(IntegrityError):
        RefundApproval.objects.update(status="approved", decided_by="user:ann", decided_at=timezone.now())

    decided = decide(approval_id=wish.pk, is_approved=True, actor="user:bob")
    assert (decided.status, decided.decided_by) == ("approved", "user:bob")
    assert [amount for _reason, amount, _currency in refunds(booking)] == [3000, 2001]
    assert len(lines(booking)) == 1
    with pytest.raises(NotWaiting):
        decide(approval_id=wish.pk, is_approved=False, actor="user:bob")
    assert isinstance(give(payment, 2000, key="rest"), Refund)  # what was agreed to does not count any more


def test_what_is_declined_or_no_longer_possible_moves_no_money(hall: Hall) -> None:
    Organizer.objects.update(four_eyes_above=0)
    booking, payment = paid(hall, 1)
    declined, late = give(payment, 100, key="a"), give(payment, PRICE, key="b")
    assert decide(approval_id=declined.pk, is_approved=False, actor="user:ann").status == "declined"
    assert decide(approval_id=give(payment, 1, key="c").pk, is_approved=True, actor="user:bob").status == "approved"
    with pytest.raises(TooMuch):
        decide(approval_id=late.pk, is_approved=True, actor="user:bob")
    late.refresh_from_db()
    assert (late.status, refunds(booking)) == ("waiting", [("by_staff", 1, "EUR")])


# All at one moment


def test_a_ticket_given_back_twenty_times_at_once_is_paid_once(hall: Hall) -> None:
    booking, payment = paid(hall, 1, 2)
    one, other = lines(booking)
    wish: dict[str, Any] = {"booking_id": booking.pk, "expected_minor": 8000, "actor": "ann"}
    results = race([partial(return_tickets, line_ids=[one], **wish)] * 20)
    assert races.outcomes(results) == {"Refund": 1, "NoSuchTickets": 19}
    results = race(
        [
            partial(return_tickets, line_ids=[other], **wish),
            partial(give, payment, PRICE, other, key="staff"),
            partial(cancel_event, event_id=hall.event.pk, actor="boss"),
        ]
    )
    names = races.outcomes(results)
    assert names["int"] == 1
    assert len(refunds(booking)) == 2
    assert state(booking)[0] == "cancelled"


def test_without_the_locks_one_ticket_is_paid_more_than_once(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    booking, _payment = paid(hall, 1, 2)
    one, _other = lines(booking)
    monkeypatch.setattr(BookingQuerySet, "lock", lambda rows: rows.with_clock())
    monkeypatch.setattr(PaymentQuerySet, "lock", lambda rows: rows)
    races.slowly(monkeypatch, bookings, "take_back", seconds=0.2)
    wish: dict[str, Any] = {"booking_id": booking.pk, "line_ids": [one], "expected_minor": 8000, "actor": "ann", "owner": "ann"}
    try:
        results = race([partial(return_tickets, once=Once(key, "wish"), **wish) for key in ("one", "two")])
        assert races.outcomes(results) == {"Refund": 2}
    finally:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE events_event, outbox_outboxmessage, rest_idempotencykey CASCADE")


def test_seats_that_come_back_are_sold_on_at_once_and_have_one_owner(hall: Hall) -> None:
    booking, _payment = paid(hall, 1, 2, 3)
    wish: dict[str, Any] = {"booking_id": booking.pk, "expected_minor": 8000, "actor": "ann"}
    back = [partial(return_tickets, line_ids=[pk], **wish) for pk in lines(booking)]
    buyers = [partial(hold, hall, number, buyer=Buyer(session=f"b{number}")) for number in (1, 2, 3)]
    results = race([*back, *buyers])
    assert races.outcomes(results[:3]) == {"Refund": 3}
    assert set(races.outcomes(results[3:])) <= {"Booking", "SeatsUnavailable"}
    assert (state(booking)[0], len(refunds(booking))) == ("cancelled", 3)
