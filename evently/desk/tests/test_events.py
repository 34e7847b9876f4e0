from datetime import UTC, datetime
from typing import Any

import pytest
from django.urls import reverse

from bookings.models import Booking
from bookings.sale import Buyer
from bookings.services import hold_best
from events import admin_forms
from events.models import Category, Event, Seat, TicketType
from events.services import check_venue
from events.tasks import publish_event as publish_in_background
from events.tests.factories import make_event, make_venue
from payments.models import Refund
from venues.models import SeatingPlan, Venue

from .conftest import SignIn, Team
from .pages import typed_into


def change(event: Event) -> str:
    return reverse("admin:events_event_change", args=[event.pk])


def draft(team: Team, **facts: Any) -> Event:
    return make_event(venue=team.event.venue, slug="draft", status=Event.Status.DRAFT, **facts)


def new_event(team: Team, **more: str) -> dict[str, str]:
    return {
        "title": "New Year's Eve",
        "organizer": str(team.organizer.pk),
        "venue": str(team.event.venue_id),
        "category": "music",
        "currency": "EUR",
        "max_per_booking": "10",
        "starts_at_0": "2030-07-01",
        "starts_at_1": "20:00",
        "ends_at_0": "2030-07-01",
        "ends_at_1": "23:00",
        "categories-TOTAL_FORMS": "1",
        "categories-INITIAL_FORMS": "0",
        "categories-0-name": "Standing",
        "categories-0-capacity": "30",
        "categories-0-ticket": "Standard",
        "categories-0-price": "12.50",
        "categories-0-position": "0",
        **more,
    }


def test_a_new_event_with_its_prices_is_one_page_and_then_published(ours: Team, sign_in: SignIn) -> None:
    client = sign_in(ours)
    saved = client.post(reverse("admin:events_event_add"), new_event(ours, _publish="1"))
    event = Event.objects.get(slug="new-years-eve")
    assert saved.headers["Location"] == reverse("admin:events_event_publish", args=[event.pk])
    assert (event.starts_at, event.sale_ends_at) == (datetime(2030, 7, 1, 18, tzinfo=UTC),) * 2  # 20:00 in Berlin
    assert event.created_by is not None
    ticket_type = TicketType.objects.get(event=event)
    assert (ticket_type.name, ticket_type.price_minor, ticket_type.is_default) == ("Standard", 1250, True)

    assert client.get(saved.headers["Location"]).status_code == 200
    event.refresh_from_db()
    assert event.status == Event.Status.DRAFT  # a look changes nothing
    client.post(saved.headers["Location"])
    event.refresh_from_db()
    assert (event.status, Seat.objects.filter(event=event).count()) == (Event.Status.PUBLISHED, 30)


def test_an_event_that_is_not_ready_is_refused_with_every_reason(ours: Team, sign_in: SignIn) -> None:
    event = draft(ours)
    for name in ("Stalls", "Circle"):
        Category.objects.create(event=event, name=name)
    client = sign_in(ours)
    url = reverse("admin:events_event_publish", args=[event.pk])
    page = client.post(url, follow=True)
    reasons = [str(message) for message in page.context["messages"]]
    assert len(reasons) == 4
    event.refresh_from_db()
    assert event.status == Event.Status.DRAFT


@pytest.mark.parametrize(
    ("currency", "price", "minor"), [("EUR", "84", 8400), ("JPY", "8400", 8400), ("JPY", "8400.00", 8400), ("KWD", "1.234", 1234)]
)
def test_prices_are_typed_in_the_currency_of_the_event(
    currency: str, price: str, minor: int, ours: Team, sign_in: SignIn
) -> None:
    url = reverse("admin:events_event_add")
    assert sign_in(ours).post(url, new_event(ours, currency=currency, **{"categories-0-price": price})).status_code == 302
    assert TicketType.objects.get(event__slug="new-years-eve").price_minor == minor


@pytest.mark.parametrize(
    ("currency", "price"), [("JPY", "84.50"), ("EUR", "1.234"), ("EUR", "-1"), ("EUR", "NaN"), ("EUR", "1e30")]
)
def test_impossible_prices_are_refused(currency: str, price: str, ours: Team, sign_in: SignIn) -> None:
    url = reverse("admin:events_event_add")
    assert sign_in(ours).post(url, new_event(ours, currency=currency, **{"categories-0-price": price})).status_code == 200
    assert not Event.objects.filter(slug="new-years-eve").exists()


