"""Every check of the audit finds what it is there for, and nothing else."""

# ruff: noqa: S608 -- the statements are put together from our own words

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pytest
from django.db import transaction
from pytest_django import DjangoDbBlocker

from evently import audit

from .world import World, build, rules_off

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Damage:
    """Statements that break one promise; `walls` are constraints that would refuse them, `also` what else must notice."""

    check: str
    statements: tuple[str, ...]
    walls: tuple[tuple[str, str], ...] = ()
    also: tuple[str, ...] = ()


def damage(check: str, *statements: str, walls: dict[str, str] | None = None, also: tuple[str, ...] = ()) -> Damage:
    return Damage(check, statements, tuple((walls or {}).items()), also)


FREE_SEAT = "(SELECT id FROM events_seat WHERE event_id = %(event)s AND status = 'available' ORDER BY rank DESC LIMIT 1)"
REFUND_OF = "payment_id IN (SELECT id FROM payments_payment WHERE booking_id = %({})s)"
ENTRIES = (
    "transaction_id IN (SELECT t.id FROM payments_ledgertransaction t JOIN payments_payment p ON p.id = t.payment_id "
    "WHERE t.kind = '{}' AND p.booking_id = %({})s)"
)
LINE = "(SELECT min(id::text)::uuid FROM bookings_bookingseat WHERE booking_id = %({})s)"

