"""Once an event is published, its seats come from one version of the plan for good."""

from django.db import migrations

RULES = """
CREATE FUNCTION events_refuse_plan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'event % is %, its seating plan stays', OLD.id, OLD.status USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER events_event_plan BEFORE UPDATE OF seating_plan_id ON events_event
    FOR EACH ROW WHEN (OLD.status <> 'draft' AND OLD.seating_plan_id IS DISTINCT FROM NEW.seating_plan_id)
    EXECUTE FUNCTION events_refuse_plan();
"""

UNDO = """
DROP TRIGGER events_event_plan ON events_event;
DROP FUNCTION events_refuse_plan();
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0008_source_marks")]

    operations = [migrations.RunSQL(RULES, UNDO)]
