"""What was sold is never rewritten. What was sold before there were taxes and fees had none: it is written down here."""

from django.db import migrations

from evently.database import append_only, touch

WRITE_DOWN_THE_PAST = """
INSERT INTO payments_sale (id, event_id, payment_id, lines, fee_percent, fee_fixed_minor, fee_minor)
SELECT gen_random_uuid(), p.event_id, p.id, coalesce(seats.lines, '[]') || coalesce(services.lines, '[]'), 0, 0, 0
FROM payments_payment p
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('name', kind, 'quantity', quantity, 'gross_minor', gross, 'tax_rate', '0',
        'ticket_type', id)) AS lines
    FROM (
        SELECT t.id, t.name || ', ' || c.name AS kind, count(*) AS quantity, sum(s.price_minor - s.discount_minor) AS gross
        FROM bookings_bookingseat s JOIN events_tickettype t ON t.id = s.ticket_type_id
        JOIN events_category c ON c.id = t.category_id WHERE s.booking_id = p.booking_id
        GROUP BY t.id, c.id, s.price_minor - s.discount_minor
    ) AS line
) seats ON TRUE
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('name', o.name, 'quantity', b.quantity, 'gross_minor', b.quantity * b.price_minor,
        'tax_rate', '0', 'service', e.id)) AS lines
    FROM bookings_bookingservice b JOIN events_eventservice e ON e.id = b.event_service_id
    JOIN events_service o ON o.id = e.service_id WHERE b.booking_id = p.booking_id
) services ON TRUE
WHERE p.outcome = 'confirmed';

INSERT INTO payments_taxline (id, event_id, payment_id, tax_rate, gross_minor, tax_minor)
SELECT gen_random_uuid(), event_id, id, 0, captured_minor, 0 FROM payments_payment WHERE outcome = 'confirmed';

INSERT INTO payments_taxline (id, event_id, payment_id, refund_id, tax_rate, gross_minor, tax_minor)
SELECT gen_random_uuid(), r.event_id, r.payment_id, r.id, 0, -r.amount_minor, 0
FROM payments_refund r JOIN payments_payment p ON p.id = r.payment_id WHERE p.outcome = 'confirmed';
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0020_sales"), ("bookings", "0007_refund_terms")]

    operations = [
        touch("payments_seller", "payments_platformfee"),
        migrations.RunSQL(WRITE_DOWN_THE_PAST, migrations.RunSQL.noop),
        append_only("payments_sale", "payments_taxline"),
    ]
