"""Rules set prices, people set what rules start from, and every change is written down."""

import time
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from bookings.models import BookingSeat
from bookings.services import change_hold, confirm_booking, start_payment
from bookings.tests.actions import ANN, BOB, contact, hold
from bookings.tests.races import race
from evently.outbox.models import OutboxMessage
from evently.rest.tests.callers import caller, make_member
from events import repricing, summary
from events.models import Category, Event, EventSummary, PriceChange, PricingRule, Seat, TicketType
from events.repricing import events_with_rules, prices_of, reprice
from events.services import clone_event
from events.tasks import adjust_prices
from events.tests.factories import Hall, make_hall

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hall() -> Hall:
    return make_hall(price=10_000)


def make_rule(hall: Hall, **facts: Any) -> PricingRule:
    """From half sold ten per cent more, with a slack of three."""
    condition = {} if facts.keys() & {"sold_percent", "hours_before"} else {"sold_percent": 50}
    change = {} if facts.keys() & {"change_percent", "change_minor"} else {"change_percent": Decimal(10)}
    return PricingRule.objects.create(event=hall.event, **condition, **change, **facts)


def sell(hall: Hall, seats: int) -> None:
    """Make it so that this many of the hall's 100 seats are sold; who has them does not matter to prices."""
    ids = list(hall.seats.values_list("pk", flat=True))
    hall.seats.update(status=Seat.Status.AVAILABLE, holder=None, held_until=None)
    hall.seats.filter(pk__in=ids[:seats]).update(status=Seat.Status.SOLD, holder=hall.event.pk)


def prices(hall: Hall) -> tuple[int, int]:
    by_id = prices_of(hall.event.pk)
    return by_id[hall.adult.pk], by_id[hall.child.pk]


def set_price(hall: Hall, minor: int) -> None:
    """As the desk and the API do it."""
    with transaction.atomic():
        Event.objects.select_for_update(no_key=True).get(pk=hall.event.pk)
        before = prices_of(hall.event.pk)
        TicketType.objects.filter(pk=hall.adult.pk).update(price_minor=minor, base_price_minor=None)
        reprice(event_id=hall.event.pk, before=before, actor="user:ann")


def test_a_threshold_that_is_reached_sets_the_prices_and_says_why(hall: Hall) -> None:
    rule = make_rule(hall, ticket_type=hall.adult)
    sell(hall, 50)

    (change,) = reprice(event_id=hall.event.pk)

    assert prices(hall) == (11_000, 5_000)
    assert (change.old_minor, change.new_minor, change.rule_id) == (10_000, 11_000, rule.pk)
    assert (change.sold, change.places, change.sold_percent, change.actor) == (50, 100, 50, "system")
    assert change.reason == "From 50 % sold: +10 %"
    assert TicketType.objects.get(pk=hall.adult.pk).base_minor == 10_000


def test_setting_prices_again_changes_nothing(hall: Hall) -> None:
    make_rule(hall)
    sell(hall, 60)
    reprice(event_id=hall.event.pk)
    rows = list(TicketType.objects.order_by("pk").values())

    assert reprice(event_id=hall.event.pk) == []
    assert list(TicketType.objects.order_by("pk").values()) == rows
    assert PriceChange.objects.count() == 2


def test_a_price_does_not_flicker_around_its_threshold(hall: Hall) -> None:
    make_rule(hall, ticket_type=hall.adult)
    path = []
    for seats in (49, 50, 49, 50, 48, 47, 46, 49, 47, 50):
        sell(hall, seats)
        reprice(event_id=hall.event.pk)
        path.append(prices(hall)[0])

    assert path == [10_000, *[11_000] * 5, *[10_000] * 3, 11_000]
    assert PriceChange.objects.count() == 3


def test_holds_do_not_move_prices(hall: Hall) -> None:
    """Whoever holds places without paying must not be able to make them dearer, or cheaper, for others."""
    make_rule(hall, sold_percent=5)
    hold(hall, *range(10))

    assert reprice(event_id=hall.event.pk) == []


def test_a_rule_for_a_category_looks_at_its_places_alone(hall: Hall) -> None:
    balcony = Category.objects.create(event=hall.event, name="Balcony")
    high = TicketType.objects.create(event=hall.event, category=balcony, name="Adult", price_minor=5_000, is_default=True)
    hall.seats.filter(rank__lt=50).update(category=balcony)
    make_rule(hall, category=balcony)
    make_rule(hall, category=hall.adult.category)
    sell(hall, 50)

    (change,) = reprice(event_id=hall.event.pk)

    assert (change.ticket_type_id, change.sold, change.places) == (high.pk, 50, 50)


def test_time_that_passes_sets_prices(hall: Hall) -> None:
    make_rule(hall, hours_before=48, change_minor=-2_500, ticket_type=hall.adult)
    assert reprice(event_id=hall.event.pk) == []
    Event.objects.filter(pk=hall.event.pk).update(starts_at=timezone.now() + timedelta(hours=47))

    (change,) = reprice(event_id=hall.event.pk)

    assert (change.new_minor, change.reason) == (7_500, "From 2 days before the start: \N{MINUS SIGN}€25")


