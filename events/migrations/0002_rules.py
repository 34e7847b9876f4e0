"""Legal transitions of an event; how the seat table is kept slim."""

from django.db import migrations

from evently.database import touch

RULES = """
CREATE FUNCTION events_refuse_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.status || ' ' || NEW.status) NOT IN (
        'draft published', 'draft cancelled', 'published postponed', 'published cancelled', 'published completed',
        'postponed published', 'postponed cancelled'
    ) THEN
        RAISE EXCEPTION 'event % cannot go from % to %', OLD.id, OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER events_event_transition BEFORE UPDATE OF status ON events_event
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION events_refuse_transition();

-- A seat's status is in index predicates, so no update is HOT: without this ten hold/expire rounds grow the table tenfold.
ALTER TABLE events_seat SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);
"""

UNDO = """
ALTER TABLE events_seat RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_cost_delay);
DROP TRIGGER events_event_transition ON events_event;
DROP FUNCTION events_refuse_transition();
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial"), ("outbox", "0002_rules")]

    operations = [touch("events_event", "events_category", "events_tickettype"), migrations.RunSQL(RULES, UNDO)]
