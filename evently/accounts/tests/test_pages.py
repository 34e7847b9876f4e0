"""Signing up, in and out, and finding a forgotten password again, as a person does it."""

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from bookings.models import Booking
from bookings.sale import Buyer
from bookings.services import hold_seats
from evently.accounts.models import User
from events.tests.factories import make_hall

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD, OTHER = "a cloud over Erfurt", "two clouds over Jena"


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    """The rate limits count in the cache."""
    cache.clear()


def make_ann() -> User:
    ann = User.objects.create_user("ann@example.org", PASSWORD)
    EmailAddress.objects.create(user=ann, email=ann.email, verified=True, primary=True)
    return ann


def sign_in(client: Client, email: str = "ann@example.org", password: str = PASSWORD, **more: Any) -> Any:
    return client.post("/accounts/login/", {"login": email, "password": password, **more})


def link_in_mail(number: int = -1) -> str:
    """The path of the first link of a mail."""
    found = re.search(r"http://localhost:\d+(/accounts/\S+)", str(mail.outbox[number].body))
    assert found
    return found[1]


def texts_of(message: mail.EmailMessage) -> list[str]:
    """The text and the HTML of a mail."""
    assert isinstance(message, mail.EmailMultiAlternatives)
    return [str(message.body), *(str(content) for content, _kind in message.alternatives)]


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_a_person_signs_up_proves_the_address_signs_out_and_in_again(client: Client) -> None:
    facts = {"email": "Ada@Example.org", "password1": PASSWORD, "first_name": "Ada", "last_name": "Example"}

    response = client.post("/accounts/signup/", facts)

    assert response["Location"] == "/accounts/confirm-email/"
    assert not is_signed_in(client)
    ada = User.objects.get()
    assert (ada.email, ada.first_name, ada.last_name) == ("ada@example.org", "Ada", "Example")
    assert mail.outbox[0].to == ["ada@example.org"]
    assert mail.outbox[0].subject == "Your account: one more click"
    assert not is_signed_in(client)
    assert "ada@example.org" in client.get(link_in_mail()).content.decode()
    client.post(link_in_mail())
    assert is_signed_in(client)
    client.post("/accounts/logout/")
    assert not is_signed_in(client)
    assert sign_in(client, email="ADA@example.ORG")["Location"] == "/"
    assert is_signed_in(client)


def test_names_are_not_needed(client: Client) -> None:
    client.post("/accounts/signup/", {"email": "ada@example.org", "password1": PASSWORD})

    assert User.objects.get().get_full_name() == ""


def test_nobody_signs_in_before_the_address_is_proven(client: Client) -> None:
    client.post("/accounts/signup/", {"email": "ada@example.org", "password1": PASSWORD})

    response = sign_in(Client(), email="ada@example.org")

    assert response["Location"] == "/accounts/confirm-email/"
    assert not is_signed_in(client)


@pytest.mark.parametrize("password", ["short", "password123", "12345678901", "ada@example.org"])
def test_a_weak_password_is_refused(client: Client, password: str) -> None:
    client.post("/accounts/signup/", {"email": "ada@example.org", "password1": password})

    assert User.objects.count() == 0
    assert mail.outbox == []


