"""What the database promises of money: refunds within what was captured, a ledger that balances and is never rewritten.

What was captured before there was a ledger is booked here.
"""

from django.db import migrations

from evently.database import append_only, touch

REFUNDS = """
UPDATE payments_refund SET key = reason;

-- Counted under the payment's lock, by a statement of its own: together they would count what was before the wait.
CREATE FUNCTION payments_refuse_too_much() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    captured bigint;
    promised numeric;
BEGIN
    SELECT captured_minor INTO captured FROM payments_payment
        WHERE id = NEW.payment_id AND captured_currency = NEW.currency FOR NO KEY UPDATE;
    SELECT coalesce(sum(amount_minor), 0) INTO promised FROM payments_refund WHERE payment_id = NEW.payment_id AND id <> NEW.id;
    IF promised + NEW.amount_minor > coalesce(captured, 0) THEN
        RAISE EXCEPTION 'the refunds of payment % would be more than it captured', NEW.payment_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payments_refund_within_captured BEFORE INSERT OR UPDATE OF amount_minor, currency, payment_id ON payments_refund
    FOR EACH ROW EXECUTE FUNCTION payments_refuse_too_much();

CREATE FUNCTION payments_refuse_refund_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.status || ' ' || NEW.status) NOT IN (
        'requested sent', 'requested succeeded', 'requested failed', 'sent succeeded', 'sent failed',
        'succeeded failed', 'failed requested', 'failed succeeded'
    ) THEN
        RAISE EXCEPTION 'refund % cannot go from % to %', OLD.id, OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payments_refund_transition BEFORE UPDATE OF status ON payments_refund
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION payments_refuse_refund_transition();
"""
UNDO_REFUNDS = """
DROP TRIGGER payments_refund_transition ON payments_refund;
DROP FUNCTION payments_refuse_refund_transition();
DROP TRIGGER payments_refund_within_captured ON payments_refund;
DROP FUNCTION payments_refuse_too_much();
"""

LEDGER = """
CREATE FUNCTION payments_refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    fact uuid := CASE WHEN TG_TABLE_NAME = 'payments_ledgerentry' THEN (to_jsonb(NEW) ->> 'transaction_id')::uuid ELSE NEW.id END;
BEGIN
    IF NOT EXISTS (SELECT FROM payments_ledgerentry WHERE transaction_id = fact) OR EXISTS (
        SELECT FROM payments_ledgerentry WHERE transaction_id = fact GROUP BY currency HAVING sum(amount_minor) <> 0
    ) THEN
        RAISE EXCEPTION 'ledger transaction % does not balance', fact USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER payments_ledgerentry_balances AFTER INSERT ON payments_ledgerentry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_refuse_unbalanced();
CREATE CONSTRAINT TRIGGER payments_ledgertransaction_balances AFTER INSERT ON payments_ledgertransaction
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_refuse_unbalanced();
"""
UNDO_LEDGER = """
DROP TRIGGER payments_ledgertransaction_balances ON payments_ledgertransaction;
DROP TRIGGER payments_ledgerentry_balances ON payments_ledgerentry;
DROP FUNCTION payments_refuse_unbalanced();
"""

BOOK_THE_PAST = """
WITH fact AS (
    INSERT INTO payments_ledgertransaction (id, event_id, organizer_id, payment_id, kind, reference)
    SELECT gen_random_uuid(), p.event_id, e.organizer_id, p.id, 'capture', 'capture ' || p.id
    FROM payments_payment p JOIN events_event e ON e.id = p.event_id WHERE p.status = 'captured'
    RETURNING id, payment_id
)
INSERT INTO payments_ledgerentry (id, transaction_id, event_id, account, gateway, amount_minor, currency)
SELECT gen_random_uuid(), fact.id, p.event_id, line.account, p.gateway, line.amount, p.captured_currency
FROM fact JOIN payments_payment p ON p.id = fact.payment_id CROSS JOIN LATERAL (
    VALUES ('clearing', p.captured_minor),
        (CASE WHEN p.outcome = 'confirmed' THEN 'organizer' ELSE 'buyers' END, -p.captured_minor)
) AS line (account, amount);

WITH fact AS (
    INSERT INTO payments_ledgertransaction (id, event_id, organizer_id, payment_id, kind, reference)
    SELECT gen_random_uuid(), r.event_id, e.organizer_id, r.payment_id, 'refund_due', 'refund ' || r.id
    FROM payments_refund r JOIN payments_payment p ON p.id = r.payment_id JOIN events_event e ON e.id = r.event_id
    WHERE p.outcome = 'confirmed'
    RETURNING id, reference
)
INSERT INTO payments_ledgerentry (id, transaction_id, event_id, account, gateway, amount_minor, currency)
SELECT gen_random_uuid(), fact.id, r.event_id, line.account, p.gateway, line.amount, r.currency
FROM fact JOIN payments_refund r ON fact.reference = 'refund ' || r.id JOIN payments_payment p ON p.id = r.payment_id
CROSS JOIN LATERAL (VALUES ('organizer', r.amount_minor), ('buyers', -r.amount_minor)) AS line (account, amount);
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0003_refunds_and_ledger"), ("outbox", "0002_rules"), ("events", "0011_summary_places")]

    operations = [
        touch("payments_dispute", "payments_sandboxrefund", "payments_sandboxdispute"),
        migrations.RunSQL(REFUNDS, UNDO_REFUNDS),
        migrations.RunSQL(BOOK_THE_PAST, migrations.RunSQL.noop),
        migrations.RunSQL(LEDGER, UNDO_LEDGER),
        append_only("payments_ledgertransaction", "payments_ledgerentry"),
    ]
