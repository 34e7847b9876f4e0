"""Accounts and tokens over HTTP."""

import re
from typing import Any

import pytest
from django.core import mail
from rest_framework.test import APIClient

from evently.accounts.models import Membership, TokenFamily, User
from evently.rest.tests.callers import PASSWORD, caller, make_person
from events.tests.factories import make_organizer

pytestmark = pytest.mark.django_db

TOKEN, REFRESH, REVOKE, REGISTER, ME = (
    f"/api/v1/{path}/" for path in ("auth/token", "auth/token/refresh", "auth/token/revoke", "auth/register", "me")
)


def test_register_confirm_and_sign_in() -> None:
    client = APIClient()
    registered = client.post(REGISTER, {"email": "Ann@Example.org", "password": PASSWORD})
    assert registered.status_code == 202
    assert client.post(TOKEN, {"email": "ann@example.org", "password": PASSWORD}).status_code == 401

    [message] = mail.outbox
    assert message.to == ["ann@example.org"]
    link = re.search(r"https?://[^/]+(/accounts/confirm-email/\S+)", str(message.body))
    assert link
    client.post(link[1])

    signed_in = client.post(TOKEN, {"email": "ANN@example.org", "password": PASSWORD})
    assert signed_in.status_code == 200
    assert signed_in.json().keys() == {"access", "refresh"}


def test_register_answers_the_same_whether_the_address_has_an_account() -> None:
    make_person("ann@example.org")

    taken = APIClient().post(REGISTER, {"email": "ANN@example.org", "password": "another good one"})
    free = APIClient().post(REGISTER, {"email": "bob@example.org", "password": "another good one"})

    assert (taken.status_code, taken.content) == (free.status_code, free.content)
    assert [message.to for message in mail.outbox] == [["ann@example.org"], ["bob@example.org"]]
    assert "/confirm-email/" not in str(mail.outbox[0].body)
    assert User.objects.get(email="ann@example.org").check_password(PASSWORD)


@pytest.mark.parametrize("password", ["short", "1234567890123", "password123", ""])
def test_register_refuses_a_weak_password(password: str) -> None:
    answer = APIClient().post(REGISTER, {"email": "ann@example.org", "password": password})

    assert answer.status_code == 400
    assert answer.json()["errors"].keys() == {"password"}
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("email", "password"),
    [("ann@example.org", "wrong one here"), ("nobody@example.org", PASSWORD), ("off@example.org", PASSWORD)],
)
def test_sign_in_refuses_everybody_in_the_same_words(email: str, password: str) -> None:
    make_person("ann@example.org")
    make_person("off@example.org", is_active=False)

    answer = APIClient().post(TOKEN, {"email": email, "password": password})

    assert answer.status_code == 401
    assert answer.json()["code"] == "wrong_credentials"
    assert not TokenFamily.objects.exists()


def test_sign_in_is_refused_before_the_address_is_confirmed() -> None:
    make_person("ann@example.org", verified=False)

    answer = APIClient().post(TOKEN, {"email": "ann@example.org", "password": PASSWORD})

    assert (answer.status_code, answer.json()["code"]) == (401, "wrong_credentials")


def test_sign_in_is_refused_after_too_many_tries() -> None:
    make_person("ann@example.org")
    tries = [APIClient().post(TOKEN, {"email": "ann@example.org", "password": "wrong one here"}) for _ in range(10)]
    assert [answer.status_code for answer in tries] == [401] * 10

    late = APIClient().post(TOKEN, {"email": "Ann@example.org", "password": PASSWORD})

    assert (late.status_code, late.json()["code"]) == (429, "throttled")
    assert 0 < int(late["Retry-After"]) <= 300
    assert APIClient().post(TOKEN, {"email": "bob@example.org", "password": PASSWORD}).status_code == 401


