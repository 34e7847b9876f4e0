"""Copies, series and other dates of events at the desk."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse

from events.models import Category, Event, TicketType
from events.services import repeat_event
from events.tests.factories import make_event

from .conftest import SignIn, Team

START = datetime(2030, 6, 14, 18, tzinfo=UTC)  # a Friday, 20:00 in Berlin


def page(event: Event, name: str) -> str:
    return reverse(f"admin:events_event_{name}", args=[event.pk])


def show(team: Team, **facts: Any) -> Event:
    times: dict[str, Any] = {"starts_at": START, "ends_at": START + timedelta(hours=3), "sale_ends_at": START}
    usual: dict[str, Any] = {"venue": team.event.venue, "title": "Show", "slug": "show", "shares_venue": False}
    event = make_event(**(usual | times | facts))
    category = Category.objects.create(event=event, name="Standing", numbered=False, capacity=5)
    TicketType.objects.create(event=event, category=category, name="Adult", price_minor=100, is_default=True)
    return event


def test_an_event_is_copied_to_another_time(ours: Team, sign_in: SignIn) -> None:
    client, event = sign_in(ours), show(ours)
    assert client.get(page(event, "copy")).status_code == 200
    made = client.post(page(event, "copy"), {"title": "Encore", "starts_at_0": "2030-12-13", "starts_at_1": "20:00"})
    copy = Event.objects.get(title="Encore")
    assert made.headers["Location"] == reverse("admin:events_event_change", args=[copy.pk])
    assert (copy.status, copy.starts_at, copy.series) == ("draft", datetime(2030, 12, 13, 19, tzinfo=UTC), None)
    assert copy.created_by is not None


def test_a_series_is_shown_before_it_is_made_and_only_chosen_dates_are(ours: Team, sign_in: SignIn) -> None:
    client, event = sign_in(ours), show(ours)
    rival = START + timedelta(days=14)
    make_event(venue=event.venue, title="Gala", shares_venue=False, starts_at=rival, ends_at=rival + timedelta(hours=1))
    wish = {"every": "week", "interval": "1", "until": "2030-07-05"}

    shown = client.post(page(event, "repeat"), wish)
    assert shown.status_code == 200
    text = shown.content.decode()
    assert "These are 3 dates" in text
    assert "“Gala” is in the venue then" in text
    assert 'value="2030-06-21" checked' in text
    assert 'value="2030-06-28">' in text
    assert "Fri 21 Jun 2030, 20:00" in text
    assert Event.objects.filter(title="Show").count() == 1

    made = client.post(page(event, "repeat"), wish | {"day": ["2030-06-21", "2030-07-05", "nonsense"], "make": "1"})
    event.refresh_from_db()
    assert made.headers["Location"].endswith(f"?series={event.series_id}&o=2")
    dates = client.get(made.headers["Location"])
    assert dates.context["cl"].result_count == 3
    assert {date.starts_at for date in Event.objects.filter(series=event.series)} == {
        START,
        START + timedelta(days=7),
        START + timedelta(days=21),
    }
    again = client.post(page(event, "repeat"), wish).content.decode()
    assert again.count("is there already") == 2


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"every": "week", "interval": "1"}, "Say until when, or how many."),
        ({"every": "week", "interval": "1", "until": "2030-06-14"}, "That makes no dates after this event."),
        ({"every": "week", "interval": "0", "count": "3"}, "greater than or equal to 1"),
        ({"every": "year", "interval": "1", "count": "3"}, "Select a valid choice"),
        ({"every": "day", "interval": "1", "count": "201"}, "less than or equal to 200"),
    ],
)
def test_a_repetition_that_makes_no_sense_is_refused(ours: Team, sign_in: SignIn, wish: dict[str, str], told: str) -> None:
    answer = sign_in(ours).post(page(show(ours), "repeat"), wish)
    assert (answer.status_code, told in answer.content.decode()) == (422, True)


def test_the_drafts_of_a_series_are_published_in_one_go_and_refusals_are_named(ours: Team, sign_in: SignIn) -> None:
    client, event = sign_in(ours), show(ours)
    days = [(START + timedelta(days=days)).date() for days in (7, 14)]
    repeat_event(event_id=event.pk, days=days, created_by=None)
    rival = START + timedelta(days=14)
    make_event(venue=event.venue, title="Gala", shares_venue=False, starts_at=rival, ends_at=rival + timedelta(hours=1))
    assert "Fri 21 Jun 2030, 20:00" in client.get(page(event, "publish_series")).content.decode()

    answer = client.post(page(event, "publish_series"), follow=True)
    told = answer.content.decode()
    assert "Show, 21 Jun 2030, is published." in told
    assert "“Gala” takes place in this venue" in told
    statuses = dict(Event.objects.filter(title="Show").values_list("slug", "status"))
    assert statuses == {"show": "published", "show-2030-06-21": "published", "show-2030-06-28": "draft"}


def test_an_event_is_postponed_and_gets_a_new_date(ours: Team, sign_in: SignIn) -> None:
    client, event = sign_in(ours), ours.event
    asked = client.get(page(event, "postpone")).content.decode()
    assert "1 booking is told by e-mail." in asked
    client.post(page(event, "postpone"))
    event.refresh_from_db()
    assert event.status == "postponed"
    assert "Give it the new date" in client.get(reverse("admin:events_event_change", args=[event.pk])).content.decode()

    wrong = client.post(page(event, "move"), {"starts_at_0": "2020-01-01", "starts_at_1": "20:00"})
    assert (wrong.status_code, "It ends in the past." in wrong.content.decode()) == (422, True)
    client.post(page(event, "move"), {"starts_at_0": "2030-07-01", "starts_at_1": "20:00"})
    event.refresh_from_db()
    assert (event.status, event.starts_at) == ("published", datetime(2030, 7, 1, 18, tzinfo=UTC))


def test_the_date_of_a_published_event_is_not_changed_by_the_way(ours: Team, sign_in: SignIn) -> None:
    client, event = sign_in(ours), ours.event
    form = client.get(reverse("admin:events_event_change", args=[event.pk])).context["adminform"].form
    assert not {"starts_at", "ends_at", "doors_at"} & form.fields.keys()


@pytest.mark.parametrize("name", ["copy", "repeat", "postpone", "move", "publish_series"])
def test_only_the_editors_of_the_team_do_this(ours: Team, theirs: Team, sign_in: SignIn, name: str) -> None:
    assert sign_in(ours).get(page(theirs.event, name)).status_code == 404
    for role in ("door", "box_office", "finance"):
        assert sign_in(ours, role).post(page(ours.event, name)).status_code == 403
