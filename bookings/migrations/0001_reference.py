"""The name of a booking, made by the database: `EVT20261120-7K3Q9M`, day (UTC) and six Crockford characters."""

from django.db import migrations

# A sequence times an odd number modulo 2^30 walks through all 2^30 codes before one repeats; random codes collide.
REFERENCE = """
CREATE SEQUENCE booking_number;
CREATE FUNCTION booking_reference() RETURNS text LANGUAGE sql VOLATILE AS $$
    WITH scattered (code) AS (SELECT (nextval('booking_number') * 662607015) & (2^30 - 1)::bigint)
    SELECT 'EVT' || to_char(statement_timestamp() AT TIME ZONE 'UTC', 'YYYYMMDD') || '-' || string_agg(
        substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (code >> (5 * place))::int % 32 + 1, 1), '' ORDER BY place DESC)
    FROM scattered, generate_series(0, 5) AS place
$$;
"""


class Migration(migrations.Migration):
    initial = True

    operations = [migrations.RunSQL(REFERENCE, "DROP FUNCTION booking_reference(); DROP SEQUENCE booking_number;")]