def test_tries_are_counted_whatever_the_client_says_of_its_address() -> None:
    answers = [
        APIClient().post(TOKEN, {"email": "ann@example.org", "password": "x"}, headers={"X-Forwarded-For": f"10.0.0.{number}"})
        for number in range(11)
    ]

    assert [answer.status_code for answer in answers] == [401] * 10 + [429]


def test_refresh_gives_new_tokens_and_a_copy_of_the_old_one_ends_the_family() -> None:
    first = APIClient().post(TOKEN, {"email": make_person().email, "password": PASSWORD}).json()
    second = APIClient().post(REFRESH, {"refresh": first["refresh"]}).json()
    assert second["refresh"] != first["refresh"]

    reused = APIClient().post(REFRESH, {"refresh": first["refresh"]})
    newest = APIClient().post(REFRESH, {"refresh": second["refresh"]})

    assert (reused.status_code, reused.json()["code"]) == (401, "token_not_valid")
    assert (newest.status_code, newest.json()["code"]) == (401, "token_not_valid")
    assert TokenFamily.objects.get().revoked_at is not None


def test_revoke_ends_the_family() -> None:
    tokens = APIClient().post(TOKEN, {"email": make_person().email, "password": PASSWORD}).json()

    assert APIClient().post(REVOKE, {"refresh": tokens["refresh"]}).status_code == 204

    assert APIClient().post(REFRESH, {"refresh": tokens["refresh"]}).status_code == 401
    assert APIClient().post(REVOKE, {"refresh": tokens["access"]}).status_code == 401


@pytest.mark.parametrize("change", ["password", "is_active"])
def test_refresh_ends_with_a_new_password_or_a_closed_account(change: str) -> None:
    ann = make_person()
    tokens = APIClient().post(TOKEN, {"email": ann.email, "password": PASSWORD}).json()
    if change == "password":
        ann.set_password("something else now")
    else:
        ann.is_active = False
    ann.save()

    assert APIClient().post(REFRESH, {"refresh": tokens["refresh"]}).status_code == 401


def test_me_shows_the_person_and_the_teams() -> None:
    ann = make_person(first_name="Ann")
    team = make_organizer()
    Membership.objects.create(organizer=team, user=ann, role="manager")

    assert caller(ann).get(ME).json() == {
        "id": str(ann.pk),
        "email": "ann@example.org",
        "first_name": "Ann",
        "last_name": "",
        "language": "",
        "teams": [{"id": str(team.pk), "name": "City Stage", "role": "manager"}],
    }


def test_me_changes_names_and_language_and_nothing_else() -> None:
    ann = make_person()
    before: dict[str, Any] = dict(User.objects.filter(pk=ann.pk).values().get())
    wish = {
        "first_name": "Ann",
        "language": "en",
        "id": "00000000-0000-0000-0000-000000000001",
        "email": "root@example.org",
        "is_staff": True,
        "is_superuser": True,
        "is_active": False,
        "password": "x",
        "teams": [{"id": "1", "role": "owner"}],
        "date_joined": "2000-01-01T00:00:00Z",
    }

    assert caller(ann).patch(ME, wish).status_code == 200

    after: dict[str, Any] = dict(User.objects.filter(pk=ann.pk).values().get())
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"first_name", "language", "updated_at"}
    assert not Membership.objects.exists()


def test_me_is_closed_to_a_disabled_person_whose_token_still_lives() -> None:
    ann = make_person()
    client = caller(ann)
    User.objects.filter(pk=ann.pk).update(is_active=False)

    answer = client.get(ME)

    assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")


def test_a_session_works_as_well_and_must_bring_its_csrf_token() -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(make_person())

    assert client.get(ME).json()["email"] == "ann@example.org"
    refused = client.patch(ME, {"first_name": "Eve"})
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")

    client.get("/accounts/logout/")
    token = client.cookies["csrftoken"].value
    assert client.patch(ME, {"first_name": "Ann"}, headers={"X-CSRFToken": token}).status_code == 200
