"""A large hall is chosen section by section: few queries and small pages, however many seats there are."""

import re
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from bookings.models import Booking
from events import sections
from events.drawing import drawing_of_section
from events.models import Category, Event, Seat, TicketType
from events.sections import count_by_section, find_section, sections_of
from events.services import publish_event
from events.tests.factories import make_event
from venues.importing import keep_layout
from venues.rows import Tier, around_a_pitch

pytestmark = pytest.mark.django_db

RINGS = (Tier("Lower", 101, 6, 3, 4), Tier("Upper", 201, 6, 2, 5))


@pytest.fixture
def bowl(monkeypatch: pytest.MonkeyPatch) -> Event:
    """A small stadium that counts as a large one: six sections of 12 seats, six of 10."""
    monkeypatch.setattr(sections, "LARGE", 50)
    monkeypatch.setattr("events.picking_views.LARGE", 50)
    event = make_event(status=Event.Status.DRAFT, slug="match")
    event.seating_plan = keep_layout(venue=event.venue, layout=around_a_pitch("Bowl", RINGS))
    event.save()
    for ring, price in zip(RINGS, (9000, 4000), strict=True):
        category = Category.objects.create(event=event, name=ring.category, plan_category=ring.category)
        TicketType.objects.create(event=event, category=category, name="Adult", price_minor=price, is_default=True)
    publish_event(event_id=event.pk, actor="test")
    event.refresh_from_db()
    return event


def seats_of(event: Event, name: str) -> list[Seat]:
    return list(event.seats.filter(section=name).order_by("position"))


def test_every_seat_is_in_the_positions_of_its_own_section(bowl: Event) -> None:
    assert bowl.seating_plan
    found = sections_of(bowl.seating_plan)

    assert [section.name for section in found] == [str(n) for n in (*range(101, 107), *range(201, 207))]
    for section in found:
        inside = bowl.seats.filter(position__range=section.positions)
        assert set(inside.values_list("section", flat=True)) == {section.name}
        assert inside.count() == bowl.seats.filter(section=section.name).count()


def test_counts_what_is_free_in_each_section(bowl: Event) -> None:
    assert bowl.seating_plan
    first, second = seats_of(bowl, "101"), seats_of(bowl, "202")
    Seat.objects.filter(pk__in=[first[0].pk, first[1].pk]).update(status="blocked")
    Seat.objects.filter(pk=second[0].pk).update(status="held", holder=first[0].pk, held_until="2020-01-01T00:00:00Z")
    Seat.objects.filter(pk=second[1].pk).update(status="held", holder=first[0].pk, held_until="2999-01-01T00:00:00Z")

    counts = count_by_section(bowl.pk, sections_of(bowl.seating_plan))

    assert list(counts[0].values()) == [(10, 10)]
    assert list(counts[7].values()) == [(9, 10)]
    assert sum(places for counted in counts.values() for _free, places in counted.values()) == 130


def test_the_overview_leads_to_sections_with_free_seats(bowl: Event, client: Client) -> None:
    bowl.seats.filter(section="101").update(status="blocked")
    bowl.seats.filter(section="102").update(status="sold", holder=bowl.pk)

    page = client.get("/events/match/seats/").text

    assert page.count('<a href="/events/match/seats/?section=') == 10 + 10  # in the map and in the list
    assert "?section=0" not in page
    assert "?section=1&quot;" not in page
    assert 'data-free="none"' in page
    assert re.search(r"102</strong>\s*<span class=\"hint\">sold out", page)
    assert "€90" in page


