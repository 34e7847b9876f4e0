"""`updated_at` kept by trigger; a plan's layout is fixed."""

from django.db import migrations

from evently.database import touch

# A version that events are sold by never changes: a new layout is a new version.
FIXED_LAYOUT = """
CREATE FUNCTION venues_refuse_new_layout() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the layout of a seating plan is fixed: make a new version' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER venues_seatingplan_layout_fixed BEFORE UPDATE OF layout ON venues_seatingplan
    FOR EACH ROW WHEN (OLD.layout IS DISTINCT FROM NEW.layout) EXECUTE FUNCTION venues_refuse_new_layout();
"""
UNDO = "DROP TRIGGER venues_seatingplan_layout_fixed ON venues_seatingplan; DROP FUNCTION venues_refuse_new_layout();"


class Migration(migrations.Migration):
    dependencies = [("venues", "0001_initial"), ("outbox", "0002_rules")]

    operations = [touch("venues_venue", "venues_seatingplan"), migrations.RunSQL(FIXED_LAYOUT, UNDO)]
