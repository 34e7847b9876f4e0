"""How far the cancelling of an event is."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import evently.database
from evently.database import touch


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0015_refund_terms"),
        ("payments", "0012_returns"),
    ]

    operations = [
        migrations.CreateModel(
            name="RefundRun",
            fields=[
                ("id", models.UUIDField(default=evently.database.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created"
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="updated"
                    ),
                ),
                ("actor", models.CharField(max_length=60, verbose_name="by")),
                ("bookings", models.PositiveIntegerField(verbose_name="bookings")),
                ("due_minor", models.PositiveBigIntegerField(verbose_name="to give back, in minor units")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                ("finished_at", models.DateTimeField(blank=True, null=True, verbose_name="finished")),
                (
                    "event",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refund_run",
                        to="events.event",
                        verbose_name="event",
                    ),
                ),
            ],
            options={
                "verbose_name": "refund run",
                "verbose_name_plural": "refund runs",
            },
        ),
        touch("payments_refundrun"),
    ]
