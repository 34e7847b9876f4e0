"""Codes on bookings: what they take off, what they open, and that no limit is ever passed."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.db.models import F
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from bookings.models import Booking, BookingHistory, BookingSeat
from bookings.sale import Buyer, LimitReached, NotOnSale
from bookings.services import (
    BeingPaid,
    CodeNeeded,
    CodeNotUsable,
    CodeUsedUp,
    Contact,
    HoldEnded,
    apply_code,
    cancel_booking,
    change_hold,
    codes,
    confirm_booking,
    confirm_free_booking,
    expire_holds,
    extend_hold,
    give_tickets,
    hold_best,
    hold_seats,
    remove_code,
    start_payment,
)
from bookings.tests.actions import ANN, BOB, contact, hold
from bookings.tests.races import outcomes, race, slowly, time_passes
from evently import audit
from evently.money import divide
from evently.rest.tests.callers import caller, make_person
from events.discounts import discount_of
from events.models import Event, PricingRule, PromoCode, Seat, TicketType, canonical_code
from events.repricing import reprice
from events.tests.factories import Hall, make_hall, make_organizer
from payments.services import settle_from_gateway
from payments.tests.factories import check_out, decide, refunds

pytestmark = pytest.mark.django_db(transaction=True)
EXAMPLES = int(os.environ.get("EVENTLY_FUZZ_EXAMPLES", "150"))
fuzz = settings(max_examples=EXAMPLES, deadline=None)


@pytest.fixture
def hall() -> Hall:
    return make_hall(price=10_000)


def make_code(hall: Hall, code: str = "SAVE20", **facts: Any) -> PromoCode:
    """A fifth off the event, unless something else is said."""
    discount = {} if facts.keys() & {"percent", "amount_minor"} else {"percent": Decimal(20)}
    if "amount_minor" in facts:
        discount["currency"] = facts.pop("currency", hall.event.currency)
    values = {"organizer": hall.event.organizer, "event": hall.event} | discount | facts
    return PromoCode.objects.create(code=code, canonical=canonical_code(code), **values)


def use(booking: Booking, code: str = "SAVE20", *, actor: str = "ann") -> Booking:
    return apply_code(booking_id=booking.pk, typed=code, actor=actor)


def buyers(count: int) -> list[Buyer]:
    return [Buyer(session=f"buyer-{number}") for number in range(count)]


def lines(booking: Booking) -> list[tuple[int, int]]:
    return list(BookingSeat.objects.filter(booking=booking).order_by("pk").values_list("price_minor", "discount_minor"))


class TestDiscount:
    def test_is_a_frozen_part_of_every_ticket(self, hall: Hall) -> None:
        code = make_code(hall)
        booking = use(hold(hall, 1, 2))

        assert (booking.total_minor, booking.promo_code) == (16_000, code)
        assert lines(booking) == [(10_000, 2_000)] * 2
        PromoCode.objects.update(percent=90, is_active=False)
        TicketType.objects.update(price_minor=1)
        contact(booking)
        assert start_payment(booking_id=booking.pk, actor="ann").total_minor == 16_000
        assert confirm_booking(booking_id=booking.pk, actor="ann", payment_status="paid").total_minor == 16_000
        assert audit.complaints("bookings") == {}

    def test_an_amount_is_off_all_tickets_together_to_the_last_cent(self, hall: Hall) -> None:
        make_code(hall, amount_minor=1_000)
        booking = use(hold(hall, 1, 2, 3))

        assert booking.total_minor == 29_000
        assert sorted(discount for _price, discount in lines(booking)) == [333, 333, 334]

    def test_is_for_its_ticket_types_alone(self, hall: Hall) -> None:
        make_code(hall, percent=Decimal(50)).ticket_types.add(hall.child)
        (child,) = hall.seat_ids(2)
        booking = hold(hall, 1)
        with pytest.raises(CodeNotUsable):
            use(booking)
        change_hold(booking_id=booking.pk, buyer=ANN, add={child: hall.child.pk}, remove=[])

        assert use(booking).total_minor == 12_500
        assert lines(booking) == [(10_000, 0), (5_000, 2_500)]

    def test_follows_the_tickets_that_are_changed(self, hall: Hall) -> None:
        make_code(hall)
        one, two = hall.seat_ids(1, 2)
        booking = use(hold(hall, 1))

        booking = change_hold(booking_id=booking.pk, buyer=ANN, add={two: hall.child.pk}, remove=[])
        assert booking.total_minor == 8_000 + 4_000
        booking = change_hold(booking_id=booking.pk, buyer=ANN, add={}, remove=[one])
        assert booking.total_minor == 4_000
        assert audit.complaints("bookings") == {}

    def test_comes_off_again(self, hall: Hall) -> None:
        make_code(hall)
        booking = remove_code(booking_id=use(hold(hall, 1)).pk, actor="ann")

        assert (booking.total_minor, booking.promo_code) == (10_000, None)
        assert lines(booking) == [(10_000, 0)]
        assert remove_code(booking_id=booking.pk, actor="ann").version == booking.version

    def test_a_second_code_takes_the_place_of_the_first(self, hall: Hall) -> None:
        make_code(hall)
        make_code(hall, "HALF", percent=Decimal(50), limit=1)
        booking = use(use(hold(hall, 1)), "HALF")

        assert booking.total_minor == 5_000
        assert use(booking, "half").version == booking.version  # the same again changes nothing
        with pytest.raises(CodeNotUsable):
            use(hold(hall, 2, buyer=BOB), "HALF")

    def test_is_in_the_hold_if_wished(self, hall: Hall) -> None:
        make_code(hall, limit=1)
        booking = hold(hall, 1, code=" save20 ")
        assert (booking.total_minor, booking.discount_minor, booking.version) == (8_000, 2_000, 2)
        with pytest.raises(CodeNotUsable):
            hold(hall, 2, buyer=BOB, code="SAVE20")
        assert not Booking.objects.filter(session="bob").exists()
        assert audit.complaints() == {}

    def test_cannot_be_had_while_the_booking_is_paid_or_over(self, hall: Hall) -> None:
        make_code(hall)
        booking = hold(hall, 1)
        contact(booking)
        start_payment(booking_id=booking.pk, actor="ann")
        with pytest.raises(BeingPaid):
            use(booking)
        time_passes(minutes=20)
        with pytest.raises(HoldEnded):
            use(booking)

    def test_two_free_bookings_by_code_are_not_registered_twice(self, hall: Hall) -> None:
        make_code(hall, percent=Decimal(100))
        for number, buyer in ((1, ANN), (2, BOB)):
            booking = use(hold(hall, number, buyer=buyer))
            contact(booking)
            assert confirm_free_booking(booking_id=booking.pk, actor="ann").total_minor == 0


class TestPureParts:
    @fuzz
    @given(st.lists(st.integers(0, 10**9), max_size=20), st.integers(0, 10**11))
    @example([1, 1, 1], 100)
    @example([0, 0], 0)
    @example([3334, 3333, 3333], 1)
    def test_parts_sum_up_and_none_is_more_than_its_price(self, prices: list[int], discount: int) -> None:
        discount = min(discount, sum(prices))
        parts = divide(discount, prices)

        assert sum(parts) == discount
        assert all(0 <= part <= price for part, price in zip(parts, prices, strict=True))
        if total := sum(prices):
            assert all(abs(part - discount * price / total) < 1.001 for part, price in zip(parts, prices, strict=True))

    @fuzz
    @given(st.integers(0, 10**11), st.decimals("0.01", 100, places=2) | st.integers(1, 10**12))
    def test_a_discount_is_never_more_than_the_tickets_cost(self, total: int, value: Decimal | int) -> None:
        code = PromoCode(percent=value) if isinstance(value, Decimal) else PromoCode(amount_minor=value)

        assert 0 <= discount_of(code, total) <= total
        if isinstance(value, Decimal):
            assert abs(discount_of(code, total) - total * value / 100) <= Decimal("0.5")

    @fuzz
    @given(st.text(max_size=60))
    @example("\0")
    @example("\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 40)
    def test_a_canonical_form_is_its_own_canonical_form(self, typed: str) -> None:
        canonical = canonical_code(typed)

        assert canonical_code(canonical) == canonical
        assert canonical_code(f" {typed}\N{NO-BREAK SPACE}") == canonical
        assert "\0" not in canonical


def test_attack_23_of_five_reserved_bookings_one_has_the_one_use(hall: Hall) -> None:
    make_code(hall, limit=1)
    held = [hold(hall, number, buyer=buyer) for number, buyer in enumerate(buyers(5))]
    for booking in held:
        with suppress(CodeNotUsable):
            use(booking)
    for booking in held:
        contact(booking, email=f"{booking.session}@example.com")
        start_payment(booking_id=booking.pk, actor="test")
        confirm_booking(booking_id=booking.pk, actor="test", payment_status="paid")

    assert sorted(Booking.objects.values_list("total_minor", flat=True)) == [8_000, *[10_000] * 4]


def test_attack_24_fifty_redemptions_at_one_moment_make_one_use(hall: Hall, settings: Any) -> None:
    settings.EVENTLY_RATE_LIMITS = False
    make_code(hall, limit=1)
    held = [hold(hall, number, buyer=buyer) for number, buyer in enumerate(buyers(50))]

    results = race([lambda booking=booking: use(booking) for booking in held], threads=25)  # type: ignore[misc]

    assert outcomes(results) == {"Booking": 1, "CodeNotUsable": 49}
    assert Booking.objects.exclude(promo_code=None).count() == 1
    assert audit.complaints("bookings") == {}


def test_without_its_lock_a_code_is_used_more_often(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    make_code(hall, limit=1)
    held = [hold(hall, number, buyer=buyer) for number, buyer in enumerate(buyers(8))]
    monkeypatch.setattr("events.models.promo.PromoCodeQuerySet.lock", lambda self: self.annotate(clock=Now()))
    slowly(monkeypatch, codes, "write_discounts", seconds=0.3)

    results = race([lambda booking=booking: use(booking) for booking in held])  # type: ignore[misc]

    assert outcomes(results)["Booking"] > 1
    assert "bookings.code_uses" in audit.complaints("bookings")


def test_holds_with_a_code_at_one_moment_keep_to_its_limit(hall: Hall, settings: Any) -> None:
    settings.EVENTLY_RATE_LIMITS = False
    make_code(hall, limit=3)
    wish = {hall.adult.pk: 1}

    results = race(
        [
            lambda buyer=buyer: hold_best(buyer=buyer, event_id=hall.event.pk, quantities=wish, code="SAVE20")  # type: ignore[misc]
            for buyer in buyers(16)
        ]
    )

    assert outcomes(results) == {"Booking": 3, "CodeNotUsable": 13}
    assert Booking.objects.count() == 3
    assert audit.complaints("bookings") == {}


REFUSED: dict[str, Callable[[Hall], Any]] = {
    "unknown": lambda hall: None,
    "switched off": lambda hall: make_code(hall, is_active=False),
    "not yet valid": lambda hall: make_code(hall, starts_at=timezone.now() + timedelta(hours=1)),
    "expired": lambda hall: make_code(hall, ends_at=timezone.now() - timedelta(hours=1)),
    "used up": lambda hall: make_code(hall, limit=0),
    "used up by this customer": lambda hall: make_code(hall, per_customer=0),
    "of another event": lambda hall: make_code(make_hall()),
    "of another team": lambda hall: make_code(hall, event=None, organizer=make_organizer("others")),
    "in another currency": lambda hall: make_code(hall, amount_minor=100, currency="JPY"),
    "for other tickets": lambda hall: make_code(hall).ticket_types.add(hall.child),
}


def test_attack_25_every_refused_code_gets_the_same_answer_by_the_same_work(settings: Any) -> None:
    settings.EVENTLY_RATE_LIMITS = False
    person, told = make_person(), {}
    for reason, make in REFUSED.items():
        hall = make_hall()
        make(hall)
        wish = {"event": hall.event.pk, "seats": hall.seat_ids(1)}
        booking = caller(person).post("/api/v1/bookings/", wish).json()
        client, url = caller(person), f"/api/v1/bookings/{booking['id']}/"
        with CaptureQueriesContext(connection) as captured:
            answer = client.patch(url, {"code": "SAVE20"})
        with CaptureQueriesContext(connection) as captured_with_hold:
            at_once = client.post("/api/v1/bookings/", wish | {"seats": hall.seat_ids(2), "code": "SAVE20"})
        assert (answer.status_code, answer.json()["code"], at_once.status_code) == (409, "code_not_usable", 409)
        assert client.get(url).json() == booking
        if reason != "for other tickets":  # which a hold knows only when it has its tickets
            work = [query["sql"].split("WHERE")[0] for query in (*captured, *captured_with_hold)]
            told[reason] = (answer.content, at_once.content, work)

    unknown = told["unknown"]
    assert {reason for reason, answer in told.items() if answer != unknown} == set()


def test_attack_25_codes_are_not_tried_without_end(hall: Hall, settings: Any) -> None:
    settings.EVENTLY_RATE_LIMITS = True
    person = make_person()
    booking = caller(person).post("/api/v1/bookings/", {"event": hall.event.pk, "seats": hall.seat_ids(1)}).json()
    answers = [caller(person).patch(f"/api/v1/bookings/{booking['id']}/", {"code": f"GUESS{n}"}) for n in range(11)]

    assert [answer.status_code for answer in answers] == [409] * 10 + [429]
    assert answers[-1].json()["code"] == "throttled"


@pytest.mark.parametrize(
    ("code", "typed"),
    [
        ("SAVE20", "\N{FULLWIDTH LATIN CAPITAL LETTER S}AVE\N{FULLWIDTH DIGIT TWO}0"),
        ("SAVE20", " save20\N{NO-BREAK SPACE}"),
        ("SAVE20", "SAVE\N{ZERO WIDTH SPACE}20\n"),
        ("Straße", "STRASSE"),
        ("Été", "e\N{COMBINING ACUTE ACCENT}te\N{COMBINING ACUTE ACCENT}"),
        ("TWO WORDS", "two   words"),
    ],
)
def test_attack_26_a_code_is_the_same_however_it_is_typed(hall: Hall, code: str, typed: str) -> None:
    make_code(hall, code)

    assert use(hold(hall, 1), typed).total_minor == 8_000
    with pytest.raises(IntegrityError):
        make_code(hall, typed)


def test_attack_26_a_code_of_one_event_is_none_of_another(hall: Hall) -> None:
    other = make_hall()
    make_code(other)
    with pytest.raises(CodeNotUsable):
        use(hold(hall, 1))
    for typed in ("SAVE2O", "SAVE20X", "", "\0", "SAVE20\N{COMBINING ACUTE ACCENT}"):
        with pytest.raises(CodeNotUsable):
            use(Booking.objects.get(event=hall.event), typed)


def test_a_code_of_the_team_works_for_all_its_events_and_the_events_own_goes_first(hall: Hall) -> None:
    make_code(hall, event=None, percent=Decimal(10))
    assert use(hold(hall, 1)).total_minor == 9_000
    make_code(hall)
    assert use(hold(hall, 2, buyer=BOB)).total_minor == 8_000


def test_attack_27_more_than_the_price_is_nothing_and_never_less(hall: Hall) -> None:
    make_code(hall, "SIXTY", percent=Decimal(60))
    make_code(hall, "SIXTY TOO", percent=Decimal(60))
    make_code(hall, "HUGE", amount_minor=10**12)
    booking = hold(hall, 1, 2)

    assert use(use(booking, "SIXTY"), "SIXTY TOO").total_minor == 8_000  # one at a time
    booking = use(booking, "HUGE")
    assert booking.total_minor == 0
    assert lines(booking) == [(10_000, 10_000)] * 2
    contact(booking)
    assert confirm_free_booking(booking_id=booking.pk, actor="ann").status == "confirmed"
    assert audit.complaints() == {}
    with pytest.raises(IntegrityError):
        BookingSeat.objects.update(discount_minor=F("price_minor") + 1)


@pytest.mark.parametrize("currency", ["JPY", "EUR", "KWD"])
def test_discounts_are_in_the_minor_units_of_the_currency(currency: str) -> None:
    hall = make_hall(price=8_401, currency=currency)
    make_code(hall, percent=Decimal("33.33"))

    booking = use(hold(hall, 1, 2, 3))

    assert booking.total_minor == 3 * 8_401 - 8_400  # 8,400.16 of 25,203
    assert sum(discount for _price, discount in lines(booking)) == 8_400


class TestUses:
    def test_a_hold_that_lapses_or_is_cancelled_gives_its_use_back(self, hall: Hall) -> None:
        make_code(hall, limit=1)
        first = use(hold(hall, 1))
        cancel_booking(booking_id=first.pk, actor="ann")
        second = use(hold(hall, 2, buyer=BOB))
        time_passes(minutes=11)
        third = use(hold(hall, 3))

        assert third.total_minor == 8_000
        with pytest.raises(HoldEnded):
            extend_hold(booking_id=second.pk, actor="bob")
        assert audit.complaints("bookings") == {}

    @pytest.mark.parametrize("swept", [False, True])
    def test_money_that_comes_late_goes_back_when_the_last_use_was_taken(self, hall: Hall, swept: bool) -> None:
        make_code(hall, limit=1)
        late = use(hold(hall, 1))
        contact(late)
        checkout = check_out(late)
        time_passes(minutes=16)
        if swept:
            expire_holds()
        taker = use(hold(hall, 2, buyer=BOB))
        decide(checkout.payment)

        settle_from_gateway(payment_id=checkout.payment.pk)

        late.refresh_from_db()
        assert (late.status, refunds(late)) == ("expired", [("seats_lost", 8_000, "EUR")])
        assert hall.seats.get(rank=1).is_free(at=timezone.now())
        contact(taker, email="bob@example.com")
        assert confirm_booking(booking_id=taker.pk, actor="test", payment_status="paid").status == "confirmed"

    def test_money_that_comes_late_is_taken_while_the_use_is_free(self, hall: Hall) -> None:
        make_code(hall, limit=1)
        late = use(hold(hall, 1))
        contact(late)
        start_payment(booking_id=late.pk, actor="ann")
        time_passes(minutes=16)
        expire_holds()

        confirm = confirm_booking(booking_id=late.pk, actor="test", payment_status="paid")

        assert (confirm.status, confirm.total_minor) == ("confirmed", 8_000)
        with pytest.raises(CodeNotUsable):
            use(hold(hall, 2, buyer=BOB))

    def test_one_customer_is_known_by_browser_account_and_address(self, hall: Hall) -> None:
        make_code(hall, per_customer=1)
        first = use(hold(hall, 1))
        contact(first, email="ann@example.com")
        with pytest.raises(CodeNotUsable):
            use(hold(hall, 2))
        second = use(hold(hall, 3, buyer=BOB))
        with pytest.raises(CodeUsedUp):
            contact(second, email="Ann@example.com")
        contact(second, email="bob@example.com")
        start_payment(booking_id=second.pk, actor="bob")
        assert audit.complaints("bookings") == {}

    def test_a_lowered_limit_does_not_end_what_is_held(self, hall: Hall) -> None:
        make_code(hall, limit=2)
        booking = use(hold(hall, 1))
        PromoCode.objects.update(limit=0)
        contact(booking)
        start_payment(booking_id=booking.pk, actor="ann")

        assert confirm_booking(booking_id=booking.pk, actor="ann", payment_status="paid").total_minor == 8_000

    @pytest.mark.parametrize("is_guarded", [True, False])
    def test_a_hold_whose_time_ends_while_its_extension_waits_has_given_its_use_away(
        self, hall: Hall, monkeypatch: pytest.MonkeyPatch, is_guarded: bool
    ) -> None:
        """And the negative control: without a look at the clock after the wait there are two uses."""
        make_code(hall, limit=1)
        mine, theirs = use(hold(hall, 1)), hold(hall, 2, buyer=BOB)
        end = timezone.now() + timedelta(seconds=0.4)
        Booking.objects.filter(pk=mine.pk).update(expires_at=end)
        Seat.objects.filter(holder=mine.pk).update(held_until=end)
        if not is_guarded:
            monkeypatch.setattr(codes, "keep_use", lambda booking: None)
        slowly(monkeypatch, codes, "keep_use", seconds=1)

        def redeem_a_little_later() -> Booking:
            time.sleep(0.6)
            return use(theirs)

        results = race([lambda: extend_hold(booking_id=mine.pk, actor="ann"), redeem_a_little_later])

        assert outcomes(results) == ({"HoldEnded": 1, "Booking": 1} if is_guarded else {"Booking": 2})
        assert ("bookings.code_uses" in audit.complaints("bookings")) is not is_guarded


class TestAccess:
    @pytest.fixture
    def hall(self) -> Hall:
        hall = make_hall(price=10_000)
        TicketType.objects.filter(pk=hall.child.pk).update(sold_to="code", name="Members", price_minor=7_000)
        return hall

    def test_a_hidden_ticket_type_is_neither_shown_nor_sold(self, hall: Hall, client: Client) -> None:
        seat = hall.seat_ids(1)[0]
        with pytest.raises(NotOnSale, match="not sold for this place"):
            hold_seats_as(hall, seat)
        assert "Members" not in client.get(hall.event.get_absolute_url()).text
        listed = APIClient().get(f"/api/v1/events/{hall.event.pk}/ticket-types/").json()["results"]
        assert [each["name"] for each in listed] == ["Adult"]

    def test_its_code_opens_it_in_the_hold_or_later(self, hall: Hall) -> None:
        make_code(hall, "MEMBER", percent=None).unlocks.add(hall.child)
        one, two = hall.seat_ids(1, 2)
        assert hold_seats_as(hall, one, code="member").total_minor == 7_000

        booking = use(hold(hall, 2, buyer=BOB), "MEMBER")
        assert booking.total_minor == 10_000
        booking = change_hold(booking_id=booking.pk, buyer=BOB, add={two: hall.child.pk}, remove=[two])
        assert booking.total_minor == 7_000
        with pytest.raises(CodeNeeded):
            remove_code(booking_id=booking.pk, actor="bob")
        make_code(hall)
        with pytest.raises(CodeNeeded):
            use(booking)

    def test_a_code_that_opens_nothing_here_refuses_like_an_unknown_one(self, hall: Hall) -> None:
        make_code(hall, "MEMBER", percent=None, ends_at=timezone.now()).unlocks.add(hall.child)
        for typed in ("MEMBER", "NOBODY"):
            with pytest.raises(CodeNotUsable):
                hold_seats_as(hall, hall.seat_ids(1)[0], code=typed)
        assert not Booking.objects.exists()

    def test_what_the_team_gives_is_sold_to_nobody(self, hall: Hall) -> None:
        TicketType.objects.filter(pk=hall.child.pk).update(sold_to="staff", price_minor=0)
        make_code(hall, "MEMBER", percent=None).unlocks.add(hall.child)
        with pytest.raises(NotOnSale):
            hold_seats_as(hall, hall.seat_ids(1)[0], code="MEMBER")


def hold_seats_as(hall: Hall, seat: Any, **more: Any) -> Booking:
    return hold_seats(buyer=ANN, event_id=hall.event.pk, seats={seat: hall.child.pk}, **more)


class TestGifts:
    @pytest.fixture
    def hall(self) -> Hall:
        hall = make_hall(rows=1, price=10_000)
        TicketType.objects.filter(pk=hall.child.pk).update(sold_to="staff", name="Guest", price_minor=0, limit=4)
        return hall

    @staticmethod
    def give(hall: Hall, quantity: int, *, ticket_type: TicketType | None = None) -> Booking:
        to = Contact(name="Cleo", email="Cleo@example.org")
        pk = (ticket_type or hall.child).pk
        return give_tickets(event_id=hall.event.pk, ticket_type_id=pk, quantity=quantity, contact=to, actor="user:boss")

    def test_the_team_gives_tickets_before_the_sale_and_to_somebody_twice(self, hall: Hall) -> None:
        Event.objects.update(sale_starts_at=timezone.now() + timedelta(days=1))

        for _ in range(2):
            booking = self.give(hall, 2)
            assert (booking.status, booking.total_minor, booking.email) == ("confirmed", 0, "cleo@example.org")
        assert set(BookingHistory.objects.filter(action="confirmed").values_list("actor", flat=True)) == {"user:boss"}
        with pytest.raises(LimitReached, match="only 0 are left"):
            self.give(hall, 1)
        assert audit.complaints("bookings", "events", "payments") == {}

    def test_what_is_sold_is_not_given(self, hall: Hall) -> None:
        with pytest.raises(NotOnSale, match="not given away"):
            self.give(hall, 1, ticket_type=hall.adult)
        assert not Booking.objects.exists()

    def test_what_is_given_costs_nothing_whatever_the_rules_say(self, hall: Hall) -> None:
        PricingRule.objects.create(event=hall.event, hours_before=10_000, change_minor=500)
        reprice(event_id=hall.event.pk)
        assert dict(TicketType.objects.values_list("name", "price_minor")) == {"Adult": 10_500, "Guest": 0}
        with pytest.raises(IntegrityError):
            TicketType.objects.filter(name="Guest").update(price_minor=1)
