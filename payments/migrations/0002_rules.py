"""`updated_at` kept by trigger; what a gateway said is never rewritten."""

from django.db import migrations

from evently.database import touch


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial"), ("outbox", "0002_rules")]

    operations = [touch("payments_payment", "payments_refund", "payments_sandboxcharge")]
