from django.test import Client
from django.urls import reverse
from django.utils import timezone

from bookings.models import Booking
from bookings.sale import Buyer
from bookings.services import hold_best
from evently.accounts.models import Membership, User
from evently.outbox.models import OutboxMessage
from notifications.models import Delivery
from payments.models import Refund

from .conftest import SignIn, Team
from .pages import typed_into

Role = Membership.Role


def tasks(client: Client) -> list[str]:
    return [task.text for task in client.get(reverse("admin:index")).context["overview"]["tasks"]]


def test_the_overview_tells_each_role_what_waits_for_it(ours: Team, theirs: Team, sign_in: SignIn) -> None:
    OutboxMessage.objects.create(topic="test", dead_at=timezone.now())
    money = ["1 refund waits for a colleague who agrees", "1 refund is to be sent by hand"]
    assert tasks(sign_in(ours, Role.OWNER)) == [*money, "1 refund failed", "1 mail did not arrive"]
    assert tasks(sign_in(ours, Role.BOX_OFFICE)) == ["1 mail did not arrive"]
    assert tasks(sign_in(ours, Role.DOOR)) == []
    assert tasks(sign_in()) == [
        "2 refunds wait for a colleague who agrees",
        "2 refunds are to be sent by hand",
        "2 refunds failed",
        "2 mails did not arrive",
        "1 message was given up",
    ]
    page = sign_in(theirs).get(reverse("admin:index"))
    assert [event.title for event in page.context["overview"]["events"]] == ["theirs concert"]


def test_only_messages_that_were_given_up_go_out_again(db: None, sign_in: SignIn) -> None:
    now = timezone.now()
    dead = OutboxMessage.objects.create(topic="dead", dead_at=now, attempts=12, handled=["a"])
    sent = OutboxMessage.objects.create(topic="sent", sent_at=now, attempts=1)
    url = reverse("admin:outbox_outboxmessage_changelist")
    sign_in().post(url, {"action": "send_again", "_selected_action": [dead.pk, sent.pk]})
    dead.refresh_from_db()
    sent.refresh_from_db()
    assert (dead.dead_at, dead.attempts, dead.handled, sent.sent_at) == (None, 0, ["a"], now)


def test_finance_reads_mails_but_sends_none(ours: Team, sign_in: SignIn) -> None:
    delivery = ours.things[Delivery]
    url = reverse("admin:notifications_delivery_changelist")
    sign_in(ours, Role.FINANCE).post(url, {"action": "resend", "_selected_action": [delivery.pk]})
    delivery.refresh_from_db()
    assert delivery.status == Delivery.Status.FAILED


def test_mails_about_refunds_belong_to_the_team_too(ours: Team, theirs: Team, sign_in: SignIn) -> None:
    for team in (ours, theirs):
        team.things[Delivery].object_id = team.things[Refund].pk
        team.things[Delivery].save()
    client, page = sign_in(ours), "admin:notifications_delivery_change"
    statuses = [client.get(reverse(page, args=[team.things[Delivery].pk])).status_code for team in (ours, theirs)]
    assert statuses == [200, 404]


def test_an_unpaid_booking_is_cancelled_by_who_may_and_a_paid_one_by_nobody(ours: Team, sign_in: SignIn) -> None:
    held = hold_best(buyer=Buyer(session="b"), event_id=ours.event.pk, quantities={ours.hall.adult.pk: 1})
    url = reverse("admin:bookings_booking_cancel", args=[held.pk])
    assert sign_in(ours, Role.FINANCE).post(url).status_code == 403
    client = sign_in(ours, Role.BOX_OFFICE)
    assert client.get(url).status_code == 200
    assert Booking.objects.get(pk=held.pk).status == Booking.Status.HELD
    assert client.post(url).status_code == 302
    assert Booking.objects.get(pk=held.pk).status == Booking.Status.CANCELLED
    paid = reverse("admin:bookings_booking_cancel", args=[ours.things[Booking].pk])
    assert client.post(paid).status_code == 403


def test_the_box_office_does_not_see_the_payments_of_a_booking(ours: Team, sign_in: SignIn) -> None:
    url = reverse("admin:bookings_booking_change", args=[ours.things[Booking].pk])
    shown = {role: "payments-group" in sign_in(ours, role).get(url).text for role in (Role.FINANCE, Role.BOX_OFFICE)}
    assert shown == {Role.FINANCE: True, Role.BOX_OFFICE: False}


def test_a_booking_page_keeps_the_secrets_of_the_buyer(ours: Team, sign_in: SignIn) -> None:
    booking = ours.things[Booking]
    page = sign_in().get(reverse("admin:bookings_booking_change", args=[booking.pk])).text
    assert [secret for secret in (booking.secret, booking.session) if secret and secret in page] == []


def team_page(team: Team) -> str:
    return reverse("admin:accounts_organizer_change", args=[team.organizer.pk])


def test_an_owner_adds_a_colleague_by_address_whether_it_has_an_account_or_not(ours: Team, sign_in: SignIn) -> None:
    User.objects.create_user("known@example.com")
    client = sign_in(ours)
    for number, email in enumerate(("known@example.com", " New@Example.com"), start=1):
        values = typed_into(client.get(team_page(ours)), "organizer_form")
        values |= {"memberships-TOTAL_FORMS": str(number + 1), f"memberships-{number}-email": email}
        assert client.post(team_page(ours), values | {f"memberships-{number}-role": "door"}).status_code == 302
    members = ours.organizer.memberships.order_by("created_at").values_list("user__email", "role", "user__is_staff")
    assert list(members[1:]) == [("known@example.com", "door", True), ("new@example.com", "door", True)]
    assert not User.objects.get(email="new@example.com").has_usable_password()


def test_a_team_keeps_an_owner_and_nobody_is_in_it_twice(ours: Team, sign_in: SignIn) -> None:
    client = sign_in(ours)
    values = typed_into(client.get(team_page(ours)), "organizer_form")
    assert client.post(team_page(ours), values | {"memberships-0-role": "door"}).status_code == 200
    assert client.post(team_page(ours), values | {"memberships-0-DELETE": "on"}).status_code == 200
    twice = {"memberships-TOTAL_FORMS": "2", "memberships-1-email": "owner@ours.example.com", "memberships-1-role": "door"}
    assert client.post(team_page(ours), values | twice).status_code == 200
    assert list(ours.organizer.memberships.values_list("role", flat=True)) == ["owner"]


def test_a_manager_makes_nobody_an_owner(ours: Team, sign_in: SignIn) -> None:
    client = sign_in(ours, Role.MANAGER)
    assert client.post(team_page(ours), {"memberships-0-role": "owner"}).status_code == 403
    assert list(ours.organizer.memberships.values_list("role", flat=True)) == ["manager"]


def test_superusers_make_people(db: None, sign_in: SignIn) -> None:
    client = sign_in()
    person = {
        "email": "Eve@Example.com",
        "usable_password": "true",
        "password1": "long-and-odd-42",
        "password2": "long-and-odd-42",
    }
    assert client.post(reverse("admin:accounts_user_add"), person).status_code == 302
    assert User.objects.get(email="eve@example.com").check_password("long-and-odd-42")
