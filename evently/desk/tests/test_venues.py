import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from events.models import Category, Event
from events.tests.factories import make_event
from venues.models import SeatingPlan, Venue

from .conftest import SignIn, Team
from .pages import typed_into


def plan_file(seats: int = 3, **changes: Any) -> SimpleUploadedFile:
    places = [
        {"seat_number": str(n), "seat_guid": f"g{n}", "uuid": f"u{n}", "position": {"x": n * 30, "y": 0}, "category": "Stalls"}
        for n in range(seats)
    ]
    row = {"row_number": "1", "row_number_position": "start", "position": {"x": 0, "y": 0}, "seats": places}
    zone = {"name": "Hall", "position": {"x": 50, "y": 50}, "rows": [row], "areas": []}
    layout = {
        "name": "Small hall",
        "categories": [{"name": "Stalls", "color": "#0A66A6"}],
        "zones": [zone],
        "size": {"width": 300, "height": 200},
        **changes,
    }
    return SimpleUploadedFile("plan.json", json.dumps(layout).encode(), content_type="application/json")


def import_page(team: Team) -> str:
    return reverse("admin:venues_venue_import_plan", args=[team.things[Venue].pk])


def test_a_plan_is_looked_at_first_and_then_imported_as_it_was_shown(ours: Team, sign_in: SignIn) -> None:
    client = sign_in(ours)
    shown = client.post(import_page(ours), {"file": plan_file(), "name": ""})
    assert (shown.status_code, shown.context["report"].counts) == (200, {"Stalls": 3})
    assert SeatingPlan.objects.count() == 1

    done = client.post(import_page(ours), {"confirmed": shown.context["token"]})
    plan = SeatingPlan.objects.get(number=2)
    assert (plan.venue_id, plan.name, plan.seat_count) == (ours.things[Venue].pk, "Small hall", 3)
    assert done.headers["Location"] == reverse("admin:venues_seatingplan_change", args=[plan.pk])
    page = client.get(done.headers["Location"])
    assert '<svg class="plan-preview"' in page.text
    assert "style=" not in page.text.partition('<svg class="plan-preview"')[2].partition("</svg>")[0]

    event = make_event(venue=plan.venue, seating_plan=plan, status=Event.Status.DRAFT, slug="draft")
    client.post(reverse("admin:events_event_make_categories", args=[event.pk]))
    assert Category.objects.get(event=event).plan_category == "Stalls"


def test_a_broken_plan_is_refused_and_says_where(ours: Team, sign_in: SignIn) -> None:
    client = sign_in(ours)
    for file in (
        plan_file(categories=[]),
        SimpleUploadedFile("plan.json", b"{"),
        SimpleUploadedFile("plan.json", b"\xff\xfe\x00"),
    ):
        refused = client.post(import_page(ours), {"file": file})
        assert (refused.status_code, refused.context["token"]) == (422, "")
        assert refused.context["report"].errors != []
    assert SeatingPlan.objects.count() == 1


def test_a_file_that_is_too_large_is_refused_unread(ours: Team, sign_in: SignIn) -> None:
    refused = sign_in(ours).post(import_page(ours), {"file": SimpleUploadedFile("plan.json", b" " * 5_000_001)})
    assert (refused.status_code, refused.context["report"]) == (422, None)


def test_what_is_confirmed_was_shown_to_this_person_for_this_venue(ours: Team, theirs: Team, sign_in: SignIn) -> None:
    client = sign_in()
    token = client.post(import_page(theirs), {"file": plan_file()}).context["token"]
    for forged in (token, token[:-2] + "xx", ""):
        client.post(import_page(ours), {"confirmed": forged})
    assert SeatingPlan.objects.filter(venue=ours.things[Venue]).count() == 1


@pytest.mark.parametrize("role", ["finance", "box_office"])
def test_who_may_only_look_imports_nothing(role: str, ours: Team, sign_in: SignIn) -> None:
    assert sign_in(ours, role).post(import_page(ours), {"file": plan_file()}).status_code == 403


def test_two_people_at_one_venue_do_not_overwrite_each_other(ours: Team, sign_in: SignIn) -> None:
    venue, client = ours.things[Venue], sign_in(ours)
    url = reverse("admin:venues_venue_change", args=[venue.pk])
    values = typed_into(client.get(url), "venue_form")
    assert client.post(url, values | {"city": "Weimar"}).status_code == 302
    conflict = client.post(url, values | {"address": "Main Street 1"})
    assert "City: saved is “Weimar”" in conflict.text
    venue.refresh_from_db()
    assert (venue.city, venue.address, venue.version) == ("Weimar", "", 2)
    assert typed_into(conflict, "venue_form")["address"] == "Main Street 1"


def test_a_plan_is_made_of_a_few_numbers(ours: Team, sign_in: SignIn) -> None:
    client = sign_in(ours)
    page = reverse("admin:venues_venue_make_plan", args=[ours.things[Venue].pk])
    assert client.get(page).status_code == 200
    typed = {
        **{"name": "Gala", "arrangement": "stage", "rows-TOTAL_FORMS": "4", "rows-INITIAL_FORMS": "0"},
        **{"rows-0-name": "Stalls", "rows-0-blocks": "1", "rows-0-rows": "3", "rows-0-seats": "10", "rows-0-aisle": "on"},
        **{"rows-1-name": "Balcony", "rows-1-blocks": "1", "rows-1-rows": "2", "rows-1-seats": "8"},
        **{f"rows-{number}-blocks": "1" for number in (2, 3)},
    }

    shown = client.post(page, typed)
    assert (shown.status_code, shown.context["count"]) == (200, 46)
    assert '<svg class="plan-preview"' in shown.text
    assert SeatingPlan.objects.count() == 1

    done = client.post(page, typed | {"keep": "1"})
    plan = SeatingPlan.objects.get(number=2)
    assert (plan.name, plan.seat_count) == ("Gala", 46)
    assert done.headers["Location"] == reverse("admin:venues_seatingplan_change", args=[plan.pk])

    for wrong in ({"name": ""}, {"rows-1-name": "Stalls"}, {"rows-0-rows": "0"}, {"rows-0-rows": "200", "rows-0-blocks": "200"}):
        refused = client.post(page, typed | wrong | {"keep": "1"})
        assert refused.status_code == 422
    assert SeatingPlan.objects.count() == 2


def test_nobody_makes_a_plan_for_another_team(theirs: Team, ours: Team, sign_in: SignIn) -> None:
    page = reverse("admin:venues_venue_make_plan", args=[theirs.things[Venue].pk])

    assert sign_in(ours).get(page).status_code in (302, 403, 404)
