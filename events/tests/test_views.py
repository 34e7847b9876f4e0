"""What visitors see of events, and how they come to hold places: through the pages, without JavaScript."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings.models import Booking, BookingSeat
from bookings.sale import Buyer
from bookings.services import hold_seats, start_payment
from bookings.tests.races import time_passes
from evently.accounts.models import Membership, User
from events import summary
from events.models import Event, Seat, TicketType
from events.services import repeat_event
from events.tests.factories import Hall, make_event, make_hall, make_venue
from events.tests.test_seatmap import make_drawn_hall

pytestmark = pytest.mark.django_db(transaction=True)

RIVAL = Buyer(session="rival")
EVIL = "<script>alert(1)</script>"


def page(client: Client, event: Event, tail: str = "", **query: Any) -> str:
    response = client.get(event.get_absolute_url() + tail, query)
    assert response.status_code == 200
    return response.content.decode()


def seats_url(hall: Hall) -> str:
    return f"{hall.event.get_absolute_url()}seats/"


def tickets_url(hall: Hall) -> str:
    return f"{hall.event.get_absolute_url()}tickets/"


def held(hall: Hall) -> list[UUID]:
    return list(BookingSeat.objects.filter(released_at=None).order_by("seat__rank").values_list("seat", flat=True))


def titles(html: str) -> list[str]:
    return re.findall(r'<h3><a href="[^"]+">([^<]+)</a></h3>', html)


class TestHome:
    def test_shows_what_is_coming_up_soonest_first_and_no_drafts(self, client: Client) -> None:
        soon = timezone.now() + timedelta(days=2)
        make_event(title="Later", slug="later")
        make_event(title="Sooner", slug="sooner", starts_at=soon)
        make_event(title="Secret", slug="secret", status="draft")
        make_event(title="Cancelled", slug="cancelled", status="cancelled")

        assert titles(client.get("/").content.decode()) == ["Sooner", "Later"]

    @pytest.mark.parametrize(
        "query", [{"q": "quartet"}, {"q": "erfurt QUARTET"}, {"city": "Erfurt"}, {"category": "music"}, {"when": "week"}], ids=str
    )
    def test_finds_by_every_filter(self, client: Client, query: dict[str, str]) -> None:
        make_event(title="Live Quartet", slug="quartet", category="music")
        far = timezone.now() + timedelta(days=30)
        rome = make_venue(slug="rome", name="Arena", city="Rome")
        make_event(title="Match", slug="match", venue=rome, category="sport", starts_at=far, ends_at=far + timedelta(hours=2))
        start = timezone.now() + timedelta(days=6)
        Event.objects.filter(slug="quartet").update(starts_at=start, ends_at=start + timedelta(hours=2))

        assert titles(client.get("/", query).content.decode()) == ["Live Quartet"]

    def test_dates_are_days_by_the_clock_of_the_place(self, client: Client) -> None:
        # 20:00 in Mexico is the next day in UTC.
        mexico = make_venue(slug="mexico", city="Mexico City", time_zone="America/Mexico_City")
        start = (timezone.now() + timedelta(days=10)).replace(hour=2, minute=0)
        make_event(title="Late", slug="late", venue=mexico, starts_at=start, ends_at=start + timedelta(hours=2))
        day = (start - timedelta(hours=6)).date()
        before, after = day - timedelta(days=1), day + timedelta(days=1)

        assert titles(client.get("/", {"since": str(day), "until": str(day)}).content.decode()) == ["Late"]
        assert "Nothing matches" in client.get("/", {"until": str(before)}).content.decode()
        assert "Nothing matches" in client.get("/", {"since": str(after)}).content.decode()

    def test_every_wish_can_be_taken_back_by_itself_and_the_found_are_counted(self, client: Client) -> None:
        for number in range(3):
            make_event(title=f"Quartet {number}", category="music")
        make_event(title="Quintet", category="music")

        response = client.get("/?q=quartet&category=music&free=&price=nonsense&page=1")

        assert response.context["total"] == 3
        assert "3 events" in response.text
        assert response.context["wishes"] == [
            ("“quartet”", "?category=music&free=&price=nonsense"),
            ("Music", "?q=quartet&free=&price=nonsense"),
        ]
        assert client.get("/?q=quartet").context["wishes"] == [("“quartet”", "/")]

    def test_the_found_of_all_pages_are_counted(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("events.views.PAGE", 2)
        for number in range(5):
            make_event(title=f"Quartet {number}")

        assert [client.get(f"/?q=quartet&page={page}").context["total"] for page in (1, 2, 3)] == [5, 5, 5]
        assert client.get("/").context["total"] is None

    def test_offers_the_nearest_dates_when_nothing_matches(self, client: Client) -> None:
        make_event(title="Quartet", slug="quartet")

        html = client.get("/", {"q": "no such thing"}).content.decode()

        assert "Clear filters" in html
        assert titles(html) == ["Quartet"]

    def test_says_so_when_nothing_is_coming_up(self, client: Client) -> None:
        assert "Nothing is coming up yet" in client.get("/").content.decode()

    @pytest.mark.parametrize("query", ["page=0", "page=x", "page=99999", "when=never", "since=31.31.", "category=x", "q=%00"])
    def test_survives_made_up_wishes(self, client: Client, query: str) -> None:
        make_event()

        assert client.get(f"/?{query}").status_code == 200

    def test_goes_on_to_the_next_page_with_the_same_wishes(self, client: Client) -> None:
        for number in range(25):
            make_event(title=f"Night {number}", slug=f"night-{number}")

        first = client.get("/", {"q": "night"}).content.decode()
        (link,) = re.findall(r'href="(\?[^"]*page=2[^"]*)"', first)
        second = client.get("/" + link.replace("&amp;", "&")).content.decode()

        assert (len(titles(first)), len(titles(second))) == (24, 1)
        assert not set(titles(first)) & set(titles(second))

    def test_asks_the_database_as_often_for_three_events_as_for_twelve(self, client: Client) -> None:
        counts = []
        for number in range(12):
            hall = make_hall(rows=1, length=2, slug=f"e{number}")
            summary.refresh([hall.event.pk])
            if number in (2, 11):
                with CaptureQueriesContext(connection) as queries:
                    client.get("/")
                counts.append(len(queries))

        assert counts == [2, 2]

    def test_shows_badges_and_the_price_that_is_paid(self, client: Client) -> None:
        few, gone = make_hall(rows=2, title="Few", slug="few"), make_hall(rows=1, title="Gone", slug="gone")
        Seat.objects.filter(pk__in=few.seat_ids(*range(18))).update(status="sold", holder=uuid4())
        Seat.objects.filter(event=gone.event).update(status="sold", holder=uuid4())
        make_event(title="Moved", slug="moved", status="postponed")
        summary.refresh([few.event.pk, gone.event.pk])

        html = client.get("/").content.decode()

        assert re.findall(r'<span class="badge[^>]*>([^<]+)<', html) == ["Few left", "Sold out", "Postponed"]
        assert "from €42" in html

    def test_titles_are_text_and_nothing_else(self, client: Client) -> None:
        make_event(title=EVIL, venue=make_venue(slug="evil", name=EVIL, city=EVIL))

        html = client.get("/", {"q": EVIL}).content.decode()

        assert EVIL not in html


class TestShowEvent:
    def test_tells_when_where_who_and_how_much(self, client: Client) -> None:
        start = timezone.now().replace(hour=18, minute=0) + timedelta(days=7)
        hall = make_hall(
            rows=1, title="Live Quartet", starts_at=start, ends_at=start + timedelta(hours=2), doors_at=start - timedelta(hours=1)
        )
        local = start.astimezone(hall.event.venue.zone)

        html = page(client, hall.event)

        for text in (
            "Live Quartet",
            "Main Hall, Erfurt",
            "City Stage",
            "€84",
            "Child €42",
            "10 places left",
            f"begins {local:%H:%M}",
        ):
            assert text in html
        assert f'href="{seats_url(hall)}"' in html

    def test_other_dates_of_a_series_are_told_and_a_new_date_with_the_one_before(
        self, client: Client, django_assert_num_queries: Any
    ) -> None:
        event = make_event(title="Show", moved_from=datetime(2026, 6, 13, 18, tzinfo=UTC))
        assert "It was to be on Sat 13 Jun" in page(client, event)
        assert "Other dates" not in page(client, event)

        days = [(event.starts_at + timedelta(days=days)).date() for days in (7, 14, 21)]
        tomorrow, cancelled, draft = repeat_event(event_id=event.pk, days=days, created_by=None)
        Event.objects.filter(pk=tomorrow.pk).update(status="published")
        Event.objects.filter(pk=cancelled.pk).update(status="cancelled")
        with django_assert_num_queries(6):
            html = page(client, event)
        assert f'href="{tomorrow.get_absolute_url()}"' in html
        assert cancelled.get_absolute_url() not in html
        assert draft.get_absolute_url() not in html

    @pytest.mark.parametrize(
        ("facts", "text"),
        [
            ({"status": "cancelled"}, "This event was cancelled."),
            ({"status": "postponed"}, "This event was postponed."),
            ({"status": "completed"}, "This event is over."),
            ({"sale_starts_at": timezone.now() + timedelta(days=2)}, "On sale from"),
            ({"sale_ends_at": timezone.now() - timedelta(minutes=1)}, "The sale has ended."),
        ],
        ids=lambda value: str(value)[:30],
    )
    def test_offers_nothing_to_buy_when_nothing_can_be_bought(self, client: Client, facts: dict[str, Any], text: str) -> None:
        hall = make_hall(rows=1, **facts)

        html = page(client, hall.event)

        assert text in html
        assert seats_url(hall) not in html
        assert client.get(seats_url(hall)).headers["Location"] == hall.event.get_absolute_url()
        assert client.get(tickets_url(hall)).headers["Location"] == hall.event.get_absolute_url()

    def test_says_sold_out_with_what_to_do(self, client: Client) -> None:
        hall = make_hall(rows=1)
        Seat.objects.filter(event=hall.event).update(status="sold", holder=uuid4())

        html = page(client, hall.event)

        assert "Sold out." in html
        assert seats_url(hall) not in html

    def test_is_for_the_team_alone_while_a_draft(self, client: Client) -> None:
        hall = make_hall(rows=1, status="draft")
        member, stranger = (
            User.objects.create_user(email=f"{name}@example.org", password="x") for name in ("member", "stranger")
        )
        Membership.objects.create(organizer=hall.event.organizer, user=member, role="manager")
        urls = [hall.event.get_absolute_url(), seats_url(hall), tickets_url(hall), seats_url(hall) + "states/"]

        assert [client.get(url).status_code for url in urls] == [404, 404, 404, 404]
        client.force_login(stranger)
        assert [client.get(url).status_code for url in urls] == [404, 404, 404, 404]
        client.force_login(member)
        assert [client.get(url).status_code for url in urls] == [200, 200, 200, 200]
        assert "only your team" in page(client, hall.event)

    def test_words_of_organizers_are_inert(self, client: Client) -> None:
        hall = make_hall(rows=1, title=EVIL, description=f"{EVIL}\n\n[x](javascript:alert(1))")
        TicketType.objects.filter(pk=hall.child.pk).update(name=EVIL, description=EVIL)
        hall.adult.category.name = EVIL
        hall.adult.category.save()
        Seat.objects.filter(event=hall.event).update(section=EVIL)

        for tail in ("", "seats/", "tickets/"):
            html = page(client, hall.event, tail)
            assert EVIL not in html
            assert 'href="javascript' not in html


class TestPickSeats:
    def test_holds_the_chosen_seats_and_goes_on_to_the_details(self, client: Client) -> None:
        hall = make_drawn_hall()
        chosen = hall.seat_ids(7, 8)

        response = client.post(seats_url(hall), {"seat": chosen})

        booking = Booking.objects.get()
        assert (response.status_code, response.headers["Location"]) == (302, f"/bookings/{booking.pk}/details/")
        assert held(hall) == chosen
        assert booking.total_minor == 2 * 8400

    def test_lists_every_seat_once_and_only_free_ones_can_be_checked(self, client: Client) -> None:
        hall = make_drawn_hall(rows=1, length=4)
        hold_seats(buyer=RIVAL, event_id=hall.event.pk, seats=dict.fromkeys(hall.seat_ids(1)))
        Seat.objects.filter(pk__in=hall.seat_ids(3)).update(status="blocked")

        html = page(client, hall.event, "seats/")

        boxes = re.findall(r'name="seat" id="s(\d)" value="([^"]+)"([^>]*)>', html)
        first, second, third, _blocked = map(str, hall.seat_ids(0, 1, 2, 3))
        assert boxes == [("0", first, ""), ("1", second, " disabled"), ("2", third, "")]
        assert re.findall(r'id="m(\d)"[^>]*data-s="(\w+)"', html) == [("0", "free"), ("1", "held"), ("2", "free")]
        assert 'data-states="fhfx"' in html

    def test_shows_what_the_visitor_holds_as_theirs_with_the_time(self, client: Client) -> None:
        hall = make_drawn_hall(rows=1, length=4)
        client.post(seats_url(hall), {"seat": hall.seat_ids(1)})

        html = page(client, hall.event, "seats/")

        assert re.findall(r'id="s(\d)" value="[^"]+" checked', html) == ["1"]
        assert 'data-states="fmff"' in html
        assert "Held until" in html

    def test_exchanges_seats_of_a_hold_without_moving_its_time(self, client: Client) -> None:
        hall = make_drawn_hall()
        client.post(seats_url(hall), {"seat": hall.seat_ids(1, 2)})
        before = Booking.objects.get()

        client.post(seats_url(hall), {"seat": hall.seat_ids(2, 3)})

        after = Booking.objects.get()
        assert held(hall) == hall.seat_ids(2, 3)
        assert (after.pk, after.expires_at) == (before.pk, before.expires_at)

    def test_same_seats_again_change_nothing(self, client: Client) -> None:
        hall = make_drawn_hall()
        client.post(seats_url(hall), {"seat": hall.seat_ids(1, 2)})
        version = Booking.objects.get().version

        response = client.post(seats_url(hall), {"seat": hall.seat_ids(1, 2)})

        assert response.status_code == 302
        assert Booking.objects.get().version == version

    def test_holds_anew_after_the_time_has_ended(self, client: Client) -> None:
        hall = make_drawn_hall()
        client.post(seats_url(hall), {"seat": hall.seat_ids(1)})
        time_passes(minutes=11)

        client.post(seats_url(hall), {"seat": hall.seat_ids(1, 2)})

        assert Booking.objects.count() == 2
        assert Booking.objects.live().get().quantity == 2

    def test_a_lost_race_names_the_seat_and_offers_neighbours_in_one_click(self, client: Client) -> None:
        hall = make_drawn_hall()
        hold_seats(buyer=RIVAL, event_id=hall.event.pk, seats=dict.fromkeys(hall.seat_ids(7)))

        response = client.post(seats_url(hall), {"seat": hall.seat_ids(7, 8)})

        html = response.content.decode()
        assert response.status_code == 409
        assert "Row 1, seat 1 was taken a moment ago." in html
        assert held(hall) == hall.seat_ids(7)
        offered = re.findall(r'type="hidden" name="seat" value="([^"]+)"', html)
        assert "Take them · €168.00" in html
        assert client.post(seats_url(hall), {"seat": offered}).status_code == 302
        assert Booking.objects.exclude(session="rival").get().quantity == 2

    @pytest.mark.parametrize(
        ("chosen", "facts", "status", "text"),
        [
            ([], {}, 422, "Please choose at least one place first."),
            (["nonsense"], {}, 422, "Please choose at least one place first."),
            (["00000000-0000-7000-8000-000000000000"], {}, 409, "Some of these seats were taken a moment ago."),
            ([0, 1, 2], {"max_per_booking": 2}, 409, "At most 2 tickets per booking."),
            ([0], {"sale_ends_at": timezone.now() - timedelta(minutes=1)}, 409, "The sale of this event has ended."),
            ([0], {"status": "cancelled"}, 409, "This is not on sale at the moment."),
        ],
        ids=lambda value: str(value)[:30],
    )
    def test_refusals_are_told_in_place_and_change_nothing(
        self, client: Client, chosen: list[Any], facts: dict[str, Any], status: int, text: str
    ) -> None:
        hall = make_hall(rows=1, **facts)
        seats = [hall.seat_ids(seat)[0] if isinstance(seat, int) else seat for seat in chosen]

        response = client.post(seats_url(hall), {"seat": seats})

        assert response.status_code == status
        assert text in response.content.decode()
        assert held(hall) == []

    def test_a_busy_database_is_told_with_when_to_come_back(self, client: Client) -> None:
        hall = make_hall(rows=1)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")
        rival = connection.copy()
        try:
            with rival.cursor() as cursor:
                cursor.execute("BEGIN")
                cursor.execute("SELECT 1 FROM events_seat WHERE id = %s FOR UPDATE", hall.seat_ids(0))
            response = client.post(seats_url(hall), {"seat": hall.seat_ids(0)})
        finally:
            rival.close()
            with connection.cursor() as cursor:
                cursor.execute("RESET lock_timeout")

        assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
        assert "Please try again in a moment" in response.content.decode()
        assert held(hall) == []

    def test_seats_cannot_be_exchanged_while_they_are_being_paid(self, client: Client) -> None:
        hall = make_hall(rows=1)
        client.post(seats_url(hall), {"seat": hall.seat_ids(0)})
        booking = Booking.objects.get()
        Booking.objects.update(email="ada@example.org", name="Ada")
        start_payment(booking_id=booking.pk, actor="")

        response = client.post(seats_url(hall), {"seat": hall.seat_ids(1)})

        assert response.status_code == 409
        assert "being paid" in response.content.decode()
        assert held(hall) == hall.seat_ids(0)

    def test_needs_few_queries_however_large_the_hall(self, client: Client) -> None:
        small, large = make_drawn_hall(rows=1), make_hall(rows=30, length=30)
        counts = []
        for hall in (small, large):
            client.get(seats_url(hall))  # the drawing is kept
            with CaptureQueriesContext(connection) as queries:
                client.get(seats_url(hall))
            counts.append(len(queries))

        assert counts == [4, 4]

    def test_a_hall_without_a_plan_is_picked_from_the_list(self, client: Client) -> None:
        html = page(client, make_hall(rows=1).event, "seats/")

        assert 'class="hall"' not in html
        assert html.count('name="seat"') == 10

    def test_a_get_with_the_party_size_selects_it(self, client: Client) -> None:
        hall = make_hall(rows=1)

        assert re.findall(r'value="(\d)" checked', page(client, hall.event, "seats/", party=4)) == ["4"]
        assert re.findall(r'value="(\d)" checked', page(client, hall.event, "seats/", party=99)) == ["2"]


class TestSeatStates:
    def test_tells_one_letter_a_seat_and_304_while_nothing_changes(self, client: Client) -> None:
        hall = make_hall(rows=1, length=4)
        url = f"{seats_url(hall)}states/"

        first = client.get(url)
        again = client.get(url, headers={"If-None-Match": first.headers["ETag"]})
        hold_seats(buyer=RIVAL, event_id=hall.event.pk, seats=dict.fromkeys(hall.seat_ids(1)))
        changed = client.get(url, headers={"If-None-Match": first.headers["ETag"]})

        assert (first.content, again.status_code, changed.status_code, changed.content) == (b"ffff", 304, 200, b"fhff")
        assert first.headers["Cache-Control"] == "private, no-cache"


class TestPickTickets:
    def test_holds_the_best_places_of_several_ticket_types(self, client: Client) -> None:
        hall = make_hall(rows=2, numbered=False)

        response = client.post(tickets_url(hall), {"ticket_type": [hall.adult.pk, hall.child.pk], "quantity": ["2", "1"]})

        booking = Booking.objects.get()
        assert response.headers["Location"] == f"/bookings/{booking.pk}/details/"
        assert (booking.quantity, booking.total_minor) == (3, 2 * 8400 + 4200)

    def test_takes_the_place_of_what_was_held_before(self, client: Client) -> None:
        hall = make_hall(rows=2)
        client.post(seats_url(hall), {"seat": hall.seat_ids(19)})

        client.post(tickets_url(hall), {"ticket_type": [hall.adult.pk], "quantity": ["2"], "seats": "1"})

        assert Booking.objects.live().get().quantity == 2
        assert Seat.objects.filter(event=hall.event, status="held").count() == 2

    @pytest.mark.parametrize(
        ("quantity", "status", "text"),
        [
            ("0", 422, "Please choose at least one place first."),
            ("-3", 422, "Please choose at least one place first."),
            ("x", 422, "Please choose at least one place first."),
            ("11", 409, "At most 10 tickets per booking."),
            ("9" * 4000, 409, "At most 10 tickets per booking."),
            ("6", 409, "There are not enough free places left."),
        ],
        ids=lambda value: str(value)[:20],
    )
    def test_refusals_are_told_in_place_and_change_nothing(self, client: Client, quantity: str, status: int, text: str) -> None:
        hall = make_hall(rows=1, length=5, numbered=False)

        response = client.post(tickets_url(hall), {"ticket_type": [hall.adult.pk], "quantity": [quantity]})

        assert response.status_code == status
        assert text in response.content.decode()
        assert held(hall) == []

    def test_a_refusal_on_the_page_of_seats_is_told_there(self, client: Client) -> None:
        hall = make_hall(rows=1, length=3)
        wish = {"ticket_type": [hall.adult.pk], "quantity": ["5"], "seats": "1"}

        response = client.post(tickets_url(hall), wish)

        assert response.status_code == 409
        assert response.templates[0].name == "events/pick_seats.html"
        assert held(hall) == []

    def test_marks_what_cannot_be_had_and_how_many_can(self, client: Client) -> None:
        hall = make_hall(rows=1, length=6, numbered=False)
        later = timezone.now() + timedelta(days=2)
        TicketType.objects.filter(pk=hall.child.pk).update(sale_starts_at=later)
        TicketType.objects.filter(pk=hall.adult.pk).update(min_per_booking=2, max_per_booking=4)

        html = page(client, hall.event, "tickets/")

        assert re.findall(r"<option(?: selected)?(?: value=\"0\")?>(\d)</option>", html) == ["0", "2", "3", "4"]
        assert html.count('name="ticket_type"') == 1
        assert "On sale from" in html
        assert "From 2 tickets on" in html
