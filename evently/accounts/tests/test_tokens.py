"""Forged tokens, and many refreshes at one moment."""

import base64
import json
import time
from typing import Any
from uuid import uuid4

import jwt
import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from bookings.tests.races import outcomes, race, slowly
from evently.accounts import tokens
from evently.accounts.models import TokenFamily
from evently.rest.tests.callers import caller, make_person

BOOKINGS = "/api/v1/bookings/"


def claims(**others: Any) -> dict[str, Any]:
    now = int(time.time())
    usual = {"token_type": "access", "exp": now + 60, "iat": now, "jti": uuid4().hex, "iss": "evently", "aud": "evently"}
    return {name: value for name, value in (usual | {"sub": str(uuid4())} | others).items() if value is not None}


def signed(*, key: str = "", algorithm: str = "HS256", headers: dict[str, Any] | None = None, **others: Any) -> str:
    return jwt.encode(claims(**others), key or settings.EVENTLY_JWT_KEY, algorithm=algorithm, headers=headers)


def unsigned() -> str:
    def part(content: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims())}."


FORGED = {
    "no signature": unsigned,
    "another key": lambda: signed(key="k" * 40),
    "another algorithm": lambda: signed(key="k" * 80, algorithm="HS512"),
    "our key, another algorithm": lambda: signed(algorithm="HS384"),
    "refresh token": lambda: signed(token_type="refresh"),
    "no kind": lambda: signed(token_type=None),
    "another audience": lambda: signed(aud="elsewhere"),
    "no audience": lambda: signed(aud=None),
    "another issuer": lambda: signed(iss="elsewhere"),
    "no issuer": lambda: signed(iss=None),
    "expired": lambda: signed(exp=int(time.time()) - 1),
    "for ever": lambda: signed(exp=None),
    "nobody": lambda: signed(sub=None),
    "somebody odd": lambda: signed(sub="../../root"),
    "unknown critical header": lambda: signed(headers={"crit": ["b64x"], "b64x": True}),
    "key from elsewhere": lambda: signed(key="k" * 40, headers={"kid": "../../dev/null", "jku": "https://evil.example/keys"}),
    "not a token": lambda: "a.b.c",
    "nothing": lambda: "",
}


@pytest.mark.django_db
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")  # a forger does not mind
@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_a_forged_access_token_is_refused(forge: Any) -> None:
    answer = APIClient().get(BOOKINGS, headers={"Authorization": f"Bearer {forge()}"})

    assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.django_db
def test_a_token_is_believed_without_a_query() -> None:
    client = caller(make_person())

    with CaptureQueriesContext(connection) as statements:
        client.get("/api/v1/nothing/")
        answer = client.post(BOOKINGS, {})

    assert (answer.status_code, len(statements)) == (400, 0)


@pytest.mark.django_db
def test_an_access_token_lives_five_minutes() -> None:
    token = tokens.start_family(user=make_person()).access
    payload = jwt.decode(token, settings.EVENTLY_JWT_KEY, algorithms=["HS256"], audience="evently", issuer="evently")

    assert payload["exp"] - payload["iat"] == 300
    assert payload.keys() == {"token_type", "exp", "iat", "jti", "sub", "aud", "iss"}


def refresh_at_once(refresh: str) -> dict[str, int]:
    return dict(outcomes(race([lambda: tokens.rotate(refresh=refresh)] * 10)))


@pytest.mark.django_db(transaction=True)
def test_of_ten_refreshes_at_one_moment_one_wins_at_most() -> None:
    refresh = tokens.start_family(user=make_person()).refresh

    assert refresh_at_once(refresh) == {"Tokens": 1, "InvalidToken": 9}
    assert TokenFamily.objects.get().revoked_at is not None


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_several_would_win(monkeypatch: pytest.MonkeyPatch) -> None:
    refresh = tokens.start_family(user=make_person()).refresh
    monkeypatch.setattr(tokens, "lock_family", lambda pk: TokenFamily.objects.select_related("user").get(pk=pk))
    slowly(monkeypatch, tokens, "_advance", seconds=0.2)

    assert refresh_at_once(refresh)["Tokens"] > 1
