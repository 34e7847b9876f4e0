"""What every test stands on."""

import pytest
from django.core.cache import cache
from django.db import connection
from pytest_django import DjangoDbBlocker

from evently.devservices import TIME_LIMITS

pytest_plugins = ["evently.tests.browsing"]  # the fixtures of journeys


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Give the test database the time limits of production, after its migrations."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for name, value in TIME_LIMITS.items():
            cursor.execute(f"ALTER ROLE CURRENT_USER IN DATABASE {connection.settings_dict['NAME']} SET {name} = '{value}'")
        connection.close()  # so that the first test has them, too


@pytest.fixture(autouse=True)
def empty_redis() -> None:
    """Start every test without cached values and counted requests."""
    cache.clear()
