"""The life of bookings as a state machine: what people and clocks may do in any order, on the real database.

The machine keeps a picture of its own, far simpler than the platform: who has which seat until when, and whose money is where.
Every step foretells its result or its refusal; after every step the tables must be what the picture says.
"""

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, F, Max, Sum
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bookings import services as bookings
from bookings.models import Booking, BookingHistory, BookingSeat, Ticket
from bookings.sale import Buyer, NotOnSale
from bookings.services import (
    BeingPaid,
    CodeNotUsable,
    Contact,
    EmptyBooking,
    HoldEnded,
    NoSuchTickets,
    NotCancellable,
    SeatsUnavailable,
    SoldOut,
)
from bookings.tests.races import time_passes
from evently import audit
from evently.errors import DomainError
from evently.outbox.models import OutboxMessage
from evently.rest.idempotency import KeyReused, Once
from events import summary
from events.models import Category, Event, PromoCode, RefundTerm, Seat, TicketType
from events.repricing import prices_of, reprice
from events.services import NotMovable, postpone_event, publish_event, reschedule_event
from events.tests.factories import make_event, make_hall
from payments import reconciliation
from payments import services as payments
from payments.models import Payment, PlatformFee, Refund, SandboxCharge, SandboxDispute, Seller
from payments.quotes import NotReturnable
from payments.services import TooMuch
from payments.tests.factories import decide, webhook

BUYERS = [Buyer(session=name) for name in ("ann", "bob", "cleo")]
HELD, PAYING, CONFIRMED, EXPIRED, CANCELLED = (status.value for status in Booking.Status)
# Minutes. Steps of four never end on a deadline after ten or fifteen; on the one after sixty the real seconds decide: it is over.
STEP, HOLD, PAYMENT, LONGEST = 4, 10, 15, 60
MINUTE = timedelta(minutes=1)
FEE, CODE_USES = 100, 1
TABLES = "events_event, outbox_outboxmessage, rest_idempotencykey, payments_sandboxcharge, payments_webhookevent"

some = st.integers(0, 99)  # one of what there is, counted from the end: shrinks towards the newest
places = st.sets(st.integers(0, 11), min_size=1, max_size=3)


@dataclass
class Money:
    """A payment as the picture has it."""

    pk: UUID
    booking: "Held"
    amount: int
    begun: int
    charge: str = "open"  # what the buyer did at the gateway
    heard: bool = False  # whether the platform knows
    outcome: str = ""
    back: int = 0  # promised back
    dispute: str = ""

    @property
    def left(self) -> int:
        return self.amount - self.back if self.outcome else 0