def test_prices_go_back_when_a_rule_is_switched_off(hall: Hall) -> None:
    rule = make_rule(hall)
    sell(hall, 70)
    reprice(event_id=hall.event.pk)
    PricingRule.objects.filter(pk=rule.pk).update(is_active=False)

    assert events_with_rules().get() == hall.event
    adjust_prices()

    assert prices(hall) == (10_000, 5_000)
    assert set(PriceChange.objects.filter(new_minor=10_000).values_list("reason", "rule")) == {
        ("No rule holds any more.", rule.pk)
    }
    assert not events_with_rules().exists()
    assert not TicketType.objects.exclude(base_price_minor=None).exists()


def test_what_is_held_keeps_its_price(hall: Hall) -> None:
    make_rule(hall)
    booking = hold(hall, 99)
    sell_others = hall.seats.filter(status=Seat.Status.AVAILABLE).values("pk")[:60]
    Seat.objects.filter(pk__in=list(sell_others.values_list("pk", flat=True))).update(
        status=Seat.Status.SOLD, holder=hall.event.pk
    )
    reprice(event_id=hall.event.pk)
    assert prices(hall)[0] == 11_000

    changed = change_hold(booking_id=booking.pk, buyer=ANN, add=dict.fromkeys(hall.seat_ids(98)), remove=[])

    assert changed.total_minor == 10_000 + 11_000  # the new seat costs what it costs now
    contact(booking)
    paying = start_payment(booking_id=booking.pk, actor="ann")
    assert paying.total_minor == 21_000
    confirm_booking(booking_id=booking.pk, actor="ann", payment_status="paid")
    assert sorted(BookingSeat.objects.filter(booking=booking).values_list("price_minor", flat=True)) == [10_000, 11_000]
    assert hold(hall, 97, buyer=BOB).total_minor == 11_000


def test_attack_29_a_price_that_is_changed_between_hold_and_payment_is_not_charged(hall: Hall) -> None:
    booking = hold(hall, 1)
    set_price(hall, 99_900)
    contact(booking)

    assert start_payment(booking_id=booking.pk, actor="ann").total_minor == 10_000


def test_what_a_person_sets_is_where_the_rules_start_from(hall: Hall) -> None:
    make_rule(hall, ticket_type=hall.adult)
    sell(hall, 50)
    reprice(event_id=hall.event.pk)

    set_price(hall, 20_000)

    assert prices(hall)[0] == 22_000
    last = PriceChange.objects.order_by("created_at", "pk").last()
    assert last
    assert (last.old_minor, last.new_minor, last.actor) == (11_000, 22_000, "user:ann")
    assert last.reason == "The organizer set the price. From 50 % sold: +10 %"


def test_a_price_that_a_person_sets_without_rules_is_written_down_too(hall: Hall) -> None:
    set_price(hall, 9_000)

    (change,) = PriceChange.objects.all()
    assert (change.old_minor, change.new_minor, change.reason, change.rule) == (
        10_000,
        9_000,
        "The organizer set the price.",
        None,
    )


def test_lists_and_listeners_are_told(hall: Hall) -> None:
    make_rule(hall)
    sell(hall, 50)
    summary.refresh([hall.event.pk])
    reprice(event_id=hall.event.pk)

    assert EventSummary.objects.get().price_from_minor == 5_500
    assert OutboxMessage.objects.filter(topic="event.repriced").get().payload == {"event": str(hall.event.pk)}


@pytest.mark.parametrize("status", ["draft", "cancelled", "completed"])
def test_only_what_is_on_sale_follows_rules(hall: Hall, status: str) -> None:
    make_rule(hall)
    sell(hall, 50)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE events_event DISABLE TRIGGER events_event_transition")
        Event.objects.update(status=status)
        cursor.execute("ALTER TABLE events_event ENABLE TRIGGER events_event_transition")

    assert reprice(event_id=hall.event.pk) == []
    assert adjust_prices() == 0


def test_the_worker_looks_at_events_with_rules_alone(hall: Hall, django_assert_num_queries: Any) -> None:
    make_hall()
    make_hall()
    with django_assert_num_queries(1):
        assert adjust_prices() == 0
    make_rule(hall)
    sell(hall, 50)
    assert adjust_prices() == 2
    with django_assert_num_queries(1 + 4 + 2):  # which events; event, rules, ticket types, places; BEGIN, COMMIT
        assert adjust_prices() == 0


@pytest.mark.parametrize("attempt", range(5))
def test_a_person_and_the_worker_at_one_moment_both_count(hall: Hall, attempt: int) -> None:
    """Whichever of them comes first, the rules start from what the person has set."""
    make_rule(hall, ticket_type=hall.adult)
    sell(hall, 50)

    race([lambda: set_price(hall, 20_000), lambda: reprice(event_id=hall.event.pk), lambda: reprice(event_id=hall.event.pk)])

    assert prices(hall)[0] == 22_000
    assert TicketType.objects.get(pk=hall.adult.pk).base_minor == 20_000
    changes = list(PriceChange.objects.order_by("created_at", "pk").values_list("old_minor", "new_minor"))
    assert changes in ([(10_000, 22_000)], [(10_000, 11_000), (11_000, 22_000)])


