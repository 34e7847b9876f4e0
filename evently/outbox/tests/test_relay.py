"""What is published is told: at least once, to each on its own."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from time import sleep
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F

from bookings.tests.races import race
from evently.outbox import relay as outbox
from evently.outbox import services
from evently.outbox.models import OutboxMessage
from evently.outbox.relay import LEASE, LONGEST_LEASE, LOST, MOST_ATTEMPTS, lease, relay
from evently.outbox.services import publish, subscribe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _own_subscribers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "_subscribers", {})


class Listener:
    """A subscriber that writes down what it was told and then does what it is made for."""

    def __init__(self, name: str = "listener", then: Callable[[], None] | None = None) -> None:
        self.told: list[int] = []
        self.__qualname__ = name
        self.then = then

    def __call__(self, payload: dict[str, Any]) -> None:
        self.told.append(payload["n"])
        if self.then:
            self.then()


def broken() -> None:
    raise RuntimeError("Out of order")


def killed() -> None:
    raise SystemExit  # passes every `except Exception`, as a kill would


def leases_end() -> None:
    OutboxMessage.objects.update(due_at=F("due_at") - LONGEST_LEASE - timedelta(minutes=1))


def test_every_subscriber_hears_a_fact_once_outside_any_transaction() -> None:
    inside: list[bool] = []
    ann = Listener("ann", then=lambda: inside.append(connection.in_atomic_block))
    bob = Listener("bob")
    for listener in (ann, bob):
        subscribe("sung", listener)
    for n in range(3):
        publish("sung", n=n)

    assert relay() == 3
    assert relay() == 0
    assert (ann.told, bob.told, inside) == ([0, 1, 2], [0, 1, 2], [False] * 3)
    assert not OutboxMessage.objects.filter(sent_at=None).exists()


def test_what_was_rolled_back_is_never_told() -> None:
    listener = Listener()
    subscribe("sung", listener)
    with transaction.atomic():
        publish("sung", n=1)
        transaction.set_rollback(True)

    assert relay() == 0
    assert listener.told == []


def test_facts_without_subscribers_are_closed_together() -> None:
    OutboxMessage.objects.bulk_create(OutboxMessage(topic="silence") for _ in range(250))

    assert relay() == 250
    assert OutboxMessage.objects.filter(sent_at=None).count() == 0


def test_a_failing_subscriber_is_asked_again_and_the_other_is_not() -> None:
    well, ill = Listener("well"), Listener("ill", then=broken)
    subscribe("sung", ill)
    subscribe("sung", well)
    publish("sung", n=7)

    assert relay() == 0
    assert relay() == 0  # its lease has not ended
    message = OutboxMessage.objects.get()
    assert (message.attempts, message.handled, message.sent_at) == (1, [f"{__name__}.well"], None)
    assert message.error == f"{__name__}.ill: RuntimeError: Out of order"

    ill.then = None
    leases_end()
    assert relay() == 1
    assert (well.told, ill.told) == ([7], [7, 7])
    assert OutboxMessage.objects.exclude(sent_at=None).count() == 1


def test_a_fact_that_nobody_can_handle_becomes_a_dead_letter_that_keeps_its_error() -> None:
    ill = Listener("ill", then=broken)
    subscribe("sung", ill)
    publish("sung", n=1)
    for _ in range(MOST_ATTEMPTS + 3):
        relay()
        leases_end()

    dead = OutboxMessage.objects.dead().get()
    assert (len(ill.told), dead.attempts, dead.sent_at) == (MOST_ATTEMPTS, MOST_ATTEMPTS, None)
    assert dead.error == f"{__name__}.ill: RuntimeError: Out of order"


def test_a_fact_is_told_again_after_the_worker_was_killed_before_it_could_say_so() -> None:
    fatal = Listener("fatal", then=killed)
    subscribe("sung", fatal)
    publish("sung", n=1)
    with pytest.raises(SystemExit):
        relay()
    assert relay() == 0

    fatal.then = None
    leases_end()
    assert relay() == 1
    assert fatal.told == [1, 1]


def test_a_fact_that_kills_every_worker_is_given_up() -> None:
    fatal = Listener("fatal", then=killed)
    subscribe("sung", fatal)
    publish("sung", n=1)
    for _ in range(MOST_ATTEMPTS):
        with pytest.raises(SystemExit):
            relay()
        leases_end()

    assert relay() == 1
    assert (len(fatal.told), OutboxMessage.objects.dead().get().error) == (MOST_ATTEMPTS, LOST)


def test_relays_at_once_tell_each_fact_once() -> None:
    listener = Listener(then=partial(sleep, 0.001))
    subscribe("sung", listener)
    OutboxMessage.objects.bulk_create(OutboxMessage(topic="sung", payload={"n": n}) for n in range(400))

    assert sum(race([relay] * 4)) == 400
    assert sorted(listener.told) == list(range(400))


def test_without_skipping_what_others_have_locked_facts_are_told_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.db.models.QuerySet.select_for_update", lambda rows, **_: rows)
    listener = Listener(then=partial(sleep, 0.001))
    subscribe("sung", listener)
    OutboxMessage.objects.bulk_create(OutboxMessage(topic="sung", payload={"n": n}) for n in range(100))

    race([relay] * 4)
    assert len(listener.told) > 100


def test_a_relay_whose_lease_has_ended_does_not_speak_for_the_next_one() -> None:
    def taken_over() -> None:
        OutboxMessage.objects.update(attempts=F("attempts") + 1)

    subscribe("sung", Listener("slow", then=taken_over))
    publish("sung", n=1)
    relay()

    message = OutboxMessage.objects.get()
    assert (message.attempts, message.handled, message.sent_at) == (2, [], None)


def test_a_lease_doubles_up_to_an_hour() -> None:
    assert [lease(n) for n in (1, 2, 3, 7, 8, 12)] == [LEASE, 2 * LEASE, 4 * LEASE, 64 * LEASE, LONGEST_LEASE, LONGEST_LEASE]


def test_a_relay_stops_claiming_when_its_time_is_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "BATCH", 2)
    listener = Listener(then=partial(sleep, 0.02))
    subscribe("sung", listener)
    for n in range(6):
        publish("sung", n=n)

    relay(budget=timedelta(milliseconds=10))
    assert listener.told == [0, 1]
    relay()
    assert listener.told == list(range(6))


def test_what_a_slow_subscriber_left_no_time_for_is_given_back_untried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "LEASE", timedelta(seconds=1))
    listener = Listener(then=partial(sleep, 0.6))  # more than half of it
    subscribe("sung", listener)
    for n in range(3):
        publish("sung", n=n)

    relay(budget=timedelta(milliseconds=100))
    assert listener.told == [0]
    waiting = OutboxMessage.objects.due().order_by("pk")
    assert list(waiting.values_list("payload", "attempts")) == [({"n": 1}, 0), ({"n": 2}, 0)]
