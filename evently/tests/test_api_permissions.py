"""Every route of the API and everybody who may call it: a new route without a row here fails."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.urls import URLPattern
from rest_framework.test import APIClient

from bookings.models import Booking
from bookings.sale import Buyer
from bookings.services import Contact, confirm_booking, hold_seats, set_contact
from evently import api_urls
from evently.accounts.models import User
from evently.rest.tests.callers import PASSWORD, caller, make_member, make_person
from events.models import Category, Event, EventService, Service
from events.tests.factories import Hall, make_event, make_hall, make_organizer
from payments.models import Payment
from venues.models import SeatingPlan

pytestmark = pytest.mark.django_db

METHODS = ("get", "post", "put", "patch", "delete")
CALLERS = ("nobody", "customer", "buyer", "other owner", "door", "box_office", "finance", "manager", "owner", "superuser")
TEAM = ("door", "box_office", "finance", "manager", "owner", "superuser")
EDITORS = ("manager", "owner", "superuser")
SIGNED_IN = CALLERS[1:]

Answers = dict[str, int]


def all_of(status: int, *callers: str) -> Answers:
    return dict.fromkeys(callers or CALLERS, status)


def public(status: int = 200) -> Answers:
    return all_of(status)


def own(status: int) -> Answers:
    """The buyer's alone: for everybody else it does not exist."""
    return all_of(404) | {"nobody": 401, "buyer": status}


def by_editors(status: int) -> Answers:
    return all_of(403) | {"nobody": 401} | all_of(status, *EDITORS)


def of_money(status: int) -> Answers:
    """For the buyer, and those of the team who look after its money."""
    return all_of(404) | {"nobody": 401} | all_of(status, "buyer", "finance", *EDITORS)


def of_a_draft(status: int) -> Answers:
    """Seen by the team, changed by its editors."""
    return all_of(404) | {"nobody": 401} | all_of(403, *TEAM) | all_of(status, *EDITORS)


@dataclass
class World:
    hall: Hall
    draft: Event
    category: Category
    plan: SeatingPlan
    parking: EventService
    booking: str
    payment: str
    people: dict[str, User | None]

    def addresses(self) -> dict[str, str]:
        return {
            "pk-event": str(self.hall.event.pk),
            "pk-draft": str(self.draft.pk),
            "venue": str(self.hall.event.venue_id),
            "plan": str(self.plan.pk),
            "category": str(self.category.pk),
            "adult": str(self.hall.adult.pk),
            "service": str(self.parking.service_id),
            "parking": str(self.parking.pk),
            "booking": self.booking,
            "payment": self.payment,
        }


@pytest.fixture
def world() -> World:
    team, other = make_organizer(), make_organizer("other")
    hall, draft = make_hall(rows=2, length=5), make_event(status="draft")
    category = Category.objects.create(event=draft, name="Standing", numbered=False, capacity=5)
    plan = SeatingPlan.objects.create(venue=hall.event.venue, name="Plan", number=1, layout={}, seat_count=0)
    service = Service.objects.create(organizer=team, name="Parking")
    parking = EventService.objects.create(event=hall.event, service=service, price_minor=500)
    people: dict[str, User | None] = {
        "nobody": None,
        "customer": make_person("customer@example.org"),
        "buyer": make_person("buyer@example.org"),
        "other owner": make_member(other, "owner"),
        "superuser": make_person("root@example.org", is_superuser=True, is_staff=True),
    } | {role: make_member(team, role) for role in ("door", "box_office", "finance", "manager", "owner")}
    wish = {"event": hall.event.pk, "seats": hall.seat_ids(0)}
    booking = caller(people["buyer"]).post("/api/v1/bookings/", wish).json()["id"]
    return World(hall, draft, category, plan, parking, booking, bought(hall, people["buyer"]), people)


def bought(hall: Hall, buyer: User | None) -> str:
    """The payment of a booking of this person."""
    assert buyer is not None
    seats = dict.fromkeys(hall.seat_ids(9))
    booking = hold_seats(buyer=Buyer(user_id=buyer.pk), event_id=hall.event.pk, seats=seats)
    set_contact(booking_id=booking.pk, contact=Contact(name="B", email=buyer.email), user_id=None, actor="")
    booking = confirm_booking(booking_id=booking.pk, actor="", payment_status=Booking.PaymentStatus.PAID)
    money = {"amount_minor": booking.total_minor, "currency": booking.currency}
    captured = {"status": "captured", "outcome": "confirmed", "captured_minor": booking.total_minor, "captured_currency": "EUR"}
    payment = Payment.objects.create(
        event=hall.event, booking=booking, gateway="sandbox", idempotency_key="x", **money, **captured
    )
    return str(payment.pk)


