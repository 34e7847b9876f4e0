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
from bookings.services import BeingPaid, Contact, EmptyBooking, HoldEnded, NotCancellable, SeatsUnavailable, SoldOut
from bookings.tests.races import time_passes
from evently import audit
from evently.errors import DomainError
from evently.outbox.models import OutboxMessage
from evently.rest.idempotency import KeyReused, Once
from events import summary
from events.models import Category, Event, Seat, TicketType
from events.services import publish_event
from events.tests.factories import make_event, make_hall
from payments import reconciliation
from payments import services as payments
from payments.models import Payment, Refund, SandboxCharge
from payments.tests.factories import decide, webhook

BUYERS = [Buyer(session=name) for name in ("ann", "bob", "cleo")]
HELD, PAYING, CONFIRMED, EXPIRED, CANCELLED = (status.value for status in Booking.Status)
# Minutes. Steps of four never end on a deadline after ten or fifteen; on the one after sixty the real seconds decide: it is over.
STEP, HOLD, PAYMENT, LONGEST = 4, 10, 15, 60
MINUTE = timedelta(minutes=1)
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


@dataclass
class Held:
    """A booking as the picture has it; `seats` are those that it had last."""

    pk: UUID
    buyer: Buyer
    event: UUID
    seats: set[UUID]
    begun: int
    until: int
    status: str = HELD
    key: str = ""
    payments: list[Money] = field(default_factory=list)


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

    def teardown(self) -> None:
        bookings.expire_holds()  # what the workers do meanwhile
        reconciliation.reconcile()
        complaints = audit.complaints()
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {TABLES} CASCADE")
        assert not complaints, complaints

    # The picture

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
        )
        if can_sell:
            booking.status, money.outcome = CONFIRMED, "confirmed"
            self.take(booking, booking.seats)
            return
        money.outcome = "refund"
        self.refunds += 1
        if booking.status in (HELD, PAYING):
            self.give_back(booking, EXPIRED)

    # What may happen

    @initialize()
    def open_the_hall(self) -> None:
        hall = make_hall(rows=2, length=4)
        self.hall = hall.event.pk
        self.types[self.hall] = hall.adult.pk
        self.learn(self.hall)

    @precondition(lambda self: len(self.types) == 1)
    @rule()
    def publish_standing_places(self) -> None:
        event = make_event(status=Event.Status.DRAFT)
        area = Category.objects.create(event=event, name="Standing", numbered=False, capacity=4)
        kind = TicketType.objects.create(event=event, category=area, name="Adult", price_minor=2000, is_default=True)
        for _ in range(2):  # a second click
            publish_event(event_id=event.pk, actor="model")
        self.types[event.pk] = kind.pk
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
        wish = {seats[number % len(seats)] for number in which}
        refusal = NotOnSale if event in self.cancelled else None if wish <= self.free(event) else SeatsUnavailable
        self.keys += 1
        once = Once(f"key-{self.keys}", "wish")
        step = partial(bookings.hold_seats, buyer=who, event_id=event, seats=dict.fromkeys(wish), once=once)
        if made := self.expect(refusal, step):
            self.begin(made, who, event, wish, key=once.key)

    @rule(who=st.sampled_from(BUYERS), where=some, quantity=st.integers(1, 4))
    def hold_best(self, who: Buyer, where: int, quantity: int) -> None:
        event = self.event(where)
        refusal = NotOnSale if event in self.cancelled else None if quantity <= len(self.free(event)) else SoldOut
        step = partial(bookings.hold_best, buyer=who, event_id=event, quantities={self.types[event]: quantity})
        if made := self.expect(refusal, step):
            seats = {line.seat_id for line in made.live_seats}
            assert len(seats) == quantity
            assert seats <= self.free(event)
            self.begin(made, who, event, seats)

    def begin(self, made: Booking, who: Buyer, event: UUID, seats: set[UUID], *, key: str = "") -> None:
        booking = Held(made.pk, who, event, set(seats), self.now, self.now + HOLD, key=key)
        self.take(booking, seats)
        self.all.append(booking)
        contact = Contact(name=who.session, email=f"{who.session}@example.org")
        bookings.set_contact(booking_id=made.pk, contact=contact, user_id=None, actor="model")

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
        if booking.event in self.cancelled:
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
        if booking.event in self.cancelled:
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
                self.refunds += booking.status == CONFIRMED
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
        captured = Payment.objects.aggregate(sum=Sum("captured_minor"))["sum"] or 0
        sold = Booking.objects.filter(status=CONFIRMED).aggregate(sum=Sum("total_minor"))["sum"] or 0
        back = Refund.objects.aggregate(sum=Sum("amount_minor"), n=Count("pk"))
        assert captured == sold + (back["sum"] or 0)
        assert back["n"] == self.refunds

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
