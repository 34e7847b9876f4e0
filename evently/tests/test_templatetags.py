"""Money, times and seats as people read them."""

from datetime import UTC, datetime

import pytest
from django.template import Context, Template
from django.utils import timezone, translation

from evently.templatetags.evently import (
    clock_time,
    deadline,
    event_when,
    event_when_long,
    money,
    money_exact,
    seat_name,
    seat_names,
    ticket_count,
)
from events.models import Event, Seat
from venues.models import Venue

NBSP = "\N{NO-BREAK SPACE}"


def event_at(starts_at: datetime, *, time_zone: str = "Europe/Berlin") -> Event:
    return Event(title="Sky Sessions", starts_at=starts_at, venue=Venue(name="Main Hall", time_zone=time_zone))


@pytest.mark.parametrize(
    ("minor", "currency", "short", "exact"),
    [
        (8400, "EUR", "€84", "€84.00"),
        (8450, "EUR", "€84.50", "€84.50"),
        (0, "EUR", "€0", "€0.00"),
        (123_456_700, "USD", "$1,234,567", "$1,234,567.00"),
        (8400, "JPY", "¥8,400", "¥8,400"),
        (18_000, "CHF", f"CHF{NBSP}180", f"CHF{NBSP}180.00"),
        (1500, "KWD", f"KWD{NBSP}1.500", f"KWD{NBSP}1.500"),
    ],
)
def test_money_is_written_in_the_digits_of_its_currency(minor: int, currency: str, short: str, exact: str) -> None:
    assert (money(minor, currency), money_exact(minor, currency)) == (short, exact)


def test_money_follows_the_language() -> None:
    with translation.override("de"):
        assert money(123_450, "EUR") == f"1.234,50{NBSP}€"
        assert money_exact(8400, "EUR") == f"84,00{NBSP}€"
        assert money(8400, "CHF") == f"84{NBSP}CHF"


def test_an_event_of_this_year_is_told_without_the_year_in_the_zone_of_its_venue() -> None:
    starts_at = datetime(timezone.now().year, 6, 13, 18, tzinfo=UTC)

    told = event_when(event_at(starts_at))

    assert told == f"{starts_at:%a} 13 Jun, 20:00"


def test_an_event_of_another_year_is_told_with_the_year() -> None:
    assert event_when(event_at(datetime(2020, 6, 13, 18, tzinfo=UTC))) == "Sat 13 Jun 2020, 20:00"


def test_the_year_is_the_one_at_the_venue() -> None:
    new_year = datetime(timezone.now().year, 12, 31, 23, 30, tzinfo=UTC)

    assert event_when(event_at(new_year)).endswith(f" 1 Jan {new_year.year + 1}, 00:30")


def test_the_long_form_names_the_zone() -> None:
    moment = datetime(2026, 6, 13, 18, tzinfo=UTC)

    assert event_when_long(event_at(moment)) == "Saturday 13 June 2026, 20:00 CEST"
    assert event_when_long(event_at(moment, time_zone="America/New_York")) == "Saturday 13 June 2026, 14:00 EDT"


def test_dates_follow_the_language() -> None:
    event = event_at(datetime(2020, 6, 13, 18, tzinfo=UTC))

    with translation.override("de"):
        assert event_when(event) == "Sa 13. Jun 2020, 20:00"
        assert event_when_long(event) == "Samstag, 13. Juni 2020, 20:00 CEST"


def test_the_clock_is_the_one_at_the_venue() -> None:
    event = event_at(datetime(2026, 6, 13, 18, tzinfo=UTC), time_zone="Asia/Tokyo")

    assert clock_time(datetime(2026, 6, 1, 11, 14, 59, tzinfo=UTC), event) == "20:14"
    assert clock_time(datetime(2099, 6, 1, 11, 14, 59, tzinfo=UTC), event) == "20:14"


def test_a_deadline_that_is_days_away_comes_with_its_day() -> None:
    event = event_at(datetime(2026, 6, 13, 18, tzinfo=UTC), time_zone="Asia/Tokyo")

    assert deadline(datetime(2099, 6, 1, 11, 14, 59, tzinfo=UTC), event) == "Mon 1 Jun 2099, 20:14"
    assert deadline(datetime(2026, 6, 1, 11, 14, 59, tzinfo=UTC), event) == "20:14"


@pytest.mark.parametrize(
    ("seat", "name"),
    [
        (Seat(section="Stalls", row="12", number="14"), "Row 12, seat 14"),
        (Seat(section="Stalls", number="14"), "Seat 14"),
        (Seat(section="Standing"), "Standing"),
    ],
)
def test_a_seat_is_called_as_on_its_ticket(seat: Seat, name: str) -> None:
    assert seat_name(seat) == name


def test_seats_of_one_row_are_told_together() -> None:
    seats = [Seat(section="Stalls", row="12", number=number) for number in ("14", "15", "16")]

    assert seat_names(seats[:2]) == "Row 12, seats 14 and 15"
    assert seat_names(seats) == "Row 12, seats 14, 15 and 16"
    assert seat_names([*seats[:2], Seat(section="Stalls", row="13", number="1")]) == "Row 12, seats 14 and 15 · Row 13, seat 1"
    assert seat_names([Seat(section="Boxes", number="1"), Seat(section="Boxes", number="2")]) == "Seats 1 and 2"


def test_places_without_numbers_are_counted() -> None:
    assert seat_names([Seat(section="Standing"), Seat(section="Standing")]) == "2 \N{MULTIPLICATION SIGN} Standing"


def test_tickets_are_counted_in_words() -> None:
    assert (ticket_count(1), ticket_count(2)) == ("1 ticket", "2 tickets")


def test_templates_load_them_by_the_name_evently() -> None:
    template = Template("{% load evently %}{{ amount|money:currency }}")

    assert template.render(Context({"amount": 8400, "currency": "EUR"})) == "€84"