def credentials(world: World) -> dict[str, Any]:
    return {"email": "buyer@example.org", "password": PASSWORD}


def new_venue(world: World) -> dict[str, Any]:
    return {"name": "New", "slug": "new", "city": "Bern", "country": "CH", "time_zone": "Europe/Zurich", "organizer": _team()}


def new_event(world: World) -> dict[str, Any]:
    times = {"starts_at": "2099-01-01T20:00:00Z", "ends_at": "2099-01-01T22:00:00Z"}
    return {"title": "New", "venue": str(world.hall.event.venue_id), "organizer": _team(), **times}


def new_hold(world: World) -> dict[str, Any]:
    return {"event": str(world.hall.event.pk), "seats": [str(pk) for pk in world.hall.seat_ids(1)]}


def new_service(world: World) -> dict[str, Any]:
    return {"name": "New", "organizer": _team()}


def new_type(world: World) -> dict[str, Any]:
    return {"category": str(world.hall.adult.category_id), "name": "New", "price": "1.00"}


def _team() -> str:
    return str(make_organizer().pk)


def new_date(world: World) -> dict[str, Any]:
    return {"starts_at": "2099-01-01T20:00:00Z"}


def some_money(world: World) -> dict[str, Any]:
    return {"amount": "1.00", "note": "Rain"}


def nothing(world: World) -> dict[str, Any]:
    return {}