@dataclass
class Held:
    """A booking as the picture has it; `seats` are those that it had last, `prices` what all that it ever had cost without a
    code, which takes half off."""

    pk: UUID
    number: int
    buyer: Buyer
    event: UUID
    seats: set[UUID]
    prices: dict[UUID, int]
    begun: int
    until: int
    status: str = HELD
    key: str = ""
    has_code: bool = False
    kept: int = 0
    payments: list[Money] = field(default_factory=list)

    def paid_for(self, seats: Collection[UUID]) -> int:
        return sum(self.prices[seat] // (2 if self.has_code else 1) for seat in seats)

    @property
    def paid(self) -> Money | None:
        """The payment that confirmed it."""
        return next((money for money in self.payments if money.outcome == "confirmed"), None)


class BookingLife(RuleBasedStateMachine):
    """One hall with numbered seats and one standing area, three buyers, and everything that may happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.owner: dict[UUID, Held | None] = {}  # the row of every seat, lapsed or not
        self.event_of: dict[UUID, UUID] = {}
        self.all: list[Held] = []
        self.cancelled: set[UUID] = set()
        self.refunds = 0
        self.keys = 0
        self.types: dict[UUID, UUID] = {}
        self.prices: dict[UUID, int] = {}  # by event, of its one ticket type
        self.postponed: set[UUID] = set()
        self.moved: dict[UUID, int] = {}  # by event, how many bookings there were when it got another date

    def teardown(self) -> None:
        bookings.expire_holds()  # what the workers do meanwhile
        reconciliation.reconcile()
        complaints = audit.complaints()
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {TABLES} CASCADE")
        assert not complaints, complaints

    # The picture

    def is_closed(self, event: UUID) -> bool:
        return event in self.cancelled or event in self.postponed

    def uses_beside(self, booking: Held) -> int:
        live = [other for other in self.all if other.status in (HELD, PAYING, CONFIRMED) and not self.is_over(other)]
        return sum(other.has_code for other in live if other is not booking)

    def promise(self, money: Money, amount: int) -> None:
        money.back += amount
        self.refunds += amount > 0

    def is_over(self, booking: Held) -> bool:
        return booking.status in (HELD, PAYING) and booking.until <= self.now

    def is_free(self, seat: UUID) -> bool:
        owner = self.owner[seat]
        return owner is None or self.is_over(owner)

    def free(self, event: UUID) -> set[UUID]:
        return {seat for seat, of in self.event_of.items() if of == event and self.is_free(seat)}

    def own(self, booking: Held) -> set[UUID]:
        return {seat for seat in booking.seats if self.owner[seat] is booking}

    def give_back(self, booking: Held, status: str) -> None:
        for seat in self.own(booking):
            self.owner[seat] = None
        booking.status = status

    def take(self, booking: Held, seats: Collection[UUID]) -> None:
        for seat in seats:
            self.owner[seat] = booking

    def pick(self, number: int) -> Held:
        return self.all[-1 - number % len(self.all)]

    def pick_money(self, number: int) -> Money:
        every = [money for booking in self.all for money in booking.payments]
        return every[-1 - number % len(every)]

    def expect(self, refusal: type[DomainError] | None, step: Callable[[], Any]) -> Any:
        """Take the step; its refusal, or that there is none, must be as foretold."""
        result, heard = None, None
        try:
            result = step()
        except DomainError as error:
            heard = error
        assert (heard and type(heard)) is refusal, f"Foretold was {refusal}, but it was {heard!r}."
        return result

    def hear(self, money: Money) -> None:
        """What the platform does once it hears what became of a charge."""
        booking = money.booking
        if money.charge == "open" or money.heard:
            return
        money.heard = True
        if money.charge != "paid":
            if booking.status == PAYING:
                booking.status = HELD
            return
        can_sell = (
            booking.status in (HELD, PAYING, EXPIRED)
            and booking.event not in self.cancelled
            and all(self.owner[seat] is booking or self.is_free(seat) for seat in booking.seats)
            and (not booking.has_code or self.keeps_its_code(booking))
        )
        if can_sell:
            booking.status, money.outcome = CONFIRMED, "confirmed"
            self.take(booking, booking.seats)
            return
        money.outcome = "refund"
        self.promise(money, money.amount)
        if booking.status in (HELD, PAYING):
            self.give_back(booking, EXPIRED)

    def keeps_its_code(self, booking: Held) -> bool:
        """One that lapsed has given its use back, and needs another."""
        return (booking.status in (HELD, PAYING) and not self.is_over(booking)) or self.uses_beside(booking) < CODE_USES

    # What may happen

    @initialize()
    def open_the_hall(self) -> None:
        hall = make_hall(rows=2, length=4)
        organizer = hall.event.organizer
        Seller.objects.get_or_create(organizer=organizer, defaults={"tax_rate": 19})
        PlatformFee.objects.get_or_create(organizer=organizer, currency="EUR", defaults={"percent": 3, "fixed_minor": 49})
        self.hall = hall.event.pk
        RefundTerm.objects.create(event=hall.event, days_before=1, percent=50, fee_minor=FEE)
        code = {"organizer": hall.event.organizer, "code": "HALF", "canonical": "half"}
        PromoCode.objects.create(**code, percent=50, limit=CODE_USES)
        self.types[self.hall], self.prices[self.hall] = hall.adult.pk, hall.adult.price_minor
        self.learn(self.hall)

    @precondition(lambda self: len(self.types) == 1)
    @rule()
    def publish_standing_places(self) -> None:
        event = make_event(status=Event.Status.DRAFT)
        area = Category.objects.create(event=event, name="Standing", numbered=False, capacity=4)
        kind = TicketType.objects.create(event=event, category=area, name="Adult", price_minor=2000, is_default=True)
        for _ in range(2):  # a second click
            publish_event(event_id=event.pk, actor="model")
        self.types[event.pk], self.prices[event.pk] = kind.pk, kind.price_minor
        self.learn(event.pk)

    def learn(self, event: UUID) -> None:
        for seat in Seat.objects.filter(event=event).order_by("rank").values_list("pk", flat=True):
            self.owner[seat], self.event_of[seat] = None, event

    def event(self, number: int) -> UUID:
        return [*self.types][number % len(self.types)]

    @rule(who=st.sampled_from(BUYERS), where=some, which=places)
    def hold_chosen(self, who: Buyer, where: int, which: set[int]) -> None:
        event = self.event(where)
        seats = [seat for seat, of in self.event_of.items() if of == event]
        self.hold_these(who, event, {seats[number % len(seats)] for number in which})

    def hold_these(self, who: Buyer, event: UUID, wish: set[UUID]) -> None:
        refusal = NotOnSale if self.is_closed(event) else None if wish <= self.free(event) else SeatsUnavailable
        self.keys += 1
        once = Once(f"key-{self.keys}", "wish")
        step = partial(bookings.hold_seats, buyer=who, event_id=event, seats=dict.fromkeys(wish), once=once)
        if made := self.expect(refusal, step):
            self.begin(made, who, event, wish, key=once.key)

    @rule(who=st.sampled_from(BUYERS), where=some, quantity=st.integers(1, 4))
    def hold_best(self, who: Buyer, where: int, quantity: int) -> None:
        event = self.event(where)
        refusal = NotOnSale if self.is_closed(event) else None if quantity <= len(self.free(event)) else SoldOut
        step = partial(bookings.hold_best, buyer=who, event_id=event, quantities={self.types[event]: quantity})
        if made := self.expect(refusal, step):
            seats = {line.seat_id for line in made.live_seats}
            assert len(seats) == quantity
            assert seats <= self.free(event)
            self.begin(made, who, event, seats)

    def begin(self, made: Booking, who: Buyer, event: UUID, seats: set[UUID], *, key: str = "") -> None:
        prices = dict.fromkeys(seats, self.prices[event])
        booking = Held(made.pk, len(self.all), who, event, set(seats), prices, self.now, self.now + HOLD, key=key)
        self.take(booking, seats)
        self.all.append(booking)
        contact = Contact(name=who.session, email=f"{who.session}@example.org")
        bookings.set_contact(booking_id=made.pk, contact=contact, user_id=None, actor="model")

    @rule(
        who=st.sampled_from(BUYERS),
        where=some,
        which=places,
        rival=st.sampled_from(["in time", "none", "holds", "has held", "uses the code"]),
        has_code=st.booleans(),
    )
    def buy(self, who: Buyer, where: int, which: set[int], rival: str, has_code: bool) -> None:
        """The whole way at once, since alone its steps seldom follow each other: in time, or too late and after a rival."""
        event, before = self.event(where), len(self.all)
        self.hold_chosen(who, where, which)
        if len(self.all) == before:
            return
        if has_code or rival == "uses the code":
            self.use_the_code(0)
        self.check_out(0)
        mine = self.all[-1]
        if rival != "in time":
            self.wait(4)
        if rival == "uses the code" and (others := self.free(event) - mine.seats):
            self.hold_these(BUYERS[0], event, {min(others)})
            self.use_the_code(0)
        elif rival in ("holds", "has held"):
            self.hold_these(BUYERS[0], event, {min(mine.seats)})
            self.wait(4 if rival == "has held" else 1)
        money = mine.payments[-1]
        decide(Payment.objects.get(pk=money.pk), SandboxCharge.Status.PAID)
        money.charge = "paid"
        payments.settle_from_gateway(payment_id=money.pk)
        self.hear(money)

    @precondition(lambda self: any(booking.key for booking in self.all))
    @rule(number=some, same=st.booleans())
    def send_a_hold_again(self, number: int, same: bool) -> None:
        keyed = [booking for booking in self.all if booking.key]
        first = keyed[-1 - number % len(keyed)]
        once = Once(first.key, "wish" if same else "another wish")
        wish = dict.fromkeys(first.seats)
        step = partial(bookings.hold_seats, buyer=first.buyer, event_id=first.event, seats=wish, once=once)
        again = self.expect(None if same else KeyReused, step)
        assert again is None or again.pk == first.pk

    @precondition(lambda self: self.all)
    @rule(number=some, add=st.sets(st.integers(0, 11), max_size=2), remove=st.sets(st.integers(0, 3), max_size=2))
    def change(self, number: int, add: set[int], remove: set[int]) -> None:
        booking = self.pick(number)
        every = [seat for seat, of in self.event_of.items() if of == booking.event]
        own = sorted(self.own(booking))
        away = {own[place] for place in remove if place < len(own)}
        more = {every[place % len(every)] for place in add} - set(own)
        refusal: type[DomainError] | None = None
        if self.is_closed(booking.event):
            refusal = NotOnSale
        elif booking.status not in (HELD, PAYING) or self.is_over(booking):
            refusal = HoldEnded
        elif booking.status == PAYING:
            refusal = BeingPaid
        elif not (set(own) - away) | more:
            refusal = EmptyBooking
        elif not more <= self.free(booking.event):
            refusal = SeatsUnavailable
        wish: dict[str, Any] = {"booking_id": booking.pk, "buyer": booking.buyer, "add": dict.fromkeys(more), "remove": away}
        if self.expect(refusal, partial(bookings.change_hold, **wish)):
            for seat in away:
                self.owner[seat] = None
            self.take(booking, more)
            booking.seats = (booking.seats - away) | more
            kept = {seat: price for seat, price in booking.prices.items() if seat not in away}
            booking.prices = kept | dict.fromkeys(more, self.prices[booking.event])

    @rule(where=some, price=st.sampled_from([8400, 6000, 2000]))
    def change_the_price(self, where: int, price: int) -> None:
        """Asked of new seats only."""
        event = self.event(where)
        before = prices_of(event)
        TicketType.objects.filter(pk=self.types[event]).update(price_minor=price)
        reprice(event_id=event, before=before, actor="model")
        self.prices[event] = price

    @precondition(lambda self: self.all)
    @rule(number=some)
    def use_the_code(self, number: int) -> None:
        booking = self.pick(number)
        refusal: type[DomainError] | None = None
        if booking.status not in (HELD, PAYING) or self.is_over(booking):
            refusal = HoldEnded
        elif booking.status == PAYING:
            refusal = BeingPaid
        elif self.uses_beside(booking) >= CODE_USES:
            refusal = CodeNotUsable
        if self.expect(refusal, partial(bookings.apply_code, booking_id=booking.pk, typed="half", actor="model")):
            booking.has_code = True

    @precondition(lambda self: self.all)
    @rule(number=some)
    def extend(self, number: int) -> None:
        booking = self.pick(number)
        refusal: type[DomainError] | None = None
        if booking.status not in (HELD, PAYING) or self.is_over(booking):
            refusal = HoldEnded
        elif booking.status == PAYING:
            refusal = BeingPaid
        if self.expect(refusal, partial(bookings.extend_hold, booking_id=booking.pk, actor="model")):
            booking.until = max(booking.until, min(self.now + HOLD, booking.begun + LONGEST))

    @precondition(lambda self: self.all)
    @rule(number=some)
    def check_out(self, number: int) -> None:
        booking = self.pick(number)
        for money in booking.payments:
            self.hear(money)  # what was begun before is asked about first
        refusal: type[DomainError] | None = None
        if self.is_closed(booking.event):
            refusal = NotOnSale
        elif booking.status not in (HELD, PAYING) or self.is_over(booking):
            refusal = HoldEnded
        step = partial(payments.start_checkout, booking_id=booking.pk, gateway="sandbox", actor="model")
        if checkout := self.expect(refusal, step):
            booking.status = PAYING
            booking.until = max(booking.until, min(self.now + PAYMENT, booking.begun + LONGEST))
            open_ones = [money for money in booking.payments if not money.heard]
            if open_ones:
                assert checkout.payment.pk == open_ones[-1].pk
            else:
                booking.payments.append(Money(checkout.payment.pk, booking, checkout.payment.amount_minor, self.now))

    @precondition(lambda self: any(booking.payments for booking in self.all))
    @rule(number=some, decision=st.sampled_from(["paid", "paid", "declined", "abandoned"]), tell=st.booleans())
    def decide_at_the_gateway(self, number: int, decision: str, tell: bool) -> None:
        """The buyer decides, now or long after the hold is over; the platform hears of it at once, or not yet."""
        money = self.pick_money(number)
        if money.charge != "open":
            return
        decide(Payment.objects.get(pk=money.pk), SandboxCharge.Status(decision))
        money.charge = decision
        if tell:
            self.come_back(number)

    @precondition(lambda self: any(booking.payments for booking in self.all))
    @rule(number=some)
    def come_back(self, number: int) -> None:
        """The buyer's browser returns, for the first or the tenth time."""
        money = self.pick_money(number)
        payments.settle_from_gateway(payment_id=money.pk)
        self.hear(money)

    @precondition(lambda self: any(booking.payments for booking in self.all))
    @rule(number=some, times=st.integers(1, 3))
    def receive_webhook(self, number: int, times: int) -> None:
        """In any order, early, late, and more than once."""
        money = self.pick_money(number)
        told = webhook(Payment.objects.get(pk=money.pk))
        for _ in range(times):
            payments.receive_webhook(gateway="sandbox", **told)
            self.hear(money)

    @rule()
    def reconcile(self) -> None:
        reconciliation.reconcile()
        for booking in self.all:
            for money in booking.payments:
                if self.now - money.begun >= STEP:
                    self.hear(money)
                    if money.charge == "open" and (self.is_over(booking) or booking.status not in (HELD, PAYING)):
                        money.charge = "abandoned"  # nobody may pay any more
                        self.hear(money)

    @precondition(lambda self: self.all)
    @rule(number=some)
    def cancel(self, number: int) -> None:
        booking = self.pick(number)
        refusal = NotCancellable if booking.status == CONFIRMED else None
        if self.expect(refusal, partial(payments.cancel_booking, booking_id=booking.pk, actor="model")) and (
            booking.status in (HELD, PAYING)
        ):
            self.give_back(booking, CANCELLED)

    @precondition(lambda self: any(booking.paid for booking in self.all))
    @rule(number=some, which=st.sets(st.integers(0, 2), max_size=2))
    def give_tickets_back(self, number: int, which: set[int]) -> None:
        """By the buyer, for exactly what was told."""
        bought = [booking for booking in self.all if booking.paid]
        booking = bought[-1 - number % len(bought)]
        own = sorted(self.own(booking))
        chosen = {own[place] for place in which if place < len(own)} or set(own)
        money = booking.paid
        assert money is not None
        is_moved = booking.event in self.postponed or booking.number < self.moved.get(booking.event, 0)
        refusal: type[DomainError] | None = None
        if booking.status != CONFIRMED:
            refusal = NoSuchTickets
        elif money.dispute in ("open", "lost") or (booking.event != self.hall and not is_moved):
            refusal = NotReturnable
        paid = booking.paid_for(chosen)
        by_terms = paid if is_moved else paid // 2 - FEE * len(chosen)
        amount = min(by_terms, money.left)

        def give() -> tuple[Refund | None]:
            live = Booking.objects.get(pk=booking.pk).seats.filter(released_at=None, seat__in=chosen)
            lines = list(live.values_list("pk", flat=True))
            return (payments.return_tickets(booking_id=booking.pk, line_ids=lines, expected_minor=amount, actor="model"),)

        if self.expect(refusal, give):
            self.promise(money, amount)
            booking.kept += paid - by_terms
            if chosen == set(own):
                self.give_back(booking, CANCELLED)
                return
            for seat in chosen:
                self.owner[seat] = None
            booking.seats -= chosen

    @precondition(lambda self: any(booking.paid for booking in self.all))
    @rule(number=some, amount=st.sampled_from([100, 3000, 90_000, 0]))
    def give_money_back(self, number: int, amount: int) -> None:
        """By the team, as it wishes: so much, or the rest; tickets stay valid."""
        bought = [booking for booking in self.all if booking.paid]
        money = bought[-1 - number % len(bought)].paid
        assert money is not None
        amount = amount or money.left
        if not amount:
            return
        self.keys += 1
        wish: dict[str, Any] = {"payment_id": money.pk, "amount_minor": amount, "key": f"kind {self.keys}"}
        if self.expect(TooMuch if amount > money.left else None, partial(payments.give_back, note="x", actor="m", **wish)):
            self.promise(money, amount)

    @precondition(lambda self: any(booking.paid for booking in self.all))
    @rule(number=some, is_lost=st.booleans())
    def dispute(self, number: int, is_lost: bool) -> None:
        """At the buyer's bank: opened, and decided when it comes up again."""
        bought = [booking for booking in self.all if booking.paid]
        money = bought[-1 - number % len(bought)].paid
        assert money is not None
        charge = UUID(Payment.objects.get(pk=money.pk).gateway_id)
        if not money.dispute:
            SandboxDispute.objects.create(charge_id=charge, amount_minor=100)
            money.dispute = "open"
        elif money.dispute == "open":
            SandboxDispute.objects.filter(charge=charge).update(is_lost=is_lost)
            money.dispute = "lost" if is_lost else "won"
        payments.refresh_from_gateway(payment_id=money.pk)

    @precondition(lambda self: len(self.all) >= 2)
    @rule(where=some)
    def put_off(self, where: int) -> None:
        """Postponed, with a new date when it comes up again."""
        event = self.event(where)
        if event not in self.postponed:
            if self.expect(NotMovable if event in self.cancelled else None, partial(postpone_event, event_id=event, actor="m")):
                self.postponed.add(event)
            return
        starts_at = Event.objects.values_list("starts_at", flat=True).get(pk=event) + timedelta(days=1)
        refusal = NotMovable if event in self.cancelled else None
        if self.expect(refusal, partial(reschedule_event, event_id=event, starts_at=starts_at, actor="m")):
            self.postponed.discard(event)
            self.moved[event] = len(self.all)

    @rule()
    def sweep(self) -> None:
        over = [booking for booking in self.all if self.is_over(booking)]
        assert bookings.expire_holds() == len(over)
        for booking in over:
            self.give_back(booking, EXPIRED)

    @rule(steps=st.integers(1, 4))
    def wait(self, steps: int) -> None:
        time_passes(STEP * steps)
        Payment.objects.update(created_at=F("created_at") - STEP * steps * MINUTE)
        Event.objects.update(moved_at=F("moved_at") - STEP * steps * MINUTE)
        self.now += STEP * steps

    @precondition(lambda self: len(self.all) >= 6)
    @rule(where=some, stops=st.booleans())
    def cancel_event(self, where: int, stops: bool) -> None:
        """Cancel an event; perhaps the process ends after the first booking, and the next round goes on."""
        event = self.event(where)

        def stop(done: int, total: int) -> None:
            if stops and done == 1:
                raise KeyboardInterrupt

        with suppress(KeyboardInterrupt):
            payments.cancel_event(event_id=event, actor="model", progress=stop)
        if stops:
            reconciliation.finish_cancelling()
        self.cancelled.add(event)
        for booking in self.all:
            if booking.event == event and booking.status in (HELD, PAYING, CONFIRMED):
                if money := booking.paid:
                    self.promise(money, min(booking.paid_for(booking.seats), money.left))
                self.give_back(booking, CANCELLED)

    # What must be true after every step

    @invariant()
    def every_seat_is_whose_it_is(self) -> None:
        rows = {pk: (status, holder) for pk, status, holder in Seat.objects.values_list("pk", "status", "holder")}
        expected = {}
        for seat, owner in self.owner.items():
            status = "available" if owner is None else "sold" if owner.status == CONFIRMED else "held"
            expected[seat] = (status, owner and owner.pk)
        assert rows == expected

    @invariant()
    def no_seat_has_two_live_lines(self) -> None:
        lines = list(BookingSeat.objects.filter(released_at=None).values_list("seat_id", "booking_id"))
        assert sorted(lines) == sorted((seat, owner.pk) for seat, owner in self.owner.items() if owner)

    @invariant()
    def every_booking_is_what_became_of_it(self) -> None:
        rows = {pk: (status, quantity) for pk, status, quantity in Booking.objects.values_list("pk", "status", "quantity")}
        assert rows == {booking.pk: (booking.status, len(booking.seats)) for booking in self.all}

    @invariant()
    def no_deadline_is_beyond_an_hour(self) -> None:
        times = Booking.objects.values_list("pk", F("expires_at") - F("created_at"))
        minutes = {pk: round(time / MINUTE) for pk, time in times}
        assert minutes == {booking.pk: booking.until - booking.begun for booking in self.all}
        assert max(minutes.values(), default=0) <= LONGEST

    @invariant()
    def tickets_are_valid_for_what_is_sold(self) -> None:
        valid = Ticket.objects.filter(status="valid").values("booking").annotate(n=Count("pk")).values_list("booking", "n")
        assert dict(valid) == {booking.pk: len(booking.seats) for booking in self.all if booking.status == CONFIRMED}

    @invariant()
    def captured_money_is_sold_for_or_goes_back(self) -> None:
        captured = {pk: money for pk, money in Payment.objects.values_list("pk", "captured_minor") if money}
        every = [money for booking in self.all for money in booking.payments]
        assert captured == {money.pk: money.amount for money in every if money.outcome}
        back = Refund.objects.order_by().values("payment").annotate(sum=Sum("amount_minor")).values_list("payment", "sum")
        assert dict(back) == {money.pk: money.back for money in every if money.back}
        assert Refund.objects.count() == self.refunds
        for booking in self.all:
            if (money := booking.paid) and booking.status == CANCELLED:  # nothing is lost: it went back, or was kept
                assert money.left <= booking.kept

    @invariant()
    def every_booking_costs_what_its_seats_cost_when_they_were_held(self) -> None:
        rows = {pk: (total, kept) for pk, total, kept in Booking.objects.values_list("pk", "total_minor", "kept_minor")}
        assert rows == {booking.pk: (booking.paid_for(booking.prices), booking.kept) for booking in self.all}

    @invariant()
    def the_code_is_used_within_its_limit(self) -> None:
        assert Booking.objects.live().exclude(promo_code=None).count() <= CODE_USES

    @invariant()
    def every_payment_has_its_outcome(self) -> None:
        expected = {money.pk: money.outcome for booking in self.all for money in booking.payments}
        assert dict(Payment.objects.values_list("pk", "outcome")) == expected

    @invariant()
    def history_has_every_version_once(self) -> None:
        rows = BookingHistory.objects.values("booking").annotate(n=Count("pk"), last=Max("version"))
        written = {row["booking"]: (row["n"], row["last"]) for row in rows}
        assert written == {pk: (version, version) for pk, version in Booking.objects.values_list("pk", "version")}

    @invariant()
    def every_version_has_its_message(self) -> None:
        told = OutboxMessage.objects.filter(topic__startswith="booking.").count()
        assert told == BookingHistory.objects.count()

    @invariant()
    def counts_are_of_seats(self) -> None:
        summary.refresh([*self.types])
        for event in self.types:
            free = Event.objects.values_list("summary__free", flat=True).get(pk=event)
            assert free == len(self.free(event))
