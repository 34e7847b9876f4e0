from typing import Any

import pytest
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bookings.models import Booking
from evently.accounts.models import Membership, Organizer, User
from evently.desk.scope import PlatformAdmin, ScopedAdmin
from evently.outbox.models import OutboxMessage
from events.models import Category, Event, PromoCode, Service, TicketType
from events.tests.factories import make_hall, make_venue
from notifications.models import Delivery
from payments.models import (
    Dispute,
    GatewayAccount,
    Invoice,
    LedgerTransaction,
    OfflineCharge,
    OfflineRefund,
    Payment,
    Payout,
    PlatformFee,
    Refund,
    RefundApproval,
    RefundRun,
    Seller,
    WebhookEvent,
)
from venues.models import SeatingPlan, Venue

from .conftest import SignIn, Team, book
from .pages import typed_into

MODELS = (
    Organizer,
    Venue,
    SeatingPlan,
    Event,
    PromoCode,
    Service,
    Booking,
    Payment,
    Refund,
    RefundApproval,
    RefundRun,
    Dispute,
    LedgerTransaction,
    GatewayAccount,
    OfflineCharge,
    OfflineRefund,
    Seller,
    PlatformFee,
    Payout,
    Invoice,
    Delivery,
)
MONEY = {
    *(Payment, Refund, RefundApproval, RefundRun, Dispute, LedgerTransaction, GatewayAccount, OfflineRefund),
    *(Seller, PlatformFee, Payout, Invoice),
}
PLATFORM = (User, OutboxMessage, WebhookEvent)
Role = Membership.Role


