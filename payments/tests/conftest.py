"""What tests of payments stand on."""

from collections.abc import Iterator

import pytest

from evently.audit import complaints
from events.tests.factories import Hall, make_hall


@pytest.fixture(autouse=True)
def _audited(transactional_db: None) -> Iterator[None]:
    """A gateway refuses to be called inside a transaction, which other tests run in. Every test ends with an audit."""
    yield
    assert complaints("bookings", "payments", "outbox") == {}


@pytest.fixture
def hall() -> Hall:
    return make_hall()
