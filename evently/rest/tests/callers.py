"""People who call the API."""

from typing import Any

from allauth.account.models import EmailAddress
from rest_framework.test import APIClient

from evently.accounts import tokens
from evently.accounts.models import Membership, Organizer, User

PASSWORD = "correct horse battery"  # noqa: S105 -- of people who do not exist


def make_person(email: str = "ann@example.org", *, verified: bool = True, **facts: Any) -> User:
    person = User.objects.create_user(email, PASSWORD, **facts)
    EmailAddress.objects.create(user=person, email=person.email, verified=verified, primary=True)
    return person


def make_member(organizer: Organizer, role: str) -> User:
    person = make_person(f"{role}-{organizer.slug}@example.org")
    Membership.objects.create(organizer=organizer, user=person, role=role)
    return person


def caller(person: User | None = None) -> APIClient:
    """A client with the person's access token, or nobody's."""
    client = APIClient()
    if person:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens.start_family(user=person).access}")
    return client