def test_a_price_changes_without_touching_bookings_but_the_structure_stays(ours: Team, sign_in: SignIn) -> None:
    client = sign_in(ours)
    other = make_venue(slug="elsewhere", organizer=ours.organizer)
    values = typed_into(client.get(change(ours.event)), "event_form")
    assert (values["categories-0-price"], values["ticket_types-0-price"]) == ("84.00", "42.00")
    values |= {"categories-0-price": "90", "ticket_types-0-price": "45.5", "currency": "JPY", "venue": str(other.pk)}
    values |= {"categories-0-capacity": "5", "categories-0-plan_category": "x"}
    assert client.post(change(ours.event), values).status_code == 302
    event = Event.objects.get(pk=ours.event.pk)
    assert (event.currency, event.venue_id, event.version) == ("EUR", ours.event.venue_id, 2)
    category = Category.objects.get(event=event)
    assert (category.capacity, category.plan_category) == (None, "")
    assert list(TicketType.objects.filter(event=event).order_by("name").values_list("price_minor", flat=True)) == [9000, 4550]
    assert ours.things[Booking].total_minor == Booking.objects.get(pk=ours.things[Booking].pk).total_minor


def test_two_people_at_once_both_keep_their_work(ours: Team, sign_in: SignIn) -> None:
    client = sign_in(ours)
    first = typed_into(client.get(change(ours.event)), "event_form")
    second = typed_into(client.get(change(ours.event)), "event_form")
    assert client.post(change(ours.event), first | {"title": "First title"}).status_code == 302
    conflict = client.post(change(ours.event), second | {"title": "Second title", "description": "Long work"})
    assert conflict.status_code == 200
    assert "Somebody else changed this since you opened it." in conflict.text
    assert "Title: saved is “First title”" in conflict.text
    event = Event.objects.get(pk=ours.event.pk)
    assert (event.title, event.description, event.version) == ("First title", "", 2)

    kept = typed_into(conflict, "event_form")
    assert (kept["title"], kept["description"].strip()) == ("Second title", "Long work")
    assert client.post(change(ours.event), kept).status_code == 302
    event.refresh_from_db()
    assert (event.title, event.description, event.version) == ("Second title", "Long work", 3)


def test_saving_never_undoes_what_a_service_wrote_meanwhile(ours: Team, sign_in: SignIn) -> None:
    event = draft(ours)
    client = sign_in(ours)
    values = typed_into(client.get(change(event)), "event_form")
    Event.objects.filter(pk=event.pk).update(status=Event.Status.PUBLISHED, version=2)
    assert client.post(change(event), values | {"title": "Later"}).status_code == 200
    event.refresh_from_db()
    assert (event.status, event.title) == (Event.Status.PUBLISHED, "Concert")


