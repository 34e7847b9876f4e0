"""A code on a booking, and what it takes off each ticket."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0004_slim_lines"),
        ("events", "0013_codes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="booking",
            name="promo_code",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="bookings",
                to="events.promocode",
                verbose_name="code",
            ),
        ),
        migrations.AddField(
            model_name="bookingseat",
            name="discount_minor",
            field=models.PositiveBigIntegerField(db_default=0, default=0, verbose_name="discount, in minor units"),
        ),
        migrations.AddIndex(
            model_name="booking",
            index=models.Index(
                condition=models.Q(("promo_code__isnull", False), ("status__in", ["held", "paying", "confirmed"])),
                fields=["promo_code"],
                name="bookings_booking_code",
            ),
        ),
        migrations.AddConstraint(
            model_name="bookingseat",
            constraint=models.CheckConstraint(
                condition=models.Q(("discount_minor__lte", models.F("price_minor"))),
                name="bookings_bookingseat_discount_within_price",
            ),
        ),
    ]
