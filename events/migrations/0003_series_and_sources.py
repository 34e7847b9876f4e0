"""Dates that belong together, where an event was imported from, and whether it shares its venue."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import evently.database


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_rules"),
        ("events", "0002_rules"),
        ("venues", "0002_rules"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="event",
            name="shares_venue",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Other events may take place in this venue at the same time.",
                verbose_name="shares the venue",
            ),
        ),
        migrations.AddField(
            model_name="event",
            name="source_uid",
            field=models.CharField(
                blank=True,
                db_default="",
                editable=False,
                help_text="Its name in its file.",
                max_length=300,
                verbose_name="imported as",
            ),
        ),
        migrations.CreateModel(
            name="Series",
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
                ("title", models.CharField(max_length=200, verbose_name="title")),
                (
                    "organizer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="series",
                        to="accounts.organizer",
                        verbose_name="organizer",
                    ),
                ),
            ],
            options={
                "verbose_name": "series",
                "verbose_name_plural": "series",
            },
        ),
        migrations.AddField(
            model_name="event",
            name="series",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="events",
                to="events.series",
                verbose_name="series",
            ),
        ),
        migrations.AddConstraint(
            model_name="event",
            constraint=models.UniqueConstraint(
                condition=models.Q(("source_uid", ""), _negated=True),
                fields=("organizer", "source_uid"),
                name="events_event_imported_once",
            ),
        ),
        evently.database.touch("events_series"),
    ]
