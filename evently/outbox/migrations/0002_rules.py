"""Functions that triggers of all tables use: `updated_at` kept, append-only tables."""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := statement_timestamp();
    RETURN NEW;
END $$;

CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Class 23, or the driver reports a programming error.
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$;
"""

UNDO = "DROP FUNCTION refuse_rewriting(); DROP FUNCTION touch_updated_at();"


class Migration(migrations.Migration):
    dependencies = [("outbox", "0001_initial")]

    operations = [migrations.RunSQL(FUNCTIONS, UNDO)]
