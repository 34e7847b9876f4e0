"""Search that forgives accents and typing errors: the words of every event, kept by the database."""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import TrigramExtension, UnaccentExtension
from django.db import migrations, models

# The words are long enough for every title and place and for the beginning of a description; more only makes the index big.
WORDS = """
CREATE FUNCTION events_fold(text) RETURNS text LANGUAGE sql STABLE STRICT PARALLEL SAFE AS 'SELECT lower(unaccent($1))';

CREATE FUNCTION events_words(title text, venue uuid, description text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT left(events_fold(concat_ws(' ', title, (SELECT concat_ws(' ', name, city) FROM venues_venue WHERE id = venue),
        description)), 2000)
$$;

CREATE FUNCTION events_keep_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.words := events_words(NEW.title, NEW.venue_id, NEW.description);
    RETURN NEW;
END $$;
CREATE TRIGGER events_event_words BEFORE INSERT OR UPDATE OF title, venue_id, description, words ON events_event
    FOR EACH ROW EXECUTE FUNCTION events_keep_words();

CREATE FUNCTION events_keep_words_of_venue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE events_event SET words = '' WHERE venue_id = NEW.id;  -- the trigger above writes them
    RETURN NULL;
END $$;
CREATE TRIGGER events_venue_words AFTER UPDATE OF name, city ON venues_venue
    FOR EACH ROW WHEN (OLD.name IS DISTINCT FROM NEW.name OR OLD.city IS DISTINCT FROM NEW.city)
    EXECUTE FUNCTION events_keep_words_of_venue();

UPDATE events_event SET words = '';

-- Two letters changed places are half as similar (0.5); the default of 0.6 finds few typing errors. Where it is not set, as after
-- a restore into a database of another name, search is only stricter.
DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET pg_trgm.word_similarity_threshold = 0.5', current_database());
END $$;
"""

UNDO = """
DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I RESET pg_trgm.word_similarity_threshold', current_database());
END $$;
DROP TRIGGER events_venue_words ON venues_venue;
DROP FUNCTION events_keep_words_of_venue();
DROP TRIGGER events_event_words ON events_event;
DROP FUNCTION events_keep_words();
DROP FUNCTION events_words(text, uuid, text);
DROP FUNCTION events_fold(text);
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0003_series_and_sources"), ("venues", "0002_rules")]

    operations = [
        TrigramExtension(),
        UnaccentExtension(),
        migrations.AddField(
            model_name="event",
            name="words",
            field=models.TextField(blank=True, db_default="", editable=False),
        ),
        migrations.AddIndex(
            model_name="event",
            index=GinIndex(fields=["words"], name="events_event_words", opclasses=["gin_trgm_ops"]),
        ),
        migrations.RunSQL(WORDS, UNDO),
    ]
