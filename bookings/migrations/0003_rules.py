"""What only PostgreSQL can promise: legal transitions of a booking, append-only history."""

from django.db import migrations

from evently.database import append_only, touch

TRANSITIONS = """
CREATE FUNCTION bookings_refuse_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.status || ' ' || NEW.status) NOT IN (
        'held paying', 'held confirmed', 'held expired', 'held cancelled',
        'paying held', 'paying confirmed', 'paying expired', 'paying cancelled',
        'expired confirmed', 'confirmed cancelled'
    ) THEN
        RAISE EXCEPTION 'booking % cannot go from % to %', OLD.id, OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER bookings_booking_transition BEFORE UPDATE OF status ON bookings_booking
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION bookings_refuse_transition();
"""
UNDO = "DROP TRIGGER bookings_booking_transition ON bookings_booking; DROP FUNCTION bookings_refuse_transition();"


class Migration(migrations.Migration):
    dependencies = [("bookings", "0002_initial"), ("outbox", "0002_rules")]

    operations = [
        touch("bookings_booking", "bookings_ticket"),
        append_only("bookings_bookinghistory"),
        migrations.RunSQL(TRANSITIONS, UNDO),
    ]
