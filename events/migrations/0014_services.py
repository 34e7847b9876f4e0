"""What events offer beside their places."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import evently.database
from evently.database import touch


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_rules"),
        ("events", "0013_codes"),
    ]

    operations = [
        migrations.CreateModel(
            name="Service",
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
                ("name", models.CharField(max_length=100, verbose_name="name")),
                ("description", models.CharField(blank=True, max_length=300, verbose_name="description")),
                ("version", models.PositiveIntegerField(db_default=1, default=1, editable=False, verbose_name="version")),
                (
                    "organizer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="services",
                        to="accounts.organizer",
                        verbose_name="organizer",
                    ),
                ),
            ],
            options={
                "verbose_name": "service",
                "verbose_name_plural": "services",
            },
        ),
        migrations.CreateModel(
            name="EventService",
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
                ("price_minor", models.PositiveBigIntegerField(verbose_name="price, in minor units")),
                (
                    "stock",
                    models.PositiveIntegerField(
                        blank=True, help_text="Empty: as many as wished.", null=True, verbose_name="how many there are"
                    ),
                ),
                (
                    "max_per_booking",
                    models.PositiveSmallIntegerField(
                        db_default=10,
                        default=10,
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="at most per booking",
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name="order")),
                ("is_active", models.BooleanField(db_default=True, default=True, verbose_name="on sale")),
                (
                    "event",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="services",
                        to="events.event",
                        verbose_name="event",
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="events.service",
                        verbose_name="service",
                    ),
                ),
            ],
            options={
                "verbose_name": "service of the event",
                "verbose_name_plural": "services of the event",
            },
        ),
        migrations.AddConstraint(
            model_name="service",
            constraint=models.UniqueConstraint(fields=("organizer", "name"), name="events_service_one_per_name"),
        ),
        migrations.AddConstraint(
            model_name="eventservice",
            constraint=models.UniqueConstraint(fields=("event", "service"), name="events_eventservice_once_per_event"),
        ),
        migrations.AddConstraint(
            model_name="eventservice",
            constraint=models.CheckConstraint(
                condition=models.Q(("max_per_booking__gte", 1)), name="events_eventservice_sells_one_or_more"
            ),
        ),
        touch("events_service", "events_eventservice"),
    ]
