"""How long the audit takes on a database full of sold bookings.

    ./dev bench audit [--bookings 100000]

Fills a database of its own, `evently_bench`, with paid bookings of two seats as the services leave them; runs `manage.py audit`.
"""

# ruff: noqa: PLC0415, S608 -- the application is imported after its environment was made; statements of our own

import argparse
import os
import sys
import time

from benchmarks._database import make_database, tell

PER_EVENT, PRICE = 5_000, 4200

# A booking is number n, its seats n.1 and n.2; ids are made of the numbers, so that every row knows those it belongs to.
ID = "md5('{}' || {})::uuid"
BOOKING, EVENT = ID.format("booking", "n"), ID.format("event", f"n / {PER_EVENT}")
SEAT, LINE = (ID.format(kind, "n || '.' || k") for kind in ("seat", "line"))
CATEGORY, TYPE = (ID.format(kind, f"n / {PER_EVENT}") for kind in ("category", "type"))
BOOKINGS = "generate_series(0, %(bookings)s - 1) AS n"
EVENTS = f"generate_series(0, %(bookings)s - 1, {PER_EVENT}) AS n"
SEATS = f"{BOOKINGS}, generate_series(1, 2) AS k"
STEPS = f"{BOOKINGS}, (VALUES (1, 'held'), (2, 'contact'), (3, 'paying'), (4, 'confirmed')) AS step (version, action)"
THEN = "now() - interval '2 hours'"

FILL = [
    f"""INSERT INTO events_event SELECT (jsonb_populate_record(e, jsonb_build_object('id', {EVENT}, 'slug', 'event-' || n))).*
        FROM {EVENTS}, events_event e WHERE e.slug = 'pattern'""",
    f"""INSERT INTO events_category (id, event_id, name, plan_category, numbered, position)
        SELECT {CATEGORY}, {EVENT}, 'Stalls', '', TRUE, 0 FROM {EVENTS}""",
    f"""INSERT INTO events_tickettype (id, event_id, category_id, name, description, price_minor, is_default, min_per_booking,
            position)
        SELECT {TYPE}, {EVENT}, {CATEGORY}, 'Adult', '', {PRICE}, TRUE, 1, 0 FROM {EVENTS}""",
    f"""INSERT INTO events_seat (id, event_id, category_id, section, "row", number, place, position, rank, status, holder)
        SELECT {SEAT}, {EVENT}, {CATEGORY}, 'A', n::text, k::text, '', n * 3 + k, n * 2 + k, 'sold', {BOOKING} FROM {SEATS}""",
    f"""INSERT INTO bookings_booking (id, event_id, created_at, session, email, secret, status, payment_status, expires_at,
            quantity, total_minor, currency, version)
        SELECT {BOOKING}, {EVENT}, {THEN}, 'n' || n, n || '@example.org', '', 'confirmed', 'paid', {THEN} + interval '10 minutes',
            2, {2 * PRICE}, 'EUR', 4 FROM {BOOKINGS}""",
    f"""INSERT INTO bookings_bookingseat (id, event_id, booking_id, seat_id, ticket_type_id, price_minor)
        SELECT {LINE}, {EVENT}, {BOOKING}, {SEAT}, {TYPE}, {PRICE} FROM {SEATS}""",
    f"""INSERT INTO bookings_ticket (id, event_id, booking_id, booking_seat_id, status, generation)
        SELECT gen_random_uuid(), {EVENT}, {BOOKING}, {LINE}, 'valid', 1 FROM {SEATS}""",
    f"""INSERT INTO bookings_bookinghistory (id, event_id, booking_id, created_at, version, action, actor, details)
        SELECT gen_random_uuid(), {EVENT}, {BOOKING}, {THEN}, version, action, 'bench', '{{}}' FROM {STEPS}""",
    f"""INSERT INTO outbox_outboxmessage (id, topic, payload, sent_at)
        SELECT gen_random_uuid(), 'booking.' || action,
            jsonb_build_object('booking', {BOOKING}, 'event', {EVENT}, 'version', version), {THEN} FROM {STEPS}""",
    f"""INSERT INTO payments_payment (id, event_id, booking_id, gateway, gateway_id, amount_minor, currency, captured_minor,
            captured_currency, status, outcome, idempotency_key)
        SELECT gen_random_uuid(), {EVENT}, {BOOKING}, 'sandbox', n::text, {2 * PRICE}, 'EUR', {2 * PRICE}, 'EUR', 'captured',
            'confirmed', n::text FROM {BOOKINGS}""",
    f"""INSERT INTO notifications_delivery (id, key, kind, channel, recipient, object_id, status, attempts, due_at, error)
        SELECT gen_random_uuid(), n::text, 'booking_confirmed', 'email', n || '@example.org', {BOOKING}, 'sent', 1, now(), ''
        FROM {BOOKINGS}""",
    f"""INSERT INTO rest_idempotencykey (id, owner, key, fingerprint, object_id)
        SELECT gen_random_uuid(), 'session:' || n, 'key', 'wish', {BOOKING} FROM {BOOKINGS}""",
]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--bookings", type=int, default=100_000)
    bookings = parser.parse_args().bookings
    os.environ |= {"DATABASE_URL": make_database(os.environ["DATABASE_URL"]), "DJANGO_SETTINGS_MODULE": "evently.settings"}
    import django

    django.setup()
    from django.core.management import CommandError, call_command
    from django.db import connection

    from events.tests.factories import make_event

    call_command("migrate", verbosity=0)
    make_event(slug="pattern")
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # the rows are right: foreign keys need not look
        cursor.execute("SET statement_timeout = 0")
        for number, statement in enumerate(FILL, start=1):
            tell(f"Filling {number}/{len(FILL)}: {statement.split()[2]}")
            cursor.execute(statement, {"bookings": bookings})
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("VACUUM ANALYZE")
    began = time.monotonic()
    try:
        call_command("audit")
    except CommandError as error:
        print(error)
        return 1
    finally:
        print(f"{bookings} bookings audited in {time.monotonic() - began:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
