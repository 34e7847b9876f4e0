"""Wheelchair places are found without looking at the whole hall."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0006_short_search"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="seat",
            index=models.Index(
                condition=models.Q(("accessible", True)), fields=["event", "position"], name="events_seat_accessible"
            ),
        ),
    ]
