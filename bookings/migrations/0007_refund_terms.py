"""A booking keeps the refund terms that it was made with."""

from django.conf import settings
from django.db import migrations, models

from evently.database import frozen


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0006_services"),
        ("events", "0015_refund_terms"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="booking",
            name="kept_minor",
            field=models.PositiveBigIntegerField(
                db_default=0, default=0, verbose_name="kept of tickets given back, in minor units"
            ),
        ),
        migrations.AddField(
            model_name="booking",
            name="refund_terms",
            field=models.JSONField(db_default=models.Value([], models.JSONField()), default=list, editable=False),
        ),
        migrations.AddConstraint(
            model_name="booking",
            constraint=models.CheckConstraint(
                condition=models.Q(("kept_minor__lte", models.F("total_minor"))), name="bookings_booking_kept_within_total"
            ),
        ),
        frozen("bookings_booking", "refund_terms"),
    ]
