"""Run the machine: small and always the same here; big, by `./dev model`, which says how to see a failure again."""

import os
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from bookings import picking
from bookings.models import Booking, BookingQuerySet
from bookings.services import codes, hold, returns, sell
from events.models import Seat
from payments import quotes

from .machine import BookingLife

EXAMPLES = int(os.environ.get("EVENTLY_MODEL_EXAMPLES", "200"))
SEED = int(os.environ.get("EVENTLY_MODEL_SEED", "1"))
PARTS = 4  # run beside each other

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def best_is_best(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure is found again only if the same steps do the same: the best places are not drawn from the best sixteen."""
    monkeypatch.setattr(picking, "CHOICE", 1)


def run(part: int, *, examples: int, **more: Any) -> None:
    class Part(BookingLife):
        pass

    quick = settings(
        max_examples=examples,
        stateful_step_count=50,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
        **more,
    )
    run_state_machine_as_test(seed(SEED * PARTS + part)(Part), settings=quick)


@pytest.mark.parametrize("part", range(PARTS))
def test_bookings_live_as_foretold(part: int) -> None:
    run(part, examples=-(-EXAMPLES // PARTS))


def swept_while_paying(*_: Any, **__: Any) -> Any:
    return Booking.objects.filter(status=Booking.Status.PAYING)


# Each guard taken away must be noticed: a machine that finds nothing would prove nothing.
@pytest.mark.parametrize(
    ("where", "name", "broken"),
    [
        (hold, "take_over", lambda seats: None),
        (hold, "refuse_missing", lambda wanted, locked: None),
        (BookingQuerySet, "lapsed", swept_while_paying),
        (sell, "take_over", lambda seats: None),
        (Seat, "is_free", lambda seat, at: True),
        (codes, "has_use", lambda booking: True),
        (returns, "let_go", lambda bookings, **more: None),
        (quotes, "left_of", lambda payment: 10**9),
    ],
    ids=[
        "lapsed lines are left",
        "fewer seats than wished",
        "payments are swept",
        "late money leaves lapsed lines",
        "late money takes what others have",
        "late money uses the code once more",
        "the last ticket cancels nothing",
        "more is told than is left",
    ],
)
def test_a_missing_guard_is_noticed(monkeypatch: pytest.MonkeyPatch, where: ModuleType | type, name: str, broken: Any) -> None:
    monkeypatch.setattr(where, name, broken)
    with pytest.raises(BaseException):  # noqa: B017, PT011 -- a foretelling, an invariant, or the database itself
        run(0, examples=60, phases=[Phase.generate])
