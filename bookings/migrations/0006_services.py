"""Services that are booked with tickets."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import evently.database


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0005_codes"),
        ("events", "0014_services"),
    ]

    operations = [
        migrations.AddField(
            model_name="booking",
            name="service_quantity",
            field=models.PositiveIntegerField(db_default=0, default=0, verbose_name="services"),
        ),
        migrations.AddField(
            model_name="booking",
            name="services_minor",
            field=models.PositiveBigIntegerField(db_default=0, default=0, verbose_name="services, in minor units"),
        ),
        migrations.CreateModel(
            name="BookingService",
            fields=[
                ("id", models.UUIDField(default=evently.database.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created"
                    ),
                ),
                ("quantity", models.PositiveSmallIntegerField(verbose_name="how many")),
                ("price_minor", models.PositiveBigIntegerField(verbose_name="price of one, in minor units")),
                (
                    "booking",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="services",
                        to="bookings.booking",
                    ),
                ),
                (
                    "event",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="events.event",
                    ),
                ),
                (
                    "event_service",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bookings",
                        to="events.eventservice",
                        verbose_name="service",
                    ),
                ),
            ],
            options={
                "verbose_name": "booked service",
                "verbose_name_plural": "booked services",
                "constraints": [
                    models.UniqueConstraint(fields=("booking", "event_service"), name="bookings_bookingservice_one_line_each"),
                    models.CheckConstraint(condition=models.Q(("quantity__gte", 1)), name="bookings_bookingservice_has_some"),
                ],
            },
        ),
    ]
