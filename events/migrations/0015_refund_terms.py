"""Until when tickets may be given back, and since when an event has another date."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import evently.database
from evently.database import touch


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0014_services"),
    ]

    operations = [
        migrations.AddField(
            model_name="event",
            name="moved_at",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="moved at"),
        ),
        # Of those that were moved before, the last change is the best that is known.
        migrations.RunSQL("UPDATE events_event SET moved_at = updated_at WHERE moved_from IS NOT NULL", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="RefundTerm",
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
                (
                    "days_before",
                    models.PositiveSmallIntegerField(
                        help_text="Days of 24 hours.",
                        validators=[django.core.validators.MaxValueValidator(730)],
                        verbose_name="until, days before the start",
                    ),
                ),
                (
                    "percent",
                    models.PositiveSmallIntegerField(
                        default=100,
                        validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)],
                        verbose_name="of the price, %",
                    ),
                ),
                (
                    "fee_minor",
                    models.PositiveBigIntegerField(db_default=0, default=0, verbose_name="fee per ticket, in minor units"),
                ),
                (
                    "event",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="refund_terms",
                        to="events.event",
                        verbose_name="event",
                    ),
                ),
            ],
            options={
                "verbose_name": "refund term",
                "verbose_name_plural": "refund terms",
                "ordering": ("-days_before",),
                "constraints": [
                    models.UniqueConstraint(fields=("event", "days_before"), name="events_refundterm_one_per_deadline"),
                    models.CheckConstraint(
                        condition=models.Q(("percent__range", (1, 100))), name="events_refundterm_percent_sane"
                    ),
                ],
            },
        ),
        touch("events_refundterm"),
    ]
