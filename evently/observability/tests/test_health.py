"""Alive and ready."""

from typing import Any

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.test.utils import CaptureQueriesContext


def test_livez_asks_nobody() -> None:
    response = Client().get("/livez")  # a test without the database: a query would fail

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_readyz_says_that_all_is_well() -> None:
    with CaptureQueriesContext(connection) as statements:
        response = Client().get("/readyz")

    assert response.status_code == 200
    assert response.json() == {"status": "ok", "checks": {"database": "ok", "migrations": "ok", "redis": "ok"}}
    assert "no-cache" in response["Cache-Control"]
    assert len(statements) <= 3


@pytest.mark.django_db
def test_readyz_waits_for_migrations() -> None:
    MigrationRecorder.Migration.objects.filter(app="bookings").latest("id").delete()

    response = Client().get("/readyz")

    assert response.status_code == 503
    assert response.json()["checks"] == {"database": "ok", "migrations": "pending", "redis": "ok"}


@pytest.mark.django_db
def test_readyz_misses_redis(settings: Any) -> None:
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:9/0"}}

    response = Client().get("/readyz")

    assert response.status_code == 503
    assert response.json()["checks"] == {"database": "ok", "migrations": "ok", "redis": "unreachable"}


@pytest.mark.django_db(transaction=True)
def test_readyz_misses_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.close()
    with monkeypatch.context() as elsewhere:
        elsewhere.setitem(connection.settings_dict, "PORT", "9")
        response = Client().get("/readyz")

    assert response.status_code == 503
    assert response.json()["checks"] == {"database": "unreachable", "migrations": "unknown", "redis": "ok"}
