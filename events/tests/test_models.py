from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from events import summary
from events.models import POSTERS, Event, EventQuerySet
from events.tests.factories import make_event, make_venue

pytestmark = pytest.mark.django_db


def titles(events: EventQuerySet) -> list[str]:
    return list(events.order_by("title").values_list("title", flat=True))


def at(moment: datetime, *, hours: float = 2, title: str = "Concert", zone: str = "Europe/Berlin") -> Event:
    venue = make_venue(slug=zone.lower().replace("/", "-"), time_zone=zone)
    return make_event(title=title, venue=venue, starts_at=moment, ends_at=moment + timedelta(hours=hours))


def test_matching_needs_every_word_somewhere() -> None:
    make_event(title="Sky Sessions")
    make_event(title="Cloud Night", description="A session for string quartet.")
    make_event(title="Open Air", venue=make_venue(slug="park", name="Park Stage", city="Hamburg"))

    assert titles(Event.objects.matching("session")) == ["Cloud Night", "Sky Sessions"]
    assert titles(Event.objects.matching("quartet ERFURT")) == ["Cloud Night"]
    assert titles(Event.objects.matching("hamburg stage air")) == ["Open Air"]
    assert titles(Event.objects.matching("100%")) == []
    assert titles(Event.objects.matching("  ")) == ["Cloud Night", "Open Air", "Sky Sessions"]


def test_matching_forgives_accents_capitals_and_typing_errors() -> None:
    make_event(title="Café Olé", venue=make_venue(slug="munich", name="Große Bühne", city="München"))
    make_event(title="String Quartet", venue=make_venue(slug="park", name="Park Stage", city="Hamburg"))

    for words in ("cafe", "CAFÉ ole", "munchen", "Muenchen", "grosse buhne", "bühn"):
        assert titles(Event.objects.matching(words)) == ["Café Olé"]
    for words in ("qartet", "quartett", "quar", "hambrug strng", "stage"):
        assert titles(Event.objects.matching(words)) == ["String Quartet"]
    for words in ("opera", "xyz", "%", "_", "quartet munchen"):
        assert titles(Event.objects.matching(words)) == []


def test_words_follow_the_event_and_its_venue() -> None:
    event = make_event(title="Concert")
    event.title = "Recital"
    event.save()
    assert titles(Event.objects.matching("recital")) == ["Recital"]
    assert titles(Event.objects.matching("concert")) == []

    event.venue.name = "Cloud House"
    event.venue.save()
    assert titles(Event.objects.matching("cloud")) == ["Recital"]
    assert titles(Event.objects.matching("main hall")) == []


def test_typing_errors_are_forgiven_in_names_not_in_descriptions() -> None:
    make_event(title="Evening", description="With the quartet of last year.")

    assert titles(Event.objects.matching("quartet")) == ["Evening"]
    assert titles(Event.objects.matching("qartet")) == []


def test_short_words_are_looked_for_in_names_alone() -> None:
    make_event(title="Up", description="An evening of it.")

    assert titles(Event.objects.matching("up an")) == []
    assert titles(Event.objects.matching("up")) == ["Up"]


def test_by_relevance_puts_names_as_written_first_then_typing_errors_then_descriptions() -> None:
    now = timezone.now()
    make_event(title="Evening", description="With the quartet of last year.")
    make_event(title="Quartett Days")
    make_event(title="Quarted", starts_at=now, ends_at=now + timedelta(hours=9))
    make_event(title="String Quartet", starts_at=now + timedelta(days=9), ends_at=now + timedelta(days=10))

    found = Event.objects.matching("quartet").by_relevance("quartet")

    assert [event.title for event in found] == ["Quartett Days", "String Quartet", "Quarted", "Evening"]


def test_search_uses_the_indexes_of_names_and_words() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")

    plan = Event.objects.matching("quartet").explain()
    assert "events_event_words" in plan
    assert "events_event_names" in plan


def test_filters_by_city_and_topic() -> None:
    make_event(title="A", category="music")
    make_event(title="B", category="comedy", venue=make_venue(slug="park", city="Hamburg"))

    assert titles(Event.objects.in_city("hamburg")) == ["B"]
    assert titles(Event.objects.about("music")) == ["A"]


def test_between_takes_what_overlaps_and_leaves_open_ends_open() -> None:
    noon = datetime(2030, 6, 1, 12, tzinfo=UTC)
    at(noon, title="A")
    at(noon + timedelta(hours=2), title="B")

    assert titles(Event.objects.between()) == ["A", "B"]
    assert titles(Event.objects.between(noon + timedelta(hours=2))) == ["B"]
    assert titles(Event.objects.between(end=noon + timedelta(hours=2))) == ["A"]
    assert titles(Event.objects.between(noon + timedelta(hours=1), noon + timedelta(hours=3))) == ["A", "B"]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_today_is_the_day_at_the_venue(zone: str) -> None:
    noon = timezone.now().astimezone(make_venue(slug="far", time_zone=zone).zone).replace(hour=12, minute=0)
    at(noon, title="Today", zone=zone)
    at(noon - timedelta(days=1), title="Since yesterday", hours=24, zone=zone)
    at(noon - timedelta(days=1), title="Yesterday", zone=zone)
    at(noon + timedelta(days=1), title="Tomorrow", zone=zone)

    assert titles(Event.objects.today()) == ["Since yesterday", "Today"]


def test_this_weekend_is_friday_to_sunday_but_not_what_is_over() -> None:
    noon = timezone.now().astimezone(make_venue().zone).replace(hour=12, minute=0)
    days = [noon + timedelta(days=day - noon.weekday()) for day in range(14)]
    for number, day in enumerate(days):
        at(day, title=f"{number:02}")

    expected = [f"{day:02}" for day in (4, 5, 6) if day >= noon.weekday()]
    assert titles(Event.objects.this_weekend()) == expected


def test_list_fields_come_in_one_query() -> None:
    for _ in range(3):
        summary.refresh([make_event().pk])

    with CaptureQueriesContext(connection) as queries:
        assert [(str(event.venue), event.summary.free) for event in Event.objects.with_list_fields()] == [
            ("Main Hall, Erfurt", 0)
        ] * 3
    assert len(queries) == 1


def test_poster_is_the_image_or_the_chosen_one_or_depends_on_the_slug() -> None:
    event = make_event(poster="sky", slug="a")
    assert event.poster_url == "/static/img/posters/sky.svg"
    event.image.name = "events/own.jpg"
    assert event.poster_url == "/media/events/own.jpg"
    event.image.name, event.poster = "", "gone"
    assert event.poster_url == Event(slug="a").poster_url
    assert len({Event(slug=f"event-{number}").poster_url for number in range(100)}) == len(POSTERS)


def test_every_poster_is_there() -> None:
    assert sorted(path.stem for path in Path(settings.BASE_DIR, "static/img/posters").iterdir()) == sorted(POSTERS)
