"""`manage.py audit`: what an operator and a program are told."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import InternalError, connection

from evently import audit
from events.models import Event

from .world import build, rules_off

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_audit_reads_one_moment_and_writes_nothing() -> None:
    with pytest.raises(InternalError, match="read-only"), audit.snapshot():
        Event.objects.update(version=2)
    with audit.snapshot(), connection.cursor() as cursor:
        cursor.execute("SHOW transaction_isolation")
        assert cursor.fetchone() == ("repeatable read",)


def test_the_command_is_content_with_a_busy_platform() -> None:
    build()
    out = StringIO()
    call_command("audit", stdout=out)
    assert out.getvalue().splitlines()[-1] == f"{len(audit.checks())} promises checked: 0 broken, 0 to look after."


def test_the_command_names_what_is_broken_and_what_to_do() -> None:
    world = build()
    with rules_off() as cursor:
        cursor.execute("UPDATE bookings_booking SET total_minor = 1 WHERE id = %s RETURNING reference", [world.held])
        (reference,) = cursor.fetchone()
        cursor.execute('UPDATE events_tickettype SET "limit" = 3 WHERE id = %s', [world.hall.adult.pk])
    out = StringIO()
    with pytest.raises(CommandError, match=r"^Broken: bookings\.total\.$") as refusal:
        call_command("audit", stdout=out, no_color=True)
    assert refusal.value.returncode == 1
    text = out.getvalue()
    assert f"{reference} costs 1 for 2, its 2 seats 16800 and its services 0  ({world.held})" in text
    assert "What to do: The prices of the booked seats, less their discounts, are what the buyer agreed to." in text
    assert text.splitlines()[-1] == f"{len(audit.checks())} promises checked: 1 broken, 1 to look after."


def test_machines_get_one_document() -> None:
    world = build()
    with rules_off() as cursor:
        cursor.execute("UPDATE bookings_booking SET total_minor = 1 WHERE id = %s", [world.held])
    out, err = StringIO(), StringIO()
    with pytest.raises(CommandError):
        call_command("audit", "--json", stdout=out, stderr=err)
    document = json.loads(out.getvalue())
    broken = [row for row in document["checks"] if row["count"]]
    assert document["ok"] is False
    assert len(document["checks"]) == len(audit.checks()) == len(err.getvalue().splitlines())
    assert [(row["check"], row["level"], row["count"], row["first"][0]["id"]) for row in broken] == [
        ("bookings.total", "error", 1, str(world.held))
    ]