def address(model: type[Model], what: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{what}", args=args)


def test_every_admin_is_scoped_and_covered_by_these_tests() -> None:
    ours = {model: shown for model, shown in admin.site._registry.items() if not model.__module__.startswith("allauth")}
    assert {model for model, shown in ours.items() if not isinstance(shown, ScopedAdmin)} == set()
    assert {model for model, shown in ours.items() if isinstance(shown, PlatformAdmin)} == set(PLATFORM)
    assert {model for model, shown in ours.items() if not isinstance(shown, PlatformAdmin)} == set(MODELS)


@pytest.mark.parametrize("model", MODELS)
def test_an_owner_sees_the_own_and_nothing_of_others(model: type[Model], ours: Team, theirs: Team, sign_in: SignIn) -> None:
    client = sign_in(ours)
    listed = client.get(address(model, "changelist"))
    assert [row.pk for row in listed.context["cl"].result_list] == [ours.things[model].pk]
    assert "theirs" not in listed.text
    assert client.get(address(model, "change", ours.things[model].pk)).status_code == 200
    assert client.get(address(model, "history", ours.things[model].pk)).status_code == 200


@pytest.mark.parametrize("what", ["change", "delete", "history"])
@pytest.mark.parametrize("model", MODELS)
def test_the_addresses_of_others_are_not_found(model: type[Model], what: str, ours: Team, theirs: Team, sign_in: SignIn) -> None:
    client = sign_in(ours)
    url = address(model, what, theirs.things[model].pk)
    assert (client.get(url).status_code, client.post(url, {"post": "yes"}).status_code) in ((404, 404), (403, 403))
    assert type(theirs.things[model])._default_manager.filter(pk=theirs.things[model].pk).exists()


@pytest.mark.parametrize(
    "name",
    [
        "events_event_publish",
        "events_event_cancel",
        "events_event_make_categories",
        "events_event_give",
        "venues_venue_import_plan",
        "bookings_booking_cancel",
        "payments_payment_give_back",
        "payments_refundapproval_agree",
        "payments_refundapproval_decline",
        "payments_refundrun_go_on",
        "payments_offlinecharge_record",
        "payments_offlinerefund_record",
        "payments_payout_undo",
        "events_promocode_many",
    ],
)
def test_what_is_done_with_things_of_others_is_not_found(name: str, ours: Team, theirs: Team, sign_in: SignIn) -> None:
    client = sign_in(ours)
    models = {"event": Event, "venue": Venue, "booking": Booking, "promocode": PromoCode}
    models |= {"payment": Payment, "refundapproval": RefundApproval, "refundrun": RefundRun}
    models |= {"offlinecharge": OfflineCharge, "offlinerefund": OfflineRefund}
    thing = theirs.things[models.get(name.split("_")[1], Payout)]
    url = reverse(f"admin:{name}", args=[thing.pk])
    assert (client.get(url).status_code, client.post(url, {"word": "cancel"}).status_code) == (404, 404)
    theirs.event.refresh_from_db()
    assert theirs.event.status == Event.Status.PUBLISHED


@pytest.mark.parametrize("field", ["organizer", "venue", "seating_plan"])
def test_autocomplete_offers_the_own_only(field: str, ours: Team, theirs: Team, sign_in: SignIn) -> None:
    query = {"app_label": "events", "model_name": "event", "field_name": field}
    found = sign_in(ours).get(reverse("admin:autocomplete"), query)
    model = Event._meta.get_field(field).related_model
    assert [item["id"] for item in found.json()["results"]] == [str(ours.things[model].pk)]  # type: ignore[index]
    theirs_only = client_search(found.wsgi_request.user, query | {"term": "theirs"})
    assert theirs_only == []


def client_search(user: Any, query: dict[str, str]) -> list[Any]:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    results: list[Any] = client.get(reverse("admin:autocomplete"), query).json()["results"]
    return results


def test_a_bulk_action_does_not_reach_what_is_of_others(ours: Team, theirs: Team, sign_in: SignIn) -> None:
    client = sign_in(ours)
    chosen = [team.things[Delivery].pk for team in (ours, theirs)]
    client.post(address(Delivery, "changelist"), {"action": "resend", "_selected_action": chosen})
    assert dict(Delivery.objects.values_list("pk", "status")) == {chosen[0]: "queued", chosen[1]: "failed"}


def test_nothing_can_be_deleted_by_the_dozen(ours: Team, sign_in: SignIn) -> None:
    client = sign_in(ours)
    for model in MODELS:
        chosen = {"action": "delete_selected", "_selected_action": [ours.things[model].pk], "post": "yes"}
        client.post(address(model, "changelist"), chosen)
        assert type(ours.things[model])._default_manager.filter(pk=ours.things[model].pk).exists()


@pytest.mark.parametrize(
    ("role", "seen", "edited"),
    [
        (Role.OWNER, set(MODELS), {Organizer, Venue, Event, PromoCode, Service, GatewayAccount, Seller}),
        (Role.MANAGER, set(MODELS), {Venue, Event, PromoCode, Service}),
        (Role.FINANCE, set(MODELS), set()),
        (Role.BOX_OFFICE, set(MODELS) - MONEY, set()),
        (Role.DOOR, {Organizer, Event, Service}, set()),
    ],
)
def test_roles(role: str, seen: set[type[Model]], edited: set[type[Model]], ours: Team, sign_in: SignIn) -> None:
    client = sign_in(ours, role)
    lists = {model: client.get(address(model, "changelist")).status_code for model in (*MODELS, *PLATFORM)}
    assert {model for model, status in lists.items() if status == 200} == seen
    pages = {model: client.get(address(model, "change", ours.things[model].pk)) for model in seen}
    assert {model for model, page in pages.items() if page.context["has_change_permission"]} == edited
    assert all(page.status_code == 200 for page in pages.values())
    posted = {model: client.post(address(model, "change", ours.things[model].pk), {}).status_code for model in seen - edited}
    assert set(posted.values()) <= {403}
    assert client.get(reverse("admin:index")).status_code == 200


def test_a_role_counts_in_its_own_team_only(ours: Team, theirs: Team, sign_in: SignIn) -> None:
    client = sign_in(ours)
    user = User.objects.get(email="owner@ours.example.com")
    Membership.objects.create(organizer=theirs.organizer, user=user, role=Role.DOOR)
    assert client.get(address(Event, "change", theirs.event.pk)).context["has_change_permission"] is False
    assert client.post(reverse("admin:events_event_cancel", args=[theirs.event.pk]), {"word": "cancel"}).status_code == 403
    assert client.get(address(Venue, "change", theirs.things[Venue].pk)).status_code == 404
    page = client.get(address(Event, "add"))
    assert set(page.context["adminform"].form.fields["organizer"].queryset) == {ours.organizer}


def test_a_superuser_sees_everything_and_edits_no_money(ours: Team, theirs: Team, sign_in: SignIn) -> None:
    client = sign_in()
    for model in (*MODELS, *PLATFORM):
        assert client.get(address(model, "changelist")).status_code == 200
    for model in (Booking, Payment, Refund):
        page = client.get(address(model, "change", theirs.things[model].pk))
        assert (page.status_code, page.context["has_change_permission"]) == (200, False)
        assert (
            client.post(address(model, "change", theirs.things[model].pk), {"amount_minor": "1", "total_minor": "1"}).status_code
            == 403
        )
    assert theirs.things[Payment].amount_minor == Payment.objects.get(pk=theirs.things[Payment].pk).amount_minor


@pytest.mark.parametrize(
    "query", ["user__password__startswith=pbkdf2", "event__organizer__memberships__user__email__startswith=a"]
)
def test_a_list_cannot_be_asked_for_secrets(query: str, ours: Team, sign_in: SignIn) -> None:
    assert sign_in(ours).get(f"{address(Booking, 'changelist')}?{query}").status_code == 400


def test_searching_finds_nothing_of_others(ours: Team, theirs: Team, sign_in: SignIn) -> None:
    listed = sign_in(ours).get(address(Booking, "changelist"), {"q": "theirs"})
    assert list(listed.context["cl"].result_list) == []
    of_event = sign_in_again(listed).get(address(Booking, "changelist"), {"event": str(theirs.event.pk)})
    assert list(of_event.context["cl"].result_list) == []


def sign_in_again(response: Any) -> Client:
    client: Client = response.client
    return client


def test_no_redirect_tells_the_address_of_any_object(ours: Team, theirs: Team, sign_in: SignIn) -> None:
    kind = ContentType.objects.get_for_model(Event).pk
    assert sign_in(ours).get(f"/admin/r/{kind}/{theirs.event.pk}/").status_code == 404


def test_an_inline_does_not_reach_the_rows_of_another_event(ours: Team, theirs: Team, sign_in: SignIn) -> None:
    foreign: Category = theirs.hall.adult.category
    client = sign_in(ours)
    values = typed_into(client.get(address(Event, "change", ours.event.pk)), "event_form")
    forged = {"categories-0-id": str(foreign.pk), "categories-0-name": "Taken", "categories-0-price": "1"}
    client.post(address(Event, "change", ours.event.pk), values | forged)
    assert (
        client.post(address(Event, "change", ours.event.pk), values | {"ticket_types-0-category": str(foreign.pk)}).status_code
        == 200
    )
    assert list(Category.objects.filter(event=ours.event)) == [ours.hall.adult.category]
    foreign.refresh_from_db()
    assert (foreign.name, TicketType.objects.get(pk=theirs.hall.adult.pk).price_minor) == ("Stalls", 8400)


def test_customers_and_strangers_are_turned_away(client: Client, ours: Team) -> None:
    assert client.get("/admin/events/event/").headers["Location"] == "/admin/login/?next=/admin/events/event/"
    sent = client.get("/admin/login/?next=/admin/events/event/").headers["Location"]
    assert sent == reverse("account_login") + "?next=/admin/events/event/"
    assert client.get("/admin/login/?next=https://evil.example/").headers["Location"].endswith("?next=/admin/")
    client.force_login(User.objects.create_user("ann@example.com"), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/admin/login/?next=/admin/").status_code == 403


def test_lists_and_pages_ask_the_database_as_often_for_twelve_rows_as_for_two(ours: Team, sign_in: SignIn) -> None:
    client = sign_in()
    urls = [*(address(model, "changelist") for model in MODELS), address(Event, "change", ours.event.pk), reverse("admin:index")]

    def fill(count: int) -> None:
        while Booking.objects.count() < count:
            book(ours)
            number = Booking.objects.count()
            venue = make_venue(slug=f"ours-{number}", organizer=ours.organizer)
            SeatingPlan.objects.create(
                venue=ours.event.venue, name="Plan", number=number, layout=ours.things[SeatingPlan].layout, seat_count=0
            )
            make_hall(venue=venue, rows=1, slug=f"ours-{number}")
            category = Category.objects.create(event=ours.event, name=f"Category {number}")
            for name in ("Adult", "Child"):
                TicketType.objects.create(
                    event=ours.event, category=category, name=name, price_minor=100, is_default=name == "Adult"
                )

    def count() -> dict[str, int]:
        counts = {}
        for url in urls:
            with CaptureQueriesContext(connection) as queries:
                assert client.get(url).status_code == 200
            counts[url] = len(queries)
        return counts

    fill(2)
    count()  # content types and the like are cached from now on
    at_two = count()
    fill(12)
    assert count() == at_two


@pytest.mark.parametrize(
    "asked", ["status__exact=%00", "created_at__year=0", "created_at__year=-1", f"created_at__year={10**20}", "q=%00"]
)
def test_a_filter_that_no_database_can_ask_is_left_out(asked: str, ours: Team, sign_in: SignIn) -> None:
    listed = sign_in(ours).get(f"{address(Event, 'changelist')}?{asked}", follow=True)

    assert listed.status_code == 200
