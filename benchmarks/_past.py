"""Bookings of long ago in bulk: paid, for two seats each, as the services leave them."""

# ruff: noqa: PLC0415, S608 -- the application is imported after its environment was made; statements of our own

from benchmarks._database import fill

PER_EVENT, PRICE, STEP_COUNT = 5_000, 4200, 4


def row_id(kind: int, number: str) -> str:
    """The id of the n-th row of a kind: they sort as they were made, before those of today, as real ones do."""
    return f"('018{kind:05x}-0000-7000-8000-' || lpad(to_hex({number}), 12, '0'))::uuid"


# A booking is number n, its seats n.1 and n.2; ids are made of the numbers, so that every row knows those it belongs to.
OF_EVENT, NTH_SEAT, NTH_STEP = f"n / {PER_EVENT}", "n * 2 + k - 1", f"n * {STEP_COUNT} + version - 1"
EVENT, CATEGORY, TYPE = (row_id(kind, OF_EVENT) for kind in (1, 2, 3))
SEAT, LINE, TICKET = (row_id(kind, NTH_SEAT) for kind in (4, 5, 6))
HISTORY, MESSAGE = (row_id(kind, NTH_STEP) for kind in (7, 8))
BOOKING, PAYMENT, DELIVERY, KEY, FACT, DEBIT, CREDIT = (row_id(kind, "n") for kind in (9, 10, 11, 12, 13, 14, 15))
BOOKINGS = "generate_series(0, %(bookings)s - 1) AS n"
EVENTS = f"generate_series(0, %(bookings)s - 1, {PER_EVENT}) AS n"
SEATS = f"{BOOKINGS}, generate_series(1, 2) AS k"
STEPS = f"{BOOKINGS}, (VALUES (1, 'held'), (2, 'contact'), (3, 'paying'), (4, 'confirmed')) AS step (version, action)"
THEN = "now() - %(ago)s::interval"

FILL = [
    f"""INSERT INTO events_event SELECT (jsonb_populate_record(e, jsonb_build_object('id', {EVENT}, 'slug', 'past-' || n))).*
        FROM {EVENTS}, events_event e WHERE e.slug = 'past'""",
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
            2, {2 * PRICE}, 'EUR', {STEP_COUNT} FROM {BOOKINGS}""",
    f"""INSERT INTO bookings_bookingseat (id, event_id, booking_id, seat_id, ticket_type_id, price_minor)
        SELECT {LINE}, {EVENT}, {BOOKING}, {SEAT}, {TYPE}, {PRICE} FROM {SEATS}""",
    f"""INSERT INTO bookings_ticket (id, event_id, booking_id, booking_seat_id, status, generation)
        SELECT {TICKET}, {EVENT}, {BOOKING}, {LINE}, 'valid', 1 FROM {SEATS}""",
    f"""INSERT INTO bookings_bookinghistory (id, event_id, booking_id, created_at, version, action, actor, details)
        SELECT {HISTORY}, {EVENT}, {BOOKING}, {THEN}, version, action, 'bench', '{{}}' FROM {STEPS}""",
    f"""INSERT INTO outbox_outboxmessage (id, topic, payload, sent_at)
        SELECT {MESSAGE}, 'booking.' || action,
            jsonb_build_object('booking', {BOOKING}, 'event', {EVENT}, 'version', version), {THEN} FROM {STEPS}""",
    f"""INSERT INTO payments_payment (id, event_id, booking_id, gateway, gateway_id, amount_minor, currency, captured_minor,
            captured_currency, status, outcome, idempotency_key)
        SELECT {PAYMENT}, {EVENT}, {BOOKING}, 'sandbox', n::text, {2 * PRICE}, 'EUR', {2 * PRICE}, 'EUR', 'captured',
            'confirmed', n::text FROM {BOOKINGS}""",
    f"""INSERT INTO payments_ledgertransaction (id, event_id, organizer_id, payment_id, kind, reference)
        SELECT {FACT}, {EVENT}, (SELECT organizer_id FROM events_event WHERE id = {EVENT}), {PAYMENT}, 'capture', 'capture ' || n
        FROM {BOOKINGS}""",
    *(
        f"""INSERT INTO payments_ledgerentry (id, transaction_id, event_id, account, gateway, amount_minor, currency)
        SELECT {entry}, {FACT}, {EVENT}, '{account}', 'sandbox', {amount}, 'EUR' FROM {BOOKINGS}"""
        for entry, account, amount in ((DEBIT, "clearing", 2 * PRICE), (CREDIT, "organizer", -2 * PRICE))
    ),
    f"""INSERT INTO payments_sale (id, event_id, payment_id, lines, fee_percent, fee_fixed_minor, fee_minor)
        SELECT gen_random_uuid(), {EVENT}, {PAYMENT}, '[]', 0, 0, 0 FROM {BOOKINGS}""",
    f"""INSERT INTO payments_taxline (id, event_id, payment_id, tax_rate, gross_minor, tax_minor)
        SELECT gen_random_uuid(), {EVENT}, {PAYMENT}, 0, {2 * PRICE}, 0 FROM {BOOKINGS}""",
    f"""INSERT INTO notifications_delivery (id, key, kind, channel, recipient, object_id, status, attempts, due_at, error)
        SELECT {DELIVERY}, n::text, 'booking_confirmed', 'email', n || '@example.org', {BOOKING}, 'sent', 1, now(), ''
        FROM {BOOKINGS}""",
    f"""INSERT INTO rest_idempotencykey (id, owner, key, fingerprint, object_id)
        SELECT {KEY}, 'session:' || n, 'key', 'wish', {BOOKING} FROM {BOOKINGS}""",
]


def add_past(bookings: int, *, ago: str = "300 days") -> None:
    """Fill an empty database with that many bookings of events that are over, made so long ago."""
    from datetime import timedelta

    from django.utils import timezone

    from events.tests.factories import make_event

    over = timezone.now() - timedelta(days=200)
    make_event(
        slug="past",
        starts_at=over,
        ends_at=over + timedelta(hours=3),
        sale_starts_at=over - timedelta(days=100),
        sale_ends_at=over,
    )
    fill(FILL, {"bookings": bookings, "ago": ago})