def test_without_the_events_lock_the_person_is_overwritten(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: the same race with the locks taken away."""
    make_rule(hall, ticket_type=hall.adult)
    sell(hall, 50)
    monkeypatch.setattr("django.db.models.query.QuerySet.select_for_update", lambda self, **_how: self)
    demands = repricing._demands

    def dawdle(event: Event) -> Any:
        time.sleep(0.3)
        return demands(event)

    def person() -> None:
        time.sleep(0.1)
        TicketType.objects.filter(pk=hall.adult.pk).update(price_minor=20_000, base_price_minor=None)

    monkeypatch.setattr(repricing, "_demands", dawdle)
    race([person, lambda: reprice(event_id=hall.event.pk)])

    assert prices(hall)[0] == 11_000


def test_the_history_of_prices_is_never_rewritten(hall: Hall) -> None:
    set_price(hall, 9_000)
    with pytest.raises(IntegrityError):
        PriceChange.objects.update(new_minor=1)
    with pytest.raises(IntegrityError):
        PriceChange.objects.all()._raw_delete("default")


@pytest.mark.parametrize(
    "facts",
    [
        {"sold_percent": None, "hours_before": None},
        {"change_minor": 100},
        {"change_percent": Decimal(-100)},
        {"sold_percent": 3, "slack_percent": 3},
        {"sold_percent": 101},
        {"floor_minor": 2, "ceiling_minor": 1},
        {"round_to_minor": 0},
    ],
)
def test_the_database_refuses_rules_that_make_no_sense(hall: Hall, facts: dict[str, Any]) -> None:
    values: dict[str, Any] = {"event": hall.event, "sold_percent": 50, "change_percent": Decimal(10)} | facts
    with pytest.raises(IntegrityError):
        PricingRule.objects.create(**values)


def test_a_copy_of_the_event_starts_from_the_base_and_has_the_rules(hall: Hall) -> None:
    make_rule(hall, ticket_type=hall.adult)
    make_rule(hall, category=hall.adult.category, sold_percent=90)
    sell(hall, 50)
    reprice(event_id=hall.event.pk)

    copy = clone_event(event_id=hall.event.pk, starts_at=hall.event.starts_at + timedelta(days=7))

    adult = copy.ticket_types.get(is_default=True)
    assert (adult.price_minor, adult.base_price_minor) == (10_000, None)
    first, second = copy.pricing_rules.order_by("sold_percent")
    assert (first.ticket_type, first.holds_since, second.category) == (adult, None, adult.category)


class TestEventPage:
    def test_has_a_drawing_and_a_table_where_there_is_a_history(self, hall: Hall, client: Client) -> None:
        url = hall.event.get_absolute_url()
        assert "How prices have changed" not in client.get(url).text
        make_rule(hall)
        sell(hall, 50)
        reprice(event_id=hall.event.pk)

        html = client.get(url).text

        assert html.count("<polyline") == 1
        assert "Stalls, Adult" in html
        assert "Stalls, Child" in html
        assert "From 50 % sold: +10 %" in html
        assert "€110" in html


class TestApi:
    def test_lists_the_changes_newest_first(self, hall: Hall) -> None:
        make_rule(hall, ticket_type=hall.adult)
        sell(hall, 50)
        reprice(event_id=hall.event.pk)
        set_price(hall, 5_000)

        listed = caller(None).get(f"/api/v1/events/{hall.event.pk}/price-changes/").json()

        assert [(each["old_price"], each["new_price"]) for each in listed["results"]] == [
            ("110.00", "55.00"),
            ("100.00", "110.00"),
        ]
        first = listed["results"][-1]
        assert (first["ticket_type"], first["ticket_type_name"], first["category_name"]) == (
            str(hall.adult.pk),
            "Adult",
            "Stalls",
        )
        assert (first["reason"], first["sold_percent"]) == ("From 50 % sold: +10 %", 50)
        assert {"actor", "rule"} & first.keys() == set()

    def test_a_price_that_is_sent_is_the_base(self, hall: Hall) -> None:
        make_rule(hall, ticket_type=hall.adult)
        sell(hall, 50)
        owner = caller(make_member(hall.event.organizer, "owner"))
        url = f"/api/v1/events/{hall.event.pk}/ticket-types/{hall.adult.pk}/"

        answer = owner.patch(url, {"price": "200.00"}).json()
        assert (answer["price"], answer["base_price"]) == ("220.00", "200.00")
        answer = owner.patch(url, {"description": "Seated", "base_price": "1.00"}).json()
        assert (answer["price"], answer["base_price"]) == ("220.00", "200.00")
