"""`updated_at` kept by trigger."""

from django.db import migrations

from evently.database import touch


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial"), ("outbox", "0002_rules")]

    operations = [touch("accounts_user", "accounts_organizer", "accounts_membership")]