def test_a_venue_that_was_taken_while_saving_is_told_at_the_time(
    ours: Team, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in(ours)
    values = typed_into(client.get(change(ours.event)), "event_form")
    del values["shares_venue"]
    when = {"starts_at": ours.event.starts_at, "ends_at": ours.event.ends_at}
    make_event(venue=ours.event.venue, title="Rival", shares_venue=False, **when)
    looked: list[Event] = []

    def look_too_early(event: Event) -> None:
        looked.append(event)
        if len(looked) > 1:
            check_venue(event)

    monkeypatch.setattr(admin_forms, "check_venue", look_too_early)
    page = client.post(change(ours.event), values)

    assert (page.status_code, len(looked)) == (200, 2)
    (told,) = page.context["adminform"].form.errors["shares_venue"]
    assert told.startswith("“Rival” takes place in this venue")
    event = Event.objects.get(pk=ours.event.pk)
    assert (event.starts_at, event.shares_venue, event.version) == (ours.event.starts_at, True, 1)


def test_times_that_make_no_sense_are_refused_at_their_field(ours: Team, sign_in: SignIn) -> None:
    wrong = {"ends_at_1": "19:00", "sale_starts_at_0": "2030-07-02", "sale_starts_at_1": "10:00"}
    page = sign_in(ours).post(reverse("admin:events_event_add"), new_event(ours, **wrong))
    assert set(page.context["adminform"].form.errors) == {"ends_at", "sale_ends_at"}


def test_a_plan_of_another_venue_and_a_venue_of_another_team_are_refused(ours: Team, theirs: Team, sign_in: SignIn) -> None:
    client = sign_in(ours)
    foreign = {"venue": str(theirs.things[Venue].pk), "organizer": str(theirs.organizer.pk)}
    foreign |= {"seating_plan": str(theirs.things[SeatingPlan].pk)}
    page = client.post(reverse("admin:events_event_add"), new_event(ours, **foreign))
    assert set(page.context["adminform"].form.errors) == {"venue", "organizer", "seating_plan"}
    elsewhere = make_venue(slug="elsewhere", organizer=ours.organizer)
    own = {"venue": str(elsewhere.pk), "seating_plan": str(ours.things[SeatingPlan].pk)}
    page = client.post(reverse("admin:events_event_add"), new_event(ours, **own))
    assert set(page.context["adminform"].form.errors) == {"seating_plan"}


@pytest.mark.django_db(transaction=True)
def test_cancelling_wants_the_word_and_gives_everybody_the_money_back(ours: Team, sign_in: SignIn) -> None:
    Refund.objects.all().delete()
    held = hold_best(buyer=Buyer(session="b"), event_id=ours.event.pk, quantities={ours.hall.adult.pk: 1})
    client = sign_in(ours)
    url = reverse("admin:events_event_cancel", args=[ours.event.pk])
    refused = client.post(url, {"word": "no"})
    ours.event.refresh_from_db()
    assert (refused.status_code, ours.event.status) == (422, Event.Status.PUBLISHED)
    assert client.post(url, {"word": "cancel"}).status_code == 302
    ours.event.refresh_from_db()
    assert ours.event.status == Event.Status.CANCELLED
    statuses = set(Booking.objects.filter(event=ours.event).values_list("status", flat=True))
    assert (statuses, Booking.objects.get(pk=held.pk).status) == ({"cancelled"}, "cancelled")
    assert Refund.objects.get().reason == Refund.Reason.EVENT_CANCELLED


def test_only_drafts_can_be_deleted(ours: Team, sign_in: SignIn) -> None:
    client = sign_in(ours)
    event = draft(ours)
    statuses = [
        client.post(reverse("admin:events_event_delete", args=[pk]), {"post": "yes"}).status_code
        for pk in (event.pk, ours.event.pk)
    ]
    assert (statuses, list(Event.objects.values_list("pk", flat=True))) == ([302, 403], [ours.event.pk])


def test_words_of_others_are_only_words(ours: Team, sign_in: SignIn) -> None:
    """A title, a name and an attendee with markup are shown as they were typed, on pages, in dialogs and in messages."""
    evil = "<img src=x onerror=alert(1)>"
    Event.objects.filter(pk=ours.event.pk).update(title=evil)
    Category.objects.filter(event=ours.event).update(name=evil)
    booking = ours.things[Booking]
    Booking.objects.filter(pk=booking.pk).update(name=evil)
    booking.seats.update(attendee=evil)
    free = hold_best(buyer=Buyer(session="b"), event_id=ours.event.pk, quantities={ours.hall.adult.pk: 1})
    event = draft(ours, title=evil)
    client = sign_in(ours)
    pages = [
        reverse("admin:index"),
        reverse("admin:events_event_changelist"),
        change(ours.event),
        change(event),
        reverse("admin:events_event_publish", args=[event.pk]),
        reverse("admin:events_event_cancel", args=[ours.event.pk]),
        reverse("admin:events_event_delete", args=[event.pk]),
        reverse("admin:events_event_history", args=[event.pk]),
        reverse("admin:bookings_booking_changelist"),
        reverse("admin:bookings_booking_change", args=[booking.pk]),
        reverse("admin:bookings_booking_cancel", args=[free.pk]),
        reverse("admin:payments_payment_changelist"),
    ]
    for url in pages:
        page = client.get(url)
        assert (url, page.status_code, evil in page.text) == (url, 200, False)


def test_a_large_event_is_published_by_the_worker_and_shows_how_far_it_is(
    ours: Team, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.publishing.MANY", 20)
    monkeypatch.setattr("events.seating.CHUNK", 10)
    queued: list[Any] = []
    monkeypatch.setattr(publish_in_background, "delay", lambda *words: queued.append(words))
    event, client = draft(ours), sign_in(ours)
    category = Category.objects.create(event=event, name="Standing", numbered=False, capacity=25)

    publish = reverse("admin:events_event_publish", args=[event.pk])
    client.post(publish, {"confirmed": "1"})
    shown = client.get(change(event))
    assert "Being published: 0 of 25 places made." in shown.text
    assert "js/reload.js" in shown.text

    publish_in_background(*queued.pop())
    shown = client.get(change(event))
    assert "“Standing” has no ticket type." in shown.text
    assert "js/reload.js" not in shown.text

    TicketType.objects.create(event=event, category=category, name="Standard", price_minor=100, is_default=True)
    client.post(publish, {"confirmed": "1"})
    told: list[int] = []
    monkeypatch.setattr("events.tasks.tell_progress", lambda _event, progress: told.append(progress.made if progress else -1))
    publish_in_background(*queued.pop())

    event.refresh_from_db()
    assert (event.status, event.seats.count()) == ("published", 25)
    assert told == [10, 20, 25, -1]
