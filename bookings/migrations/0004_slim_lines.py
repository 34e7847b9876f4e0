"""How the tables that every hold writes and every sweep changes are kept slim."""

from django.db import migrations

# Every line that is let go leaves the partial indexes of live ones, and every booking that ends those of holds. By default they
# would be tidied up after a fifth of the table, which only grows, and the indexes would grow along with it.
TABLES = ("bookings_booking", "bookings_bookingseat")
SLIM = "ALTER TABLE {} SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0)"
UNDO = "ALTER TABLE {} RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_cost_delay)"


class Migration(migrations.Migration):
    dependencies = [("bookings", "0003_rules")]

    operations = [
        migrations.RunSQL([SLIM.format(table) for table in TABLES], [UNDO.format(table) for table in TABLES]),
    ]
