"""How often somebody may ask."""

from collections import Counter
from typing import Any

import pytest
from django_redis import get_redis_connection
from rest_framework.test import APIClient

from bookings.tests.races import race
from evently.rest import throttling
from evently.rest.tests.callers import PASSWORD, caller, make_person
from evently.rest.throttling import Tier

pytestmark = pytest.mark.django_db

EVENTS, BOOKINGS, TOKEN = "/api/v1/events/", "/api/v1/bookings/", "/api/v1/auth/token/"


@pytest.fixture
def without_redis(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    cache = settings.CACHES["default"]
    settings.CACHES = {"default": cache | {"LOCATION": "redis://127.0.0.1:9/0"}}
    monkeypatch.setattr(throttling, "in_redis", throttling.InRedis())
    monkeypatch.setattr(throttling, "in_process", throttling.InProcess())


def test_every_answer_tells_where_one_stands() -> None:
    first, second = APIClient().get(EVENTS), APIClient().get(EVENTS)

    assert [(answer["X-RateLimit-Limit"], answer["X-RateLimit-Remaining"]) for answer in (first, second)] == [
        ("120", "119"),
        ("120", "118"),
    ]
    assert 0 < int(first["X-RateLimit-Reset"]) <= 60


def test_too_many_requests_are_refused_until_the_window_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "ANON", Tier("anon", 3, 60))

    answers = [APIClient().get(EVENTS) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200] * 3 + [429] * 2
    assert answers[-1].json()["code"] == "throttled"
    assert answers[-1]["X-RateLimit-Remaining"] == "0"
    assert 0 < int(answers[-1]["Retry-After"]) <= 60


def test_people_are_counted_each_for_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "USER", Tier("user", 1, 60))
    ann, bob = caller(make_person()), caller(make_person("bob@example.org"))

    assert [client.get(BOOKINGS).status_code for client in (ann, ann, bob, APIClient())] == [200, 429, 200, 401]


def test_holds_have_a_limit_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "HOLD", Tier("hold", 2, 60))
    client = caller(make_person())

    answers = [client.post(BOOKINGS, {}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [400, 400, 429]
    assert [answer["X-RateLimit-Limit"] for answer in answers] == ["2", "2", "2"]
    assert client.get(BOOKINGS).status_code == 200


def test_a_window_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "ANON", Tier("anon", 1, 60))
    assert [APIClient().get(EVENTS).status_code for _ in range(2)] == [200, 429]
    redis: Any = get_redis_connection("default")
    [counter] = redis.keys("evently:limit:*")
    assert 0 < redis.pttl(counter) <= 60_000

    redis.pexpireat(counter, 1)

    assert APIClient().get(EVENTS).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_the_limit_is_exact_when_all_ask_at_one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "ANON", Tier("anon", 15, 60))

    answers = race([lambda: APIClient().get(EVENTS).status_code for _ in range(40)], threads=10)

    assert Counter(answers) == {200: 15, 429: 25}


def test_nothing_is_counted_when_limits_are_off(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.EVENTLY_RATE_LIMITS = False
    monkeypatch.setattr(throttling, "ANON", Tier("anon", 1, 60))

    answers = [APIClient().get(EVENTS) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert "X-RateLimit-Limit" not in answers[0]


@pytest.mark.usefixtures("without_redis")
def test_without_redis_everybody_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "ANON", Tier("anon", 1, 60))

    assert [APIClient().get(EVENTS).status_code for _ in range(3)] == [200] * 3


@pytest.mark.usefixtures("without_redis")
def test_without_redis_passwords_cannot_be_guessed_for_free() -> None:
    make_person()

    answers = [APIClient().post(TOKEN, {"email": "ann@example.org", "password": "x" * 9}) for _ in range(10)]
    late = APIClient().post(TOKEN, {"email": "ann@example.org", "password": PASSWORD})

    assert [answer.status_code for answer in answers] == [401] * 10
    assert late.status_code == 429