def test_sign_up_does_not_tell_which_addresses_have_an_account(client: Client) -> None:
    make_ann()

    known = client.post("/accounts/signup/", {"email": "ANN@example.org", "password1": OTHER})
    unknown = Client().post("/accounts/signup/", {"email": "new@example.org", "password1": OTHER})

    assert (
        (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"]) == (302, "/accounts/confirm-email/")
    )
    assert [(message.to, message.subject) for message in mail.outbox] == [
        (["ann@example.org"], "You have an account already"),
        (["new@example.org"], "Your account: one more click"),
    ]
    assert User.objects.filter(email__iexact="ann@example.org").count() == 1
    assert User.objects.get(email="ann@example.org").check_password(PASSWORD)


def test_a_reset_does_not_tell_which_addresses_have_an_account(client: Client) -> None:
    make_ann()

    known = client.post("/accounts/password/reset/", {"email": "ann@example.org"}, follow=True)
    unknown = client.post("/accounts/password/reset/", {"email": "new@example.org"}, follow=True)

    assert known.redirect_chain == unknown.redirect_chain == [("/accounts/password/reset/done/", 302)]
    assert visible(known) == visible(unknown)
    assert [message.subject for message in mail.outbox] == ["Choose a new password", "No account with this address"]


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(client: Client) -> None:
    make_ann()

    wrong = sign_in(client, password="wrong")
    unknown = sign_in(client, email="new@example.org")

    text = "This e-mail address and password do not belong together."
    assert [text in response.content.decode() for response in (wrong, unknown)] == [True, True]
    assert wrong.status_code == unknown.status_code


def visible(response: Any) -> str:
    """The page without what differs on every request."""
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", response.content.decode())


def test_a_forgotten_password_is_replaced_once_by_the_link(client: Client) -> None:
    ann = make_ann()
    client.post("/accounts/password/reset/", {"email": "Ann@Example.org"})
    link = link_in_mail()

    form = client.get(link)["Location"]
    response = client.post(form, {"password1": OTHER})

    assert response["Location"] == "/accounts/password/reset/key/done/"
    ann.refresh_from_db()
    assert ann.check_password(OTHER)
    assert mail.outbox[-1].subject == "Your password was changed"
    assert "This link is used up" in Client().get(link).content.decode()


def test_a_reset_ends_the_sessions_of_other_devices(client: Client) -> None:
    make_ann()
    phone = Client()
    sign_in(phone)
    client.post("/accounts/password/reset/", {"email": "ann@example.org"})
    client.post(client.get(link_in_mail())["Location"], {"password1": OTHER})

    assert phone.get("/accounts/password/change/").status_code == 302


def test_a_changed_password_is_told_by_mail_and_keeps_this_device_signed_in(client: Client) -> None:
    ann, phone = make_ann(), Client()
    sign_in(client)
    sign_in(phone)

    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": OTHER})

    ann.refresh_from_db()
    assert ann.check_password(OTHER)
    assert mail.outbox[-1].subject == "Your password was changed"
    assert client.get("/accounts/password/change/").status_code == 200
    assert phone.get("/accounts/password/change/").status_code == 302


def test_the_address_changes_only_when_the_new_one_is_proven(client: Client) -> None:
    ann = make_ann()
    sign_in(client)

    client.post("/accounts/email/", {"email": "Ann.New@example.org", "action_add": ""})
    ann.refresh_from_db()
    assert ann.email == "ann@example.org"
    client.post(link_in_mail())

    ann.refresh_from_db()
    assert ann.email == "ann.new@example.org"


def test_the_links_lead_to_the_configured_site_whatever_the_request_says(client: Client, settings: Any) -> None:
    make_ann()
    settings.EVENTLY_SITE_URL = "https://tickets.example.org"

    client.post("/accounts/password/reset/", {"email": "ann@example.org"}, headers={"host": "evil.example"})
    client.post("/accounts/signup/", {"email": "new@example.org", "password1": OTHER}, headers={"host": "evil.example"})
    client.post("/accounts/signup/", {"email": "ann@example.org", "password1": OTHER}, headers={"host": "evil.example"})

    texts = [text for message in mail.outbox for text in texts_of(message)]
    assert len(texts) == 6
    assert not [text for text in texts if "evil.example" in text]
    assert all("https://tickets.example.org/accounts/" in text for text in texts)


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_nobody_is_sent_to_another_site_after_signing_in(client: Client, target: str) -> None:
    make_ann()

    assert sign_in(client, next=target)["Location"] == "/"


def test_signing_out_needs_a_button(client: Client) -> None:
    make_ann()
    sign_in(client)

    assert "Sign out?" in client.get("/accounts/logout/").content.decode()
    assert is_signed_in(client)


def held_by(client: Client) -> Booking:
    hall = make_hall(rows=1)
    session = client.session
    session["buyer"] = "guest"
    session.save()
    return hold_seats(buyer=Buyer(session="guest"), event_id=hall.event.pk, seats=dict.fromkeys(hall.seat_ids(0)))


def test_held_seats_are_still_there_after_signing_in(client: Client) -> None:
    make_ann()
    booking = held_by(client)
    details = f"/bookings/{booking.pk}/details/"

    response = sign_in(client, next=details)

    assert response["Location"] == details
    assert 'value="ann@example.org"' in client.get(details).content.decode()


def test_held_seats_are_still_there_after_signing_up(client: Client) -> None:
    booking = held_by(client)
    details = f"/bookings/{booking.pk}/details/"
    page = client.get(f"/accounts/login/?next={details}").content.decode()
    assert f"/accounts/signup/?next={details.replace('/', '%2F')}" in page

    client.post("/accounts/signup/", {"email": "ada@example.org", "password1": PASSWORD, "next": details})
    assert booking.get_absolute_url() in client.get("/accounts/confirm-email/").content.decode()
    response = client.post(link_in_mail())

    assert response["Location"] == details
    assert is_signed_in(client)
    assert client.get(details).status_code == 200


def test_held_seats_are_not_shown_to_who_comes_after_on_the_same_computer(client: Client) -> None:
    make_ann()
    booking = held_by(client)
    sign_in(client)

    client.post("/accounts/logout/")

    assert client.get(booking.get_absolute_url()).status_code == 404


@pytest.mark.parametrize(
    "name",
    [
        "account_login",
        "account_signup",
        "account_reset_password",
        "account_reset_password_done",
        "account_reset_password_from_key_done",
        "account_email_verification_sent",
        "account_inactive",
    ],
)
def test_every_page_for_visitors_is_ours(client: Client, name: str) -> None:
    page = client.get(reverse(name)).content.decode()

    assert '<main id="main" class="wrap page">' in page


@pytest.mark.parametrize("name", ["account_logout", "account_email", "account_change_password", "account_reauthenticate"])
def test_every_page_of_an_account_is_ours(client: Client, name: str) -> None:
    make_ann()
    sign_in(client)

    assert '<main id="main" class="wrap page">' in client.get(reverse(name)).content.decode()


def test_a_link_that_does_not_work_says_so(client: Client) -> None:
    assert "This link does not work" in client.get("/accounts/confirm-email/nonsense/").content.decode()
    assert "This link is used up" in client.get("/accounts/password/reset/key/1-nonsense/").content.decode()


def test_too_many_tries_are_answered_with_a_page_of_ours(client: Client) -> None:
    make_ann()
    for _ in range(6):
        response = client.post("/accounts/password/reset/", {"email": "ann@example.org"})

    assert response.status_code == 429
    assert "Please wait a few minutes" in response.content.decode()