DAMAGES = [
    damage(
        "events.seat_state",
        f"UPDATE events_seat SET held_until = now() WHERE id = {FREE_SEAT}",
        walls={"events_seat": "events_seat_state_whole"},
    ),
    damage(
        "events.seat_state",
        f"UPDATE events_seat SET status = 'lost' WHERE id = {FREE_SEAT}",
        walls={"events_seat": "events_seat_state_whole"},
    ),
    damage(
        "events.seat_position",
        "UPDATE events_seat SET position = 109 WHERE event_id = %(event)s AND position = 108",
        "UPDATE events_seat SET position = 109 WHERE event_id = %(event)s AND position = 107",
        "INSERT INTO events_seat SELECT (jsonb_populate_record(s, jsonb_build_object('id', gen_random_uuid()))).* "
        "FROM events_seat s WHERE event_id = %(event)s AND position = 106",
        walls={"events_seat": "events_seat_one_per_place"},
    ),
    damage("events.category", f"UPDATE events_seat SET category_id = %(free_category)s WHERE id = {FREE_SEAT}"),
    damage("events.category", "UPDATE events_tickettype SET event_id = %(free_event)s WHERE id = %(child)s"),
    damage("events.price", "UPDATE events_tickettype SET price_minor = price_minor + 1 WHERE id = %(dear)s"),
    damage("events.price", "UPDATE events_tickettype SET base_price_minor = 1 WHERE id = %(child)s"),
    damage("events.price", "DELETE FROM events_pricechange WHERE ticket_type_id = %(dear)s"),
    damage("events.price_bounds", "UPDATE events_pricingrule SET ceiling_minor = 1, floor_minor = 0"),
    damage("events.price_bounds", "UPDATE events_pricingrule SET floor_minor = 1000000"),
    damage(
        "events.summary",
        "INSERT INTO events_eventsummary (event_id, free, capacity) VALUES (%(event)s, 1, 1000) "
        "ON CONFLICT (event_id) DO UPDATE SET capacity = 1000",
    ),
    damage(
        "bookings.seat_sold_once",
        "UPDATE bookings_bookingseat SET seat_id = (SELECT min(seat_id::text)::uuid FROM bookings_bookingseat "
        "WHERE booking_id = %(paid)s) WHERE booking_id = %(held)s",
        walls={"bookings_bookingseat": "bookings_bookingseat_sold_once"},
        also=("bookings.seat_and_holder",),
    ),
    damage("bookings.seat_and_holder", f"UPDATE bookings_bookingseat SET seat_id = {FREE_SEAT} WHERE id = {LINE.format('held')}"),
    damage("bookings.seat_and_holder", f"UPDATE bookings_bookingseat SET released_at = now() WHERE id = {LINE.format('held')}"),
    damage("bookings.sold_is_confirmed", "UPDATE events_seat SET status = 'sold', held_until = NULL WHERE holder = %(held)s"),
    damage("bookings.sold_is_confirmed", "UPDATE events_seat SET status = 'held', held_until = now() WHERE holder = %(paid)s"),
    damage(
        "bookings.seats",
        f"UPDATE bookings_ticket SET status = 'void' WHERE booking_seat_id = {LINE.format('paid')}",
        "UPDATE events_seat SET status = 'available', holder = NULL WHERE id IN (SELECT seat_id FROM bookings_bookingseat "
        f"WHERE id = {LINE.format('paid')})",
        f"UPDATE bookings_bookingseat SET released_at = now() WHERE id = {LINE.format('paid')}",
    ),
    damage(
        "bookings.seats",
        "UPDATE events_seat SET status = 'available', holder = NULL, held_until = NULL WHERE holder = %(held)s",
        "UPDATE bookings_bookingseat SET released_at = now() WHERE booking_id = %(held)s",
    ),
    damage(
        "bookings.ended",
        "UPDATE bookings_bookingseat SET released_at = NULL WHERE booking_id = %(expired)s",
        "UPDATE events_seat s SET status = 'held', holder = b.id, held_until = b.expires_at FROM bookings_bookingseat l "
        "JOIN bookings_booking b ON b.id = l.booking_id WHERE l.booking_id = %(expired)s AND s.id = l.seat_id",
    ),
    damage("bookings.deadline", "UPDATE events_seat SET held_until = held_until + interval '1 minute' WHERE holder = %(held)s"),
    damage(
        "bookings.deadline", "UPDATE bookings_booking SET expires_at = created_at + interval '2 hours' WHERE id = %(cancelled)s"
    ),
    damage("bookings.total", "UPDATE bookings_booking SET total_minor = total_minor + 1 WHERE id = %(held)s"),
    damage("bookings.total", f"UPDATE bookings_bookingseat SET price_minor = 1 WHERE id = {LINE.format('expired')}"),
    damage("bookings.total", f"DELETE FROM bookings_bookingseat WHERE id = {LINE.format('cancelled')}"),
    damage("bookings.total", f"UPDATE bookings_bookingseat SET discount_minor = 1 WHERE id = {LINE.format('cheap')}"),
    damage("bookings.code", "UPDATE bookings_booking SET promo_code_id = NULL WHERE id = %(cheap)s"),
    damage("bookings.code", "UPDATE events_promocode SET event_id = %(free_event)s"),
    damage("bookings.code_uses", 'UPDATE events_promocode SET "limit" = 0'),
    damage(
        "bookings.code_uses",
        "UPDATE bookings_booking SET promo_code_id = (SELECT id FROM events_promocode), "
        "email = (SELECT email FROM bookings_booking WHERE id = %(cheap)s) WHERE id = %(paying)s",
    ),
    damage(
        "bookings.total",
        "UPDATE bookings_booking SET services_minor = 0, service_quantity = 0 WHERE id = %(cheap)s",
        also=("bookings.services",),
    ),
    damage("bookings.services", "UPDATE bookings_booking SET service_quantity = 9 WHERE id = %(cheap)s"),
    damage("bookings.services", "UPDATE bookings_bookingservice SET price_minor = 1"),
    damage("bookings.services", "UPDATE bookings_bookingservice SET event_id = %(free_event)s"),
    damage("bookings.service_stock", "UPDATE events_eventservice SET stock = 1"),
    damage("bookings.one_event", "UPDATE bookings_bookingseat SET event_id = %(free_event)s WHERE booking_id = %(held)s"),
    damage("bookings.one_event", "UPDATE bookings_bookingseat SET ticket_type_id = %(free_type)s WHERE booking_id = %(held)s"),
    damage("bookings.one_event", "UPDATE bookings_ticket SET event_id = %(free_event)s WHERE booking_id = %(paid)s"),
    damage("bookings.one_event", "UPDATE bookings_bookinghistory SET event_id = %(free_event)s WHERE booking_id = %(paid)s"),
    damage("bookings.history", "DELETE FROM bookings_bookinghistory WHERE booking_id = %(paid)s AND action = 'contact'"),
    damage("bookings.history", "UPDATE bookings_bookinghistory SET version = 2 WHERE booking_id = %(paid)s AND action = 'held'"),
    damage("bookings.history", "UPDATE bookings_booking SET version = version + 1 WHERE id = %(held)s"),
    damage(
        "bookings.transitions",
        "UPDATE bookings_bookinghistory SET action = 'cancelled' WHERE booking_id = %(paid)s AND action = 'contact'",
    ),
    damage("bookings.transitions", "UPDATE bookings_booking SET status = 'cancelled' WHERE id = %(expired)s"),
    damage(
        "bookings.transitions",
        "UPDATE bookings_bookinghistory SET action = 'changed' WHERE booking_id = %(free)s AND version = 1",
    ),
    damage(
        "bookings.messages",
        "DELETE FROM outbox_outboxmessage WHERE payload ->> 'booking' = %(held)s::text AND topic = 'booking.held'",
    ),
    damage(
        "bookings.messages",
        "UPDATE outbox_outboxmessage SET payload = payload || '{\"version\": 99}' WHERE payload ->> 'booking' = %(held)s::text "
        "AND topic = 'booking.held'",
    ),
    damage(
        "bookings.messages",
        "INSERT INTO outbox_outboxmessage (id, topic, payload, sent_at) SELECT gen_random_uuid(), topic, payload, now() "
        "FROM outbox_outboxmessage WHERE payload ->> 'booking' = %(held)s::text AND topic = 'booking.held'",
    ),
    damage("bookings.tickets", "UPDATE bookings_ticket SET status = 'void' WHERE booking_id = %(paid)s"),
    damage("bookings.tickets", "UPDATE bookings_ticket SET status = 'valid' WHERE booking_id = %(called_off)s"),
    damage(
        "bookings.tickets",
        "UPDATE bookings_ticket SET booking_id = %(free)s, event_id = %(free_event)s WHERE booking_id = %(paid)s",
    ),
    damage(
        "bookings.tickets",
        f"INSERT INTO bookings_ticket (id, event_id, booking_id, booking_seat_id, status, generation) "
        f"VALUES (gen_random_uuid(), %(event)s, %(paid)s, {LINE.format('paid')}, 'valid', 1)",
        walls={"bookings_ticket": "bookings_ticket_one_valid_per_seat"},
    ),
    damage(
        "bookings.swept",
        "UPDATE events_seat SET held_until = held_until - interval '30 minutes' WHERE holder = %(held)s",
        "UPDATE bookings_booking SET expires_at = expires_at - interval '30 minutes' WHERE id = %(held)s",
    ),
    damage("bookings.type_limit", 'UPDATE events_tickettype SET "limit" = 3 WHERE id = %(adult)s'),
    damage(
        "bookings.cancelled_event",
        "UPDATE events_event SET status = 'cancelled', updated_at = now() - interval '1 hour' WHERE id = %(free_event)s",
    ),
    damage("bookings.idempotency", "UPDATE rest_idempotencykey SET object_id = gen_random_uuid() WHERE object_id = %(held)s"),
    damage(
        "outbox.delayed",
        "UPDATE outbox_outboxmessage SET sent_at = NULL, due_at = now() - interval '1 hour' "
        "WHERE payload ->> 'booking' = %(held)s::text",
    ),
    damage(
        "outbox.dead",
        "UPDATE outbox_outboxmessage SET sent_at = NULL, dead_at = now() WHERE payload ->> 'booking' = %(held)s::text",
    ),
    damage(
        "outbox.state",
        "UPDATE outbox_outboxmessage SET dead_at = now() WHERE payload ->> 'booking' = %(held)s::text",
        also=("outbox.dead",),
    ),
    damage(
        "payments.outcome",
        "UPDATE payments_payment SET outcome = 'confirmed' WHERE booking_id = %(late)s",
        also=("payments.ledger_refunds", "payments.sales"),
    ),
    damage("payments.outcome", f"DELETE FROM payments_refund WHERE {REFUND_OF.format('late')}", also=("payments.equation",)),
    damage(
        "payments.outcome",
        f"UPDATE payments_refund SET amount_minor = 1 WHERE {REFUND_OF.format('called_off')}",
        also=("payments.equation", "payments.ledger_refunds", "payments.sales"),
    ),
    damage(
        "payments.ledger_refunds",
        "INSERT INTO payments_refund (id, event_id, payment_id, key, amount_minor, currency, reason, status) "
        "SELECT gen_random_uuid(), event_id, id, 'x', 1, currency, 'paid_twice', 'requested' FROM payments_payment "
        "WHERE booking_id = %(paid)s",
        also=("payments.equation", "payments.sales"),
    ),
    damage(
        "payments.payment_status",
        f"UPDATE payments_refund SET status = 'succeeded' WHERE {REFUND_OF.format('called_off')}",
        also=("payments.ledger_refunds",),
    ),
    damage("payments.payment_status", "UPDATE bookings_booking SET payment_status = 'paid' WHERE id = %(partly)s"),
    damage("payments.payment_status", "UPDATE bookings_booking SET payment_status = 'refunded' WHERE id = %(paid)s"),
    damage(
        "payments.refunds_delayed",
        f"UPDATE payments_refund SET created_at = created_at - interval '2 days' WHERE {REFUND_OF.format('late')}",
    ),
    damage("payments.refunds_failed", f"UPDATE payments_refund SET status = 'failed' WHERE {REFUND_OF.format('late')}"),
    damage(
        "payments.ledger_refunds",
        f"UPDATE payments_refund SET status = 'requested' WHERE {REFUND_OF.format('partly')}",
        also=("payments.payment_status",),
    ),
    damage(
        "payments.ledger_refunds",
        f"DELETE FROM payments_ledgerentry WHERE {ENTRIES.format('refund_paid', 'partly')}",
        "DELETE FROM payments_ledgertransaction t USING payments_payment p WHERE p.id = t.payment_id "
        "AND t.kind = 'refund_paid' AND p.booking_id = %(partly)s",
    ),
    damage(
        "payments.ledger_balance",
        f"UPDATE payments_ledgerentry SET amount_minor = amount_minor + 1 WHERE account = 'gateway_fees' AND "
        f"{ENTRIES.format('gateway_fee', 'partly')}",
    ),
    damage("payments.ledger_balance", f"DELETE FROM payments_ledgerentry WHERE {ENTRIES.format('gateway_fee', 'partly')}"),
    damage(
        "payments.ledger_balance",
        "UPDATE payments_ledgerentry SET currency = 'USD' WHERE account = 'clearing' AND "
        f"{ENTRIES.format('gateway_fee', 'partly')}",
    ),
    damage(
        "payments.ledger_captures",
        f"UPDATE payments_ledgerentry SET amount_minor = amount_minor * 2 WHERE {ENTRIES.format('capture', 'paid')}",
        also=("payments.equation", "payments.ledger_shares"),
    ),
    damage(
        "payments.ledger_captures",
        "UPDATE payments_ledgertransaction t SET payment_id = other.id FROM payments_payment p, payments_payment other "
        "WHERE p.id = t.payment_id AND p.booking_id = %(paid)s AND other.booking_id = %(paying)s AND t.kind = 'capture'",
    ),
    damage(
        "payments.equation",
        "UPDATE payments_ledgerentry SET account = 'by_hand' WHERE account = 'organizer' AND "
        f"{ENTRIES.format('capture', 'paid')}",
    ),
    damage("payments.sales", f"DELETE FROM payments_sale WHERE {REFUND_OF.format('paid')}"),
    damage("payments.sales", f"UPDATE payments_taxline SET tax_rate = 20 WHERE {REFUND_OF.format('paid')}"),
    damage(
        "payments.sales",
        f"UPDATE payments_taxline SET gross_minor = gross_minor + 1 WHERE refund_id IS NULL AND {REFUND_OF.format('paid')}",
    ),
    damage(
        "payments.sales",
        f"DELETE FROM payments_taxline WHERE refund_id IS NOT NULL AND {REFUND_OF.format('partly')}",
        also=("payments.ledger_shares", "payments.invoiced"),
    ),
    damage(
        "payments.sales",
        f"UPDATE payments_taxline SET tax_minor = tax_minor - 1 WHERE refund_id IS NULL AND {REFUND_OF.format('paid')}",
        also=("payments.ledger_shares",),
    ),
    damage("payments.ledger_shares", f"UPDATE payments_sale SET fee_minor = fee_minor + 1 WHERE {REFUND_OF.format('paid')}"),
    damage(
        "payments.ledger_shares",
        "UPDATE payments_ledgerentry SET account = CASE account WHEN 'tax' THEN 'platform_fees' ELSE 'tax' END "
        f"WHERE account IN ('tax', 'platform_fees') AND {ENTRIES.format('capture', 'paid')}",
    ),
    damage(
        "payments.ledger_shares",
        "UPDATE payments_ledgerentry SET account = CASE account WHEN 'organizer' THEN 'platform_fees' ELSE 'organizer' END "
        f"WHERE account IN ('organizer', 'platform_fees') AND {ENTRIES.format('refund_due', 'called_off')}",
    ),
    damage(
        "payments.payouts",
        "DELETE FROM payments_ledgerentry WHERE account IN ('settled', 'bank')",
        "DELETE FROM payments_ledgertransaction WHERE kind = 'payout'",
    ),
    damage(
        "payments.payouts", "UPDATE payments_ledgerentry SET amount_minor = amount_minor * 2 WHERE account IN ('settled', 'bank')"
    ),
    damage(
        "payments.payouts",
        *(
            f"UPDATE payments_ledgerentry SET created_at = created_at + interval '1 h' WHERE {ENTRIES.format('capture', booking)}"
            for booking in ("paid", "partly", "called_off")
        ),
    ),
    damage(
        "payments.invoice_numbers", "UPDATE payments_invoice SET number = 9, label = replace(label, '4', '9') WHERE number = 4"
    ),
    damage(
        "payments.invoice_numbers",
        "UPDATE payments_invoice SET number = 1, label = replace(label, '00002', '00001') WHERE number = 2",
        walls={"payments_invoice": "payments_invoice_number_once", "payments_invoice ": "payments_invoice_label_once"},
    ),
    damage("payments.invoice_numbers", "UPDATE payments_invoicecounter SET last = last + 1"),
    damage("payments.invoice_numbers", "UPDATE payments_invoice SET label = 'X-1' WHERE number = 3"),
    damage(
        "payments.invoice_numbers",
        "DELETE FROM payments_invoice WHERE kind = 'credit_note' AND number = (SELECT max(number) FROM payments_invoice)",
        also=("payments.invoiced",),
    ),
    damage("payments.invoice_totals", "UPDATE payments_invoice SET total_minor = total_minor + 1 WHERE number = 1"),
    damage("payments.invoice_totals", "UPDATE payments_invoice SET lines = lines || lines WHERE number = 1"),
    damage(
        "payments.invoice_totals",
        "UPDATE payments_invoice SET lines = jsonb_set(lines, '{0,tax_rate}', '\"7\"') WHERE number = 1",
    ),
    damage("payments.invoice_totals", "UPDATE payments_invoice SET pdf = 'forged' WHERE number = 1"),
    damage(
        "payments.invoice_totals",
        "UPDATE payments_invoice SET taxes = jsonb_set(taxes, '{0,tax_minor}', '1') WHERE number = 1",
        also=("payments.invoiced",),
    ),
    damage(
        "payments.invoiced",
        "UPDATE payments_invoice SET kind = 'invoice' WHERE kind = 'credit_note'",
        walls={"payments_invoice": "payments_invoice_kind_known", "payments_invoice ": "payments_invoice_one_per_payment"},
    ),
    damage(
        "payments.offline",
        "INSERT INTO payments_offlinecharge (id, payment_id, gateway, account, purpose, amount_minor, currency, due_at, status, "
        "received_minor, received_at, recorded_by, note) SELECT gen_random_uuid(), id, 'bank_transfer', '', 'x', amount_minor, "
        "currency, now(), 'received', captured_minor + 1, now() - interval '1 hour', 'x', 'x' FROM payments_payment "
        "WHERE booking_id = %(paid)s",
    ),
    damage(
        "payments.card_testing",
        "UPDATE payments_payment SET declines = 12, declined_at = statement_timestamp() WHERE booking_id = %(paid)s",
    ),
    damage("payments.ledger_disputes", f"UPDATE payments_dispute SET status = 'open' WHERE {REFUND_OF.format('partly')}"),
    damage(
        "payments.ledger_disputes",
        f"UPDATE payments_ledgerentry SET amount_minor = amount_minor * 2 WHERE {ENTRIES.format('dispute_closed', 'partly')}",
    ),
    damage(
        "payments.outcome",
        "UPDATE payments_payment SET outcome = '' WHERE booking_id = %(late)s",
        walls={"payments_payment": "payments_payment_captured_has_outcome"},
    ),
    damage(
        "payments.refunds",
        f"UPDATE payments_refund SET currency = 'USD' WHERE {REFUND_OF.format('late')}",
        also=("payments.equation",),
    ),
    damage(
        "payments.refunds",
        f"UPDATE payments_refund SET amount_minor = amount_minor + 1 WHERE {REFUND_OF.format('late')}",
        also=("payments.outcome", "payments.equation"),
    ),
    damage("payments.paid", "DELETE FROM payments_payment WHERE booking_id = %(paid)s", also=("payments.equation",)),
    damage(
        "payments.paid",
        "UPDATE payments_payment SET amount_minor = amount_minor - 1 WHERE booking_id = %(paid)s",
        walls={"payments_payment": "payments_payment_confirms_by_exact_amount"},
    ),
    damage(
        "payments.paid",
        "UPDATE payments_payment SET currency = 'USD' WHERE booking_id = %(paid)s",
        walls={"payments_payment": "payments_payment_confirms_by_exact_amount"},
    ),
    damage(
        "payments.paid",
        "INSERT INTO payments_payment (id, event_id, booking_id, gateway, gateway_id, amount_minor, currency, status, outcome, "
        "captured_minor, captured_currency, idempotency_key) SELECT gen_random_uuid(), event_id, booking_id, gateway, 'again', "
        "amount_minor, currency, status, outcome, captured_minor, captured_currency, 'again' FROM payments_payment "
        "WHERE booking_id = %(paid)s",
        walls={"payments_payment": "payments_payment_one_confirms"},
        also=("payments.equation", "payments.ledger_captures", "payments.sales"),
    ),
    damage("notifications.confirmation", "DELETE FROM notifications_delivery WHERE object_id = %(paid)s"),
    damage(
        "notifications.confirmation",
        "INSERT INTO notifications_delivery (id, key, kind, channel, recipient, object_id, status, attempts, due_at, error) "
        "SELECT gen_random_uuid(), 'again', kind, channel, recipient, object_id, 'sent', 1, now(), '' "
        "FROM notifications_delivery WHERE object_id = %(paid)s",
    ),
    damage("notifications.delayed", "UPDATE notifications_delivery SET status = 'queued' WHERE object_id = %(paid)s"),
    damage("notifications.failed", "UPDATE notifications_delivery SET status = 'failed' WHERE object_id = %(paid)s"),
    damage("payments.free_ride", "UPDATE bookings_booking SET payment_status = 'unpaid' WHERE id = %(paid)s"),
    damage("payments.paying", "UPDATE payments_payment SET status = 'declined' WHERE booking_id = %(paying)s"),
    damage("payments.event", "UPDATE payments_payment SET event_id = %(free_event)s WHERE booking_id = %(paying)s"),
    damage("payments.event", f"UPDATE payments_refund SET event_id = %(free_event)s WHERE {REFUND_OF.format('late')}"),
    damage(
        "payments.webhooks",
        "INSERT INTO payments_webhookevent (id, created_at, gateway, gateway_event_id, kind, body, error) "
        "VALUES (gen_random_uuid(), now() - interval '1 hour', 'sandbox', '1', 'paid', '{}', 'time-out')",
    ),
]


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """One platform for all damages: around each the test database is in a savepoint of its own."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield build()
        transaction.set_rollback(True)


def names(world: World) -> dict[str, Any]:
    """What the statements call things by."""
    return asdict(world) | {
        "event": world.hall.event.pk,
        "adult": world.hall.adult.pk,
        "child": world.hall.child.pk,
        "dear": world.dear_hall.adult.pk,
        "free_event": world.free_hall.event.pk,
        "free_type": world.free_hall.adult.pk,
        "free_category": world.free_hall.adult.category_id,
    }


def test_a_busy_platform_has_no_complaint(world: World) -> None:
    assert audit.complaints() == {}


@pytest.mark.parametrize("harm", [pytest.param(harm, id=f"{harm.check}-{number}") for number, harm in enumerate(DAMAGES)])
def test_each_check_finds_its_damage_and_no_other_complains(world: World, harm: Damage) -> None:
    with rules_off() as cursor:
        for table, wall in harm.walls:
            drop(cursor, table, wall)
        for statement in harm.statements:
            cursor.execute(statement, names(world))
            assert cursor.rowcount > 0, statement
    assert set(audit.complaints()) == {harm.check, *harm.also}


def drop(cursor: Any, table: str, wall: str) -> None:
    """Take a constraint or unique index down until the test's transaction is rolled back."""
    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {wall}")
    cursor.execute(f"DROP INDEX IF EXISTS {wall}")


def test_no_check_is_without_a_damage_that_it_finds() -> None:
    assert {check.name for check in audit.checks()} == {harm.check for harm in DAMAGES}


def test_a_name_is_given_to_one_check_only() -> None:
    check = audit.checks()[0]
    with pytest.raises(ValueError, match=check.name):
        audit.register(check.name, check.promise, check.sql, remedy=check.remedy)
