"""One published event at a time in a venue, unless they share it."""

from django.contrib.postgres.operations import BtreeGistExtension
from django.db import migrations

# By hand: Django's ExclusionConstraint is validated by every form, and fails where the form has no field `status`.
# What overlaps already was meant to.
EXCLUDE = """
UPDATE events_event e SET shares_venue = TRUE
WHERE status = 'published' AND EXISTS (
    SELECT FROM events_event o WHERE o.venue_id = e.venue_id AND o.id <> e.id AND o.status = 'published'
        AND tstzrange(o.starts_at, o.ends_at) && tstzrange(e.starts_at, e.ends_at)
);
ALTER TABLE events_event ADD CONSTRAINT events_event_one_at_a_time_in_venue
    EXCLUDE USING gist (venue_id WITH =, tstzrange(starts_at, ends_at) WITH &&)
    WHERE (status = 'published' AND NOT shares_venue);
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0004_search")]

    operations = [
        BtreeGistExtension(),
        migrations.RunSQL(EXCLUDE, "ALTER TABLE events_event DROP CONSTRAINT events_event_one_at_a_time_in_venue"),
    ]