def test_the_overview_takes_as_many_queries_for_one_section_as_for_all(
    bowl: Event, client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(6):
        client.get("/events/match/seats/")
    with django_assert_max_num_queries(6):
        client.get("/events/match/seats/?section=3")
    with django_assert_max_num_queries(7):
        client.get("/events/match/seats/?wheelchair=1&price_max=40")


def test_a_section_shows_and_tells_its_own_seats_alone(bowl: Event, client: Client) -> None:
    seats = seats_of(bowl, "201")

    page = client.get("/events/match/seats/?section=6").text
    states = client.get("/events/match/seats/states/?section=6")

    assert "Section 201" in page
    assert re.findall(r'name="seat" id="s\d+" value="([^"]+)"', page) == [str(seat.pk) for seat in seats]
    assert states.content == b"f" * 10
    assert client.get("/events/match/seats/states/").content == b"f" * 132
    assert client.get("/events/match/seats/states/?section=6", headers={"If-None-Match": states["ETag"]}).status_code == 304


def listed(page: str) -> list[str]:
    return re.findall(r"<strong>(\d+)</strong>", page)


def on_the_map(page: str) -> tuple[int, int]:
    """Sections that lead to their seats, and faded ones."""
    return page.count('tabindex="-1"><polygon'), page.count('class="zone-faded"')


def test_sections_are_narrowed_down_by_category_and_price(bowl: Event, client: Client) -> None:
    upper = bowl.categories.get(name="Upper")
    uppers = [str(n) for n in range(201, 207)]

    whole = client.get("/events/match/seats/").text
    by_category = client.get("/events/match/seats/", {"category": str(upper.pk)}).text
    by_price = client.get("/events/match/seats/", {"price_max": "40"}).text
    by_none = client.get("/events/match/seats/", {"category": str(bowl.pk), "price_max": "cheap", "wheelchair": "yes"}).text

    assert (len(listed(whole)), on_the_map(whole)) == (12, (12, 0))
    for page in (by_category, by_price):
        assert (listed(page), on_the_map(page)) == (uppers, (6, 6))
        assert "6 of 12 sections match" in page
        assert "Faded: not what you asked for." in page
    assert f"?category={upper.pk}&amp;section=6" in by_category
    assert '<option value="40.00" selected>up to €40</option>' in by_price
    assert "?price_max=40.00&amp;section=6" in by_price
    assert (len(listed(by_none)), on_the_map(by_none), "sections match" in by_none) == (12, (12, 0), False)


def test_sections_with_wheelchair_places_say_how_many_of_them_are_free(bowl: Event, client: Client) -> None:
    assert "wheelchair place" not in client.get("/events/match/seats/").text
    first, second = seats_of(bowl, "101"), seats_of(bowl, "202")
    bowl.seats.filter(pk__in=[seat.pk for seat in (*first[:3], second[0], second[1])]).update(accessible=True)
    bowl.seats.filter(pk=first[0].pk).update(status="sold", holder=bowl.pk)
    bowl.seats.filter(pk=second[1].pk).update(status="blocked")
    cache.clear()

    page = client.get("/events/match/seats/?wheelchair=1").text

    assert listed(page) == ["101", "202"]
    assert re.findall(r'<span class="hint">([^<]+)</span></a>', page) == ["2 free", "1 free"]
    assert re.findall(r"\d wheelchair places?", page) == ["2 wheelchair places", "1 wheelchair place"]
    assert "2 of 12 sections match" in page
    section = client.get("/events/match/seats/?wheelchair=1&section=0").text
    assert 'href="/events/match/seats/?wheelchair=1"' in section


def test_where_no_section_matches_there_is_a_way_back(bowl: Event, client: Client) -> None:
    lower = bowl.categories.get(name="Lower")

    page = client.get("/events/match/seats/", {"category": str(lower.pk), "price_max": "40.00"}).text

    assert (listed(page), on_the_map(page)) == ([], (0, 12))
    assert page.count("No section matches all of that.") == 2
    assert '<a class="btn btn--primary" href="/events/match/seats/#sections">Show all sections</a>' in page
    assert '<a class="chip chip--line" href="/events/match/seats/?price_max=40.00#sections">' in page
    assert f'<a class="chip chip--line" href="/events/match/seats/?category={lower.pk}#sections">' in page


@pytest.mark.parametrize("price", ["-1", "NaN", "1e99", "Infinity", "1" * 400, "0x10", "40,5"])
def test_what_is_no_price_is_no_wish(bowl: Event, client: Client, price: str) -> None:
    assert len(listed(client.get("/events/match/seats/", {"price_max": price}).text)) == 12


@pytest.mark.parametrize("section", ["99", "x", "-1", "6'--", "9" * 400])
def test_what_is_no_section_shows_them_all(bowl: Event, client: Client, section: str) -> None:
    assert bowl.seating_plan
    assert find_section(bowl.seating_plan, section) is None
    assert "Sections by price" in client.get("/events/match/seats/", {"section": section}).text


def test_seats_of_two_sections_are_held_together(bowl: Event, client: Client) -> None:
    one, other = seats_of(bowl, "101"), seats_of(bowl, "201")

    client.post("/events/match/seats/?section=0", {"seat": [one[0].pk, one[1].pk]})
    client.post("/events/match/seats/?section=6", {"seat": [other[0].pk]})
    client.post("/events/match/seats/?section=0", {"seat": [one[1].pk]})

    booking = Booking.objects.get()
    assert set(booking.seats.filter(released_at=None).values_list("seat", flat=True)) == {one[1].pk, other[0].pk}


def test_a_seat_taken_meanwhile_is_answered_in_its_section(bowl: Event, client: Client) -> None:
    seats = seats_of(bowl, "201")
    bowl.seats.filter(pk=seats[0].pk).update(status="blocked")

    response = client.post("/events/match/seats/?section=6", {"seat": [seats[0].pk]})

    assert response.status_code == 409
    assert "Section 201" in response.text


def test_the_best_seats_are_found_without_choosing_a_section(bowl: Event, client: Client) -> None:
    adult: Any = bowl.ticket_types.get(category__name="Lower")

    client.post("/events/match/tickets/", {"ticket_type": [adult.pk], "quantity": ["2"], "seats": "1"})

    one, other = Seat.objects.filter(event=bowl, status="held").order_by("position")
    assert (one.category.name, other.position) == ("Lower", one.position + 1)


def test_a_section_is_drawn_as_one_sees_it_from_its_last_row(bowl: Event) -> None:
    assert bowl.seating_plan
    for zone in (0, 3, 8):
        drawing = drawing_of_section(bowl.seating_plan.pk, zone, "en")
        seats = bowl.seats.filter(place__startswith=f"{zone}.")
        front = [drawing.places[seat.place][1] for seat in seats if seat.row == "1"]
        back = [drawing.places[seat.place][1] for seat in seats if seat.row == "2"]
        assert max(front) < min(back)
        assert max(front) - min(front) < 1
