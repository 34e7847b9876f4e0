"""What tests of payments stand on."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from evently.audit import complaints
from events.tests.factories import Hall, make_hall
from payments.fake_stripe import FakeStripe
from payments.fake_stripe.server import KEY, SECRET

from .factories import ANN


@pytest.fixture(autouse=True)
def _audited(transactional_db: None) -> Iterator[None]:
    """A gateway refuses to be called inside a transaction, which other tests run in. Every test ends with an audit."""
    yield
    assert complaints("bookings", "payments", "outbox") == {}


@pytest.fixture
def hall() -> Hall:
    return make_hall()


@pytest.fixture
def company(settings: Any) -> Iterator[FakeStripe]:
    """Stripe, as far as the platform can tell, and the only way to pay."""
    with FakeStripe(pause=0.05) as company:
        settings.EVENTLY_GATEWAYS = ["stripe"]
        settings.EVENTLY_STRIPE_API = settings.EVENTLY_STRIPE_PAGES = company.url
        settings.EVENTLY_STRIPE_KEY, settings.EVENTLY_STRIPE_WEBHOOK_SECRETS = KEY, [SECRET]
        cache.clear()  # what is known of a gateway that does not answer
        yield company


@pytest.fixture
def ann() -> Client:
    """Ann's browser."""
    browser = Client()
    session = browser.session
    session["buyer"] = ANN.session
    session.save()
    return browser
