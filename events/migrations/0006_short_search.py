"""Typing errors are forgiven in names alone: likeness of words is slow over a whole description. Half of one is enough to find."""

from django.contrib.postgres.indexes import GinIndex
from django.db import migrations, models

NAMES = """
CREATE FUNCTION events_names(title text, venue uuid) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT events_fold(concat_ws(' ', title, (SELECT concat_ws(' ', name, city) FROM venues_venue WHERE id = venue)))
$$;

CREATE OR REPLACE FUNCTION events_keep_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.names := events_names(NEW.title, NEW.venue_id);
    NEW.words := left(concat_ws(' ', NEW.names, events_fold(NEW.description)), 1000);
    RETURN NEW;
END $$;
DROP TRIGGER events_event_words ON events_event;
CREATE TRIGGER events_event_words BEFORE INSERT OR UPDATE OF title, venue_id, description, names, words ON events_event
    FOR EACH ROW EXECUTE FUNCTION events_keep_words();
DROP FUNCTION events_words(text, uuid, text);

UPDATE events_event SET words = '';
"""

UNDO = """
CREATE FUNCTION events_words(title text, venue uuid, description text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT left(events_fold(concat_ws(' ', title, (SELECT concat_ws(' ', name, city) FROM venues_venue WHERE id = venue),
        description)), 2000)
$$;
DROP TRIGGER events_event_words ON events_event;
CREATE OR REPLACE FUNCTION events_keep_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.words := events_words(NEW.title, NEW.venue_id, NEW.description);
    RETURN NEW;
END $$;
CREATE TRIGGER events_event_words BEFORE INSERT OR UPDATE OF title, venue_id, description, words ON events_event
    FOR EACH ROW EXECUTE FUNCTION events_keep_words();
DROP FUNCTION events_names(text, uuid);
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0005_one_event_at_a_time")]

    operations = [
        migrations.AddField(
            model_name="event",
            name="names",
            field=models.TextField(blank=True, db_default="", editable=False),
        ),
        migrations.RunSQL(NAMES, UNDO),
        migrations.AddIndex(
            model_name="event",
            index=GinIndex(fields=["names"], name="events_event_names", opclasses=["gin_trgm_ops"]),
        ),
    ]