EVENT, DRAFT, VENUE, BOOKING = "events/{pk-event}/", "events/{pk-draft}/", "venues/{venue}/", "bookings/{booking}/"
Row = tuple[str, str, str, Callable[[World], dict[str, Any]], Answers]
# Route, method, address, body, and who gets which answer. An odd body (400) shows that the door is open.
ROWS: list[Row] = [
    ("register", "post", "auth/register/", nothing, public(400)),
    ("obtain-token", "post", "auth/token/", credentials, public(200)),
    ("refresh-token", "post", "auth/token/refresh/", nothing, public(400)),
    ("revoke-token", "post", "auth/token/revoke/", nothing, public(400)),
    ("me", "get", "me/", nothing, all_of(200) | {"nobody": 401}),
    ("me", "patch", "me/", nothing, all_of(200) | {"nobody": 401}),
    ("venues", "get", "venues/", nothing, public()),
    ("venues", "post", "venues/", new_venue, all_of(400) | {"nobody": 401} | all_of(201, *EDITORS)),
    ("venue", "get", VENUE, nothing, public()),
    ("venue", "patch", VENUE, nothing, by_editors(200)),
    ("venue", "delete", VENUE, nothing, by_editors(409)),
    ("seating-plans", "get", VENUE + "seating-plans/", nothing, public()),
    ("seating-plans", "post", VENUE + "seating-plans/", nothing, by_editors(400)),
    ("seating-plan", "get", VENUE + "seating-plans/{plan}/", nothing, public()),
    ("events", "get", "events/", nothing, public()),
    ("events", "post", "events/", new_event, all_of(400) | {"nobody": 401} | all_of(201, *EDITORS)),
    ("event", "get", EVENT, nothing, public()),
    ("event", "get", DRAFT, nothing, all_of(404) | all_of(200, *TEAM)),
    ("event", "patch", EVENT, nothing, by_editors(200)),
    ("event", "patch", DRAFT, nothing, of_a_draft(200)),
    ("event", "delete", EVENT, nothing, by_editors(409)),
    ("event", "delete", DRAFT, nothing, of_a_draft(204)),
    ("publish-event", "post", DRAFT + "publish/", nothing, of_a_draft(409)),
    ("publish-event", "get", DRAFT + "publish/", nothing, of_a_draft(200)),
    ("publish-event", "get", EVENT + "publish/", nothing, by_editors(200)),
    ("postpone-event", "post", EVENT + "postpone/", nothing, by_editors(200)),
    ("postpone-event", "post", DRAFT + "postpone/", nothing, of_a_draft(409)),
    ("reschedule-event", "post", EVENT + "reschedule/", new_date, by_editors(200)),
    ("clone-event", "post", EVENT + "clone/", new_date, by_editors(201)),
    ("clone-event", "post", DRAFT + "clone/", new_date, of_a_draft(201)),
    ("repeat-event", "post", EVENT + "repeat/", lambda world: {"every": "week", "count": 2}, by_editors(200)),
    ("cancel-event", "post", EVENT + "cancel/", nothing, by_editors(200)),
    ("cancel-event", "post", DRAFT + "cancel/", nothing, of_a_draft(200)),
    ("cancel-event", "get", EVENT + "cancel/", nothing, by_editors(200)),
    ("cancel-event", "get", DRAFT + "cancel/", nothing, of_a_draft(200)),
    ("categories", "get", EVENT + "categories/", nothing, public()),
    ("categories", "post", DRAFT + "categories/", lambda world: {"name": "New"}, of_a_draft(201)),
    ("category", "patch", DRAFT + "categories/{category}/", nothing, of_a_draft(200)),
    ("category", "delete", DRAFT + "categories/{category}/", nothing, of_a_draft(204)),
    ("ticket-types", "get", EVENT + "ticket-types/", nothing, public()),
    ("ticket-types", "get", DRAFT + "ticket-types/", nothing, all_of(404) | all_of(200, *TEAM)),
    ("ticket-types", "post", EVENT + "ticket-types/", new_type, by_editors(201)),
    ("ticket-type", "patch", EVENT + "ticket-types/{adult}/", nothing, by_editors(200)),
    ("ticket-type", "delete", EVENT + "ticket-types/{adult}/", nothing, by_editors(409)),
    ("services", "get", "services/", nothing, public()),
    ("services", "post", "services/", new_service, all_of(400) | {"nobody": 401} | all_of(201, *EDITORS)),
    ("service", "get", "services/{service}/", nothing, public()),
    ("service", "patch", "services/{service}/", nothing, by_editors(200)),
    ("service", "delete", "services/{service}/", nothing, by_editors(409)),
    ("event-services", "get", EVENT + "services/", nothing, public()),
    ("event-services", "get", DRAFT + "services/", nothing, all_of(404) | all_of(200, *TEAM)),
    ("event-services", "post", EVENT + "services/", lambda world: {"price": "1.00"}, by_editors(400)),
    ("event-service", "patch", EVENT + "services/{parking}/", nothing, by_editors(200)),
    ("event-service", "delete", EVENT + "services/{parking}/", nothing, by_editors(204)),
    ("seats", "get", EVENT + "seats/", nothing, public()),
    ("seats", "get", DRAFT + "seats/", nothing, all_of(404) | all_of(200, *TEAM)),
    ("availability", "get", EVENT + "availability/", nothing, public()),
    ("availability", "get", DRAFT + "availability/", nothing, all_of(404) | all_of(200, *TEAM)),
    ("price-changes", "get", EVENT + "price-changes/", nothing, public()),
    ("price-changes", "get", DRAFT + "price-changes/", nothing, all_of(404) | all_of(200, *TEAM)),
    ("bookings", "get", "bookings/", nothing, all_of(200) | {"nobody": 401}),
    ("bookings", "post", "bookings/", new_hold, all_of(201) | {"nobody": 401}),
    ("booking", "get", BOOKING, nothing, own(200)),
    ("booking", "patch", BOOKING, nothing, own(200)),
    ("extend-hold", "post", BOOKING + "extend/", nothing, own(200)),
    ("cancel-booking", "post", BOOKING + "cancel/", nothing, own(200)),
    ("checkout", "post", BOOKING + "checkout/", nothing, own(400)),
    ("refund-quote", "get", BOOKING + "refund-quote/", nothing, own(409)),
    ("refunds", "get", "payments/{payment}/refunds/", nothing, of_money(200)),
    ("refunds", "post", "payments/{payment}/refunds/", some_money, of_money(201) | {"buyer": 403}),
    ("webhook", "post", "payments/webhooks/sandbox/", nothing, public(400)),
    ("account-webhook", "post", "payments/webhooks/stripe/0193458a-0000-7000-8000-000000000001/", nothing, public(404)),
]


def routes() -> set[tuple[str, str]]:
    found = set()
    for pattern in api_urls.urlpatterns:
        assert isinstance(pattern, URLPattern)
        callback: Any = pattern.callback
        view = callback.cls
        allowed = getattr(callback, "actions", None) or [name for name in view.http_method_names if hasattr(view, name)]
        found |= {(str(pattern.name), method) for method in METHODS if method in allowed}
    return found


def test_every_route_has_a_row() -> None:
    assert {(name, method) for name, method, *_ in ROWS} == routes()


def name_of(value: object) -> str:
    """The same words for a row in every process."""
    return value if isinstance(value, str) else "-"


@pytest.mark.parametrize(("name", "method", "address", "body", "answers"), ROWS, ids=name_of)
@pytest.mark.parametrize("who", CALLERS)
def test_who_may_do_what(
    world: World, who: str, name: str, method: str, address: str, body: Callable[[World], dict[str, Any]], answers: Answers
) -> None:
    for placeholder, value in world.addresses().items():
        address = address.replace(f"{{{placeholder}}}", value)

    client: APIClient = caller(world.people[who])
    response = getattr(client, method)(f"/api/v1/{address}", body(world))

    assert response.status_code == answers[who], response.content
    if response.status_code >= 400:
        assert response["Content-Type"] == "application/problem+json"
